import { describe, test } from "vitest";
import { type PartitionTable, readPartitions } from "../../src/partition/index.ts";
import {
	diskGuid,
	espType,
	type GptLayout,
	gptImage,
	gptPlaces,
	guidOf,
	linuxType,
	mbrEntry,
	seal,
	source,
	writeEntry,
} from "./partition-image.ts";

const { header, entries, backup, backupEntries } = gptPlaces();

/** An ordinary table that something has been done to; checksums are made right where asked. */
function read(
	adapt: (image: Buffer) => void = () => {},
	layout: GptLayout = {},
	sealed: readonly ("primary" | "backup")[] = [],
): PartitionTable {
	const image = gptImage(layout);
	adapt(image);
	const places = gptPlaces(layout);
	const { sectorBytes = 512 } = layout;
	if (sealed.includes("primary")) seal(image, places.header, sectorBytes);
	if (sealed.includes("backup")) seal(image, places.backup, sectorBytes);
	return readPartitions(source(image), { name: "disk.img" });
}

const both = ["primary", "backup"] as const;

test("all of an ordinary table is read, in two reads", ({ expect }) => {
	const disk = source(gptImage());

	const table = readPartitions(disk);

	expect(table).toStrictEqual({
		name: "disk",
		type: "gpt",
		sectorBytes: 512,
		id: diskGuid,
		partitions: [
			{
				number: 1,
				type: espType,
				typeName: "esp",
				uuid: guidOf(1),
				label: "EFI System",
				startBytes: 40 * 512,
				sizeBytes: 8 * 512,
				attributes: 1n,
				bootable: false,
				extended: false,
			},
			{
				number: 2,
				type: linuxType,
				typeName: "linux-generic",
				uuid: guidOf(2),
				label: "root",
				startBytes: 48 * 512,
				sizeBytes: 32 * 512,
				attributes: 0n,
				bootable: false,
				extended: false,
			},
			{
				number: 5,
				type: "21686148-6449-6e6f-744e-656564454649",
				uuid: guidOf(5),
				startBytes: 90 * 512,
				sizeBytes: 512,
				attributes: 4n,
				bootable: true,
				extended: false,
			},
		],
		refused: [],
		warnings: [],
	});
	expect(disk.reads).toBe(2);
});

test.for([512, 1024, 2048, 4096])(
	"sectors of %i bytes are found, whatever the device has",
	(sectorBytes, { expect }) => {
		const image = gptImage({ sectorBytes });

		for (const device of [undefined, 512, 4096]) {
			const table = readPartitions(source(image), { sectorBytes: device });
			expect(table).toMatchObject({ type: "gpt", sectorBytes, warnings: [] });
			expect(table.partitions[0]?.startBytes).toBe(40 * sectorBytes);
		}
	},
);

test("of tables for two sector sizes the device's counts, and none without it", ({ expect }) => {
	const large = gptImage({
		sectorBytes: 4096,
		sectors: 100,
		entries: { 1: { first: 20, last: 21 } },
	});
	const small = gptImage({ sectors: 800, entryCount: 4 });
	small.copy(large, 0, 0, 4096);
	small.copy(large, large.length - 1024, small.length - 1024);

	const read = (sectorBytes?: number): PartitionTable =>
		readPartitions(source(large), { sectorBytes, name: "loop3" });

	expect(read(512).partitions[0]?.startBytes).toBe(40 * 512);
	expect(read(4096).partitions[0]?.startBytes).toBe(20 * 4096);
	expect(read(4096).warnings[0]).toMatch(
		/^loop3: partition tables for sectors of 512, 4096 bytes; /,
	);
	expect(() => read()).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_METADATA",
			message: expect.stringContaining("attach it with the one that is meant"),
		}),
	);
});

