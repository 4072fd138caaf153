import { test } from "vitest";
import { findLabel, labelScanBytes } from "../src/label.ts";
import { fixture, sealLabel } from "./metadata-image.ts";

/** What is thrown, with its code. */
function failureOf(head: Uint8Array): { code?: unknown; message?: string } {
	try {
		findLabel(head);
		return {};
	} catch (error) {
		return error as { code?: unknown; message: string };
	}
}

function head(): Buffer {
	return fixture(0).subarray(0, labelScanBytes);
}

test("reads what the tools wrote", ({ expect }) => {
	expect(findLabel(head())).toEqual({
		uuid: "Ww9F20-xG4Z-3rEK-tmrb-vRK7-kE2l-2BjMC1",
		sector: 1,
		deviceBytes: 400 << 20,
		dataAreas: [{ startBytes: 1 << 20, sizeBytes: 0 }],
		metadataAreas: [{ startBytes: 4096, sizeBytes: (1 << 20) - 4096 }],
		bootloaderAreas: [],
		extensionVersion: 2,
		isUsed: true,
	});
});

test.for([0, 1, 2, 3])("finds the label in sector %i", (sector, { expect }) => {
	const original = head();
	const moved = Buffer.alloc(labelScanBytes);
	original.copy(moved, sector * 512, 512, 1024);
	sealLabel(moved, sector);

	expect(findLabel(moved)).toMatchObject({ sector, uuid: findLabel(original).uuid });
});

test("passes over one that is damaged, for one that is not", ({ expect }) => {
	const both = head();
	both.copy(both, 3 * 512, 512, 1024);
	sealLabel(both, 3);
	both[600] = 1;

	expect(findLabel(both).sector).toBe(3);
});

test("reads a label without an extension", ({ expect }) => {
	const label = head();
	label.fill(0, 512 + 136);

	expect(findLabel(sealLabel(label))).toMatchObject({ extensionVersion: 0, isUsed: false });
});

test("reads an area for boot loaders", ({ expect }) => {
	const label = head();
	label.writeBigUInt64LE(1_048_576n, 512 + 144);
	label.writeBigUInt64LE(4096n, 512 + 152);

	expect(findLabel(sealLabel(label)).bootloaderAreas).toEqual([
		{ startBytes: 1_048_576, sizeBytes: 4096 },
	]);
});

test.for([
	[
		"a wrong checksum",
		(label: Buffer) => label.fill(1, 1000, 1001),
		"ERR_DEVICE_METADATA",
		"sector 1 has a wrong checksum",
	],
	[
		"another sector's number",
		(label: Buffer) => label.writeBigUInt64LE(2n, 512 + 8),
		"ERR_DEVICE_METADATA",
		"says that it belongs in sector 2",
	],
	[
		"an unknown format",
		(label: Buffer) => (label.write("LVM3 001", 512 + 24), sealLabel(label)),
		"ERR_DEVICE_VERSION",
		'the unknown format "LVM3 001"',
	],
	[
		"a header outside",
		(label: Buffer) => (label.writeUInt32LE(500, 512 + 20), sealLabel(label)),
		"ERR_DEVICE_METADATA",
		"leaves the sector",
	],
	[
		"a uuid that is none",
		(label: Buffer) => (label.fill(" ", 512 + 32, 512 + 64), sealLabel(label)),
		"ERR_DEVICE_METADATA",
		"its uuid is none",
	],
	[
		"lists without an end",
		(label: Buffer) => (label.fill(1, 512 + 72, 1024), sealLabel(label)),
		"ERR_DEVICE_METADATA",
		"leaves the sector",
	],
	[
		"no label",
		(label: Buffer) => label.fill(0),
		"ERR_DEVICE_FORMAT",
		"not a physical volume of LVM2",
	],
	[
		"LVM1",
		(label: Buffer) => label.fill(0).write("HM\u0001\0", "latin1"),
		"ERR_DEVICE_VERSION",
		"LVM1",
	],
	[
		"LUKS",
		(label: Buffer) => label.fill(0).write("LUKS\u00ba\u00be", "latin1"),
		"ERR_DEVICE_FORMAT",
		"LUKS container",
	],
	[
		"a partition table",
		(label: Buffer) => label.fill(0).writeUInt16LE(0xaa55, 510),
		"ERR_DEVICE_FORMAT",
		"vg_partnum",
	],
] as const)("says what is wrong: %s", ([, change, code, message], { expect }) => {
	const label = head();
	change(label);

	expect(failureOf(label)).toMatchObject({ code, message: expect.stringContaining(message) });
});

test.for([0, 1, 511, 512, 1023])("a device of %i bytes has none", (length, { expect }) => {
	expect(failureOf(head().subarray(0, length))).toMatchObject({ code: "ERR_DEVICE_FORMAT" });
});
