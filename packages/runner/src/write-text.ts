import { constants, fstatSync, openSync, type Stats, write, writeSync } from "node:fs";
import { EAGAIN, sendmsg, SysError } from "@devhost/linux";

/** Text that waits for a slow reader; with more, who makes the text is to wait, too. */
const maxQueuedBytes = 1024 * 1024;
/** At most this much is written at once, so that room is noticed soon. */
const pieceBytes = 64 * 1024;
/** How long until another try where somebody else has put the descriptor into non-blocking mode, and it is full. */
const retryMs = 10;

/** Takes a part of `bytes[at..]`, or nothing (0) instead of blocking. Throws what write(2) fails with. */
type TryWrite = (bytes: Uint8Array, at: number) => number;

/**
 * A descriptor that text is written to in order, and at once while its reader keeps up. It never blocks this process:
 * what a reader does not take waits in a queue.
 *
 * Not `process.stdout`, which costs 2 to 4 ms to make and blocks on a pipe or terminal.
 */
export class TextOutput {
	readonly #fd: number;
	readonly #try: TryWrite;
	#queue: Uint8Array[] = [];
	#queuedBytes = 0;
	#isClosed = false;
	#failure: Error | undefined;
	readonly #waiting: { readonly bytes: number; readonly resolve: () => void }[] = [];

	/** @param fd - Lent. Its mode is left as it is, since others share it. */
	constructor(fd: number) {
		this.#fd = fd;
		this.#try = tryWriter(fd);
	}

	/** Why text was lost, if it was. A reader that is gone is no failure: it has had enough. */
	get failure(): Error | undefined {
		return this.#failure;
	}

	/** Writes, or leaves it for later. Never throws. */
	write(text: string): void {
		if (this.#isClosed || text === "") return;
		const bytes = Buffer.from(text);
		if (this.#queuedBytes > 0) return this.#append(bytes);
		let at = 0;
		try {
			while (at < bytes.length) {
				const taken = this.#try(bytes, at);
				if (taken === 0) break;
				at += taken;
			}
		} catch (error) {
			return this.#fail(error as Error);
		}
		if (at === bytes.length) return;
		this.#append(bytes.subarray(at));
		this.#writeQueue();
	}

	/** Resolves when there is room for more; undefined: there is. */
	room(): Promise<void> | undefined {
		return this.#queuedBytes < maxQueuedBytes ? undefined : this.#until(maxQueuedBytes / 2);
	}

	/** Resolves when all that was written is on its way, or cannot be; undefined: it is. */
	written(): Promise<void> | undefined {
		return this.#queuedBytes === 0 ? undefined : this.#until(0);
	}

	/** Gives up what is in the queue, and what is still to come. */
	drop(): void {
		this.#isClosed = true;
		this.#queue = [];
		this.#queuedBytes = 0;
		this.#tellWaiting();
	}

	#append(bytes: Uint8Array): void {
		this.#queue.push(bytes);
		this.#queuedBytes += bytes.length;
	}

	/** By a thread of the pool, where it may block as long as the reader likes. */
	#writeQueue(): void {
		let count = 0;
		for (let size = 0; size < pieceBytes && count < this.#queue.length;) {
			size += (this.#queue[count++] as Uint8Array).length;
		}
		this.#writePiece(Buffer.concat(this.#queue.splice(0, count)));
	}

	#writePiece(piece: Uint8Array): void {
		const next = piece.subarray(0, pieceBytes);
		write(this.#fd, next, (error, taken) => {
			if (this.#isClosed) return;
			if (error?.code === "EAGAIN") {
				setTimeout(() => this.#isClosed || this.#writePiece(piece), retryMs);
				return;
			}
			if (error !== null) return this.#fail(error);
			this.#queuedBytes -= taken;
			this.#tellWaiting();
			if (taken < piece.length) this.#writePiece(piece.subarray(taken));
			else if (this.#queue.length > 0) this.#writeQueue();
		});
	}

	#fail(error: Error): void {
		if (!isReaderGone(error, this.#fd)) this.#failure ??= error;
		this.drop();
	}

	#until(bytes: number): Promise<void> {
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#waiting.push({ bytes, resolve });
		return promise;
	}

	#tellWaiting(): void {
		for (const waiting of this.#waiting.splice(0)) {
			if (this.#queuedBytes <= waiting.bytes) waiting.resolve();
			else this.#waiting.push(waiting);
		}
	}
}

/** Whether there is no reader, or none any more: of a pipe, a socket, a descriptor that was closed for us, a terminal. */
function isReaderGone(error: Error, fd: number): boolean {
	const { code = "" } = error as NodeJS.ErrnoException;
	if (code === "EIO") return statusOf(fd)?.isCharacterDevice() === true; // It is hung up.
	return code === "EPIPE" || code === "ECONNRESET" || code === "EBADF";
}

/**
 * How to write without blocking, by what stands behind the descriptor.
 *
 * `O_NONBLOCK` is a property of the open file, which the shell and other programs have too, so it is not set. A pipe or
 * terminal is opened a second time, for us alone; a socket has a flag for each message.
 */
function tryWriter(fd: number): TryWrite {
	const status = statusOf(fd);
	if (status?.isSocket()) {
		return (bytes, at) => {
			const taken = sendmsg(fd, bytes, at, bytes.length, undefined, 0, undefined, 0);
			if (taken === -EAGAIN) return 0;
			if (taken < 0) throw new SysError("sendmsg", -taken);
			return taken;
		};
	}
	if (status === undefined || !canBlock(status)) return writer(fd);
	try {
		const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
		return writer(openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY));
	} catch {
		// Somebody else's, such as the terminal after su. A thread can wait for it.
		return () => 0;
	}
}

function writer(fd: number): TryWrite {
	return (bytes, at) => {
		try {
			return writeSync(fd, bytes, at);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === "EAGAIN") return 0;
			throw error;
		}
	};
}

