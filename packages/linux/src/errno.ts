import { constants } from "node:os";

// Only reached when something fails, so the table is turned round lazily.
let names: Map<number, string> | undefined;

/** The name of an error number in Node's spelling: 16 → `"EBUSY"`. Source: errno(3), by Node's own table. */
export function errnoName(errno: number): string {
	names ??= new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));
	return namesFirst[errno] ?? names.get(errno) ?? `ERRNO_${errno}`;
}

// Linux numbers that Node's table lacks, or has under two names. Source: asm-generic/errno.h.
const namesFirst: Record<number, string> = {
	11: "EAGAIN", // also EWOULDBLOCK
	15: "ENOTBLK",
	109: "ETOOMANYREFS",
	117: "EUCLEAN",
	123: "ENOMEDIUM",
	124: "EMEDIUMTYPE",
	125: "ECANCELED",
	126: "ENOKEY",
};

/** A system call that failed. Branch on {@link SysError.code}, never on the message. */
export class SysError extends Error {
	override readonly name = "SysError";
	/** Node's spelling of the error number, such as `"EBUSY"`. */
	readonly code: string;
	/** The error number as the kernel has it: positive. */
	readonly errno: number;
	/** The call, such as `"openat2"` or `"LOOP_CONFIGURE"`. */
	readonly syscall: string;
	/** The path that the call was given, where it takes one. */
	readonly path?: string;

	constructor(syscall: string, errno: number, path?: string) {
		const code = errnoName(errno);
		super(`${syscall}${path === undefined ? "" : ` ${JSON.stringify(path)}`}: ${code}`);
		this.code = code;
		this.errno = errno;
		this.syscall = syscall;
		if (path !== undefined) this.path = path;
	}
}

/**
 * Whether `value` is a {@link SysError}, optionally one with a given code.
 *
 * Works for errors made by another copy of this package, which `instanceof` does not recognise.
 */
export function isSysError(value: unknown, code?: string): value is SysError {
	if (!(value instanceof Error) || value.name !== "SysError" || !("code" in value)) return false;
	return code === undefined || value.code === code;
}

/**
 * Turns the addon's convention (a result, or -errno) into a result or an exception.
 *
 * @throws {@link SysError} when `result` is negative.
 */
export function checked(result: number, syscall: string, path?: string): number {
	if (result < 0) throw new SysError(syscall, -result, path);
	return result;
}
