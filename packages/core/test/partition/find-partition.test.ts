import { describe, test } from "vitest";
import {
	findPartition,
	mbrPartitionTypes,
	parsePartitionType,
	type PartitionSelector,
	partitionTypeName,
	partitionTypes,
	readPartitions,
} from "../../src/partition/index.ts";
import { espType, gptImage, guidOf, logicalLayout, mbrImage, source } from "./partition-image.ts";

const gpt = readPartitions(
	source(
		gptImage({
			entries: {
				1: { first: 40, last: 47, type: espType, name: "EFI System" },
				2: { first: 48, last: 79, name: "data" },
				3: { first: 80, last: 89, name: "data" },
				4: { first: 90, last: 99, type: partitionTypes["root-x86-64"] ?? "", name: "4" },
				6: { first: 999, last: 1000, name: "far" },
			},
		}),
	),
	{ name: "loop3" },
);
const mbr = readPartitions(source(mbrImage(logicalLayout)), { name: "loop4" });

test.for([
	[{ number: 4 }, 4],
	[{ label: "EFI System" }, 1],
	[{ label: "4" }, 4],
	[{ uuid: guidOf(3) }, 3],
	[{ uuid: guidOf(3).toUpperCase() }, 3],
	[{ type: "esp" }, 1],
	[{ type: "ESP" }, 1],
	[{ type: espType.toUpperCase() }, 1],
	[{ type: "root-x86-64" }, 4],
] as const)("%o is found", ([selector, number], { expect }) => {
	expect(findPartition(gpt, selector)).toMatchObject({ number });
});

test.for([
	[{ type: "83" }, 1],
	[{ type: "swap" }, 6],
	[{ type: "0x8E" }, 7],
	[{ uuid: "1A2B3C4D-05" }, 5],
] as const)("%o is found in an MBR", ([selector, number], { expect }) => {
	const table =
		"type" in selector && selector.type === "83"
			? { ...mbr, partitions: mbr.partitions.filter((each) => each.number !== 5) }
			: mbr;
	expect(findPartition(table, selector)).toMatchObject({ number });
});

const list =
	`There are 1 "EFI System" (esp, 4 KiB, uuid ${guidOf(1)}), 2 "data" (linux-generic, 16 KiB, uuid ${guidOf(2)}), ` +
	`3 "data" (linux-generic, 5 KiB, uuid ${guidOf(3)}), 4 "4" (root-x86-64, 5 KiB, uuid ${guidOf(4)}), ` +
	`6 "far" (linux-generic, not opened: leaves the disk (sectors 999 to 1000, of 256), uuid ${guidOf(6)})`;

describe("an error says what is there", () => {
	test.for([
		[{ number: 5 }, "ERR_DEVICE_OPTIONS", "/number", `loop3: no partition 5. ${list}`],
		[
			{ label: "boot" },
			"ERR_DEVICE_OPTIONS",
			"/label",
			`loop3: no partition with the label "boot". ${list}`,
		],
		[
			{ uuid: "x" },
			"ERR_DEVICE_OPTIONS",
			"/uuid",
			`loop3: no partition with the uuid "x". ${list}`,
		],
		[
			{ type: "83" },
			"ERR_DEVICE_OPTIONS",
			"/type",
			`loop3: no partition with the type "83". ${list}`,
		],
		[
			{ label: "data" },
			"ERR_DEVICE_OPTIONS",
			"/label",
			`loop3: 2 partitions have the label "data". There are 2 "data" (linux-generic, 16 KiB, uuid ${guidOf(2)}), ` +
				`3 "data" (linux-generic, 5 KiB, uuid ${guidOf(3)})`,
		],
		[
			{ label: "far" },
			"ERR_DEVICE_OUT_OF_RANGE",
			undefined,
			`loop3: partition 6 leaves the disk (sectors 999 to 1000, of 256). ${list}`,
		],
		[
			{ type: "root-x8664" },
			"ERR_DEVICE_OPTIONS",
			"/type",
			'loop3: "root-x8664" is no type of partition; did you mean root-x86-64?',
		],
	] as const satisfies [PartitionSelector, string, string | undefined, string][])(
		"%o",
		([selector, code, pointer, message], { expect }) => {
			expect(() => findPartition(gpt, selector)).toThrow(
				expect.objectContaining({ code, pointer, message }),
			);
		},
	);

	test("also of what is ambiguous with one that must not be opened", ({ expect }) => {
		expect(() => findPartition(gpt, { type: "linux-generic" })).toThrow(
			'loop3: 3 partitions have the type "linux-generic". There are 2 ',
		);
	});

	test("an extended partition is none to open", ({ expect }) => {
		expect(() => findPartition(mbr, { number: 3 })).toThrow(
			"loop4: partition 3 is an extended one, which holds other partitions and nothing else. There are 1 (",
		);
	});

	test("nothing is there", ({ expect }) => {
		const empty = readPartitions(source(gptImage({ entries: {} })));

		expect(() => findPartition(empty, { number: 1 })).toThrow(
			"disk: no partition 1. There are no partitions",
		);
	});

	test("of many partitions only some", ({ expect }) => {
		const entries = Object.fromEntries(
			Array.from({ length: 100 }, (_, index) => [
				index + 1,
				{ first: 40 + index, last: 40 + index },
			]),
		);
		const table = readPartitions(source(gptImage({ entries })));

		expect(() => findPartition(table, { label: "x" })).toThrow(/, 20 \([^)]*\), 80 more$/);
	});
});

describe("names of types", () => {
	test("are those of the specification, each for one GUID", ({ expect }) => {
		const guids = Object.values(partitionTypes);

		// 21 architectures with six each, and nine without one.
		expect(guids).toHaveLength(135);
		expect(new Set(guids).size).toBe(135);
		for (const [name, guid] of Object.entries(partitionTypes)) {
			expect(guid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
			expect(partitionTypeName(guid)).toBe(name);
		}
		for (const [name, byte] of Object.entries(mbrPartitionTypes)) {
			expect(partitionTypeName(byte)).toBe(name);
		}
	});

	test.for([
		["usr-arm64-verity-sig", { gpt: "c23ce4ff-44bd-4b00-b2d4-b41b3419e02a" }],
		["esp", { gpt: espType, mbr: "ef" }],
		["C", { mbr: "0c" }],
		["0xFd", { mbr: "fd" }],
		["constructor", undefined],
		["", undefined],
		["123", undefined],
	] as const)("%s is read", ([text, expected], { expect }) => {
		expect(parsePartitionType(text)).toStrictEqual(expected);
	});
});
