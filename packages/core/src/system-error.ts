import { isSysError } from "@devhost/linux";
import { DeviceError, isDeviceError, type DeviceErrorCode } from "./error.ts";

const codes: ReadonlyMap<string, DeviceErrorCode> = new Map<string, DeviceErrorCode>([
	["EPERM", "ERR_DEVICE_PERMISSION"],
	["EACCES", "ERR_DEVICE_PERMISSION"],
	["ENOSYS", "ERR_DEVICE_UNSUPPORTED"],
	["EOPNOTSUPP", "ERR_DEVICE_UNSUPPORTED"],
]);

/**
 * Turns a failed system call that a driver had no word for into a {@link DeviceError} with it as the cause. Anything
 * else comes back as it is.
 *
 * @param subject - The device, as messages begin.
 */
export function fromSystemError(error: unknown, subject: string): unknown {
	if (isDeviceError(error) || !isSysError(error)) return error;
	const { code, syscall, path, message } = error;
	return new DeviceError(codes.get(code) ?? "ERR_DEVICE_SYSTEM", `${subject}: ${message}`, {
		cause: error,
		details: { errno: code, syscall, ...(path === undefined ? {} : { path }) },
	});
}
