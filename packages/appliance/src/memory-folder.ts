import { accessSync, constants, realpathSync, readFileSync, statfsSync } from "node:fs";
import { ApplianceError } from "./error.ts";

/**
 * The folder in which the guest's memory is kept, as a file without a name that grows as the guest uses memory. When that
 * fails for want of room, the guest dies of SIGBUS in the middle of something: so there has to be room for all of it.
 *
 * @param given - The only folder to be tried.
 * @throws {@link ApplianceError} `ERR_APPLIANCE_NO_SPACE`, with every folder and what is wrong with it.
 */
export function findMemoryFolder(
	memoryBytes: number,
	given?: string,
	temporary: string | undefined = process.env["TMPDIR"],
): string {
	const candidates =
		given === undefined
			? [
					...new Set(
						["/dev/shm", temporary, "/tmp", "/var/tmp"].filter(
							(each) => each !== undefined,
						),
					),
				]
			: [given];
	const tried: string[] = [];
	for (const folder of candidates) {
		const problem = problemOf(folder, memoryBytes);
		if (problem === undefined) return realpathSync(folder);
		tried.push(`${folder}: ${problem}`);
	}
	throw new ApplianceError(
		"ERR_APPLIANCE_NO_SPACE",
		`guest memory: no folder has room for ${mebibytes(memoryBytes)}.\n  ${tried.join("\n  ")}\n` +
			"Give the guest less (memoryBytes), name a folder with room (memoryFolder, or TMPDIR), " +
			"or in a container enlarge /dev/shm (docker run --shm-size=3g)",
	);
}

function problemOf(folder: string, memoryBytes: number): string | undefined {
	try {
		accessSync(folder, constants.W_OK | constants.X_OK);
		const { bavail, bsize } = statfsSync(folder);
		const free = bavail * bsize;
		if (free < memoryBytes) return `${mebibytes(free)} are free`;
		// The guest's programs run from its memory.
		if (isMountedWithoutExecution(realpathSync(folder))) return "mounted noexec";
		return undefined;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code ?? String(error);
	}
}

/** Source: proc_pid_mountinfo(5): fields 5 and 6 are mount point and options. */
function isMountedWithoutExecution(folder: string): boolean {
	let found: { point: string; options: string } | undefined;
	for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
		const [, , , , escaped, options] = line.split(" ");
		if (escaped === undefined || options === undefined) continue;
		const point = escaped.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
			String.fromCodePoint(Number.parseInt(octal, 8)),
		);
		const isAbove = folder === point || folder.startsWith(point === "/" ? "/" : `${point}/`);
		if (isAbove && point.length >= (found?.point.length ?? 0)) found = { point, options };
	}
	return found?.options.split(",").includes("noexec") ?? false;
}

function mebibytes(bytes: number): string {
	return `${Math.floor(bytes / 2 ** 20).toLocaleString("en")} MiB`;
}
