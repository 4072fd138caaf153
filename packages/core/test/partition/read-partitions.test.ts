import { closeSync, openSync } from "node:fs";
import { test } from "vitest";
import { readPartitions } from "../../src/partition/index.ts";
import { mbrEntry, source } from "./partition-image.ts";

function image(parts: readonly (readonly [offset: number, content: string])[]): Buffer {
	const bytes = Buffer.alloc(128 << 10);
	for (const [offset, content] of parts) bytes.write(content, offset, "latin1");
	return bytes;
}

const magic = [510, "\x55\xaa"] as const;
const fat = [
	[0, "\xeb\x3c\x90mkfs.fat\x00\x02\x01\x01\x00\x02\x00\x02\x00\x00\xf8"],
	[54, "FAT16   "],
	magic,
] as const;

test.for([
	["nothing", [], "it is blank"],
	["something", [[20_000, "x"]], "nothing that is known is there"],
	[
		"an empty MBR and something known",
		[magic, [1080, "\x53\xef"]],
		"it is an ext2, ext3 or ext4 file system, without partitions",
	],
	["a LUKS container", [[0, "LUKS\xba\xbe"]], "it is a LUKS container, without partitions"],
	[
		"a physical volume",
		[[512, "LABELONE"]],
		"it is a physical volume of LVM, without partitions",
	],
	["Btrfs", [[65600, "_BHRfS_M"]], "it is a Btrfs file system, without partitions"],
	["an image of a CD", [[32769, "CD001"]], "it is an ISO 9660 file system, without partitions"],
	["a FAT file system", fat, "it is a FAT file system, without partitions"],
	[
		"an NTFS file system",
		[[3, "NTFS    "], magic],
		"it is an NTFS file system, without partitions",
	],
	["flags that no MBR has", [[446, "\x20"], magic], "nothing that is known is there"],
	["a disk of AIX", [[0, "\xc9\xc2\xd4\xc1"], magic], "nothing that is known is there"],
] as const)("a disk with %s has no partition table", ([, parts, why], { expect }) => {
	expect(() => readPartitions(source(image(parts)), { name: "loop3" })).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_FORMAT",
			message: `loop3: no partition table; ${why}`,
		}),
	);
});

test("a FAT file system whose code looks like partitions is one", ({ expect }) => {
	const bytes = image(fat);
	mbrEntry(bytes, 0, { type: 0x83, start: 8, sectors: 8 });

	expect(() => readPartitions(source(bytes))).toThrow("it is a FAT file system");
});

test("an empty MBR is a table", ({ expect }) => {
	expect(readPartitions(source(image([magic])))).toMatchObject({ type: "mbr", partitions: [] });
});

test.for([0, 1, 511, 512, 513, 4096])(
	"a disk of %i bytes is looked at",
	(sizeBytes, { expect }) => {
		expect(() => readPartitions(source(Buffer.alloc(0), sizeBytes))).toThrow("it is blank");
	},
);

test("a disk that ends sooner than it says is looked at", ({ expect }) => {
	const disk = { sizeBytes: 1 << 20, read: () => 0 };

	expect(() => readPartitions(disk)).toThrow("it is blank");
});

test("a disk that cannot be read is an error with its cause", ({ expect }) => {
	const cause = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
	const disk = {
		sizeBytes: 1 << 20,
		read(): number {
			throw cause;
		},
	};

	expect(() => readPartitions(disk, { name: "loop3" })).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_SYSTEM",
			message: "loop3: 36864 bytes at byte 0 could not be read (EIO)",
			cause,
		}),
	);
});

test("what is no descriptor of a disk is an error", ({ expect }) => {
	const fd = openSync("/", "r");
	try {
		expect(() => readPartitions(fd)).toThrow(
			expect.objectContaining({ name: "DeviceError", code: "ERR_DEVICE_SYSTEM" }),
		);
	} finally {
		closeSync(fd);
	}
	expect(() => readPartitions(source(Buffer.alloc(0)), { sizeBytes: -1 })).toThrow(RangeError);
});
