/** What a command may send ahead of what is consumed here. */
export const outputWindowBytes: number = 256 * 1024;

/** A report for every message would double their number. */
const grantBytes = outputWindowBytes / 4;

/** One of a command's outputs: hands the bytes on in order, and grants room for more as they are consumed. */
export class OutputStream {
	readonly #consume: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
	readonly #grant: (bytes: number) => void;
	readonly #onError: (error: unknown) => void;
	#consumedBytes = 0;
	#last: Promise<void> | undefined;

	/** @param onError - Gets what `consume` throws, once; afterwards bytes are dropped. */
	constructor(
		consume: ((bytes: Uint8Array) => void | Promise<void>) | undefined,
		grant: (bytes: number) => void,
		onError: (error: unknown) => void,
	) {
		this.#consume = consume;
		this.#grant = grant;
		this.#onError = onError;
	}

	/** Resolves when all that came is consumed. */
	get idle(): Promise<void> {
		return this.#last ?? Promise.resolve();
	}

	/** Takes what came. */
	push(bytes: Uint8Array): void {
		if (this.#last !== undefined) {
			this.#last = this.#last.then(() => this.#pass(bytes));
			return;
		}
		const pending = this.#pass(bytes);
		if (pending === undefined) return;
		const last = pending.then(() => {
			// Whoever came in the meantime stands behind a later promise.
			if (this.#last === last) this.#last = undefined;
		});
		this.#last = last;
	}

	#pass(bytes: Uint8Array): Promise<void> | undefined {
		try {
			const pending = this.#consume?.(bytes);
			if (pending !== undefined) {
				return pending.then(
					() => this.#consumed(bytes.length),
					(error: unknown) => this.#onError(error),
				);
			}
		} catch (error) {
			this.#onError(error);
		}
		this.#consumed(bytes.length);
		return undefined;
	}

	#consumed(bytes: number): void {
		this.#consumedBytes += bytes;
		if (this.#consumedBytes < grantBytes) return;
		this.#grant(this.#consumedBytes);
		this.#consumedBytes = 0;
	}
}
