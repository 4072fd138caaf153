import { readdirSync, readFileSync } from "node:fs";

/** Numbers of the processes whose parent this is. */
export function childrenOf(parent: number): number[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.map(Number)
		.filter((pid) => processStatus(pid)?.parent === parent);
}

/** A few words on a process for an error: its number, name and state. */
export function describeProcess(pid: number): string {
	const status = processStatus(pid);
	if (status === undefined) return `process ${pid}`;
	return `process ${pid} (${status.name}, state ${status.state})`;
}

/** Sends a signal; nothing happens when nobody is there any more. A negative number is a process group. */
export function signalProcess(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
	try {
		process.kill(pid, signal);
	} catch {
		// It went meanwhile.
	}
}

/** Source: proc(5), /proc/PID/stat; the name is in parentheses and may contain some. */
function processStatus(pid: number): { name: string; state: string; parent: number } | undefined {
	let stat: string;
	try {
		stat = readFileSync(`/proc/${pid}/stat`, "latin1");
	} catch {
		return undefined; // It went meanwhile.
	}
	const end = stat.lastIndexOf(")");
	const [state = "?", parent = "0"] = stat.slice(end + 2).split(" ");
	return { name: stat.slice(stat.indexOf("(") + 1, end), state, parent: Number(parent) };
}
