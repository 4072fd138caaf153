import { isUtf8 } from "node:buffer";
import { RpcError } from "./error.ts";
import { maxNesting, maxValues } from "./limits.ts";

/**
 * Checks that `bytes[start..end]` is exactly one msgpack value of the kind that travels here, before anything is decoded.
 *
 * Refused: more than 64 arrays and maps inside each other, more than 65,536 values, extension types and the unused byte
 * 0xc1, truncation and trailing bytes, invalid UTF-8, strings that begin with U+FEFF (decoders differ in whether they
 * drop it), map keys that are not strings and the key `__proto__`. The library would accept or silently change them.
 *
 * Source: https://github.com/msgpack/msgpack/blob/master/spec.md
 *
 * @throws {@link RpcError} `ERR_RPC_LIMIT`, `ERR_RPC_PROTOCOL`; the message says at which byte of the body.
 */
export function scanMsgpack(bytes: Uint8Array, start: number, end: number): void {
	let at = start;
	let depth = 0;
	let values = 0;
	// Values that are still to come in the innermost array or map; of a map, each key and each value is one.
	let left = 1;
	let inMap = false;

	for (;;) {
		while (left === 0) {
			if (depth === 0) {
				if (at !== end) fail("bytes after the value", at - start);
				return;
			}
			depth--;
			left = lefts[depth] as number;
			inMap = inMaps[depth] === 1;
		}
		left--;
		if (++values > maxValues) {
			throw new RpcError("ERR_RPC_LIMIT", `body: more than ${maxValues} values`);
		}
		if (at >= end) fail("ends in the middle of a value", at - start);
		const token = bytes[at++] as number;
		// An odd number left of a map after this one: this is a key.
		const isKey = inMap && (left & 1) === 1;

		let length = -1; // of a string
		let count = -1; // of an array's or a map's values
		let isMap = false;
		if (token < 0x80 || token >= 0xe0) {
			// A small integer is its own byte.
		} else if (token >= 0xa0 && token < 0xc0) {
			length = token & 0x1f;
		} else if (token < 0x90) {
			count = (token & 0x0f) * 2;
			isMap = true;
		} else if (token < 0xa0) {
			count = token & 0x0f;
		} else {
			// The bytes that follow the token: a scalar, or a length.
			const size = sizes[token - 0xc0] as number;
			if (size < 0) fail(`type 0x${token.toString(16)} does not travel`, at - 1 - start);
			if (end - at < size) fail("ends in the middle of a value", at - start);
			let number = 0;
			if (token <= 0xc6 ? token >= 0xc4 : token >= 0xd9) {
				for (let i = 0; i < size; i++) number = number * 256 + (bytes[at + i] as number);
			}
			at += size;
			if (token <= 0xc3 || (token >= 0xca && token <= 0xd3)) {
				// A scalar.
			} else if (token <= 0xc6) {
				if (number > end - at) fail("ends in the middle of a value", at - start);
				at += number;
			} else if (token <= 0xdb) {
				length = number;
			} else {
				isMap = token >= 0xde;
				count = isMap ? number * 2 : number;
			}
		}

		if (length >= 0) {
			if (length > end - at) fail("ends in the middle of a value", at - start);
			if (length > 0) checkString(bytes, at, at + length, isKey, start);
			at += length;
		} else if (isKey) {
			fail("a map key that is not a string", at - 1 - start);
		} else if (count >= 0) {
			// Each value is a byte at least. This refuses early what the count of values would refuse later.
			if (count > end - at) fail("ends in the middle of a value", at - start);
			if (depth === maxNesting) {
				throw new RpcError("ERR_RPC_LIMIT", `body: nested more than ${maxNesting} deep`);
			}
			lefts[depth] = left;
			inMaps[depth] = inMap ? 1 : 0;
			depth++;
			left = count;
			inMap = isMap;
		}
	}
}

function checkString(
	bytes: Uint8Array,
	from: number,
	to: number,
	isKey: boolean,
	start: number,
): void {
	const first = bytes[from] as number;
	if (isKey && first === 0x5f && to - from === protoKey.length && isProtoKey(bytes, from)) {
		fail('the map key "__proto__"', from - start);
	}
	// The native check costs a view; it pays from about here.
	if (to - from <= 128) {
		let at = from;
		while (at < to && (bytes[at] as number) < 0x80) at++;
		if (at === to) return;
	}
	const isBom = first === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf;
	if (isBom && to - from >= 3) fail("a string that begins with U+FEFF", from - start);
	if (!isUtf8(bytes.subarray(from, to))) fail("a string that is not UTF-8", from - start);
}

function isProtoKey(bytes: Uint8Array, from: number): boolean {
	for (let i = 0; i < protoKey.length; i++) {
		if (bytes[from + i] !== protoKey.charCodeAt(i)) return false;
	}
	return true;
}

function fail(what: string, offset: number): never {
	throw new RpcError("ERR_RPC_PROTOCOL", `body: ${what} (byte ${offset})`);
}

const protoKey = "__proto__";

// What a scan remembers of the arrays and maps around the innermost one. Scans never interleave.
const lefts = new Float64Array(maxNesting);
const inMaps = new Uint8Array(maxNesting);

// For the types 0xc0 to 0xdf: bytes after the token, not counting contents; -1 for what does not travel.
const sizes: readonly number[] = [
	0,
	-1,
	0,
	0, // nil, unused, false, true
	1,
	2,
	4, // bin 8, 16, 32
	-1,
	-1,
	-1, // ext 8, 16, 32
	4,
	8, // float 32, 64
	1,
	2,
	4,
	8, // uint 8, 16, 32, 64
	1,
	2,
	4,
	8, // int 8, 16, 32, 64
	-1,
	-1,
	-1,
	-1,
	-1, // fixext 1, 2, 4, 8, 16
	1,
	2,
	4, // str 8, 16, 32
	2,
	4, // array 16, 32
	2,
	4, // map 16, 32
];
