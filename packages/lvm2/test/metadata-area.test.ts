import { test } from "vitest";
import {
	decodeText,
	maxTextBytes,
	metadataHeaderBytes,
	parseMetadataHeader,
} from "../src/metadata-area.ts";
import {
	areaBytes,
	areaStart,
	fixture,
	sealHeader,
	smallText,
	textOf,
	writeText,
} from "./metadata-image.ts";

const area = { startBytes: areaStart, sizeBytes: areaBytes };

function headerOf(image: Buffer) {
	return parseMetadataHeader(image.subarray(areaStart, areaStart + metadataHeaderBytes), area);
}

function read(image: Buffer): string {
	const { location } = headerOf(image);
	if (location === undefined) return "";
	const parts = location.parts.map(({ startBytes, sizeBytes }) =>
		image.subarray(startBytes, startBytes + sizeBytes),
	);
	return decodeText(parts, location);
}

test("reads what the tools wrote", ({ expect }) => {
	const image = fixture(0);

	expect(read(image)).toBe(textOf(image));
	expect(read(image)).toMatch(/^kinds \{\nid = /);
});

test.for([
	["right up to the end", areaBytes - smallText.length, 1],
	["round the end by a byte", areaBytes - smallText.length + 1, 2],
	["round the end by all but a byte", areaBytes - 1, 2],
	["right behind the header", metadataHeaderBytes, 1],
] as const)("reads a text that goes %s", ([, offset, parts], { expect }) => {
	const image = writeText(fixture(0), smallText, offset);

	expect(headerOf(image).location?.parts).toHaveLength(parts);
	expect(read(image)).toBe(smallText);
});

test("a text that goes round is only whole with both parts", ({ expect }) => {
	const image = writeText(fixture(0), smallText, areaBytes - 100);
	image[areaStart + metadataHeaderBytes + 3] = 0;

	expect(() => read(image)).toThrow("its text has a wrong checksum");
});

test("an area without a volume group", ({ expect }) => {
	const image = fixture(0);
	image.writeBigUInt64LE(0n, areaStart + 40);

	expect(headerOf(sealHeader(image))).toEqual({ location: undefined, isIgnored: false });
});

test("an area that is not to be read", ({ expect }) => {
	const image = fixture(0);
	image.writeUInt32LE(1, areaStart + 60);

	expect(headerOf(sealHeader(image))).toEqual({ location: undefined, isIgnored: true });
});

test("what is being written beside it does not count", ({ expect }) => {
	const image = fixture(0);
	image.writeBigUInt64LE(99_999n, areaStart + 64);
	image.writeBigUInt64LE(1n << 60n, areaStart + 72);

	expect(read(sealHeader(image))).toBe(textOf(image));
});

const size = areaStart + 48;
const offset = areaStart + 40;

test.for([
	[
		"checksum of the header",
		(image: Buffer) => image.writeUInt8(1, areaStart + 500),
		"a wrong checksum",
	],
	["magic", (image: Buffer) => image.write("x", areaStart + 8), "its header is none"],
	[
		"place",
		(image: Buffer) => image.writeBigUInt64LE(8192n, areaStart + 24),
		"belongs at byte 8192",
	],
	[
		"beginning in the header",
		(image: Buffer) => image.writeBigUInt64LE(511n, offset),
		"leaves the area",
	],
	[
		"beginning behind the area",
		(image: Buffer) => image.writeBigUInt64LE(BigInt(areaBytes), offset),
		"leaves the area",
	],
	["length of nothing", (image: Buffer) => image.writeBigUInt64LE(0n, size), "leaves the area"],
	[
		"length beyond the area",
		(image: Buffer) => image.writeBigUInt64LE(BigInt(areaBytes - 511), size),
		"leaves the area",
	],
	[
		"length beyond all numbers",
		(image: Buffer) => image.writeBigUInt64LE((1n << 64n) - 1n, size),
		"leaves the area",
	],
	[
		"area that is too small",
		(image: Buffer) => image.writeBigUInt64LE(100n, areaStart + 32),
		"leaves the area",
	],
	[
		"checksum of the text",
		(image: Buffer) => image.writeUInt32LE(1, areaStart + 56),
		"its text has a wrong checksum",
	],
] as const)("refuses a wrong %s", ([what, change, message], { expect }) => {
	const image = fixture(0);
	change(image);
	if (what !== "checksum of the header") sealHeader(image);

	expect(() => read(image)).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_METADATA",
			message: expect.stringContaining(message),
		}),
	);
});

test("refuses an unknown version", ({ expect }) => {
	const image = fixture(0);
	image.writeUInt32LE(2, areaStart + 20);

	expect(() => headerOf(sealHeader(image))).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_VERSION",
			message: "it is of version 2; this reads 1",
		}),
	);
});

test("refuses a text that is too long before reading it", ({ expect }) => {
	const image = fixture(0);
	image.writeBigUInt64LE(1n << 40n, areaStart + 32);
	image.writeBigUInt64LE(BigInt(maxTextBytes + 1), size);

	expect(() => headerOf(sealHeader(image))).toThrow(
		expect.objectContaining({ code: "ERR_DEVICE_REQUIREMENT" }),
	);
});

test("refuses a header that is cut off", ({ expect }) => {
	expect(() => parseMetadataHeader(new Uint8Array(), area)).toThrow("it leaves the device");
});
