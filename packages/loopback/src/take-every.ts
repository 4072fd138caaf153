/**
 * Takes every step in order, whatever became of those before.
 *
 * @throws the failure; of several, a `SuppressedError` as `await using` makes it: see `causeFirst` of `@devhost/core`.
 */
export async function takeEvery(steps: readonly (() => unknown)[]): Promise<void> {
	const failures: unknown[] = [];
	for (const step of steps) {
		try {
			await step();
		} catch (error) {
			failures.push(error);
		}
	}
	if (failures.length === 0) return;
	throw failures.reduce((before, failure) => new SuppressedError(failure, before));
}
