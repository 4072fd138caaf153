/**
 * Lets those wait who together would need more memory than there is.
 *
 * Argon2 takes up to a gigabyte for each key slot, and several containers of a run may be opened at once: one after the
 * other they open where all at once would not.
 */
export class MemoryQueue {
	readonly #availableBytes: () => number | undefined;
	#takenBytes = 0;
	/** Those who wait, in order. */
	readonly #waiting: { readonly bytes: number; readonly begin: () => void }[] = [];

	/** @param availableBytes - What programs can have now; undefined: nobody knows, and nobody waits. */
	constructor(availableBytes: () => number | undefined) {
		this.#availableBytes = availableBytes;
	}

	/**
	 * Does some work when there is memory for it, or when nobody else is at work: then it fails by itself, or does not.
	 *
	 * @throws What the work throws; the signal's reason when it aborts before the work begins.
	 */
	async run<T>(bytes: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
		await this.#take(bytes, signal);
		try {
			return await work();
		} finally {
			this.#takenBytes -= bytes;
			this.#beginNext();
		}
	}

	async #take(bytes: number, signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		if (this.#waiting.length === 0 && this.#fits(bytes)) {
			this.#takenBytes += bytes;
			return;
		}
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		const waiting = { bytes, begin: resolve };
		const giveUp = (): void => {
			const index = this.#waiting.indexOf(waiting);
			// It has just begun: whoever does the work has the signal, too.
			if (index < 0) return;
			this.#waiting.splice(index, 1);
			reject(signal.reason as Error);
			this.#beginNext();
		};
		signal.addEventListener("abort", giveUp, { once: true });
		this.#waiting.push(waiting);
		try {
			await promise;
		} finally {
			signal.removeEventListener("abort", giveUp);
		}
	}

	#beginNext(): void {
		for (;;) {
			const [next] = this.#waiting;
			if (next === undefined || !this.#fits(next.bytes)) return;
			this.#waiting.shift();
			this.#takenBytes += next.bytes;
			next.begin();
		}
	}

	/** Those who are at work may have taken theirs already, or not: it is left out of what is available either way. */
	#fits(bytes: number): boolean {
		if (this.#takenBytes === 0 || bytes === 0) return true;
		const available = this.#availableBytes();
		return available === undefined || this.#takenBytes + bytes <= available;
	}
}
