import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Descriptors that this process has open. */
export function descriptorCount(): number {
	return readdirSync("/proc/self/fd").length;
}

/** Mounts of devhost that this process sees, where it should see none. Others may mount and unmount meanwhile. */
export function ownMounts(): string[] {
	const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
	return lines.filter((line) => / devhost | \/run\/devhost|\/devhost-(run|tree)-/.test(line));
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

/** Loop devices that are bound to a file in this folder: `loop3`. */
export function boundLoops(folder: string): string[] {
	return readdirSync("/sys/block").filter((name) => {
		const file = `/sys/block/${name}/loop/backing_file`;
		try {
			return existsSync(file) && readFileSync(file, "utf8").startsWith(folder);
		} catch {
			return false; // Unbound meanwhile.
		}
	});
}

/** Processes that are in another mount namespace than this one and have a descriptor or working directory in a folder. */
export function processesIn(folder: string): number[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.map(Number)
		.filter(
			(pid) => pid !== process.pid && linksOf(pid).some((link) => link.startsWith(folder)),
		);
}

function linksOf(pid: number): string[] {
	try {
		const descriptors = readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`);
		return [...descriptors, `/proc/${pid}/cwd`].map((link) => readlinkSync(link));
	} catch {
		return []; // It went meanwhile.
	}
}
