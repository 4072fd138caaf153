/**
 * What goes over the control line. Numbers are little-endian.
 *
 * A message: `u32 payload bytes | u8 type | u8 detail | u16 command | payload`. PROTOCOL.md has all of them;
 * native/guest-init.c is the other side.
 */

/** The version that both sides have to speak; the guest says it first. */
export const protocolVersion = 1;

/** Bytes before a message's payload. */
export const headerBytes = 8;

/** A guest that announces more has lost its place: its messages have at most 32 KiB. */
export const maxPayloadBytes: number = 1 << 16;

/** What a command's input may be ahead of what the guest has taken; the size of its ring in shared memory. */
export const inputWindowBytes = 65_536;

/** Commands at once, and rings in shared memory. */
export const commandSlots = 64;

/** What is shared with the guest: the rings, then as much room for each command's start. */
export const sharedBytes: number = 2 * commandSlots * inputWindowBytes;

/** Arguments and environment together. */
export const maxExecuteBytes: number = 4 << 20;

/** From host to guest. */
export const toGuest = {
	configure: 1,
	execute: 2,
	input: 3,
	inputEnd: 4,
	grant: 5,
	signal: 6,
	resize: 7,
	powerOff: 8,
	ping: 9,
	executeShared: 10,
} as const;

/** From guest to host. */
export const toHost = {
	hello: 65,
	ready: 66,
	failed: 67,
	started: 68,
	output: 69,
	outputEnd: 70,
	inputTaken: 71,
	inputClosed: 72,
	exited: 73,
	off: 74,
	pong: 75,
	lineTaken: 76,
} as const;

/** A message. */
export interface Message {
	readonly type: number;
	/** What it means depends on the type. */
	readonly detail: number;
	/** The command's number; 0 when it is about none. */
	readonly command: number;
	readonly payload: Buffer;
}

/** The bytes of a message. */
export function encodeMessage(
	type: number,
	{ command = 0, payload = new Uint8Array() }: { command?: number; payload?: Uint8Array } = {},
): Buffer {
	const bytes = Buffer.allocUnsafe(headerBytes + payload.length);
	bytes.writeUInt32LE(payload.length, 0);
	bytes[4] = type;
	bytes[5] = 0;
	bytes.writeUInt16LE(command, 6);
	bytes.set(payload, headerBytes);
	return bytes;
}

/** A payload of one or more 32-bit numbers. */
export function numbers(...values: number[]): Buffer {
	const bytes = Buffer.allocUnsafe(values.length * 4);
	for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4);
	return bytes;
}

/** A payload of strings, each with a NUL at its end. */
export function strings(values: readonly string[]): Buffer {
	const wrong = values.find((value) => value.includes("\0"));
	if (wrong !== undefined) {
		throw new TypeError(`a string with a NUL cannot reach the guest: ${JSON.stringify(wrong)}`);
	}
	return Buffer.from(values.map((value) => `${value}\0`).join(""));
}

/** Cuts a stream of bytes into messages. */
export class MessageReader {
	#rest: Buffer = Buffer.alloc(0);

	/**
	 * The messages that end in `bytes`. Payloads are views; whoever keeps one keeps the bytes.
	 *
	 * @returns Undefined when the bytes cannot be messages.
	 */
	take(bytes: Buffer): Message[] | undefined {
		const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
		const messages: Message[] = [];
		let at = 0;
		while (all.length - at >= headerBytes) {
			const size = all.readUInt32LE(at);
			if (size > maxPayloadBytes) return undefined;
			const end = at + headerBytes + size;
			if (end > all.length) break;
			messages.push({
				type: all[at + 4] as number,
				detail: all[at + 5] as number,
				command: all.readUInt16LE(at + 6),
				payload: all.subarray(at + headerBytes, end),
			});
			at = end;
		}
		this.#rest = all.subarray(at);
		return messages;
	}
}
