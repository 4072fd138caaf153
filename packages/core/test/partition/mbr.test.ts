import { describe, test } from "vitest";
import { type PartitionTable, readPartitions } from "../../src/partition/index.ts";
import { logicalLayout, type MbrLayout, mbrImage, source } from "./partition-image.ts";

function read(layout: MbrLayout, sectorBytes?: number): PartitionTable {
	return readPartitions(source(mbrImage(layout)), { name: "disk.img", sectorBytes });
}

/** `number type start+size`, in sectors. */
function brief({ partitions, sectorBytes }: PartitionTable): string[] {
	return partitions.map(
		({ number, type, startBytes, sizeBytes }) =>
			`${number} ${type} ${startBytes / sectorBytes}+${sizeBytes / sectorBytes}`,
	);
}

const primary = { type: 0x83, start: 8, sectors: 32 };

test("primary partitions keep their numbers", ({ expect }) => {
	const table = read({
		entries: [{ ...primary, flag: 0x80 }, undefined, { type: 0xef, start: 40, sectors: 8 }],
	});

	expect(table).toStrictEqual({
		name: "disk.img",
		type: "mbr",
		sectorBytes: 512,
		id: "1a2b3c4d",
		partitions: [
			{
				number: 1,
				type: "83",
				typeName: "linux-generic",
				uuid: "1a2b3c4d-01",
				startBytes: 8 * 512,
				sizeBytes: 32 * 512,
				attributes: 0n,
				bootable: true,
				extended: false,
			},
			{
				number: 3,
				type: "ef",
				typeName: "esp",
				uuid: "1a2b3c4d-03",
				startBytes: 40 * 512,
				sizeBytes: 8 * 512,
				attributes: 0n,
				bootable: false,
				extended: false,
			},
		],
		refused: [],
		warnings: [],
	});
});

test("one of type 0 is a partition, one of no sectors is none", ({ expect }) => {
	const table = read({
		entries: [
			{ type: 0, start: 8, sectors: 8 },
			{ type: 0x83, start: 16, sectors: 0 },
		],
	});

	expect(brief(table)).toStrictEqual(["1 00 8+8"]);
});

test.for([0x05, 0x0f, 0x85])(
	"logical partitions are numbered from 5 in the order of the chain, in type %i",
	(type, { expect }) => {
		const [first, , container] = logicalLayout.entries;
		if (container === undefined) throw new Error("no container");
		const table = read({
			...logicalLayout,
			entries: [first, undefined, { ...container, type }],
		});

		expect(brief(table)).toStrictEqual([
			"1 83 8+32",
			`3 ${type.toString(16).padStart(2, "0")} 64+128`,
			"5 83 65+7",
			"6 82 136+8",
			"7 8e 97+15",
		]);
		expect(table.partitions.map(({ extended }) => extended)).toStrictEqual([
			false,
			true,
			false,
			false,
			false,
		]);
		expect(table.partitions.at(-1)?.uuid).toBe("1a2b3c4d-07");
		expect([...table.refused, ...table.warnings]).toStrictEqual([]);
	},
);

describe("the size of sectors", () => {
	test.for([512, 1024, 2048, 4096])(
		"of %i bytes is found by the chain",
		(sectorBytes, { expect }) => {
			for (const device of [undefined, 512, 4096]) {
				const table = read({ ...logicalLayout, sectorBytes }, device);
				expect(table.sectorBytes).toBe(sectorBytes);
				expect(brief(table)).toHaveLength(5);
				expect(table.warnings.length).toBe(
					device === undefined || device === sectorBytes ? 0 : 1,
				);
			}
		},
	);

	test("is the device's, where nothing tells it", ({ expect }) => {
		expect(read({ sectorBytes: 4096, entries: [primary] }, 4096).sectorBytes).toBe(4096);
	});

	test("is 512 where so the partitions are on the disk, and only so", ({ expect }) => {
		const table = read({ entries: [primary] }, 4096);

		expect(table).toMatchObject({ sectorBytes: 512, refused: [] });
		expect(table.warnings[0]).toContain(
			"counts in sectors of 512 bytes, and the device has sectors of 4096",
		);
	});
});

