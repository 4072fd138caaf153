import { RpcError } from "./error.ts";
import { maxBodyBytes, maxNesting, maxValues } from "./limits.ts";

/**
 * Encodes a value behind `reserved` bytes of {@link encodeBuffer}, in the shortest form, and returns where it ends.
 *
 * What travels is null, booleans, numbers, bigints of 64 bits, strings without lone surrogates, arrays, plain objects and
 * `Uint8Array`s. Members that are undefined do not. Everything else is refused, because the other side would have to
 * refuse it or would see something else.
 *
 * Source: https://github.com/msgpack/msgpack/blob/master/spec.md
 *
 * @throws TypeError naming the member that cannot travel.
 * @throws {@link RpcError} `ERR_RPC_LIMIT`: deeper than 64, more than 65,536 values, more than 1 MiB.
 */
export function encodeMsgpack(value: unknown, reserved: number): number {
	at = reserved;
	left = maxValues;
	if (!write(value, 0)) throw refusal(value, "", 0);
	if (at - reserved > maxBodyBytes) throw tooLarge();
	return at;
}

/** What {@link encodeMsgpack} writes to: the same memory again and again, until a message needs more. */
export function encodeBuffer(): EncodeBuffer {
	return target;
}

/** Memory and a view of all of it. */
export interface EncodeBuffer {
	readonly bytes: Buffer;
	readonly view: DataView;
}

// What is being encoded. Only getters of the value could run meanwhile, and those of plain data do not encode.
let target: EncodeBuffer = allocate(8192);
let bytes: WritableBuffer = target.bytes as WritableBuffer;
let at = 0;
/** Values that the body may still have. */
let left = 0;

/** Returns false for what cannot travel. */
function write(value: unknown, depth: number): boolean {
	if (--left < 0) throw tooManyValues();
	if (at + 16 > bytes.byteLength) grow(16);
	switch (typeof value) {
		case "string":
			return writeString(value);
		case "number":
			writeNumber(value);
			return true;
		case "boolean":
			bytes[at++] = value ? 0xc3 : 0xc2;
			return true;
		case "undefined":
			bytes[at++] = 0xc0;
			return true;
		case "bigint":
			return writeBigint(value);
		case "object":
			break;
		default:
			return false;
	}
	if (value === null) {
		bytes[at++] = 0xc0;
		return true;
	}
	if (Array.isArray(value)) return writeArray(value, depth);
	const prototype: unknown = Object.getPrototypeOf(value);
	if (prototype === Object.prototype || prototype === null) {
		return writeMap(value as Record<string, unknown>, depth);
	}
	return value instanceof Uint8Array && writeBinary(value);
}

function writeArray(array: readonly unknown[], depth: number): boolean {
	if (depth === maxNesting) throw tooDeep();
	const { length } = array;
	if (length < 16) bytes[at++] = 0x90 | length;
	else writeHead(length, -1, 0xdc, 0xdd);
	for (let i = 0; i < length; i++) if (!write(array[i], depth + 1)) return false;
	return true;
}

function writeMap(map: Record<string, unknown>, depth: number): boolean {
	if (depth === maxNesting) throw tooDeep();
	const keys = Object.keys(map);
	let count = keys.length;
	for (let i = 0; i < keys.length; i++) if (map[keys[i] as string] === undefined) count--;
	if (count < 16) bytes[at++] = 0x80 | count;
	else writeHead(count, -1, 0xde, 0xdf);
	for (let i = 0; i < keys.length; i++) {
		const key = keys[i] as string;
		const member = map[key];
		if (member === undefined) continue;
		left--;
		if (key === "__proto__" || !writeString(key) || !write(member, depth + 1)) return false;
	}
	return true;
}

function writeString(text: string): boolean {
	const { length } = text;
	if (at + 5 + 3 * length > bytes.byteLength) grow(5 + 3 * length);
	if (length < 32) {
		// Short ones are mostly ASCII, whose bytes are as many as their characters.
		const begin = at;
		bytes[at++] = 0xa0 | length;
		let i = 0;
		for (; i < length; i++) {
			const unit = text.charCodeAt(i);
			if (unit >= 0x80) break;
			bytes[at++] = unit;
		}
		if (i === length) return true;
		at = begin;
	}
	if (!text.isWellFormed()) return false;
	// The size of the head depends on that of the bytes. Up to three of them a character are possible, one is usual.
	const guessed = at + headBytes(length);
	const size = bytes.utf8Write(text, guessed, 3 * length);
	const begin = at + headBytes(size);
	if (begin !== guessed) bytes.copyWithin(begin, guessed, guessed + size);
	if (size < 32) bytes[at++] = 0xa0 | size;
	else writeHead(size, 0xd9, 0xda, 0xdb);
	at = begin + size;
	return true;
}

function headBytes(size: number): number {
	if (size < 0x20) return 1;
	if (size < 0x100) return 2;
	return size < 0x10000 ? 3 : 5;
}

