import { describeHolder, type Holder } from "./holder.ts";

/** The codes of {@link DeviceErrorCode} at run time, with what each means. */
export const deviceErrorCodes = {
	/** Options that the device's type does not accept. `pointer` says which one. */
	ERR_DEVICE_OPTIONS: "options",
	/** A range that leaves the file or parent, or that is empty. */
	ERR_DEVICE_OUT_OF_RANGE: "range",
	/** A size or offset that is not a multiple of the sector size. */
	ERR_DEVICE_UNALIGNED: "alignment",
	/** A backing file that is missing, empty, too small or of the wrong kind. */
	ERR_DEVICE_FILE: "file",
	/** A backing file that may only be read, for a device that is to be written. */
	ERR_DEVICE_READ_ONLY_FILE: "read-only file",
	/** Somebody still uses the device: {@link DeviceBusy} names them. */
	ERR_DEVICE_BUSY: "busy",
	/** The kernel has no further device of this kind, or others were always quicker. */
	ERR_DEVICE_NO_FREE: "none free",
	/** The kernel, or a tool, lacks what the device needs. */
	ERR_DEVICE_UNSUPPORTED: "unsupported",
	/** What the device's type opens is not on its parent: no LUKS header, no physical volume. */
	ERR_DEVICE_FORMAT: "format",
	/** It is there, in a version of the format that the type does not open. */
	ERR_DEVICE_VERSION: "version",
	/** It is there and damaged, in every copy. */
	ERR_DEVICE_METADATA: "metadata",
	/** It asks for more than the type does: a flag nobody knows, a change that is not finished. */
	ERR_DEVICE_REQUIREMENT: "requirement",
	/** The passphrase, key or token that was given does not open it, or none was given. */
	ERR_DEVICE_KEY: "key",
	/** A secret could not be read from where the options say that it is. */
	ERR_DEVICE_SECRET: "secret",
	/** A program that does the work is missing, or too old. */
	ERR_DEVICE_TOOL: "tool",
	/** A program that does the work failed, in a way that has no code of its own. */
	ERR_DEVICE_COMMAND: "command",
	/** The machine has too little memory for it. */
	ERR_DEVICE_MEMORY: "memory",
	/** Not root, or not enough of it. */
	ERR_DEVICE_PERMISSION: "permission",
	/** What stands behind the device's number is not what was opened. */
	ERR_DEVICE_NOT_OURS: "identity",
	/** A system call failed in a way that has no code of its own: see `cause`. */
	ERR_DEVICE_SYSTEM: "system call",
	/** A parent that is unknown, missing or superfluous. */
	ERR_DEVICE_PARENT: "parent",
	/** Devices that are each other's parents. */
	ERR_DEVICE_CYCLE: "cycle",
	/** A type that no driver serves. */
	ERR_DEVICE_TYPE: "type",
	/** A name that no device may have, or that another one has. */
	ERR_DEVICE_NAME: "name",
	/** A deadline passed. */
	ERR_DEVICE_TIMEOUT: "timeout",
	/** The caller's signal aborted; its reason is the `cause`. */
	ERR_DEVICE_CANCELLED: "cancelled",
	/** The service process could not be started, ended, or broke the protocol. */
	ERR_DEVICE_SERVICE: "service",
	/** Closing failed: the device, or something of it, may still be there. */
	ERR_DEVICE_CLOSE: "closing",
	/** Used after it was closed. */
	ERR_DEVICE_CLOSED: "closed",
} as const;

/** Every code a device package may throw. Codes are API: adding one is minor, renaming one is major. */
export type DeviceErrorCode = keyof typeof deviceErrorCodes;

/** Whether a text, such as one from another process, is a {@link DeviceErrorCode}. */
export function isDeviceErrorCode(value: unknown): value is DeviceErrorCode {
	return typeof value === "string" && Object.hasOwn(deviceErrorCodes, value);
}

/** One thing that is wrong with a manifest or with options, and where. */
export interface DeviceProblem {
	readonly code: DeviceErrorCode;
	/** JSON pointer (RFC 6901): into the options where a driver says it, into the manifest elsewhere. */
	readonly pointer: string;
	/** A sentence in the form of error messages. */
	readonly message: string;
	/** The device's name in the graph, where the problem is one device's. */
	readonly device?: string;
}

