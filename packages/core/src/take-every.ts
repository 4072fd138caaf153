/**
 * Takes every step in order, whatever became of those before.
 *
 * @throws as {@link throwFailures}.
 */
export async function takeEvery(steps: readonly (() => unknown)[]): Promise<void> {
	const failures: unknown[] = [];
	for (const step of steps) {
		try {
			const result = step();
			// Most steps have nothing to wait for, and waiting costs more than what they do.
			if (result instanceof Promise) await result;
		} catch (error) {
			failures.push(error);
		}
	}
	throwFailures(failures);
}

/**
 * Throws what failed; of several failures, a `SuppressedError` as `await using` makes it, which `causeFirst`
 * turns round.
 *
 * @param failures - In order; undefined where nothing failed.
 */
export function throwFailures(failures: readonly unknown[]): void {
	const [first, ...later] = failures.filter((failure) => failure !== undefined);
	if (first === undefined) return;
	const all = later.reduce((before, failure) => new SuppressedError(failure, before), first);
	throw all as Error;
}