describe("one damaged copy is repaired by the other", () => {
	const flip = (at: number) => (image: Buffer) => {
		image.writeUInt8(image.readUInt8(at) ^ 1, at);
	};
	test.for([
		["the primary's signature", flip(header), "there is none"],
		[
			"the primary's size",
			(image: Buffer) => image.writeUInt32LE(91, header + 12),
			"the size of its header is 91",
		],
		["the primary's disk", flip(header + 56), "the checksum of its header is wrong"],
		["an entry", flip(entries + 40), "the checksum of its entries is wrong"],
	] as const)("%s", ([, adapt, why], { expect }) => {
		const { partitions, warnings } = read(adapt);

		expect(partitions).toStrictEqual(read().partitions);
		expect(warnings).toStrictEqual([
			`disk.img: the primary partition table is damaged (${why}); its backup at byte ${backup} is used. ` +
				'Writing the table again repairs it ("w" in fdisk); the kernel sees no partitions before that',
		]);
	});

	test.for([
		["the backup's signature", backup, "there is none"],
		["the backup's disk", backup + 56, "the checksum of its header is wrong"],
		["an entry", backupEntries + 40, "the checksum of its entries is wrong"],
	] as const)("%s", ([, at, why], { expect }) => {
		const { partitions, warnings } = read(flip(at));

		expect(partitions).toStrictEqual(read().partitions);
		expect(warnings).toStrictEqual([
			`disk.img: the backup of the partition table at byte ${backup} is damaged (${why}). ` +
				'Writing the table again repairs it ("w" in fdisk)',
		]);
	});

	test("a backup that is not at the end is found by a header whose entries are damaged", ({
		expect,
	}) => {
		const image = Buffer.concat([gptImage(), Buffer.alloc(64 << 10)]);
		flip(entries + 40)(image);

		expect(readPartitions(source(image)).partitions).toStrictEqual(read().partitions);
	});

	test("what the disk does not let be read counts as damaged", ({ expect }) => {
		const disk = source(gptImage());
		const failing = {
			sizeBytes: disk.sizeBytes,
			read(buffer: Uint8Array, offset: number): number {
				if (offset > 0) throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
				return disk.read(buffer, offset);
			},
		};

		const { partitions, warnings } = readPartitions(failing);

		expect(partitions).toHaveLength(3);
		expect(warnings[0]).toContain("is damaged (it cannot be read)");
	});
});

describe("two damaged copies are an error that says what is wrong with each", () => {
	type Case = [string, (image: Buffer) => void, string, (readonly ("primary" | "backup")[])?];
	const cases: Case[] = [
		[
			"the checksums of both headers",
			(image) => {
				image.writeUInt8(1, header + 60);
				image.writeUInt8(1, backup + 60);
			},
			"(primary at byte 512: the checksum of its header is wrong; backup at byte 130560: the checksum of its header is wrong)",
		],
		[
			"both gone",
			(image) => {
				image.fill(0, header, header + 8);
				image.fill(0, backup, backup + 8);
			},
			"a protective MBR, and neither the GPT that it protects nor its backup",
		],
		...(
			[
				["a revision nobody knows", 8, 0x20000, "unknown revision 2.0"],
				["a header larger than the sector", 12, 513, "the size of its header is 513"],
				["entries of 0 bytes", 84, 0, "the size of its entries is 0"],
				["entries of 64 bytes", 84, 64, "the size of its entries is 64"],
				["entries of 192 bytes", 84, 192, "the size of its entries is 192"],
				["entries of 2 GiB", 84, 0x80000000, "entries of 2147483648 bytes"],
				["no entries", 80, 0, "it has 0 entries"],
				["4294967295 entries", 80, 0xffffffff, "it has 4294967295 entries"],
				["entries that are not on the disk", 72, 250, "its entries are not on the disk"],
				["another place of its own", 24, 77, "it says that it belongs in sector 77"],
				[
					"an area that ends before it begins",
					48,
					1,
					"its area for partitions is sectors 34 to 1",
				],
				["an area that leaves the disk", 48, 256, "has it been cut?"],
			] as const
		).map(([what, field, value, why]): Case => [
			what,
			(image) => {
				for (const at of [header, backup]) image.writeUInt32LE(value, at + field);
			},
			why,
			both,
		]),
	];
	test.for(cases)("%s", ([, adapt, why, sealed], { expect }) => {
		expect(() => read(adapt, {}, sealed)).toThrow(
			expect.objectContaining({
				code: "ERR_DEVICE_METADATA",
				message: expect.stringContaining(why),
			}),
		);
	});

	test("a disk that has been cut", ({ expect }) => {
		const image = gptImage().subarray(0, 100 * 512);

		expect(() => readPartitions(source(image))).toThrow(
			"it is for a disk of more than 222 sectors, and this one has 100: has it been cut?",
		);
	});
});

