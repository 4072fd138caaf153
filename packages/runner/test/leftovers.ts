import { readdirSync, readFileSync } from "node:fs";

/** Descriptors that this process has open. */
export function descriptorCount(): number {
	return readdirSync("/proc/self/fd").length;
}

/** Mounts that this process sees. */
export function mountCount(): number {
	return readFileSync("/proc/self/mountinfo", "utf8").split("\n").length;
}

/** Numbers of the processes whose command line has these arguments, one after the other. */
export function processesWith(...args: readonly string[]): number[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.map(Number)
		.filter((pid) => pid !== process.pid && commandLine(pid).includes(args.join("\0")));
}

function commandLine(pid: number): string {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, "utf8");
	} catch {
		return ""; // It went meanwhile.
	}
}