describe("what must not be opened is told apart", () => {
	const container = { type: 0x05, start: 64, sectors: 64 };
	test.for([
		[
			"a partition that leaves the disk",
			{ entries: [primary, { type: 0x83, start: 250, sectors: 7 }] },
			["1 83 8+32"],
			["2 leaves the disk (sectors 250 to 256 of 512 bytes)"],
		],
		[
			"one that is beyond it",
			{ entries: [primary, { type: 0x83, start: 0xffffffff, sectors: 0xffffffff }] },
			["1 83 8+32"],
			["2 leaves the disk (sectors 4294967295 to 8589934589 of 512 bytes)"],
		],
		[
			"one where the table is",
			{ entries: [{ type: 0x83, start: 0, sectors: 8 }] },
			[],
			["1 overlaps the partition table itself"],
		],
		[
			"two that share a sector",
			{ entries: [primary, { type: 0x83, start: 39, sectors: 2 }] },
			[],
			["1 overlaps partition 2", "2 overlaps partition 1"],
		],
		[
			"one in an extended partition that is not in its chain",
			{
				entries: [{ type: 0x83, start: 100, sectors: 2 }, container],
				records: { 64: [{ type: 0x83, start: 1, sectors: 7 }] },
			},
			["5 83 65+7"],
			["1 overlaps partition 2", "2 overlaps partition 1"],
		],
		[
			"a logical one that leaves its extended partition",
			{ entries: [container], records: { 64: [{ type: 0x83, start: 1, sectors: 64 }] } },
			["1 05 64+64"],
			["5 leaves the extended partition (sectors 65 to 128 of 512 bytes)"],
		],
		[
			"a logical one where its record is",
			{ entries: [container], records: { 64: [{ type: 0x83, start: 0, sectors: 8 }] } },
			["1 05 64+64"],
			["5 overlaps the partition table itself"],
		],
	] as const)("%s", ([, layout, good, bad], { expect }) => {
		const table = read(layout);

		expect(brief(table)).toStrictEqual(good);
		expect(table.refused.map(({ number, reason }) => `${number} ${reason}`)).toStrictEqual(bad);
		expect(table.warnings).toHaveLength(bad.length);
	});
});

describe("a chain", () => {
	const container = { type: 0x05, start: 64, sectors: 64 };
	const logical = { type: 0x83, start: 1, sectors: 7 };
	const to = (start: number) => ({ type: 0x05, start, sectors: 8 });
	test.for([
		[
			"that leads back to itself",
			{ 64: [logical, to(0)] },
			["5 83 65+7"],
			"leads back to the one at byte 32768",
		],
		[
			"that is a circle",
			{ 64: [logical, to(8)], 72: [logical, to(0)] },
			["5 83 65+7", "6 83 73+7"],
			"leads back to the one at byte 32768",
		],
		[
			"that leaves its partition",
			{ 64: [logical, to(64)], 128: [logical] },
			["5 83 65+7"],
			"a record at byte 65536, which is outside of it",
		],
		[
			"that leaves the disk",
			{ 64: [logical, to(0xffffffff)] },
			["5 83 65+7"],
			"which is outside of it",
		],
		[
			"that leads to no record",
			{ 64: [logical, to(8)] },
			["5 83 65+7"],
			"no record at byte 36864",
		],
	] as const)("%s ends there", ([, records, expected, why], { expect }) => {
		const table = read({ entries: [container], records });

		expect(brief(table).slice(1)).toStrictEqual(expected);
		expect(table.warnings).toHaveLength(1);
		expect(table.warnings[0]).toContain(why);
	});

	test("that is not there is told", ({ expect }) => {
		const table = read({ entries: [container] });

		expect(brief(table)).toStrictEqual(["1 05 64+64"]);
		expect(table.warnings).toStrictEqual([
			"disk.img: the extended partition has no record at byte 32768; the rest is not read",
		]);
	});

	const long = (records: number, isEmpty: boolean): MbrLayout => ({
		sectors: 4000,
		entries: [{ type: 0x0f, start: 64, sectors: 3900 }],
		records: Object.fromEntries(
			Array.from({ length: records }, (_, index) => [
				64 + index * 2,
				[
					isEmpty ? undefined : { type: 0x83, start: 1, sectors: 1 },
					index === records - 1
						? undefined
						: { type: 0x05, start: (index + 1) * 2, sectors: 2 },
				],
			]),
		),
	});

	test("of 251 logical partitions is read, and no more", ({ expect }) => {
		expect(read(long(251, false))).toMatchObject({ warnings: [] });
		const table = read(long(1900, false));

		expect(table.partitions.at(-1)?.number).toBe(255);
		expect(table.warnings[0]).toContain("no more than 255 partitions are read");
	});

	test("of empty records ends", ({ expect }) => {
		const disk = source(mbrImage(long(1900, true)));

		const table = readPartitions(disk);

		expect(table.warnings[0]).toContain("100 records in a row without a partition");
		expect(disk.reads).toBeLessThan(110);
	});

	test("may have four entries in a record, of which the last two are looked at twice", ({
		expect,
	}) => {
		const table = read({
			entries: [container],
			records: {
				64: [
					logical,
					undefined,
					{ type: 0x83, start: 10, sectors: 5 },
					{ type: 0x83, start: 999, sectors: 5 },
				],
			},
		});

		expect(brief(table)).toStrictEqual(["1 05 64+64", "5 83 65+7", "6 83 74+5"]);
	});
});
