import { binding } from "./binding.ts";
import { LinuxError } from "./error.ts";
import { checked, SysError } from "./errno.ts";

/** A descriptor, owned ({@link Fd}) or lent (a number that stays somebody else's). */
export type FdLike = number | Fd;

/** The number of a descriptor, for a call that only borrows it. */
export function fdNumber(fd: FdLike): number {
	return typeof fd === "number" ? fd : fd.fd;
}

/**
 * An owned descriptor: whoever holds the object closes it, by {@link Fd.close} or by `using`.
 *
 * It is never closed by garbage collection. Lend it by passing the object or {@link Fd.fd}; give it away by
 * {@link Fd.take}.
 */
export class Fd implements Disposable, AsyncDisposable {
	#fd: number;

	private constructor(fd: number) {
		this.#fd = fd;
	}

	/** Takes ownership of a descriptor number that nobody else closes. */
	static adopt(fd: number): Fd {
		if (!Number.isInteger(fd) || fd < 0) throw new RangeError(`not a descriptor: ${fd}`);
		return new Fd(fd);
	}

	/**
	 * The number, lent: do not store it, it means something else once the object is closed.
	 *
	 * @throws {@link LinuxError} `ERR_LINUX_FD_CLOSED` after {@link Fd.close} or {@link Fd.take}.
	 */
	get fd(): number {
		if (this.#fd < 0)
			throw new LinuxError("ERR_LINUX_FD_CLOSED", "descriptor: closed or taken already");
		return this.#fd;
	}

	/** Whether the object still owns a descriptor. */
	get isOpen(): boolean {
		return this.#fd >= 0;
	}

	/** Gives the descriptor away: the caller closes it from here on. */
	take(): number {
		const fd = this.fd;
		this.#fd = -1;
		return fd;
	}

	/** A second descriptor of the same open file, close-on-exec. */
	dup(): Fd {
		return Fd.adopt(checked(binding.fcntl(this.fd, F_DUPFD_CLOEXEC, 3), "dup"));
	}

	/**
	 * Closes the descriptor; nothing happens if it is closed or taken already.
	 *
	 * @throws {@link SysError} `EIO`, `ENOSPC`, `EDQUOT` when data written earlier could not be stored. The descriptor is
	 * closed all the same (close(2)).
	 */
	close(): void {
		if (this.#fd < 0) return;
		const fd = this.#fd;
		this.#fd = -1;
		checked(binding.close(fd), "close");
	}

	/** As {@link Fd.close}, but on a thread of the pool: the last close of a block device or network file can block. */
	async closeAsync(): Promise<void> {
		if (this.#fd < 0) return;
		const fd = this.#fd;
		this.#fd = -1;
		checked(await binding.blocking(BLOCKING_CLOSE, fd, 0, undefined, undefined), "close");
	}

	[Symbol.dispose](): void {
		this.close();
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.closeAsync();
	}
}

/** Closes a bare number that nobody owns as an object, such as one just received. */
export function closeFd(fd: number): void {
	checked(binding.close(fd), "close");
}

/**
 * Has room made for `count` descriptors in this process, as far as its limit allows: soon, by a thread that does nothing else.
 *
 * The kernel makes room as descriptors are opened, too, the 65th and the 129th and so on; but as Node has threads, opening that one
 * takes 10 to 20 ms, in which nothing else happens.
 *
 * @throws {@link SysError} `EAGAIN` no further thread.
 */
export function reserveFds(count: number): void {
	checked(binding.reserveDescriptors(count), "pthread_create");
}

/** Whether a descriptor number is open in this process. */
export function isOpenFd(fd: number): boolean {
	const result = binding.fcntl(fd, F_GETFD, 0);
	if (result < 0 && result !== -EBADF) throw new SysError("fcntl", -result);
	return result >= 0;
}

// Source: fcntl.h, asm-generic/errno-base.h, native/blocking.c.
const F_DUPFD_CLOEXEC = 1030;
const F_GETFD = 1;
const EBADF = 9;
const BLOCKING_CLOSE = 2;
