import { read as readFile } from "node:fs";
import { promisify } from "node:util";
import { EAGAIN, Poller, READABLE, read, SysError } from "@devhost/linux";
import { SecretFailure } from "./failure.ts";

/** How long a secret may be, in bytes: as a key file of cryptsetup's. Source: `--with-keyfile-size-maxkb`, cryptsetup. */
export const maxSecretBytes: number = 8 * 1024 * 1024;

const readFileAsync = promisify(readFile);

/** Bytes that come piece by piece. What they were in is overwritten when they move, and when they are disposed. */
export class SecretBytes implements Disposable {
	#room: Buffer = Buffer.allocUnsafeSlow(4096);
	#size = 0;

	/** What has come so far; lent until the next piece. */
	get bytes(): Buffer {
		return this.#room.subarray(0, this.#size);
	}

	/** Where the next piece can be put; never empty. */
	get free(): Buffer {
		if (this.#size === this.#room.length) this.grow();
		return this.#room.subarray(this.#size);
	}

	/** Makes {@link SecretBytes.free} larger. */
	grow(): void {
		const larger = Buffer.allocUnsafeSlow(2 * this.#room.length);
		this.#room.copy(larger);
		this.#room.fill(0);
		this.#room = larger;
	}

	/** Adds bytes that are there already. */
	add(bytes: Uint8Array): void {
		while (this.#room.length - this.#size < bytes.length) this.grow();
		this.#room.set(bytes, this.#size);
		this.added(bytes.length);
	}

	/**
	 * So many bytes were put into {@link SecretBytes.free}.
	 *
	 * @throws {@link SecretFailure} when it is longer than {@link maxSecretBytes}.
	 */
	added(count: number): void {
		this.#size += count;
		if (this.#size <= maxSecretBytes) return;
		throw new SecretFailure(`longer than the ${maxSecretBytes} bytes that a secret may have`);
	}

	/** Leaves out all but so many bytes. */
	keep(count: number): void {
		this.#room.fill(0, count);
		this.#size = count;
	}

	[Symbol.dispose](): void {
		this.#room.fill(0);
	}
}

/** Reads a regular file from where the descriptor stands to its end. */
export async function readFromFile(
	fd: number,
	into: SecretBytes,
	signal: AbortSignal,
): Promise<void> {
	for (;;) {
		signal.throwIfAborted();
		const { free } = into;
		const { bytesRead } = await readFileAsync(fd, free, 0, free.length, null);
		if (bytesRead === 0) return;
		into.added(bytesRead);
	}
}

/**
 * Reads a pipe, or a line of a terminal, as it comes.
 *
 * @param fd - In non-blocking mode; lent.
 * @param isDone - Whether what has come is all. @default up to the end
 * @returns Whether the end came first.
 * @throws The signal's reason, at once.
 */
export async function readAsItComes(
	fd: number,
	into: SecretBytes,
	{
		signal,
		isDone = () => false,
	}: { readonly signal: AbortSignal; readonly isDone?: () => boolean },
): Promise<boolean> {
	signal.throwIfAborted();
	const { promise, resolve, reject } = Promise.withResolvers<boolean>();
	const onAbort = (): void => reject(signal.reason as Error);
	using watched = new DisposableStack();
	const poller = watched.use(
		new Poller(fd, () => {
			try {
				const end = takeWhatIsThere(fd, into);
				if (end || isDone()) {
					poller.set(0);
					resolve(end && !isDone());
				}
			} catch (error) {
				poller.set(0);
				reject(error);
			}
		}),
	);
	signal.addEventListener("abort", onAbort);
	watched.defer(() => signal.removeEventListener("abort", onAbort));
	poller.set(READABLE);
	return await promise;
}

/** Reads what can be read without waiting. Returns whether that is the end. */
export function takeWhatIsThere(fd: number, into: SecretBytes): boolean {
	for (;;) {
		const { free } = into;
		const count = read(fd, free, 0, free.length);
		if (count === -EAGAIN) return false;
		if (count === -EIO) return true; // a terminal that is gone
		if (count < 0) throw new SysError("read", -count);
		if (count === 0) return true;
		into.added(count);
	}
}

/** Source: asm-generic/errno-base.h. */
const EIO = 5;
