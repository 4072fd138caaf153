import { binding } from "./binding.ts";
import { checked } from "./errno.ts";
import { type FdLike, fdNumber } from "./fd.ts";

/** Memory that a structure points to: its address is written into the structure at `offset`. */
export interface IoctlPointer {
	/** Bytes from the structure's beginning. */
	readonly offset: number;
	readonly target: Uint8Array;
}

/** An ioctl to perform. */
export interface IoctlCall {
	readonly request: number;
	/** Of the request, for the error: `"LOOP_CONFIGURE"`. */
	readonly name: string;
	/** A number, or the structure, which the kernel may write to. */
	readonly argument?: number | Uint8Array;
	readonly pointers?: readonly IoctlPointer[];
}

/**
 * Performs an ioctl on this thread.
 *
 * @returns The ioctl's own result.
 * @throws {@link SysError} with `syscall` the request's name.
 */
export function ioctl(fd: FdLike, { request, name, argument, pointers }: IoctlCall): number {
	return checked(binding.ioctl(fdNumber(fd), request, argument, flat(pointers)), name);
}

/** As {@link ioctl}, on a thread of the pool: for those that wait for a device. The descriptor must stay open. */
export async function ioctlAsync(
	fd: FdLike,
	{ request, name, argument, pointers }: IoctlCall,
): Promise<number> {
	return checked(
		await binding.blocking(BLOCKING_IOCTL, fdNumber(fd), request, argument, flat(pointers)),
		name,
	);
}

function flat(pointers: readonly IoctlPointer[] | undefined): (number | Uint8Array)[] | undefined {
	return pointers?.flatMap(({ offset, target }) => [offset, target]);
}

// Source: native/blocking.c.
const BLOCKING_IOCTL = 0;