describe("the backup", () => {
	test("of a disk that has grown is not at the end", ({ expect }) => {
		const image = gptImage();

		const { partitions, warnings } = readPartitions(source(image, 1 << 20), {
			name: "disk.img",
		});

		expect(partitions).toHaveLength(3);
		expect(warnings).toStrictEqual([
			`disk.img: the backup of the partition table is at byte ${backup}, not at the end of the disk, which has grown. ` +
				'"sfdisk --relocate gpt-bak-std" moves it there',
		]);
	});

	test("may say something else, and does not count", ({ expect }) => {
		const { partitions, warnings } = read(
			(image) => writeEntry(image, backupEntries, 1, { first: 60, last: 61 }),
			{},
			["backup"],
		);

		expect(partitions[0]?.startBytes).toBe(40 * 512);
		expect(warnings[0]).toContain("says something else than the primary, which is used");
	});

	test("may be nowhere", ({ expect }) => {
		const { warnings } = read((image) => image.writeUInt32LE(1, header + 32), {}, ["primary"]);

		expect(warnings[0]).toContain("the backup of the partition table is nowhere");
	});
});

describe("the MBR", () => {
	test("may be a hybrid, which does not count", ({ expect }) => {
		const { type, partitions, warnings } = read((image) =>
			mbrEntry(image, 1, { type: 0x83, start: 48, sectors: 32 }),
		);

		expect(type).toBe("gpt");
		expect(partitions).toStrictEqual(read().partitions);
		expect(warnings[0]).toContain("a hybrid MBR");
	});

	test("may protect from elsewhere, which the kernel does not take", ({ expect }) => {
		const { partitions, warnings } = read((image) =>
			mbrEntry(image, 0, { type: 0xee, start: 2, sectors: 9 }),
		);

		expect(partitions).toHaveLength(3);
		expect(warnings[0]).toContain(
			"does not begin at sector 1, so that the kernel sees no partitions",
		);
	});

	test.for([
		["it is empty", (image: Buffer) => image.fill(0, 446, 510)],
		["it has no magic number", (image: Buffer) => image.fill(0, 0, 512)],
	] as const)("does not protect: %s", ([, adapt], { expect }) => {
		expect(() => read(adapt)).toThrow(
			expect.objectContaining({
				code: "ERR_DEVICE_FORMAT",
				message: expect.stringContaining(
					"no partition table; there is the header of a GPT, but no protective MBR",
				),
			}),
		);
	});

	test("counts, where it has partitions and does not protect", ({ expect }) => {
		const { type, partitions, warnings } = read((image) =>
			mbrEntry(image, 0, { type: 0x83, start: 48, sectors: 32 }),
		);

		expect(type).toBe("mbr");
		expect(partitions).toMatchObject([{ number: 1, startBytes: 48 * 512 }]);
		expect(warnings[0]).toContain("the header of a GPT behind an MBR that does not protect it");
	});
});

describe("an entry that must not be opened is told apart", () => {
	test.for([
		[
			"leaves the disk",
			{ first: 60, last: 256 },
			"ERR_DEVICE_OUT_OF_RANGE",
			"leaves the disk (sectors 60 to 256, of 256)",
		],
		[
			"is beyond it",
			{ first: 1n << 63n, last: (1n << 64n) - 1n },
			"ERR_DEVICE_OUT_OF_RANGE",
			"leaves the disk (sectors 9223372036854775808 to 18446744073709551615, of 256)",
		],
		[
			"ends before it begins",
			{ first: 61, last: 60 },
			"ERR_DEVICE_METADATA",
			"ends before it begins (sectors 61 to 60)",
		],
		[
			"is in the table",
			{ first: 3, last: 9 },
			"ERR_DEVICE_METADATA",
			"leaves the area for partitions (sectors 3 to 9, of 34 to 222)",
		],
		[
			"is in the backup",
			{ first: 220, last: 223 },
			"ERR_DEVICE_METADATA",
			"leaves the area for partitions (sectors 220 to 223, of 34 to 222)",
		],
	] as const)("%s", ([, entry, code, reason], { expect }) => {
		const good = { first: 40, last: 47, name: "good" };

		const { partitions, refused, warnings } = read(() => {}, {
			entries: { 1: good, 3: { ...entry, name: "bad" } },
		});

		expect(partitions).toMatchObject([{ number: 1, label: "good" }]);
		expect(refused).toStrictEqual([
			{
				number: 3,
				type: linuxType,
				typeName: "linux-generic",
				uuid: guidOf(3),
				label: "bad",
				code,
				reason,
			},
		]);
		expect(warnings).toStrictEqual([`disk.img: partition 3 ${reason}; it is not opened`]);
	});

	test("all that share bytes", ({ expect }) => {
		const { partitions, refused } = read(() => {}, {
			entries: {
				1: { first: 40, last: 99 },
				2: { first: 50, last: 59 },
				3: { first: 70, last: 79 },
				4: { first: 100, last: 109 },
				5: { first: 110, last: 120 },
				6: { first: 120, last: 121 },
			},
		});

		expect(partitions.map(({ number }) => number)).toStrictEqual([4]);
		expect(refused.map(({ number, reason }) => `${number} ${reason}`)).toStrictEqual([
			"1 overlaps partition 3",
			"2 overlaps partition 1",
			"3 overlaps partition 1",
			"5 overlaps partition 6",
			"6 overlaps partition 5",
		]);
	});

	test("one where the table itself is, though the header calls that usable", ({ expect }) => {
		const { partitions, refused } = read(
			(image) => image.writeUInt32LE(1, header + 40),
			{ entries: { 1: { first: 33, last: 35 }, 2: { first: 36, last: 37 } } },
			["primary"],
		);

		expect(partitions).toMatchObject([{ number: 2 }]);
		expect(refused).toMatchObject([
			{ number: 1, reason: "overlaps the partition table itself" },
		]);
	});

	test("and thousands of them are not thousands of warnings", ({ expect }) => {
		const all = Object.fromEntries(
			Array.from({ length: 4096 }, (_, index) => [index + 1, { first: 2000, last: 2001 }]),
		);

		const { partitions, refused, warnings } = read(() => {}, {
			sectors: 4096,
			entryCount: 4096,
			entries: all,
		});

		expect([partitions.length, refused.length, warnings.length]).toStrictEqual([0, 4096, 17]);
		expect(warnings.at(-1)).toBe("disk.img: 4080 more partitions are not opened");
	});
});