/** Whether writing may wait for somebody. Files do not; nor do /dev/null, /dev/full and their like, of major number 1. */
function canBlock(status: Stats): boolean {
	if (status.isFIFO() || status.isSocket()) return true;
	return status.isCharacterDevice() && status.rdev >> 8 !== 1;
}

function statusOf(fd: number): Stats | undefined {
	try {
		return fstatSync(fd);
	} catch {
		return undefined; // It is closed, as writing will tell.
	}
}

const outputs: { 1?: TextOutput; 2?: TextOutput } = {};

function outputOf(fd: 1 | 2): TextOutput {
	const other = outputs[fd === 1 ? 2 : 1];
	return (outputs[fd] ??= other !== undefined && isSamePlace() ? other : new TextOutput(fd));
}

/** Where both are one terminal or pipe, what one of them has in its queue comes before what the other one says later. */
function isSamePlace(): boolean {
	const [out, err] = [statusOf(1), statusOf(2)];
	if (out === undefined || err === undefined || !canBlock(out)) return false;
	return out.dev === err.dev && out.ino === err.ino;
}

/** Writes text to standard output or error: at once, or as soon as its reader takes it. */
export function writeText(fd: 1 | 2, text: string): void {
	outputOf(fd).write(text);
}

/** Resolves when so much of what was written is taken that there is room for more; undefined: there is. */
export function roomForText(): Promise<void> | undefined {
	return all((output) => output.room());
}

/** Resolves when all text is written, or cannot be; undefined: it is. */
export function textWritten(): Promise<void> | undefined {
	return all((output) => output.written());
}

/** Waits no longer for readers: the text that they have not taken is lost. */
export function dropText(): void {
	for (const output of Object.values(outputs)) output.drop();
}

/** Text was lost. */
export interface TextFailure {
	readonly fd: 1 | 2;
	readonly error: Error;
}

/** Why text could not be written, such as that a disk is full. A reader that is gone is no failure. */
export function textFailure(): TextFailure | undefined {
	for (const fd of [1, 2] as const) {
		const error = outputs[fd]?.failure;
		if (error !== undefined) return { fd, error };
	}
	return undefined;
}

function all(wait: (output: TextOutput) => Promise<void> | undefined): Promise<void> | undefined {
	const promises = Object.values(outputs).flatMap((output: TextOutput) => wait(output) ?? []);
	return promises.length === 0 ? undefined : Promise.all(promises).then(() => {});
}
