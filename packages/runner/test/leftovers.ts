import { readdirSync, readFileSync } from "node:fs";

/** Descriptors that this process has open. */
export function descriptorCount(): number {
	return readdirSync("/proc/self/fd").length;
}

/** Mounts that this process sees. */
export function mountCount(): number {
	return readFileSync("/proc/self/mountinfo", "utf8").split("\n").length;
}

/** Numbers of the processes with this text in their command line, whose arguments end in NUL. */
export function processesWith(text: string): number[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.map(Number)
		.filter((pid) => pid !== process.pid && commandLine(pid).includes(text));
}

function commandLine(pid: number): string {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, "utf8");
	} catch {
		return ""; // It went meanwhile.
	}
}
