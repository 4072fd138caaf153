import fc from "fast-check";
import { Packr } from "msgpackr/pack";
import { describe, test } from "vitest";
import { headerBytes } from "../src/frame.ts";
import { ERROR, type OutgoingMessage, RESULT } from "../src/message.ts";
import { decodeMsgpack } from "../src/msgpack-decode.ts";
import { encodeFrame } from "../src/msgpack-dialect.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

function decodeBody(bytes: Buffer, start: number, end: number): unknown {
	return decodeMsgpack(bytes, new DataView(bytes.buffer, bytes.byteOffset), start, end);
}

function body(value: unknown): Buffer {
	const { bytes, start, end } = encodeFrame({ type: RESULT, value }, 0);
	return Buffer.from(bytes.subarray(start + headerBytes, end));
}

const roundTrip = (value: unknown): unknown => {
	const bytes = body(value);
	return decodeBody(bytes, 0, bytes.byteLength);
};

/** What travels: no lone surrogates, no `__proto__`, no -0. */
const text = fc.string({ unit: "grapheme", maxLength: 200 });
const plain = fc.letrec((tie) => ({
	value: fc.oneof(
		{ maxDepth: 6 },
		fc.constant(null),
		fc.boolean(),
		fc.integer(),
		fc.maxSafeInteger(),
		fc.double().map((number) => (Object.is(number, -0) ? 0 : number)),
		fc.bigInt({ min: 2n ** 53n + 1n, max: 2n ** 64n - 1n }),
		fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) - 1n }),
		text,
		fc.uint8Array({ maxLength: 300 }),
		fc.array(tie("value")),
		fc.dictionary(
			text.filter((key) => key !== "__proto__"),
			tie("value"),
			{ noNullPrototype: true },
		),
	),
})).value;

describe("bodies", () => {
	test("arrive as they were", ({ expect }) => {
		fc.assert(
			fc.property(plain, (value) => {
				expect(roundTrip(value)).toEqual(value);
			}),
			{ numRuns: 500 },
		);
	});

	test.for([
		["null", null],
		["an empty map and array", { a: {}, b: [] }],
		["integers at the edges of their sizes", [127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1]],
		["negative integers", [-1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31)]],
		["integers of more than 32 bits", [2 ** 32, -(2 ** 31) - 1, Number.MAX_SAFE_INTEGER]],
		["floats", [0.1, -1.5, 1e300, Infinity, -Infinity, NaN]],
		["64-bit integers", [2n ** 64n - 1n, -(2n ** 63n)]],
		["strings of every header size", ["", "a".repeat(31), "a".repeat(32), "é".repeat(70_000)]],
		["what is not ASCII", "grün – 盤 – 💽 – \u0000\u007f"],
		["binary of every header size", [0, 255, 256, 65_536].map((size) => new Uint8Array(size))],
		[
			"a byte order mark, U+FFFD and the like",
			["\ufeffx", "\ufeff".repeat(100), "\ufffd", "\u0000"],
		],
		["keys that objects have anyway", { constructor: 1, toString: 2, hasOwnProperty: 3 }],
		["an object of 70,000 bytes with 20,000 members", manyMembers(20_000)],
	] as const)("%s", ([, value], { expect }) => {
		expect(roundTrip(value)).toEqual(value);
	});

	test("do not carry members that are undefined", ({ expect }) => {
		expect(roundTrip({ a: 1, b: undefined })).toStrictEqual({ a: 1 });
		expect(roundTrip([undefined])).toStrictEqual([null]);
	});

	test("hold binary that is a copy", ({ expect }) => {
		const bytes = body([new Uint8Array([1, 2, 3])]);

		const [binary] = decodeBody(bytes, 0, bytes.byteLength) as [Uint8Array];
		bytes.fill(0);

		expect([...binary]).toEqual([1, 2, 3]);
	});

	test("are encoded as every msgpack library does", ({ expect }) => {
		expect(body({ a: 1, b: [true, null, -5], c: "é" })).toEqual(
			hex("83 a161 01 a162 93 c3 c0 fb a163 a2c3a9"),
		);
	});
});

