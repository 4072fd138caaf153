import { readdirSync, readFileSync } from "node:fs";

/**
 * Processes by their numbers, with the time of their start, which tells them from others that get the number later. Undefined
 * of a child of ours that is not reaped yet, whose number nobody else can have.
 */
export type Processes = ReadonlyMap<number, string | undefined>;

/**
 * Sends a signal to processes and to all that they started, directly or not, as far as the parents between are still there.
 *
 * @returns All that it was sent to, for another signal.
 */
export function killWithDescendants(
	processes: Processes,
	signal: "SIGTERM" | "SIGKILL",
): Processes {
	const running = runningProcesses();
	const found = new Map<number, string>();
	for (const [pid, startTime] of processes) {
		const status = running.get(pid);
		if (status === undefined || (startTime ?? status.startTime) !== status.startTime) continue;
		found.set(pid, status.startTime);
	}
	// The map grows while it is gone through.
	for (const [parent] of found) {
		for (const [pid, status] of running) {
			if (status.parent === parent) found.set(pid, status.startTime);
		}
	}
	for (const pid of found.keys()) {
		try {
			process.kill(pid, signal);
		} catch {
			// It went meanwhile.
		}
	}
	return found;
}

/** Source: proc_pid_stat(5): behind the name, which may hold anything, fields 4 and 22. */
function runningProcesses(): Map<number, { readonly parent: number; readonly startTime: string }> {
	const found = new Map<number, { parent: number; startTime: string }>();
	for (const name of readdirSync("/proc")) {
		if (!/^\d+$/.test(name)) continue;
		try {
			const stat = readFileSync(`/proc/${name}/stat`, "latin1");
			const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
			found.set(Number(name), { parent: Number(fields[1]), startTime: fields[19] ?? "" });
		} catch {
			// It went meanwhile.
		}
	}
	return found;
}
