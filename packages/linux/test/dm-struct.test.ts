import { readFileSync } from "node:fs";
import { test } from "vitest";
import {
	decodeDependencies,
	decodeDevice,
	decodeNames,
	decodeStatus,
	decodeTable,
	decodeVersions,
	dmHeaderBytes,
	encodeDevice,
	encodeRequest,
	encodeTable,
} from "../src/dm-struct.ts";

// The bytes are written by hand after linux/dm-ioctl.h; that a kernel agrees is tested in a guest.

/** Bytes of a text of hexadecimal digits, in which spaces and comments do not count. */
function hex(text: string): Uint8Array {
	return new Uint8Array(Buffer.from(text.replaceAll(/#.*|\s/g, ""), "hex"));
}

/** A header as the kernel answers, and what follows it. */
function answer(data: Uint8Array, fields: Readonly<Record<number, number>> = {}): Uint8Array {
	const bytes = encodeRequest({}, data);
	const view = new DataView(bytes.buffer);
	view.setUint32(4, 47, true);
	for (const [offset, value] of Object.entries(fields))
		view.setUint32(Number(offset), value, true);
	return bytes;
}

test("a request is a struct dm_ioctl", ({ expect }) => {
	const request = encodeRequest(
		{
			name: "name",
			uuid: "uuid",
			node: { major: 254, minor: 3 },
			flags: 0x20001,
			targetCount: 2,
			eventNumber: 0xf0000,
		},
		hex("0102"),
	);

	expect(request).toHaveLength(314);
	expect(request.subarray(0, 60)).toEqual(
		hex(`
			04000000 00000000 00000000 # version
			3a010000 38010000          # data_size, data_start
			02000000 00000000 01000200 # target_count, open_count, flags
			00000f00 00000000          # event_nr, padding
			03fe0000 00000000          # dev
			6e616d65 00000000 00000000 # name
		`),
	);
	expect(request.subarray(176, 181)).toEqual(hex("75756964 00"));
	expect(request.subarray(312)).toEqual(hex("0102"));
});

test("there is room for an answer", ({ expect }) => {
	expect(encodeRequest({}, hex("01"), 1000)).toHaveLength(dmHeaderBytes + 1000);
	expect(encodeRequest({}, undefined, 0)).toHaveLength(dmHeaderBytes);
});

test.for([
	["name", { name: "é".repeat(64) }, RangeError],
	["uuid", { uuid: "x".repeat(129) }, RangeError],
	["name with a NUL", { name: "a\0b" }, TypeError],
] as const)("a %s that the kernel would cut is refused", ([, header, kind], { expect }) => {
	expect(() => encodeRequest(header)).toThrow(kind);
});

test("names and uuids may be as long as the kernel takes them", ({ expect }) => {
	const request = encodeRequest({ name: "n".repeat(127), uuid: "u".repeat(128) });

	expect(decodeStatus(request)).toMatchObject({ name: "n".repeat(127), uuid: "u".repeat(128) });
});

test("a table is a list of struct dm_target_spec", ({ expect }) => {
	const bytes = encodeTable([
		{ startSectors: 0, lengthSectors: 2048, type: "linear", parameters: "7:0 8" },
		{ startSectors: 2048, lengthSectors: 1, type: "zero", parameters: "" },
	]);

	expect(bytes).toEqual(
		hex(`
			0000000000000000 0008000000000000 # sector_start, length
			00000000 30000000                 # status, next: from this one to the next
			6c696e65617200000000000000000000  # target_type
			373a3020380000 00                 # the parameters, their end, up to a multiple of 8
			0008000000000000 0100000000000000
			00000000 30000000
			7a65726f000000000000000000000000
			0000000000000000
		`),
	);
});

test("a table that the kernel gives counts from its first target", ({ expect }) => {
	const data = hex(`
		0000000000000000 0008000000000000 00000000 30000000
		6c696e65617200000000000000000000 373a30203800 0000
		0008000000000000 0100000000000000 00000000 60000000
		7a65726f000000000000000000000000 00 00000000000000
	`);

	expect(decodeTable(answer(data, { 20: 2 }))).toEqual([
		{ startSectors: 0, lengthSectors: 2048, type: "linear", parameters: "7:0 8" },
		{ startSectors: 2048, lengthSectors: 1, type: "zero", parameters: "" },
	]);
	expect(decodeTable(answer(data))).toEqual([]);
});

test("a list has names, numbers and uuids", ({ expect }) => {
	const data = hex(`
		00fe000000000000 28000000 6f6e6500   # dev, next, "one"
		00000000 01000000 752d6f6e65000000   # event_nr, flags: has a uuid; "u-one"
		0000000000000000
		01fe000000000000 00000000 74776f00   # "two", the last
		00000000 02000000                    # has none
	`);

	expect(decodeNames(answer(data))).toEqual([
		{ name: "one", uuid: "u-one", node: { major: 254, minor: 0 } },
		{ name: "two", uuid: "", node: { major: 254, minor: 1 } },
	]);
	// Before Linux 5.13 there were no flags.
	expect(decodeNames(answer(data, { 4: 44 }))).toMatchObject([{ uuid: undefined }, {}]);
	expect(decodeNames(answer(new Uint8Array(16)))).toEqual([]);
	expect(decodeNames(answer(new Uint8Array(0)))).toEqual([]);
});

test("dependencies are device numbers", ({ expect }) => {
	const data = hex("02000000 00000000 0007000000000000 0303801b00000000");

	expect(decodeDependencies(answer(data))).toEqual([
		{ major: 7, minor: 0 },
		{ major: 3, minor: 0x1b803 },
	]);
});

test("target types have versions", ({ expect }) => {
	const data = hex(`
		18000000 01000000 18000000 03000000 6372797074000000 # next, 1.24.3, "crypt"
		00000000 01000000 04000000 00000000 6c696e656172 00
	`);

	expect(decodeVersions(answer(data))).toEqual([
		{ name: "crypt", version: [1, 24, 3] },
		{ name: "linear", version: [1, 4, 0] },
	]);
});

test("a status has what the flags say", ({ expect }) => {
	const bytes = answer(new Uint8Array(0), { 24: 3, 28: 0x20061, 20: 1 });

	expect(decodeStatus(bytes)).toMatchObject({
		openCount: 3,
		targetCount: 1,
		readOnly: true,
		suspended: false,
		hasLiveTable: true,
		hasInactiveTable: true,
		isArmed: true,
	});
});

test.for([
	[{ major: 254, minor: 3 }, 0xfe03n],
	[{ major: 259, minor: 0x12345 }, 0x12310345n],
	[{ major: 0xfff, minor: 0xfffff }, 0xffffffffn],
] as const)("device number %o is in the kernel's form", ([number, encoded], { expect }) => {
	expect(encodeDevice(number)).toBe(encoded);
	expect(decodeDevice(encoded)).toEqual(number);
});

test("the numbers of the kernel's header are ours", ({ expect }) => {
	const header = readFileSync("/usr/include/linux/dm-ioctl.h", "utf8");
	const source = readFileSync(new URL("../src/dm-struct.ts", import.meta.url), "utf8");
	const theirs = [...header.matchAll(/^#define (DM_\w+)\s+\(1 << (\d+)\)/gm)];
	const bits = new Map(theirs.map(([, name, bit]) => [name, bit]));
	const ours = [...source.matchAll(/^export const (DM_\w+): number = 1 << (\d+);$/gm)];

	expect(ours).toHaveLength(13);
	expect(ours.map(([, name]) => [name, bits.get(name)])).toEqual(
		ours.map(([, name, bit]) => [name, bit]),
	);
});
