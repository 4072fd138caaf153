import { binding, type PollCallback } from "./binding.ts";
import { checked } from "./errno.ts";

/** The descriptor can be read, or its other end is gone. Source: `UV_READABLE`, uv.h. */
export const READABLE = 1;
/** The descriptor takes more. Source: `UV_WRITABLE`, uv.h. */
export const WRITABLE = 2;

/**
 * Readiness of a descriptor through the event loop: no thread, no busy polling. Level-triggered.
 *
 * Works in a worker too. It keeps the process alive while it is set to something, unless {@link Poller.unref} was
 * called. An exception from the callback is an uncaught exception of the process.
 */
export class Poller implements Disposable {
	#handle: object | undefined;
	#events = 0;

	/**
	 * @param fd - Lent: it must stay open until {@link Poller.close}, which comes before closing it.
	 * @throws {@link SysError} `EEXIST` the descriptor is polled already; `EPERM` it cannot be polled (a regular file).
	 */
	constructor(fd: number, onEvents: PollCallback) {
		const handle = binding.pollOpen(fd, onEvents, this);
		if (typeof handle === "number") checked(handle, "uv_poll_init");
		this.#handle = handle as object;
	}

	/** Waits for these events from now on; 0 stops. */
	set(events: number): void {
		if (this.#handle === undefined || events === this.#events) return;
		checked(binding.pollSet(this.#handle, events), "uv_poll_start");
		this.#events = events;
	}

	/** Keeps the process alive (the default). */
	ref(): void {
		if (this.#handle !== undefined) binding.pollRef(this.#handle, 1);
	}

	/** Lets the process end although this waits. */
	unref(): void {
		if (this.#handle !== undefined) binding.pollRef(this.#handle, 0);
	}

	/** Ends the waiting: no callback comes after it. Only then may the descriptor be closed. */
	close(): void {
		if (this.#handle === undefined) return;
		binding.pollClose(this.#handle);
		this.#handle = undefined;
	}

	[Symbol.dispose](): void {
		this.close();
	}
}