/** What a {@link DeviceError} carries beside code and message. */
export interface DeviceErrorOptions extends ErrorOptions {
	/** The device's name in the graph. */
	readonly device?: string | undefined;
	/** JSON pointer (RFC 6901) into the device's options. */
	readonly pointer?: string | undefined;
	/** Everything that is wrong, where it is more than one thing. */
	readonly problems?: readonly DeviceProblem[] | undefined;
	/** Facts for reports: plain values that survive the way between processes. Never a secret. */
	readonly details?: Readonly<Record<string, unknown>> | undefined;
	/** What else failed by itself while the first failure was dealt with. */
	readonly alsoFailed?: readonly DeviceError[] | undefined;
	/** What failed while that which was open already was being closed. */
	readonly closeFailures?: readonly DeviceError[] | undefined;
}

/**
 * A device could not be opened, used or closed. Branch on {@link DeviceError.code}, never on the message.
 *
 * Where several things failed this is the first cause; the others hang on it.
 */
export class DeviceError extends Error {
	override readonly name = "DeviceError";
	readonly code: DeviceErrorCode;
	/** The device's name in the graph; undefined where there is no graph, as in a library's use of a driver. */
	readonly device: string | undefined;
	/** JSON pointer (RFC 6901) into the device's options, of what is wrong there. */
	readonly pointer: string | undefined;
	/** Everything that is wrong with the manifest or the options; empty for other errors. */
	readonly problems: readonly DeviceProblem[];
	/** Facts for reports. */
	readonly details: Readonly<Record<string, unknown>>;
	/** What else failed by itself, in order. */
	readonly alsoFailed: readonly DeviceError[];
	/** What failed while closing, in order. */
	readonly closeFailures: readonly DeviceError[];

	constructor(code: DeviceErrorCode, message: string, options: DeviceErrorOptions = {}) {
		super(message, "cause" in options ? { cause: options.cause } : undefined);
		this.code = code;
		this.device = options.device;
		this.pointer = options.pointer ?? options.problems?.[0]?.pointer;
		this.problems = options.problems ?? [];
		this.details = options.details ?? {};
		this.alsoFailed = options.alsoFailed ?? [];
		this.closeFailures = options.closeFailures ?? [];
	}
}

/** A device that should be gone is still there, because somebody uses it. */
export class DeviceBusy extends DeviceError {
	/** Whom `findHolders` found, empty where it found nobody. */
	readonly holders: readonly Holder[];

	/**
	 * @param message - See {@link busyMessage}.
	 */
	constructor(message: string, holders: readonly Holder[], options: DeviceErrorOptions = {}) {
		super("ERR_DEVICE_BUSY", message, options);
		this.holders = holders;
	}
}

/**
 * The sentence of a {@link DeviceBusy}, which names the first five holders.
 *
 * @param subject - What is busy, as messages begin: the device, its path.
 */
export function busyMessage(subject: string, holders: readonly Holder[]): string {
	if (holders.length === 0) {
		return `${subject}: still in use, by nobody that /proc and /sys show`;
	}
	const shown = holders.slice(0, 5).map(describeHolder);
	const rest = holders.length - shown.length;
	if (rest > 0) shown.push(`${rest} more`);
	return `${subject}: still in use by ${shown.join(", ")}`;
}

/** Whether something could not be closed, be it among other reasons, because it is still in use. */
export function isBusy(error: unknown): boolean {
	if (!isDeviceError(error)) return false;
	return error.code === "ERR_DEVICE_BUSY" || error.closeFailures.some(isBusy);
}

/**
 * Whether `value` is a {@link DeviceError}, optionally one with a given code.
 *
 * Works for errors made by another copy of this package, which `instanceof` does not recognise.
 */
export function isDeviceError(value: unknown, code: "ERR_DEVICE_BUSY"): value is DeviceBusy;
export function isDeviceError(value: unknown, code?: DeviceErrorCode): value is DeviceError;
export function isDeviceError(value: unknown, code?: DeviceErrorCode): value is DeviceError {
	if (!(value instanceof Error) || value.name !== "DeviceError" || !("code" in value))
		return false;
	return code === undefined || value.code === code;
}
