import { DeviceError, isDeviceError } from "./error.ts";
import { fromSystemError } from "./system-error.ts";

/**
 * What a driver threw while closing, as a {@link DeviceError}.
 *
 * @param subject - The device, as messages begin.
 */
export function asCloseFailure(error: unknown, subject: string): DeviceError {
	const failure = fromSystemError(error, subject);
	if (isDeviceError(failure)) return failure;
	const message = failure instanceof Error ? failure.message : String(failure);
	return new DeviceError("ERR_DEVICE_CLOSE", `${subject}: ${message}`, { cause: error });
}

/**
 * Hangs later failures on the first cause, which stays what is thrown.
 *
 * @param error - Made for this very purpose: it is changed.
 */
export function attachFailures(
	error: DeviceError,
	later: {
		readonly alsoFailed?: readonly DeviceError[];
		readonly closeFailures?: readonly DeviceError[];
	},
): DeviceError {
	const { alsoFailed = [], closeFailures = [] } = later;
	return Object.assign(error, {
		alsoFailed: [...error.alsoFailed, ...alsoFailed],
		closeFailures: [...error.closeFailures, ...closeFailures],
	});
}
