import { DeviceError, isDeviceError } from "@devhost/core";

/**
 * Takes every step in order, whatever became of those before.
 *
 * @throws the first failure; if it is a `DeviceError`, with the others as its `closeFailures`.
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
	if (failures.length > 0) throw joined(failures);
}

/**
 * Turns round what `await using` makes of a failure and of failed releases after it: the cause comes first, what failed
 * while releasing hangs on it.
 */
export function causeFirst(error: unknown): unknown {
	const failures: unknown[] = [];
	let cause = error;
	while (cause instanceof SuppressedError) {
		failures.unshift(cause.error);
		cause = cause.suppressed;
	}
	return joined([cause, ...failures]);
}

function joined([first, ...others]: readonly unknown[]): unknown {
	if (others.length === 0) return first;
	if (!isDeviceError(first))
		return new AggregateError([first, ...others], String(first), { cause: first });
	const failures = others.map((other) =>
		isDeviceError(other)
			? other
			: new DeviceError("ERR_DEVICE_CLOSE", String(other), { cause: other }),
	);
	return Object.assign(first, { closeFailures: [...first.closeFailures, ...failures] });
}