test.for([1, 4, 128, 4096, 32768])("a table of %i entries is read", (entryCount, { expect }) => {
	const sectors = 40_000;
	const used = Math.min(entryCount, 5000);
	const first = 2 + Math.ceil(entryCount / 4);
	const entries = Object.fromEntries(
		Array.from({ length: used }, (_, index) => [
			entryCount - index,
			{ first: first + index * 2, last: first + index * 2 + 1 },
		]),
	);
	const disk = source(gptImage({ sectors, entryCount, entries }));

	const { partitions, refused, warnings } = readPartitions(disk);

	expect(partitions).toHaveLength(used);
	expect([...refused, ...warnings]).toStrictEqual([]);
	expect(partitions.at(-1)).toMatchObject({ number: entryCount, startBytes: first * 512 });
	expect(disk.reads).toBeLessThanOrEqual(3);
});

test("more entries than that are not", ({ expect }) => {
	expect(() => read(() => {}, { sectors: 40_000, entryCount: 32769 })).toThrow(
		"it has 32769 entries of 128 bytes; 1 to 4194304 bytes are read",
	);
});

test.for([256, 1024])(
	"entries of %i bytes are read, with a word on the kernel",
	(entryBytes, { expect }) => {
		const { partitions, warnings } = read(() => {}, { entryBytes, entryCount: 8 });

		expect(partitions).toStrictEqual(read().partitions);
		expect(warnings).toHaveLength(1);
		expect(warnings[0]).toContain(`entries of ${entryBytes} bytes`);
	},
);

test("a disk may have 8 PiB, and no more", ({ expect }) => {
	const image = gptImage();
	const sectors = 2 ** 53 / 512 - 1;
	for (const at of [header, backup]) image.writeBigUInt64LE(BigInt(sectors - 1), at + 48);
	writeEntry(image, entries, 1, { first: sectors - 2, last: sectors - 2 });
	seal(image, header, 512);

	const { partitions } = readPartitions(source(image, sectors * 512));

	expect(partitions[0]).toMatchObject({ startBytes: (sectors - 2) * 512, sizeBytes: 512 });
	expect(() => readPartitions(source(image), { sizeBytes: 2 ** 53 })).toThrow(
		expect.objectContaining({ code: "ERR_DEVICE_UNSUPPORTED" }),
	);
});

test("names are whole Unicode", ({ expect }) => {
	const { partitions } = read(() => {}, {
		entries: {
			1: { first: 40, last: 40, name: "Wurzel ä 🌳" },
			2: { first: 41, last: 41, name: "x".repeat(36) },
			3: { first: 42, last: 42, name: Buffer.from([0x41, 0, 0x3d, 0xd8, 0x42, 0]) },
			4: { first: 43, last: 43, name: "" },
		},
	});

	expect(partitions.map(({ label }) => label)).toStrictEqual([
		"Wurzel ä 🌳",
		"x".repeat(36),
		"A\ufffdB",
		undefined,
	]);
});