describe("values that would not arrive as they are", () => {
	class Point {
		x = 1;
	}
	const cycle: unknown[] = [];
	cycle.push(cycle);

	test.for([
		["a date", { when: new Date(0) }, "an object of class Date cannot be sent (at .when)"],
		["a set", [new Set([1])], "an object of class Set cannot be sent (at [0])"],
		["a map", new Map(), "an object of class Map cannot be sent"],
		["an error", { a: [new Error("x")] }, "an object of class Error cannot be sent (at .a[0])"],
		["an object of a class", new Point(), "an object of class Point cannot be sent"],
		["floats in an array of their own", new Float64Array(1), /class Float64Array/],
		["a view", new DataView(new ArrayBuffer(1)), /class DataView/],
		["a function", { f: () => {} }, "a function cannot be sent (at .f)"],
		["a symbol", [Symbol("s")], "a symbol cannot be sent (at [0])"],
		[
			"more than 64 bits",
			[2n ** 64n],
			"an integer of more than 64 bits cannot be sent (at [0])",
		],
		[
			"half a character",
			{ name: "\ud800" },
			"a string with a lone surrogate cannot be sent (at .name)",
		],
		["half a character, in a long string", "\udc00".padEnd(100), /lone surrogate/],
		["half a character, in a key", { "\ud800": 1 }, "this key cannot be sent (at .\ufffd)"],
		[
			"the key that is none",
			JSON.parse('{"__proto__": 1}'),
			"this key cannot be sent (at .__proto__)",
		],
	] as const)("%s", ([, value, message], { expect }) => {
		expect(() => body(value)).toThrow(TypeError);
		expect(() => body(value)).toThrow(message);
	});

	test("a cycle", ({ expect }) => {
		expect(() => body(cycle)).toThrow(expect.objectContaining({ code: "ERR_RPC_LIMIT" }));
	});

	test("blobs and descriptors where there are none", ({ expect }) => {
		const wrong: OutgoingMessage = { type: ERROR, blob: new Uint8Array() };

		expect(() => encodeFrame(wrong, 0)).toThrow(TypeError);
		expect(() => encodeFrame({ type: ERROR, fds: [0] }, 0)).toThrow(TypeError);
	});
});

describe("a body that is no msgpack of ours is refused:", () => {
	const nested = (depth: number, byte: string): string => byte.repeat(depth) + "c0";

	test.for([
		["nothing", "", "ends in the middle"],
		["an extension of 1 byte", "d4 01 00", "type 0xd4"],
		["an extension of 16 bytes", "d8 01 00000000000000000000000000000000", "type 0xd8"],
		["an extension with a length", "c7 01 01 00", "type 0xc7"],
		["a timestamp", "d6 ff 00000000", "type 0xd6"],
		["a record definition", "d4 72 40 91 a161 01", "type 0xd4"],
		["the byte that is never used", "c1", "type 0xc1"],
		["trailing bytes", "01 02", "bytes after the value (byte 1)"],
		["an integer cut off", "ce 000000", "ends in the middle"],
		["a string cut off", "a5 6162", "ends in the middle"],
		["a string length cut off", "d9", "ends in the middle"],
		["binary cut off", "c4 05 00", "ends in the middle"],
		["an array cut off", "93 01", "ends in the middle"],
		["an array of four thousand million", "dd ffffffff 00", "ends in the middle"],
		["a map of four thousand million", "df ffffffff 00", "ends in the middle"],
		["a string of four thousand million", "db ffffffff 00", "ends in the middle"],
		["binary of four thousand million", "c6 ffffffff 00", "ends in the middle"],
		["a key that is a number", "81 01 02", "a map key that is not a string (byte 1)"],
		["a key that is null", "81 c0 02", "a map key"],
		["a key that is an array", "81 90 02", "a map key"],
		["a key that is binary", "81 c400 02", "a map key"],
		["the key __proto__", "81 a9 5f5f70726f746f5f5f 01", "__proto__"],
		["the key __proto__ with a long header", "81 d909 5f5f70726f746f5f5f 01", "__proto__"],
		["UTF-8 that is none", "a2 c328", "not UTF-8 (byte 1)"],
		["UTF-8 cut off", "a1 c3", "not UTF-8"],
		["a surrogate in UTF-8", "a3 eda080", "not UTF-8"],
		["an overlong slash", "a2 c0af", "not UTF-8"],
		["a long string with one wrong byte", `d9 64 ${"61".repeat(99)}ff`, "not UTF-8"],
		["65 arrays in each other", nested(65, "91"), "nested more than 64 deep"],
		["65 maps in each other", nested(65, "81a0"), "nested more than 64 deep"],
	] as const)("%s", ([, text, message], { expect }) => {
		const bytes = hex(text);

		expect(() => decodeBody(bytes, 0, bytes.byteLength)).toThrow(message);
	});

	test("but 64 in each other are read", ({ expect }) => {
		const bytes = hex(nested(64, "91"));

		expect(() => decodeBody(bytes, 0, bytes.byteLength)).not.toThrow();
	});

	test("and nothing in front of it or behind it is looked at", ({ expect }) => {
		const bytes = hex("c1 92 01 02 c1");

		expect(decodeBody(bytes, 1, 4)).toEqual([1, 2]);
	});

	test("whatever the bytes are, with an error of ours, if it is refused", ({ expect }) => {
		fc.assert(
			fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (array) => {
				const bytes = Buffer.from(array);
				let error: unknown;
				try {
					decodeBody(bytes, 0, bytes.byteLength);
				} catch (thrown) {
					error = thrown;
				}
				expect(error === undefined || (error as Error).name === "RpcError").toBe(true);
			}),
			{ numRuns: 5000 },
		);
	});

	test("a megabyte of empty maps costs no memory", ({ expect }) => {
		const bytes = Buffer.alloc(2 ** 20, 0x80);
		bytes.set(hex("dd 000ffffb"));
		const before = process.memoryUsage().heapUsed;

		expect(() => decodeBody(bytes, 0, bytes.byteLength)).toThrow("more than 65536 values");

		expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 ** 20);
	});
});

