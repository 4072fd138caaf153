/** Every code that this package throws beside the kernel's own ({@link SysError}). Codes are API. */
export type LinuxErrorCode =
	| "ERR_LINUX_FD_CLOSED"
	| "ERR_LINUX_NO_BINARY"
	| "ERR_LINUX_UNSUPPORTED_PLATFORM";

/** This package cannot do what it was asked. Branch on {@link LinuxError.code}, never on the message. */
export class LinuxError extends Error {
	override readonly name = "LinuxError";
	readonly code: LinuxErrorCode;

	constructor(code: LinuxErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
	}
}

/** Whether `value` is a {@link LinuxError}, also one of another copy of this package. */
export function isLinuxError(value: unknown, code?: LinuxErrorCode): value is LinuxError {
	if (!(value instanceof Error) || value.name !== "LinuxError" || !("code" in value))
		return false;
	return code === undefined || value.code === code;
}
