import { Buffer, isUtf8 } from "node:buffer";

/**
 * Turns a stream of bytes that ought to be UTF-8 into text, piece by piece.
 *
 * A character that is split between two pieces is kept for the second. A byte that is not UTF-8 becomes `\xNN`: nothing is
 * lost, and nothing is an error.
 */
export class Utf8Decoder {
	#rest: Uint8Array = new Uint8Array(0);

	/** The text of the bytes so far that are complete. */
	decode(bytes: Uint8Array): string {
		const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
		const complete = all.length - incompleteLength(all);
		// A copy: callers read the next piece into the same buffer.
		this.#rest = Uint8Array.from(all.subarray(complete));
		return decodeWhole(all.subarray(0, complete));
	}

	/** What is left at the end of the stream: part of a character, escaped. */
	end(): string {
		const rest = this.#rest;
		this.#rest = new Uint8Array(0);
		return decodeWhole(rest);
	}
}

/** Text of bytes that end here; what is not UTF-8 becomes `\xNN`. */
export function decodeWhole(bytes: Uint8Array): string {
	const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (isUtf8(buffer)) return buffer.toString("utf8");
	let text = "";
	let start = 0;
	for (let at = 0; at < buffer.length;) {
		const length = sequenceLength(buffer, at);
		if (length > 0) {
			at += length;
			continue;
		}
		text += buffer.toString("utf8", start, at);
		text += `\\x${buffer.toString("hex", at, at + 1)}`;
		start = ++at;
	}
	return text + buffer.toString("utf8", start);
}

/** Bytes of the valid character at `at`, or 0. */
function sequenceLength(buffer: Buffer, at: number): number {
	const length = expectedLength(buffer[at] as number);
	if (length === 1) return 1;
	return length > 0 && at + length <= buffer.length && isUtf8(buffer.subarray(at, at + length))
		? length
		: 0;
}

/** Bytes of a character by its first byte; 0 for a byte that begins none. Source: RFC 3629. */
function expectedLength(first: number): number {
	if (first < 0x80) return 1;
	if (first >= 0xc2 && first < 0xe0) return 2;
	if (first >= 0xe0 && first < 0xf0) return 3;
	if (first >= 0xf0 && first < 0xf5) return 4;
	return 0;
}

/** Bytes at the end that begin a character and may go on in the next piece. */
function incompleteLength(bytes: Uint8Array): number {
	for (let back = 1; back <= 3 && back <= bytes.length; back++) {
		const byte = bytes[bytes.length - back] as number;
		if ((byte & 0xc0) === 0x80) continue;
		return expectedLength(byte) > back ? back : 0;
	}
	return 0;
}
