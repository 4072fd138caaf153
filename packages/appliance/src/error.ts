/** Every code that this package throws. Codes are API: adding one is minor, renaming one is major. */
export type ApplianceErrorCode =
	/** A file is in use by another guest. `holders` has the processes. */
	| "ERR_APPLIANCE_BUSY"
	/** The guest is powered off, or was disposed of. */
	| "ERR_APPLIANCE_CLOSED"
	/** The guest ended by itself: something in it powered it off, or its kernel gave up. */
	| "ERR_APPLIANCE_ENDED"
	/** A command could not be started in the guest; `cause` is the system call. */
	| "ERR_APPLIANCE_EXEC"
	/** The guest does not answer any more. */
	| "ERR_APPLIANCE_HANG"
	/** Getting the kernel by the distribution's package failed. */
	| "ERR_APPLIANCE_INSTALL"
	/** One of the guest's processes was killed. */
	| "ERR_APPLIANCE_KILLED"
	/** No guest kernel, and where it was looked for. */
	| "ERR_APPLIANCE_NO_KERNEL"
	/** No modprobe. */
	| "ERR_APPLIANCE_NO_KMOD"
	/** No modules that belong to the guest's kernel. */
	| "ERR_APPLIANCE_NO_MODULES"
	/** No folder has room for the guest's memory. */
	| "ERR_APPLIANCE_NO_SPACE"
	/** A command was killed because the guest had no memory left. */
	| "ERR_APPLIANCE_OUT_OF_MEMORY"
	/** The guest's kernel panicked. */
	| "ERR_APPLIANCE_PANIC"
	/** What came over the control line is no message. */
	| "ERR_APPLIANCE_PROTOCOL"
	/** This machine forbids ptrace, by which a guest runs its processes. */
	| "ERR_APPLIANCE_PTRACE"
	/** The guest could not be set up: a mount or a module failed; `cause` is the system call. */
	| "ERR_APPLIANCE_SETUP"
	/** The guest did not start within the time it had. */
	| "ERR_APPLIANCE_TIMEOUT"
	/** A folder or file is missing or may not be used. */
	| "ERR_APPLIANCE_UNREADABLE"
	/** No guest kernel exists for this kind of machine. */
	| "ERR_APPLIANCE_UNSUPPORTED"
	/** What was to be the guest's kernel is none. */
	| "ERR_APPLIANCE_WRONG_KERNEL";

/** More about an {@link ApplianceError}. */
export interface ApplianceErrorOptions extends ErrorOptions {
	readonly consoleLines?: readonly string[];
	readonly holders?: readonly number[];
}

/** A guest could not be booted or used. Branch on {@link ApplianceError.code}, never on the message. */
export class ApplianceError extends Error {
	override readonly name = "ApplianceError";
	readonly code: ApplianceErrorCode;
	/** The last lines of the guest's console, where there was one. The message does not have them. */
	readonly consoleLines: readonly string[];
	/** With `ERR_APPLIANCE_BUSY`: the processes that hold the file; empty when the kernel does not say. */
	readonly holders: readonly number[];

	constructor(code: ApplianceErrorCode, message: string, options: ApplianceErrorOptions = {}) {
		super(message, options);
		this.code = code;
		this.consoleLines = options.consoleLines ?? [];
		this.holders = options.holders ?? [];
	}
}

/** Whether `value` is an {@link ApplianceError}, also one of another copy of this package. */
export function isApplianceError(
	value: unknown,
	code?: ApplianceErrorCode,
): value is ApplianceError {
	if (!(value instanceof Error) || value.name !== "ApplianceError" || !("code" in value))
		return false;
	return code === undefined || value.code === code;
}