function writeBinary(binary: Uint8Array): boolean {
	const { byteLength } = binary;
	if (at + 5 + byteLength > bytes.byteLength) grow(5 + byteLength);
	writeHead(byteLength, 0xc4, 0xc5, 0xc6);
	bytes.set(binary, at);
	at += byteLength;
	return true;
}

function writeNumber(number: number): void {
	if (number >>> 0 === number) {
		if (number < 0x80) bytes[at++] = number;
		else writeHead(number, 0xcc, 0xcd, 0xce);
	} else if (number >> 0 === number) {
		if (number >= -0x20) bytes[at++] = number & 0xff;
		else if (number >= -0x80) {
			bytes[at] = 0xd0;
			bytes[at + 1] = number & 0xff;
			at += 2;
		} else if (number >= -0x8000) {
			bytes[at] = 0xd1;
			target.view.setInt16(at + 1, number);
			at += 3;
		} else {
			bytes[at] = 0xd2;
			target.view.setInt32(at + 1, number);
			at += 5;
		}
	} else if (Number.isSafeInteger(number)) {
		// Other languages tell integers from floats.
		writeBigint(BigInt(number));
	} else {
		bytes[at] = 0xcb;
		target.view.setFloat64(at + 1, number);
		at += 9;
	}
}

function writeBigint(integer: bigint): boolean {
	if (integer >= 0n) {
		if (BigInt.asUintN(64, integer) !== integer) return false;
		bytes[at] = 0xcf;
		target.view.setBigUint64(at + 1, integer);
	} else {
		if (BigInt.asIntN(64, integer) !== integer) return false;
		bytes[at] = 0xd3;
		target.view.setBigInt64(at + 1, integer);
	}
	at += 9;
	return true;
}

/** A token with a size of 1 (if there is such a token), 2 or 4 bytes. */
function writeHead(size: number, token8: number, token16: number, token32: number): void {
	if (size < 0x100 && token8 >= 0) {
		bytes[at] = token8;
		bytes[at + 1] = size;
		at += 2;
	} else if (size < 0x10000) {
		bytes[at] = token16;
		bytes[at + 1] = size >>> 8;
		bytes[at + 2] = size & 0xff;
		at += 3;
	} else {
		bytes[at] = token32;
		target.view.setUint32(at + 1, size);
		at += 5;
	}
}

function grow(more: number): void {
	// Three bytes for each character of a string were asked for; one is the usual.
	if (at + more > 4 * maxBodyBytes) throw tooLarge();
	const larger = allocate(2 ** (32 - Math.clz32(at + more)));
	target.bytes.copy(larger.bytes, 0, 0, at);
	target = larger;
	bytes = larger.bytes as WritableBuffer;
}

function allocate(size: number): EncodeBuffer {
	const memory = Buffer.allocUnsafeSlow(size);
	return { bytes: memory, view: new DataView(memory.buffer, memory.byteOffset, size) };
}

/** What `Buffer.write` calls when it has found out that this is what was meant. */
interface WritableBuffer extends Buffer {
	utf8Write(text: string, offset: number, length: number): number;
}

/** Finds what {@link write} refused, to name it. */
function refusal(value: unknown, path: string, depth: number): Error {
	if (typeof value === "object" && value !== null) {
		const isArray = Array.isArray(value);
		const prototype: unknown = Object.getPrototypeOf(value);
		if (!isArray && prototype !== Object.prototype && prototype !== null) {
			return unsendable(`an object of class ${className(value)}`, path);
		}
		for (const [key, member] of Object.entries(value)) {
			const inside = isArray ? `${path}[${key}]` : `${path}.${key}`;
			if (member === undefined) continue;
			if (!key.isWellFormed() || key === "__proto__") {
				return unsendable("this key", inside.toWellFormed());
			}
			if (!travels(member, depth + 1)) return refusal(member, inside, depth + 1);
		}
	}
	if (typeof value === "bigint") return unsendable("an integer of more than 64 bits", path);
	if (typeof value === "string") return unsendable("a string with a lone surrogate", path);
	return unsendable(`a ${typeof value}`, path);
}

function travels(value: unknown, depth: number): boolean {
	at = 0;
	left = maxValues;
	return write(value, depth);
}

function unsendable(what: string, path: string): TypeError {
	return new TypeError(`${what} cannot be sent${path === "" ? "" : ` (at ${path})`}`);
}

function className(value: object): string {
	const name: unknown = (value.constructor as { name?: unknown } | undefined)?.name;
	return typeof name === "string" ? name : "?";
}

function tooLarge(): RpcError {
	return new RpcError("ERR_RPC_LIMIT", `value: more than ${maxBodyBytes} bytes of body`);
}

function tooManyValues(): RpcError {
	return new RpcError("ERR_RPC_LIMIT", `value: more than ${maxValues} parts`);
}

function tooDeep(): RpcError {
	return new RpcError("ERR_RPC_LIMIT", `value: nested more than ${maxNesting} deep`);
}
