import {
	EAGAIN,
	ECONNRESET,
	EPIPE,
	ETOOMANYREFS,
	type Fd,
	type FdLike,
	fdNumber,
	sendmsg,
	setSocketBuffers,
	SysError,
} from "@devhost/linux";
import { recycleBlob } from "./blob-pool.ts";
import { nowMs } from "./clock.ts";
import { RpcError } from "./error.ts";
import { closeFds, duplicateFds } from "./fd-list.ts";
import { highWaterBytes, maxFrameFds, maxUnsentBytes, reservedUnsentBytes } from "./limits.ts";
import { type OutgoingMessage, SIGNAL } from "./message.ts";
import { type EncodedFrame, encodeFrame } from "./msgpack-dialect.ts";

/** What a {@link StreamWriter} asks of the one who waits for events. */
export interface WriterEvents {
	/** {@link StreamWriter.flush} is to be called when the socket takes more; or no longer. */
	waitWritable(wanted: boolean): void;
	/** Nothing more can be sent, though the other side may be there. */
	failed(error: RpcError): void;
}

/**
 * Sends frames over a stream socket.
 *
 * The first frame of a tick goes at once; what follows in the same tick, or while the socket is full, is put together
 * and goes in one call, or in several if making the frames takes long, as in a process that has just begun: the other side has
 * something to do meanwhile. (Waiting for the end of the tick with the first one too makes pipelining 2.5 times slower at 8
 * calls in flight: both sides then take turns.)
 *
 * Descriptors ride on the `sendmsg` that begins with their frame's header: a result above 0 means that they are gone,
 * `EAGAIN` that they are still here.
 */
export class StreamWriter {
	readonly #fd: number;
	readonly #events: WriterEvents;
	readonly #system: WriterSystem;
	#sequence = 0;
	#unsentBytes = 0;
	#lastFrameBytes = 0;
	/** Unsent, oldest first. */
	#chunks: Chunk[] = [];
	#spare: Buffer | undefined;
	/** A frame was sent in this tick, perhaps; the others wait for its end. */
	#tickIsOpen = false;
	#endIsPlanned = false;
	/** Frames since something was sent, and when that was; in ms of {@link nowMs}. */
	#framesInRow = 0;
	#rowBegan = 0;
	/** The socket was full: nothing is sent until it is writable. */
	#isFull = false;
	/** The other side does not read any more. */
	#isGone = false;
	#hasLargeBuffer = false;
	#refusedSince = 0;
	#retry: NodeJS.Timeout | undefined;
	#waiting: { atMost: number; resolve: () => void }[] = [];

	/** @param system - The kernel; tests pass another one. */
	constructor(fd: number, events: WriterEvents, system: WriterSystem = { sendmsg, nowMs }) {
		this.#fd = fd;
		this.#events = events;
		this.#system = system;
	}

	/** Bytes that wait to be sent. */
	get unsentBytes(): number {
		return this.#unsentBytes;
	}

	/** Bytes of the frame that the last `send` took. */
	get lastFrameBytes(): number {
		return this.#lastFrameBytes;
	}

	/**
	 * Sends a message, or puts it behind what waits.
	 *
	 * @returns Undefined, or a promise when more than 1 MiB waits: it resolves when less does.
	 * @throws {@link RpcError} `ERR_RPC_LIMIT`, TypeError, SysError `EBADF`: the message was not sent, others can be.
	 */
	send(message: OutgoingMessage): Promise<void> | undefined {
		try {
			return this.#send(message);
		} catch (error) {
			release(message);
			throw error;
		}
	}

