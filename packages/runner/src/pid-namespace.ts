import { existsSync, readFileSync, readlinkSync } from "node:fs";

/** The first process of a pid namespace, as the namespace's parent sees it: with it all others end. */
export interface NamespaceInit {
	/** Its number in our pid namespace. */
	readonly pid: number;
	/** Identity of the namespace (`/proc/PID/ns/pid`), by which a number that was given away again is told. */
	readonly namespaceId: number;
}

/**
 * Whether anything of the namespace still runs.
 *
 * The kernel makes its first process a zombie only when all others are gone (`zap_pid_ns_processes`), so a zombie, which
 * somebody else may be slow to reap, is gone for us.
 */
export function isNamespaceAlive({ pid, namespaceId }: NamespaceInit): boolean {
	if (!existsSync(`/proc/${pid}`)) return false;
	try {
		if (readlinkSync(`/proc/${pid}/ns/pid`) !== `pid:[${namespaceId}]`) return false;
		const { state } = processStatus(pid);
		return state !== "Z" && state !== "X";
	} catch {
		return false; // It went between two looks.
	}
}

/** Sends a signal to the process group of the namespace's first process, or with `SIGKILL` to the namespace. */
export function signalNamespace(init: NamespaceInit, signal: "SIGTERM" | "SIGKILL"): void {
	if (!isNamespaceAlive(init)) return;
	try {
		// bubblewrap makes it the leader of a session; it ignores SIGTERM itself, as every first process does.
		process.kill(signal === "SIGKILL" ? init.pid : -init.pid, signal);
	} catch {
		// It went between two calls.
	}
}

/** A few words on a process for an error: its number, name and state. */
export function describeProcess(pid: number): string {
	try {
		const { name, state } = processStatus(pid);
		return `process ${pid} (${name}, state ${state})`;
	} catch {
		return `process ${pid}`;
	}
}

/** Source: proc(5), /proc/PID/stat; the name is in parentheses and may contain some. */
function processStatus(pid: number): { name: string; state: string } {
	const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
	const end = stat.lastIndexOf(")");
	return { name: stat.slice(stat.indexOf("(") + 1, end), state: stat.charAt(end + 2) };
}
