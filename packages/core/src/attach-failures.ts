import type { DeviceError } from "./error.ts";

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