describe("another implementation", () => {
	// The reference: msgpackr without its own extensions.
	const msgpackr = new Packr({ useRecords: false, structuredClone: false, moreTypes: false });

	test("understands what we encode", ({ expect }) => {
		fc.assert(
			fc.property(plain, (value) => {
				expect(withoutBuffers(msgpackr.unpack(body(value)))).toEqual(withoutBigints(value));
			}),
		);
	});

	test("is understood", ({ expect }) => {
		fc.assert(
			fc.property(plain, (value) => {
				const bytes = Buffer.from(msgpackr.pack(value));
				expect(decodeBody(bytes, 0, bytes.byteLength)).toEqual(value);
			}),
		);
	});

	test("sees integers as integers, floats as floats, and the shortest form of each", ({
		expect,
	}) => {
		const hexOf = (value: unknown): string => body(value).toString("hex");

		expect([2 ** 32, -(2 ** 31) - 1, 1.5, 2 ** 53].map(hexOf)).toEqual([
			"cf0000000100000000",
			"d3ffffffff7fffffff",
			"cb3ff8000000000000",
			"cb4340000000000000",
		]);
		expect([127, 128, 256, 65_536, -32, -33, -129, -32_769].map(hexOf)).toEqual([
			"7f",
			"cc80",
			"cd0100",
			"ce00010000",
			"e0",
			"d0df",
			"d1ff7f",
			"d2ffff7fff",
		]);
	});
});

describe("the buffer that is encoded into", () => {
	test("does not grow with what is refused for its size", ({ expect }) => {
		for (const value of ["x".repeat(20 * 2 ** 20), new Uint8Array(5 * 2 ** 20)]) {
			expect(() => body(value)).toThrow("more than 1048576 bytes of body");
		}

		const { bytes } = encodeFrame({ type: RESULT, value: "small" }, 0);
		expect(bytes.byteLength).toBeLessThanOrEqual(8 * 2 ** 20);
	});
});

/** A `Buffer` is a `Uint8Array`, but `toEqual` does not think so. */
function withoutBuffers(value: unknown): unknown {
	if (typeof value === "bigint") return Number(value);
	if (typeof value !== "object" || value === null) return value;
	if (value instanceof Uint8Array) return new Uint8Array(value);
	if (Array.isArray(value)) return value.map(withoutBuffers);
	return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withoutBuffers(v)]));
}

/** Integers of 64 bits are bigints to the reference, however small they are. */
const withoutBigints = withoutBuffers;

function manyMembers(count: number): Record<string, number> {
	return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i & 0x7f]));
}
