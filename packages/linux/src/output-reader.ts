import type { Fd } from "./fd.ts";
import { Poller, READABLE } from "./poller.ts";
import { read } from "./socket.ts";

/** Collects what a program writes into a pipe, as it comes: a program whose pipe is full waits. */
export class OutputReader implements Disposable {
	readonly #pipe: Fd;
	readonly #maxBytes: number;
	readonly #poller: Poller;
	#chunks: Uint8Array[] = [];
	#bytes = 0;
	/** Bytes before those that were kept. */
	droppedBytes = 0;

	/**
	 * @param pipe - The end to read from, non-blocking; taken.
	 * @param maxBytes - The last so many bytes are kept, at least.
	 */
	constructor(pipe: Fd, maxBytes: number) {
		this.#pipe = pipe;
		this.#maxBytes = maxBytes;
		this.#poller = new Poller(pipe.fd, () => this.#read());
		this.#poller.set(READABLE);
	}

	/** Reads what is there and ends: others may have the pipe open for as long as they like. */
	end(): Uint8Array {
		if (this.#pipe.isOpen) this.#read();
		this[Symbol.dispose]();
		const all = Buffer.concat(this.#chunks);
		return all.subarray(Math.max(0, all.length - this.#maxBytes));
	}

	[Symbol.dispose](): void {
		this.#poller.close();
		this.#pipe.close();
	}

	#read(): void {
		for (;;) {
			const chunk = new Uint8Array(chunkBytes);
			const count = read(this.#pipe.fd, chunk, 0, chunk.length);
			if (count <= 0) {
				// Nothing now, or no more ever: also an error, of which the program's end tells more.
				if (count !== -EAGAIN) this[Symbol.dispose]();
				return;
			}
			this.#keep(chunk.subarray(0, count));
		}
	}

	#keep(chunk: Uint8Array): void {
		this.#chunks.push(chunk);
		this.#bytes += chunk.length;
		for (;;) {
			const [oldest] = this.#chunks;
			if (oldest === undefined || this.#bytes - oldest.length < this.#maxBytes) return;
			this.#chunks.shift();
			this.#bytes -= oldest.length;
			this.droppedBytes += oldest.length;
		}
	}
}

const chunkBytes = 16 * 1024;
const EAGAIN = 11; // asm-generic/errno-base.h
