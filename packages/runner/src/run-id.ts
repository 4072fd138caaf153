let count = 0;

/** A name for a run: short, for tags of 63 bytes, and of no other run on this machine, as no two processes have one number at one time. */
export function newRunId(): string {
	const parts = [Math.round(Date.now() - process.uptime() * 1000), process.pid, count++];
	return parts.map((part) => part.toString(36)).join("-");
}
