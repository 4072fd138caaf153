import { isUtf8 } from "node:buffer";
import { maxLogLineBytes } from "./limits.ts";

/**
 * Makes lines of what a program writes, in whatever pieces it comes. Nothing is lost: bytes that are not UTF-8 become
 * `\xNN`, a line that is too long becomes several, and what comes without a newline at the end is a line too.
 */
export class LogLines {
	readonly #emit: (line: string) => void;
	/** The line that has begun: #partial[..#length]. */
	#partial: Buffer = noBytes;
	#length = 0;

	constructor(emit: (line: string) => void) {
		this.#emit = emit;
	}

	/** Takes the next bytes; the buffer may be used again afterwards. */
	push(bytes: Uint8Array): void {
		let from = 0;
		for (;;) {
			const newline = bytes.indexOf(0x0a, from);
			const to = newline < 0 ? bytes.byteLength : newline;
			this.#append(bytes, from, to);
			if (newline < 0) return;
			this.#flush(this.#length);
			from = newline + 1;
		}
	}

	/** Nothing more comes. */
	end(): void {
		if (this.#length > 0) this.#flush(this.#length);
	}

	#append(bytes: Uint8Array, start: number, end: number): void {
		let from = start;
		while (from < end) {
			if (this.#length === maxLogLineBytes) this.#flush(wholeCharacters(this.#partial));
			const count = Math.min(end - from, maxLogLineBytes - this.#length);
			this.#reserve(this.#length + count);
			this.#partial.set(bytes.subarray(from, from + count), this.#length);
			this.#length += count;
			from += count;
		}
	}

	/** Hands on the first `count` bytes of the line as one. */
	#flush(count: number): void {
		const line = readable(this.#partial.subarray(0, count));
		this.#partial.copyWithin(0, count, this.#length);
		this.#length -= count;
		this.#emit(line);
	}

	#reserve(size: number): void {
		if (size <= this.#partial.byteLength) return;
		const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(size, 2 * size), maxLogLineBytes));
		this.#partial.copy(larger, 0, 0, this.#length);
		this.#partial = larger;
	}
}

/** The text of UTF-8 bytes; others become `\xNN`. */
export function readable(bytes: Buffer): string {
	if (isUtf8(bytes)) return bytes.toString("utf8");
	let text = "";
	let from = 0;
	let at = 0;
	while (at < bytes.byteLength) {
		const size = characterSize(bytes, at);
		if (size > 0) {
			at += size;
			continue;
		}
		const hex = (bytes[at] as number).toString(16).padStart(2, "0");
		text += `${bytes.toString("utf8", from, at)}\\x${hex}`;
		at += 1;
		from = at;
	}
	return text + bytes.toString("utf8", from);
}

/** Bytes of the UTF-8 character at `at`; 0 if there is none. */
function characterSize(bytes: Buffer, at: number): number {
	const size = announcedSize(bytes[at] as number);
	return size > 0 && isUtf8(bytes.subarray(at, at + size)) ? size : 0;
}

function announcedSize(first: number): number {
	if (first < 0x80) return 1;
	if (first < 0xc2) return 0;
	if (first < 0xe0) return 2;
	if (first < 0xf0) return 3;
	return first < 0xf5 ? 4 : 0;
}

/** How much of `bytes` to take so as not to cut a character in two. */
function wholeCharacters(bytes: Buffer): number {
	for (let back = 1; back < 4; back++) {
		const size = announcedSize(bytes[bytes.byteLength - back] as number);
		if (size > back) return bytes.byteLength - back;
		if (size > 0) break;
	}
	return bytes.byteLength;
}

const noBytes = Buffer.alloc(0);
