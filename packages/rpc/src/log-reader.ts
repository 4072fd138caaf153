import { EAGAIN, type Fd, Poller, READABLE, read } from "@devhost/linux";
import { LogLines } from "./log-lines.ts";
import { keptLogLines } from "./limits.ts";

/**
 * Reads what a service writes to its standard output and error, line by line, and keeps the last lines. It does not keep
 * the process alive.
 */
export class LogReader {
	readonly #pipe: Fd;
	readonly #poller: Poller;
	readonly #lines: LogLines;
	readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers<void>();
	readonly #lastLines: string[] = [];

	/** @param pipe - The reading end, non-blocking; belongs to the reader from here on. */
	constructor(pipe: Fd, emit: (line: string) => void) {
		this.#pipe = pipe;
		this.#lines = new LogLines((line) => {
			this.#lastLines.push(line);
			if (this.#lastLines.length > keptLogLines) this.#lastLines.shift();
			emit(line);
		});
		this.#poller = new Poller(pipe.fd, () => this.#read());
		this.#poller.set(READABLE);
		this.#poller.unref();
	}

	/** The last lines, oldest first. */
	get lastLines(): readonly string[] {
		return [...this.#lastLines];
	}

	/**
	 * Resolves when all that was written is read: at the end of the pipe, or after a while, because some descendant of
	 * the service may keep it open.
	 */
	async drained(atMostMs: number): Promise<void> {
		if (!this.#pipe.isOpen) return;
		this.#poller.ref();
		const late = Promise.withResolvers<void>();
		const timer = setTimeout(late.resolve, atMostMs);
		await Promise.race([this.#ended.promise, late.promise]);
		clearTimeout(timer);
		this.#poller.unref();
	}

	/** Reads what is there and stops. */
	close(): void {
		this.#read();
		this.#end();
	}

	#read(): void {
		// Not until there is nothing left: whoever writes without end would block the event loop.
		for (let i = 0; i < readsPerEvent && this.#pipe.isOpen; i++) {
			const count = read(this.#pipe.fd, chunk, 0, chunk.byteLength);
			if (count === -EAGAIN) return;
			if (count > 0) this.#lines.push(chunk.subarray(0, count));
			else this.#end();
		}
	}

	#end(): void {
		if (!this.#pipe.isOpen) return;
		this.#poller.close();
		this.#pipe.close();
		this.#lines.end();
		this.#ended.resolve();
	}
}

const readsPerEvent = 16;

/** A pipe holds 64 KiB by default. Shared: it is only used between two reads. */
const chunk = Buffer.allocUnsafeSlow(64 * 1024);
