/** The clock that something waits by. Tests pass one of their own. */
export interface WaitClock {
	/** Milliseconds of a clock that only goes forward. */
	nowMs(): number;
	delay(waitMs: number): Promise<void>;
}

/**
 * Pauses between looks. At first short: mostly all is well at the first look; what else there is, such as udev reading
 * first sectors or a mount namespace ending, lasts some milliseconds.
 */
const pausesMs = [0, 1, 2, 5, 10, 20];
const longestPauseMs = 50;

/**
 * Looks until it is so.
 *
 * @param deadlineMs - By the clock. There is always one look.
 * @returns False when it is not so at the deadline.
 */
export async function waitUntil(
	clock: WaitClock,
	deadlineMs: number,
	isSo: () => boolean,
): Promise<boolean> {
	for (let look = 0; !isSo(); look++) {
		const leftMs = deadlineMs - clock.nowMs();
		if (leftMs <= 0) return false;
		await clock.delay(Math.min(pausesMs[look] ?? longestPauseMs, leftMs));
	}
	return true;
}