	#send(message: OutgoingMessage): Promise<void> | undefined {
		const frame = encodeFrame(message, this.#sequence);
		const { bytes, start, end } = frame;
		const { blob } = message;
		const total = end - start + (blob === undefined ? 0 : blob.byteLength);
		let sent = 0;
		if (this.#isGone) {
			// Whoever reads will learn of it.
			sent = total;
		} else if (this.#chunks.length === 0 && !this.#tickIsOpen) {
			const fds = message.fds;
			const count = fds === undefined ? 0 : fds.length;
			for (let i = 0; i < count; i++) fdNumbers[i] = fdNumber((fds as FdLike[])[i] as FdLike);
			sent = this.#system.sendmsg(this.#fd, bytes, start, end, blob, 0, fdNumbers, count);
			if (sent < 0) sent = this.#refused(-sent, message) ? total : 0;
			this.#tickIsOpen = true;
		}
		if (sent < total) this.#enqueue(message, frame, sent);
		this.#sequence = (this.#sequence + 1) >>> 0;
		this.#lastFrameBytes = total;
		if (sent === total) release(message);
		if (this.#unsentBytes <= highWaterBytes) return undefined;
		return this.untilUnsent(highWaterBytes);
	}

	/** A new tick has begun, as far as is known: the next frame goes at once. */
	beginTick(): void {
		if (!this.#endIsPlanned) this.#tickIsOpen = false;
	}

	/** Resolves when no more than `bytes` wait to be sent, or when nothing can be sent any more. */
	untilUnsent(bytes: number): Promise<void> {
		if (this.#unsentBytes <= bytes) return Promise.resolve();
		return new Promise((resolve) => this.#waiting.push({ atMost: bytes, resolve }));
	}

	/** Sends what waits, as much as the socket takes. */
	flush(): void {
		while (this.#chunks.length > 0) {
			const chunk = this.#chunks[0] as Chunk;
			const { bytes, start, end, tail, tailStart, fds } = chunk;
			const count = fds === undefined ? 0 : fds.length;
			const sent = this.#system.sendmsg(
				this.#fd,
				bytes,
				start,
				end,
				tail,
				tailStart,
				fds,
				count,
			);
			if (sent < 0) {
				if (!this.#refused(-sent)) return;
				this.#drop();
				break;
			}
			this.#refusedSince = 0;
			this.#unsentBytes -= sent;
			chunk.sent(sent);
			if (chunk.isSent) {
				this.#chunks.shift();
				if (chunk.bytes.byteLength === chunkBytes) this.#spare = chunk.bytes;
			} else if (chunk.tail !== undefined) {
				this.#enlargeBuffer();
			}
		}
		if (this.#isFull) this.#setFull(false);
		this.#wake();
	}

	/** Forgets what waits and closes the descriptors in it. */
	close(): void {
		this.#isGone = true;
		this.#drop();
		this.#wake();
		clearTimeout(this.#retry);
	}

	/** Keeps what was not sent yet of a message, whose header and body are `frame`. */
	#enqueue(message: OutgoingMessage, frame: EncodedFrame, sent: number): void {
		const { start, end } = frame;
		const { blob } = message;
		const total = end - start + (blob === undefined ? 0 : blob.byteLength);
		const most = maxUnsentBytes + (isControl(message) ? reservedUnsentBytes : 0);
		if (sent === 0 && this.#unsentBytes + total > most) {
			throw new RpcError(
				"ERR_RPC_LIMIT",
				`${this.#unsentBytes} bytes wait to be sent already; wait for send`,
			);
		}
		// Sent means gone. What waits is ours: the caller may close his own.
		const hasFds = sent === 0 && message.fds !== undefined && message.fds.length > 0;
		const fds = hasFds ? duplicateFds(message.fds) : undefined;
		if (message.movesFds === true) closeFds(message.fds);

		const headSent = Math.min(sent, end - start);
		const headLeft = end - start - headSent;
		let tail = blob;
		let tailSent = sent - headSent;
		const inlined =
			tail !== undefined && tail.byteLength <= inlinedBytes ? tail.byteLength - tailSent : 0;
		const chunk = this.#chunkFor(headLeft + inlined, fds !== undefined);
		copyBytes(frame, start + headSent, chunk, chunk.end);
		chunk.end += headLeft;
		if (tail !== undefined && tail.byteLength <= inlinedBytes) {
			chunk.bytes.set(tailSent === 0 ? tail : tail.subarray(tailSent), chunk.end);
			chunk.end += inlined;
			if (message.movesBlob === true) recycleBlob(tail);
			tail = undefined;
			tailSent = 0;
		}
		if (tail !== undefined) {
			chunk.tail = tail;
			chunk.tailStart = tailSent;
			chunk.recycles = message.movesBlob === true;
		}
		chunk.own(fds);
		this.#unsentBytes += total - sent;

		if (sent > 0 && !this.#isFull && this.#retry === undefined) {
			// The socket took a part: it is full, unless it can be made larger.
			if (tail !== undefined && this.#enlargeBuffer()) this.flush();
			else this.#setFull(true);
		} else if (!this.#isFull && this.#retry === undefined) {
			const isDue =
				this.#unsentBytes > chunkBytes || (this.#endIsPlanned && this.#tookLong());
			if (isDue) this.flush();
			else this.#planEnd();
		}
	}

	/** The chunk to append `bytes` to; a new one for a frame with descriptors. */
	#chunkFor(bytes: number, hasFds: boolean): Chunk {
		const last = this.#chunks.at(-1);
		if (last !== undefined && !hasFds && last.tail === undefined) {
			if (last.end + bytes <= last.bytes.byteLength) return last;
		}
		let memory = bytes > chunkBytes ? undefined : this.#spare;
		if (memory === undefined) memory = Buffer.allocUnsafeSlow(Math.max(bytes, chunkBytes));
		else this.#spare = undefined;
		const chunk = new Chunk(memory);
		this.#chunks.push(chunk);
		return chunk;
	}

	/** Whether the frames that wait have been waiting for long. Not each time: the clock takes as long as a small frame. */
	#tookLong(): boolean {
		if ((++this.#framesInRow & 3) !== 0) return false;
		const now = this.#system.nowMs();
		if (now - this.#rowBegan < maxWaitMs) return false;
		this.#rowBegan = now;
		return true;
	}

	#planEnd(): void {
		if (this.#endIsPlanned) return;
		this.#endIsPlanned = true;
		this.#framesInRow = 1;
		this.#rowBegan = this.#system.nowMs();
		// queueMicrotask() makes an AsyncResource each time: ten times slower.
		void resolved.then(this.#endTick);
	}

	readonly #endTick = (): void => {
		this.#endIsPlanned = false;
		this.#tickIsOpen = false;
		if (this.#chunks.length > 0 && !this.#isFull && this.#retry === undefined) this.flush();
	};

	#setFull(isFull: boolean): void {
		this.#isFull = isFull;
		this.#events.waitWritable(isFull);
	}

	/**
	 * Whether the peer is gone for good, rather than the socket full.
	 *
	 * @param message - What was to be sent, if it was not put behind others.
	 * @throws SysError when it is the message that the kernel refuses.
	 */
	#refused(errno: number, message?: OutgoingMessage): boolean {
		if (errno === EAGAIN) {
			if (!this.#isFull) this.#setFull(true);
			return false;
		}
		if (errno === ETOOMANYREFS && this.#keepRetrying()) return false;
		if (errno === EPIPE || errno === ECONNRESET) {
			this.#isGone = true;
			return true;
		}
		const error = new SysError("sendmsg", errno);
		// A message that was not put behind others is still the caller's: he is told, unless nobody waits for it.
		if (message !== undefined && !isControl(message)) throw error;
		this.#isGone = true;
		this.#events.failed(
			new RpcError("ERR_RPC_CLOSED", `sending failed: ${error.code}`, { cause: error }),
		);
		return true;
	}

	/**
	 * An unprivileged process may have as many descriptors in flight as it may have open. The receiver takes them out
	 * sooner or later; no event tells.
	 */
	#keepRetrying(): boolean {
		const now = nowMs();
		if (this.#refusedSince === 0) this.#refusedSince = now;
		if (now - this.#refusedSince > maxRefusedMs) return false;
		this.#retry ??= setTimeout(() => {
			this.#retry = undefined;
			this.flush();
		}, retryMs);
		return true;
	}

	/**
	 * A socket takes 208 KiB by default: a large blob then goes in twenty parts, with a change of process after each.
	 *
	 * @returns Whether the buffer is larger than before, so that it is worth trying again.
	 */
	#enlargeBuffer(): boolean {
		if (this.#hasLargeBuffer) return false;
		this.#hasLargeBuffer = true;
		setSocketBuffers(this.#fd, { sendBytes: largeBufferBytes });
		return true;
	}

	#drop(): void {
		for (const chunk of this.#chunks) chunk.drop();
		this.#chunks = [];
		this.#unsentBytes = 0;
	}

	#wake(): void {
		if (this.#waiting.length === 0) return;
		const ready = this.#waiting.filter(({ atMost }) => this.#unsentBytes <= atMost);
		this.#waiting = this.#waiting.filter(({ atMost }) => this.#unsentBytes > atMost);
		for (const { resolve } of ready) resolve();
	}
}

/** What a {@link StreamWriter} needs of the kernel. */
export interface WriterSystem {
	readonly sendmsg: typeof sendmsg;
	readonly nowMs: () => number;
}

/** Frames that go in one `sendmsg`: bytes, then at most one blob, where it is. */
class Chunk {
	readonly bytes: Buffer;
	readonly view: DataView;
	start = 0;
	end = 0;
	tail: Uint8Array | undefined;
	tailStart = 0;
	recycles = false;
	fds: Int32Array | undefined;
	#owned: Fd[] = [];

	constructor(bytes: Buffer) {
		this.bytes = bytes;
		this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	}

	get isSent(): boolean {
		return this.start === this.end && this.tail === undefined;
	}

	own(fds: Fd[] | undefined): void {
		if (fds === undefined) return;
		this.#owned = fds;
		this.fds = Int32Array.from(fds, ({ fd }) => fd);
	}

	sent(bytes: number): void {
		if (this.fds !== undefined) this.#closeFds();
		const ofHead = Math.min(bytes, this.end - this.start);
		this.start += ofHead;
		if (this.tail === undefined) return;
		this.tailStart += bytes - ofHead;
		if (this.tailStart < this.tail.byteLength) return;
		if (this.recycles) recycleBlob(this.tail);
		this.tail = undefined;
	}

	drop(): void {
		this.#closeFds();
	}

	#closeFds(): void {
		closeFds(this.#owned);
		this.#owned = [];
		this.fds = undefined;
	}
}

/** For few bytes a loop is quicker than `Buffer.copy`, which makes an array of its own first. */
function copyBytes({ bytes, view, end }: EncodedFrame, start: number, to: Chunk, at: number): void {
	if (end - start > 256) {
		bytes.copy(to.bytes, at, start, end);
		return;
	}
	let i = start;
	let j = at;
	for (; i + 4 <= end; i += 4, j += 4) to.view.setInt32(j, view.getInt32(i));
	for (; i < end; i++, j++) to.bytes[j] = bytes[i] as number;
}

/** Whether a message is about calls or the connection, with nothing in it that the kernel or the peer could refuse. */
function isControl({ type }: OutgoingMessage): boolean {
	return type > SIGNAL;
}

/** What moved is no longer needed here. */
function release(message: OutgoingMessage): void {
	if (message.movesFds === true) closeFds(message.fds);
	if (message.movesBlob === true) recycleBlob(message.blob);
}

const chunkBytes = 64 * 1024;
const maxWaitMs = 0.1;
// Up to here copying is cheaper than a system call of its own.
const inlinedBytes = 16 * 1024;
const largeBufferBytes = 4 * 2 ** 20;
const retryMs = 10;
const maxRefusedMs = 5000;

const resolved: Promise<void> = Promise.resolve();
const fdNumbers = new Int32Array(maxFrameFds);
