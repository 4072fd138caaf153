/** An id for what one service opens: of no other on this machine, as no two processes have one number at one time. */
export function newRun(): string {
	const startMs = Math.round(Date.now() - process.uptime() * 1000);
	return ["osbuild", startMs.toString(36), process.pid.toString(36)].join("-");
}
