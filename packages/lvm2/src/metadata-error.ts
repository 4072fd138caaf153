import { DeviceError, type DeviceErrorCode } from "@devhost/core";

/**
 * What is wrong with what physical volumes hold.
 *
 * `ERR_DEVICE_FORMAT` nothing of LVM2 is there, or no volume group; `ERR_DEVICE_VERSION` a format that is not read here;
 * `ERR_DEVICE_METADATA` it is damaged; `ERR_DEVICE_REQUIREMENT` it asks for what is not done here.
 */
export type MetadataErrorCode = Extract<
	DeviceErrorCode,
	"ERR_DEVICE_FORMAT" | "ERR_DEVICE_VERSION" | "ERR_DEVICE_METADATA" | "ERR_DEVICE_REQUIREMENT"
>;

/**
 * A device's contents that cannot be used. The message lacks what it is about, which only the caller knows: see
 * {@link about}.
 */
export function metadataError(code: MetadataErrorCode, message: string): DeviceError {
	return new DeviceError(code, message);
}

/** The same error with what it is about at the beginning of its message. */
export function about(subject: string, error: DeviceError): DeviceError {
	const { code, message, cause, device, pointer, problems, details } = error;
	const { alsoFailed, closeFailures } = error;
	return new DeviceError(code, `${subject}: ${message}`, {
		...(cause !== undefined && { cause }),
		device,
		pointer,
		problems,
		details,
		alsoFailed,
		closeFailures,
	});
}
