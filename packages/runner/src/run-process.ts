import { readdirSync, readFileSync } from "node:fs";

/** What a run's id tells of the process of the run. */
export interface RunProcess {
	/** In the pid namespace that it runs in. */
	readonly pid: number;
	/** When it was started, in milliseconds since 1970; undefined where the id does not tell. */
	readonly startedMs: number | undefined;
}

/**
 * Reads a run's id.
 *
 * Shape: that of `newRunId`, milliseconds since 1970, pid and a count, to the base of 36; or `pid-` and the pid, of a
 * program that attaches loop devices itself.
 *
 * @returns Undefined for any other text: programs may name their runs as they like.
 */
export function parseRunId(run: string): RunProcess | undefined {
	const [, attacher] = /^pid-(\d{1,7})$/.exec(run) ?? [];
	if (attacher !== undefined) return { pid: Number(attacher), startedMs: undefined };
	const [, started = "", pid = ""] = /^([\da-z]{1,9})-([\da-z]{1,5})-[\da-z]+$/.exec(run) ?? [];
	if (started === "") return undefined;
	return { startedMs: Number.parseInt(started, 36), pid: Number.parseInt(pid, 36) };
}

/** Whether a run's id can only be one: `parseRunId` also takes words with dashes between them for one. */
export function isCertainRunId(run: string): boolean {
	const { startedMs } = parseRunId(run) ?? {};
	return startedMs !== undefined && startedMs > firstYearMs && startedMs < Date.now() + dayMs;
}

/** A process that lives. */
export interface LivingProcess {
	/** Its numbers: ours for it, and those in the pid namespaces beneath ours that it is in. */
	readonly pids: readonly number[];
	/** When it was started, in milliseconds since 1970. */
	readonly startedMs: number;
}

/**
 * All processes that can be seen from here: those of this pid namespace and of those beneath it, but of none beside or
 * above it. One that has ended and waits for its parent is none.
 *
 * Source: proc(5), `NSpid` of status (Linux 4.1), state and starttime of stat, in ticks of 10 ms since the machine started.
 */
export function livingProcesses(procfs: string = "/proc"): LivingProcess[] {
	const uptimeSeconds = Number(readText(`${procfs}/uptime`)?.split(" ")[0]);
	const bootMs = Date.now() - uptimeSeconds * 1000;
	const processes: LivingProcess[] = [];
	for (const name of readdirSync(procfs)) {
		if (!/^\d+$/.test(name)) continue;
		const stat = readText(`${procfs}/${name}/stat`) ?? "";
		// 4711 (command, with any characters) S 1 …: the third field is the first after the last bracket.
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		const [state = "X"] = fields;
		if (state === "Z" || state === "X") continue;
		const levels = /^NSpid:\s*(.*)$/m.exec(readText(`${procfs}/${name}/status`) ?? "")?.[1];
		processes.push({
			pids: (levels ?? name).split(/\s+/).map(Number),
			startedMs: bootMs + Number(fields[19]) * 10,
		});
	}
	return processes;
}

/**
 * Whether the process of a run is among those that live.
 *
 * False for one that cannot be seen from here, in a container or outside of ours, and for a run whose id does not tell.
 */
export function isRunning(run: string, processes: readonly LivingProcess[]): boolean {
	const ran = parseRunId(run);
	if (ran === undefined) return false;
	return processes.some(
		({ pids, startedMs }) =>
			pids.includes(ran.pid) &&
			// Also where one of the two is not known.
			!(Math.abs((ran.startedMs ?? Number.NaN) - startedMs) >= toleranceMs),
	);
}

function readText(path: string): string | undefined {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return undefined; // It has ended meanwhile.
	}
}

/** Node counts from when it began itself, and clocks are set. A number is not given again within that time. */
const toleranceMs = 60_000;
const dayMs = 86_400_000;
const firstYearMs = Date.UTC(2020);
