import { DeviceError } from "./error.ts";

/**
 * What somebody is told whose signal aborted while a device was opened: `ERR_DEVICE_TIMEOUT` where the signal is
 * `AbortSignal.timeout`, else `ERR_DEVICE_CANCELLED`.
 *
 * @param subject - The device, as messages begin.
 * @param reason - The signal's.
 */
export function abandoned(subject: string, reason: unknown): DeviceError {
	const late = reason instanceof Error && reason.name === "TimeoutError";
	return late
		? new DeviceError("ERR_DEVICE_TIMEOUT", `${subject}: not opened in time`, { cause: reason })
		: new DeviceError("ERR_DEVICE_CANCELLED", `${subject}: opening was cancelled`, {
				cause: reason,
			});
}
