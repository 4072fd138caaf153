import { writeSync } from "node:fs";
import { Socket } from "node:net";
import type { Fd } from "@devhost/linux";
import {
	commandSlots,
	encodeMessage,
	inputWindowBytes,
	type Message,
	MessageReader,
	toGuest,
	toHost,
	numbers,
} from "./message.ts";

/**
 * Bytes that may be on the way to the guest unreported: a serial line of User Mode Linux never hears again once 4096 bytes
 * wait in it (seen with 6.1).
 */
const lineWindowBytes = 2048;

/** Who hears what comes over the line. */
export interface LineListener {
	onMessage(message: Message): void;
	/** The other end is gone, or sent what is no message. Comes once, last. */
	onEnd(reason: "end" | "garbage"): void;
}

/**
 * Messages to and from the program that is pid 1 in a guest. It takes all that comes at once; what a command may send is
 * limited by what it was granted.
 */
export class ControlLine implements Disposable {
	readonly #socket: Socket;
	readonly #listener: LineListener;
	readonly #memory: Fd;
	readonly #reader = new MessageReader();
	readonly #queue: Buffer[] = [];
	#unreportedBytes = 0;
	#isEnded = false;
	/** Whether the guest sees the memory that input goes through. The guest says so. */
	sharesMemory = false;

	/**
	 * @param socket - Becomes this object's.
	 * @param memory - The memory that the guest may see; becomes this object's.
	 */
	constructor(socket: Fd, memory: Fd, listener: LineListener) {
		this.#listener = listener;
		this.#memory = memory;
		this.#socket = new Socket({ fd: socket.take(), readable: true, writable: true });
		this.#socket.on("data", (bytes: Buffer) => this.#receive(bytes));
		// ECONNRESET and EPIPE are how the end looks when there was something left to read or write.
		this.#socket.on("error", () => this.#end("end"));
		this.#socket.on("close", () => this.#end("end"));
		this.#socket.on("end", () => this.#end("end"));
	}

	/** Sends a message, after all that were given before. Nothing happens once the line has ended. */
	send(type: number, about?: { command?: number; payload?: Uint8Array }): void {
		if (this.#isEnded) return;
		this.#queue.push(encodeMessage(type, about));
		this.#write();
	}

	/** Sends what starts a command. */
	sendExecute(command: number, slot: number, payload: Uint8Array): void {
		if (!this.sharesMemory || payload.length > inputWindowBytes) {
			this.send(toGuest.execute, { command, payload });
			return;
		}
		const start = (commandSlots + slot) * inputWindowBytes;
		writeSync(this.#memory.fd, payload, 0, payload.length, start);
		const about = Buffer.concat([Buffer.of(0, slot, 0, 0), numbers(payload.length)]);
		this.send(toGuest.executeShared, { command, payload: about });
	}

	/**
	 * Sends a piece of a command's standard input.
	 *
	 * @param bytes - No more than fits into the command's ring from `start` on.
	 */
	sendInput(command: number, slot: number, start: number, bytes: Uint8Array): void {
		if (!this.sharesMemory) {
			this.send(toGuest.input, { command, payload: bytes });
			return;
		}
		writeSync(this.#memory.fd, bytes, 0, bytes.length, slot * inputWindowBytes + start);
		this.send(toGuest.input, { command, payload: numbers(bytes.length) });
	}

	/** Closes this end: the guest powers off. Nothing is heard afterwards. */
	[Symbol.dispose](): void {
		this.#isEnded = true;
		this.#socket.destroy();
		this.#memory.close();
	}

	#write(): void {
		while (this.#unreportedBytes < lineWindowBytes) {
			const first = this.#queue[0];
			if (first === undefined) return;
			const piece = first.subarray(0, lineWindowBytes - this.#unreportedBytes);
			if (piece.length === first.length) this.#queue.shift();
			else this.#queue[0] = first.subarray(piece.length);
			this.#unreportedBytes += piece.length;
			this.#socket.write(piece);
		}
	}

	#receive(bytes: Buffer): void {
		if (this.#isEnded) return;
		const messages = this.#reader.take(bytes);
		if (messages === undefined) {
			this.#end("garbage");
			return;
		}
		for (const message of messages) {
			if (message.type === toHost.lineTaken) {
				this.#unreportedBytes -= message.payload.readUInt32LE(0);
				this.#write();
			} else if (!this.#isEnded) this.#listener.onMessage(message);
		}
	}

	#end(reason: "end" | "garbage"): void {
		if (this.#isEnded) return;
		this.#isEnded = true;
		this.#listener.onEnd(reason);
	}
}
