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
