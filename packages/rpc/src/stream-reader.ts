import { EAGAIN, ECONNRESET, MSG_CTRUNC, recvmsg, SysError } from "@devhost/linux";
import { type Block, blobOf, leaseBlob, returnBlock, takeBlock } from "./blob-pool.ts";
import { RpcError } from "./error.ts";
import { closeFds, raiseFd } from "./fd-list.ts";
import { discardFds, FdSet, noFds } from "./fd-set.ts";
import { type Header, headerBytes, readHeader } from "./frame.ts";
import { maxQueuedFds } from "./limits.ts";
import { flagBlob, type Message } from "./message.ts";
import { decodeMsgpack } from "./msgpack-decode.ts";

/**
 * Receives frames from a stream socket and hands on whole messages.
 *
 * Received descriptors wait in a queue until a header claims them. They came with the first byte of some frame that
 * begins in what was read, so that they are there when the header is. Those that no header claims break the protocol.
 */
export class StreamReader {
	readonly #fd: number;
	readonly #deliver: (message: Message) => void;
	readonly #system: ReaderSystem;
	readonly #header: Header = {
		bodyBytes: 0,
		blobBytes: 0,
		id: 0,
		type: 1,
		flags: 0,
		fdCount: 0,
		arg: 0,
	};
	#sequence = 0;
	#isPaused = false;
	#isHandingOn = false;
	#isClosed = false;

	// What was read and not handed on yet: #block[#start..#end], which begins with a frame.
	#block: Block = noBlock;
	#bytes: Buffer = noBlock.bytes;
	#start = 0;
	#end = 0;
	#fdQueue: number[] = [];

	// The frame whose header was read: its descriptors; and once its body is there too, the blob as far as it came.
	#hasHeader = false;
	#fds: FdSet = noFds;
	#value: unknown;
	#blob: Uint8Array | undefined;
	#blobAt = 0;

	/** @param system - The kernel; tests pass another one. */
	constructor(
		fd: number,
		deliver: (message: Message) => void,
		system: ReaderSystem = { recvmsg },
	) {
		this.#fd = fd;
		this.#deliver = deliver;
		this.#system = system;
	}

	/**
	 * Reads once, and hands on what is complete.
	 *
	 * @returns False at the end of the stream, between two frames.
	 * @throws {@link RpcError} `ERR_RPC_PROTOCOL`, `ERR_RPC_LIMIT`; `ERR_RPC_CLOSED` at the end in the middle of a frame.
	 */
	read(): boolean {
		const blob = this.#blob;
		let got: number;
		if (blob === undefined) {
			this.#makeRoom();
			got = this.#system.recvmsg(
				this.#fd,
				this.#bytes,
				this.#end,
				this.#bytes.byteLength,
				control,
			);
		} else {
			got = this.#system.recvmsg(this.#fd, blob, this.#blobAt, blob.byteLength, control);
		}
		if (got <= 0) return this.#readNothing(got);
		if (control[0] !== 0 || control[1] !== 0) this.#queueFds();

		if (blob === undefined) {
			this.#end += got;
			this.#handOn();
		} else {
			this.#blobAt += got;
			if (this.#blobAt === blob.byteLength) {
				this.#finishFrame(blob);
				this.#handOn();
			}
		}
		return true;
	}

	/** Stops handing on, in the middle of what was read too. */
	pause(): void {
		this.#isPaused = true;
	}

	/** Hands on what was read already. The caller then reads again. */
	resume(): void {
		this.#isPaused = false;
		// Whoever resumes while he is given a message is given the next one afterwards, not within.
		if (this.#blob === undefined && !this.#isHandingOn) this.#handOn();
	}

	/** Forgets what was not handed on and closes the descriptors in it. */
	close(): void {
		this.#isPaused = true;
		discardFds(this.#fds);
		closeFds(this.#fdQueue);
		this.#fdQueue = [];
		if (this.#isClosed) return;
		this.#isClosed = true;
		if (this.#block !== noBlock) returnBlock(this.#block);
	}

	#handOn(): void {
		const header = this.#header;
		this.#isHandingOn = true;
		try {
			while (!this.#isPaused) {
				if (!this.#hasHeader) {
					if (this.#end - this.#start < headerBytes) break;
					readHeader(this.#block.view, this.#start, header, this.#sequence);
					this.#claimFds(header.fdCount);
					this.#hasHeader = true;
				}
				const bodyStart = this.#start + headerBytes;
				const bodyEnd = bodyStart + header.bodyBytes;
				if (this.#end < bodyEnd) break;
				if (header.bodyBytes > 0) {
					this.#value = decodeMsgpack(this.#bytes, this.#block.view, bodyStart, bodyEnd);
				}
				this.#start = bodyEnd;
				if ((header.flags & flagBlob) === 0) {
					this.#finishFrame(undefined);
					continue;
				}
				const blobEnd = bodyEnd + header.blobBytes;
				if (blobEnd === this.#end && header.blobBytes >= copiedBytes) {
					this.#finishFrame(this.#giveAway(bodyEnd, blobEnd));
					continue;
				}
				const blob = leaseBlob(header.blobBytes);
				const here = Math.min(this.#end - bodyEnd, header.blobBytes);
				this.#bytes.copy(blob, 0, bodyEnd, bodyEnd + here);
				this.#start += here;
				if (here < header.blobBytes) {
					// The rest is received straight into the blob.
					this.#blob = blob;
					this.#blobAt = here;
					break;
				}
				this.#finishFrame(blob);
			}
		} finally {
			this.#isHandingOn = false;
		}
		if (this.#start < this.#end) return;
		this.#start = this.#end = 0;
		if (!this.#hasHeader && this.#fdQueue.length > 0) {
			throw new RpcError(
				"ERR_RPC_PROTOCOL",
				`${this.#fdQueue.length} descriptors arrived that belong to no frame`,
			);
		}
	}

	#finishFrame(blob: Uint8Array | undefined): void {
		const { type, id, arg, flags, bodyBytes, blobBytes } = this.#header;
		const message: Message = {
			type,
			id,
			arg,
			flags,
			value: this.#value,
			blob,
			fds: this.#fds,
			frameBytes: headerBytes + bodyBytes + blobBytes,
		};
		this.#fds = noFds;
		this.#value = undefined;
		this.#blob = undefined;
		this.#hasHeader = false;
		this.#sequence = (this.#sequence + 1) >>> 0;
		this.#deliver(message);
	}

	/** The receive buffer itself, as the blob that is the last thing in it: copying 64 KiB takes longer than sending them. */
	#giveAway(start: number, end: number): Uint8Array {
		const blob = blobOf(this.#block, start, end);
		// The next one is taken when it is needed: often the same, recycled by then, and still in the CPU's cache.
		this.#block = noBlock;
		this.#bytes = noBlock.bytes;
		this.#start = this.#end = 0;
		return blob;
	}

	#claimFds(count: number): void {
		if (count === 0) return;
		const queue = this.#fdQueue;
		if (count > queue.length) {
			throw new RpcError(
				"ERR_RPC_PROTOCOL",
				`frame ${this.#sequence} announces ${count} descriptors, ${queue.length} arrived`,
			);
		}
		if (count < queue.length) this.#fds = new FdSet(queue.splice(0, count));
		else {
			this.#fds = new FdSet(queue);
			this.#fdQueue = [];
		}
	}

	/** Owns the descriptors of the last `recvmsg`, before anything that can fail. */
	#queueFds(): void {
		const count = control[1] as number;
		for (let i = 0; i < count; i++) this.#fdQueue.push(control[2 + i] as number);
		if (((control[0] as number) & MSG_CTRUNC) !== 0) {
			throw new RpcError(
				"ERR_RPC_PROTOCOL",
				"descriptors were cut off (MSG_CTRUNC): this process has none left, or a security module refused them",
			);
		}
		if (this.#fdQueue.length > maxQueuedFds) {
			throw new RpcError(
				"ERR_RPC_LIMIT",
				`${this.#fdQueue.length} descriptors wait for their frames, ${maxQueuedFds} are allowed`,
			);
		}
		for (let i = this.#fdQueue.length - count; i < this.#fdQueue.length; i++) {
			const fd = this.#fdQueue[i] as number;
			if (fd < 3) this.#fdQueue[i] = raiseFd(fd);
		}
	}

	/** @returns Whether there is nothing to read only now. */
	#readNothing(result: number): boolean {
		if (result === -EAGAIN) return true;
		// The other side is gone and left something unread: also only an end.
		if (result === 0 || result === -ECONNRESET) {
			const isWhole =
				this.#start === this.#end && !this.#hasHeader && this.#fdQueue.length === 0;
			if (isWhole) return false;
			throw new RpcError("ERR_RPC_CLOSED", "the connection ended in the middle of a frame");
		}
		const cause = new SysError("recvmsg", -result);
		throw new RpcError("ERR_RPC_CLOSED", `receiving failed: ${cause.code}`, { cause });
	}

	/** Makes sure that something can be read behind what is there. */
	#makeRoom(): void {
		const have = this.#end - this.#start;
		if (have === 0) {
			// None yet, or after a body that needed more than the usual one.
			if (this.#bytes.byteLength !== receiveBytes) this.#moveTo(receiveBytes);
			return;
		}
		const need = headerBytes + (this.#hasHeader ? this.#header.bodyBytes : 0);
		if (need > this.#bytes.byteLength) this.#moveTo(need);
		else if (this.#start > 0) {
			this.#bytes.copyWithin(0, this.#start, this.#end);
			this.#start = 0;
			this.#end = have;
		}
	}

	#moveTo(sizeBytes: number): void {
		const block = takeBlock(sizeBytes);
		this.#bytes.copy(block.bytes, 0, this.#start, this.#end);
		this.#end -= this.#start;
		this.#start = 0;
		if (this.#block !== noBlock) returnBlock(this.#block);
		this.#block = block;
		this.#bytes = block.bytes;
	}
}

/** What a {@link StreamReader} needs of the kernel. */
export interface ReaderSystem {
	readonly recvmsg: typeof recvmsg;
}

// One call takes a frame of 64 KiB as a whole: 85 µs became 35 for its round trip with this instead of 64 KiB.
const receiveBytes = 256 * 1024;

const noBlock: Block = {
	bytes: Buffer.alloc(0),
	view: new DataView(new ArrayBuffer(0)),
	blob: undefined,
};

// From here on a blob is not copied out of the receive buffer if it can be helped. A smaller one would keep too much.
const copiedBytes = 16 * 1024;

/** `[msg_flags, descriptor count, descriptor...]` of the last `recvmsg`. */
const control = new Int32Array(255);
