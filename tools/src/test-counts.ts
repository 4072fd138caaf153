/** What a run of tests came to. */
export interface TestCounts {
	readonly passed: number;
	readonly failed: number;
}

/** How one test ended, as far as counting goes. */
export interface EndedTest {
	readonly name: string;
	readonly state: "passed" | "failed" | "skipped" | "pending";
	/** What a skipped test says about itself. */
	readonly note?: string | undefined;
}

/** A note of a skipped test that begins with this says that nobody could have run it on this machine. */
export const impossibleHere = "impossible here: ";

/**
 * Counts ended tests.
 *
 * A skipped test has tested nothing. Where `skipsFail` it has failed, unless it says that it is {@link impossibleHere};
 * elsewhere it counts as neither.
 */
export function countTests(tests: readonly EndedTest[], skipsFail: boolean): TestCounts {
	const count = (state: EndedTest["state"]): number =>
		tests.filter((test) => test.state === state).length;
	const excusable = tests.filter(
		({ state, note }) => state === "skipped" && note?.startsWith(impossibleHere),
	).length;
	const skipped = skipsFail ? count("skipped") - excusable : 0;
	return { passed: count("passed"), failed: count("failed") + count("pending") + skipped };
}

/** The last line of a run, which machines read. */
export function closingLine({ passed, failed }: TestCounts): string {
	return `${passed} passed, ${failed} failed`;
}
