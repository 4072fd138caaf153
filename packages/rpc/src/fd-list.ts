import { Fd, type FdLike } from "@devhost/linux";
import { RpcError } from "./error.ts";

/**
 * Duplicates of descriptors that have to wait: by the time they are sent the numbers may mean something else.
 *
 * @throws SysError `EBADF`, `EMFILE`. Nothing is left open then.
 */
export function duplicateFds(fds: readonly FdLike[]): Fd[] {
	const owned: Fd[] = [];
	try {
		for (const fd of fds) owned.push(duplicate(fd));
	} catch (error) {
		for (const fd of owned) fd.close();
		throw error;
	}
	return owned;
}

function duplicate(fd: FdLike): Fd {
	if (typeof fd !== "number") return fd.dup();
	const lent = Fd.adopt(fd);
	try {
		return lent.dup();
	} finally {
		lent.take();
	}
}

/** Closes our copies of descriptors that were sent, or never will be. The other side's are others. */
export function closeFds(fds: readonly FdLike[] | undefined): void {
	if (fds === undefined) return;
	for (const fd of fds) {
		try {
			(typeof fd === "number" ? Fd.adopt(fd) : fd).close();
		} catch {
			// Closed already, or data written before could not be stored: whoever has the other copy learns of it.
		}
	}
}

/**
 * A received descriptor that has the number of standard input, output or error: what is printed would go there.
 *
 * @throws {@link RpcError} `ERR_RPC_CLOSED` when there is no other number. It is not closed then.
 */
export function raiseFd(low: number): number {
	try {
		const [raised] = duplicateFds([low]) as [Fd];
		closeFds([low]);
		return raised.take();
	} catch (cause) {
		const message = `descriptor ${low} was received, and there is no other number for it`;
		throw new RpcError("ERR_RPC_CLOSED", message, { cause });
	}
}
