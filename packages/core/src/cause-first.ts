import { attachFailures } from "./attach-failures.ts";
import { asCloseFailure } from "./close-failure.ts";
import { DeviceError, isDeviceError } from "./error.ts";
import { fromSystemError } from "./system-error.ts";

/**
 * Turns round what `await using` and `AsyncDisposableStack` make of a failure and of releases that failed after it: a
 * `SuppressedError` with the last failure on top. Here the first cause is thrown, and the others are its `closeFailures`.
 *
 * Also gives a failed system call its {@link DeviceError}. Whatever else comes back as it is.
 *
 * @param subject - The device, as messages begin.
 */
export function causeFirst(error: unknown, subject: string): unknown {
	const [thrown, ...later] = inOrder(error);
	const first = fromSystemError(thrown, subject);
	if (later.length === 0) return first;
	const closeFailures = later.map((failure) => asCloseFailure(failure, subject));
	if (isDeviceError(first)) return attachFailures(first, { closeFailures });
	const message = `${subject}: ${String(first)}`;
	return new DeviceError("ERR_DEVICE_SERVICE", message, { cause: first, closeFailures });
}

/** Everything that a `SuppressedError` holds, first cause first. */
function inOrder(error: unknown): unknown[] {
	if (!(error instanceof SuppressedError)) return [error];
	return [...inOrder(error.suppressed), ...inOrder(error.error)];
}
