import { busyMessage, DeviceBusy } from "@devhost/core";
import type { LoopSys } from "./loop.ts";

/**
 * Pauses between looks. At first short: mostly all is well at the first look; what else there is, such as udev reading
 * first sectors or a mount namespace ending, lasts some milliseconds.
 */
const pausesMs = [0, 1, 2, 5, 10, 20];
const longestPauseMs = 50;

/**
 * Looks until it is so.
 *
 * @param deadlineMs - By {@link LoopSys.nowMs}. There is always one look.
 * @returns False when it is not so at the deadline.
 */
export async function waitUntil(
	sys: LoopSys,
	deadlineMs: number,
	isSo: () => boolean,
): Promise<boolean> {
	for (let look = 0; !isSo(); look++) {
		const leftMs = deadlineMs - sys.nowMs();
		if (leftMs <= 0) return false;
		await sys.delay(Math.min(pausesMs[look] ?? longestPauseMs, leftMs));
	}
	return true;
}

/** A device that is still used, and by whom. */
export async function busy(sys: LoopSys, number: number, subject: string): Promise<DeviceBusy> {
	const holders = await sys.holders(number);
	return new DeviceBusy(busyMessage(subject, holders), holders);
}
