import { isUtf8 } from "node:buffer";
import { RpcError } from "./error.ts";
import { maxNesting, maxValues } from "./limits.ts";

/**
 * Decodes `bytes[start..end]`, which has to be exactly one msgpack value of the kind that travels here. Nothing in the
 * result refers to `bytes`.
 *
 * Refused: more than 64 arrays and maps inside each other, more than 65,536 values, extension types and the unused byte
 * 0xc1, truncation and trailing bytes, invalid UTF-8, map keys that are not strings, and the key `__proto__`.
 *
 * msgpackr's decoder accepts its own extensions whatever its options are, turns invalid UTF-8 into U+FFFD, drops U+FEFF at
 * the beginning of long strings, renames `__proto__` and has no limits. Checking all that before it decodes, and then
 * decoding, takes twice as long as doing both at once.
 *
 * Source: https://github.com/msgpack/msgpack/blob/master/spec.md
 *
 * @param view - Of all of `bytes`.
 * @throws {@link RpcError} `ERR_RPC_LIMIT`, `ERR_RPC_PROTOCOL`; the message says at which byte of the body.
 */
export function decodeMsgpack(bytes: Buffer, view: DataView, start: number, end: number): unknown {
	source = bytes as SliceableBuffer;
	sourceView = view;
	from = start;
	at = start;
	to = end;
	left = maxValues;
	const value = readValue(0);
	if (at !== to) fail("bytes after the value", at);
	return value;
}

// What is being decoded. Nothing else runs meanwhile, so that one set of variables does.
let source: SliceableBuffer;
let sourceView: DataView;
let from = 0;
let at = 0;
let to = 0;
/** Values that the body may still have. */
let left = 0;

function readValue(depth: number): unknown {
	if (--left < 0) throw tooManyValues();
	if (at >= to) fail("ends in the middle of a value", at);
	const token = source[at++] as number;
	if (token < 0x80) return token;
	if (token < 0x90) return readMap(token & 0x0f, depth);
	if (token < 0xa0) return readArray(token & 0x0f, depth);
	if (token < 0xc0) return readString(token & 0x1f);
	if (token >= 0xe0) return token - 0x100;
	switch (token) {
		case 0xc0:
			return null;
		case 0xc2:
			return false;
		case 0xc3:
			return true;
		case 0xc4:
			return readBinary(readUint8());
		case 0xc5:
			return readBinary(readUint16());
		case 0xc6:
			return readBinary(readUint32());
		case 0xca:
			return sourceView.getFloat32(take(4));
		case 0xcb:
			return sourceView.getFloat64(take(8));
		case 0xcc:
			return readUint8();
		case 0xcd:
			return readUint16();
		case 0xce:
			return readUint32();
		case 0xcf:
			return numberOf(sourceView.getBigUint64(take(8)));
		case 0xd0:
			return sourceView.getInt8(take(1));
		case 0xd1:
			return sourceView.getInt16(take(2));
		case 0xd2:
			return sourceView.getInt32(take(4));
		case 0xd3:
			return numberOf(sourceView.getBigInt64(take(8)));
		case 0xd9:
			return readString(readUint8());
		case 0xda:
			return readString(readUint16());
		case 0xdb:
			return readString(readUint32());
		case 0xdc:
			return readArray(readUint16(), depth);
		case 0xdd:
			return readArray(readUint32(), depth);
		case 0xde:
			return readMap(readUint16(), depth);
		case 0xdf:
			return readMap(readUint32(), depth);
		default:
			return fail(`type 0x${token.toString(16)} does not travel`, at - 1);
	}
}

function readArray(count: number, depth: number): unknown[] {
	enter(count, depth);
	// The body of each call and signal: what is pushed to an empty array gets room for 17.
	if (count === 2) return [readValue(depth + 1), readValue(depth + 1)];
	const array: unknown[] = [];
	for (let i = 0; i < count; i++) array.push(readValue(depth + 1));
	return array;
}

function readMap(count: number, depth: number): Record<string, unknown> {
	enter(2 * count, depth);
	const map: Record<string, unknown> = {};
	for (let i = 0; i < count; i++) {
		const key = readKey();
		map[key] = readValue(depth + 1);
	}
	return map;
}

function readKey(): string {
	left--;
	if (at >= to) fail("ends in the middle of a value", at);
	const begin = at;
	const token = source[at++] as number;
	let key: string;
	if (token >= 0xa0 && token < 0xc0) key = readString(token & 0x1f);
	else if (token === 0xd9) key = readString(readUint8());
	else if (token === 0xda) key = readString(readUint16());
	else if (token === 0xdb) key = readString(readUint32());
	else return fail("a map key that is not a string", begin);
	if (key === "__proto__") fail('the map key "__proto__"', begin);
	return key;
}

/** Refuses before anything is allocated what cannot be there: each value is a byte at least. */
function enter(count: number, depth: number): void {
	if (depth === maxNesting) {
		throw new RpcError("ERR_RPC_LIMIT", `body: nested more than ${maxNesting} deep`);
	}
	if (count > to - at) fail("ends in the middle of a value", at);
	if (count > left) throw tooManyValues();
}

function readString(length: number): string {
	const begin = take(length);
	if (length <= longestKnown) {
		let hash = length;
		let i = begin;
		for (; i < at; i++) {
			const byte = source[i] as number;
			if (byte >= 0x80) break;
			hash = (Math.imul(hash, 31) + byte) | 0;
		}
		if (i === at) return knownString(begin, length, hash & (known.length - 1));
	}
	const text = source.utf8Slice(begin, at);
	// One-byte strings are not even looked at for it.
	if (text.includes("\ufffd") && !isUtf8(source.subarray(begin, at))) {
		fail("a string that is not UTF-8", begin);
	}
	return text;
}

/**
 * Method names, keys and short values come again and again. Taking the string that was made the last time saves making it
 * and, for keys, finding the one that V8 knows objects' shapes by.
 */
function knownString(begin: number, length: number, slot: number): string {
	const last = known[slot] as string;
	if (last.length === length) {
		let i = 0;
		while (i < length && last.charCodeAt(i) === source[begin + i]) i++;
		if (i === length) return last;
	}
	const text = source.latin1Slice(begin, begin + length);
	known[slot] = text;
	return text;
}

function readBinary(length: number): Uint8Array {
	const begin = take(length);
	const binary = new Uint8Array(length);
	binary.set(source.subarray(begin, at));
	return binary;
}

function readUint8(): number {
	return source[take(1)] as number;
}

function readUint16(): number {
	return sourceView.getUint16(take(2));
}

function readUint32(): number {
	return sourceView.getUint32(take(4));
}

/** Where the next `count` bytes begin. */
function take(count: number): number {
	const begin = at;
	if (count > to - begin) fail("ends in the middle of a value", begin);
	at = begin + count;
	return begin;
}

/** A number if it is exact as one. */
function numberOf(integer: bigint): number | bigint {
	const number = Number(integer);
	return Number.isSafeInteger(number) ? number : integer;
}

function tooManyValues(): RpcError {
	return new RpcError("ERR_RPC_LIMIT", `body: more than ${maxValues} values`);
}

function fail(what: string, position: number): never {
	throw new RpcError("ERR_RPC_PROTOCOL", `body: ${what} (byte ${position - from})`);
}

/** What `Buffer.toString` calls when it has found out that this is what was meant. */
interface SliceableBuffer extends Buffer {
	utf8Slice(start: number, end: number): string;
	latin1Slice(start: number, end: number): string;
}

/** What msgpack, too, takes for short: those whose head is one byte. */
const longestKnown = 31;
const known: string[] = Array.from({ length: 256 }, () => "");
