import { lstatSync } from "node:fs";
import type { Holder } from "@devhost/core";
import { parseRunId } from "./run-process.ts";
import type { TaggedDevice } from "./tagged-device.ts";

/**
 * When a device was opened, as far as can be told: when its node was made in the device directory of its run, or else when
 * the run began.
 *
 * @returns Milliseconds since 1970; undefined where neither is known.
 */
export function openedSince(
	{ name, node, run }: Pick<TaggedDevice, "name" | "node" | "run">,
	holders: readonly Holder[],
): number | undefined {
	const begunMs = parseRunId(run)?.startedMs;
	const madeMs = holders
		.filter((holder) => holder.kind === "process")
		.map(({ pid }) => nodeMadeMs(`/proc/${pid}/root/dev/${name}`, node))
		// A node in the machine's own /dev is older than the run.
		.filter((ms) => ms !== undefined && begunMs !== undefined && ms >= begunMs - clockMs);
	return madeMs.length === 0 ? begunMs : Math.min(...(madeMs as number[]));
}

/** As a process sees it, whose mount namespace is its run's. Who opens or writes a device does not change its node. */
function nodeMadeMs(path: string, { major, minor }: TaggedDevice["node"]): number | undefined {
	try {
		const status = lstatSync(path);
		if (!status.isBlockDevice()) return undefined;
		return isNumber(status.rdev, major, minor) ? status.mtimeMs : undefined;
	} catch {
		return undefined; // The process has ended, or is none of ours to look at.
	}
}

/** Source: gnu_dev_makedev, sys/sysmacros.h, for numbers below 2^20. */
function isNumber(rdev: number, major: number, minor: number): boolean {
	return rdev === ((minor & 0xff) | (major << 8) | ((minor & 0xfff00) << 12));
}

/** File systems take the time of the last tick. */
const clockMs = 20;
