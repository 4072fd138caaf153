import type { OpenContext } from "@devhost/core";
import { partitionTypes } from "@devhost/core/partition";
import { describe, test } from "vitest";
import manifest from "../device.json" with { type: "json" };
import { parsePartitionOptions } from "../src/options.ts";
import { partition } from "../src/partition.ts";
import { fakeDisk, type FakeDiskOptions, volume } from "./fake-disk.ts";
import { mbrDisk } from "./images.ts";

function setUp(options: FakeDiskOptions = {}) {
	const machine = fakeDisk(options);
	const told: string[] = [];
	const { parent } = machine;
	const context: OpenContext = {
		name: "root",
		run: "test",
		tree: 10,
		devices: 11,
		parent,
		parents: [parent],
		signal: new AbortController().signal,
		secret: () => undefined,
		log: (text) => void told.push(text),
	};
	const driver = partition(() => machine.sys, { closeTimeoutMs: 60 });
	const open = (given: object) => driver.open(parsePartitionOptions(given), context);
	return { ...machine, told, open };
}

describe("a partition of a loop device", () => {
	test("is one that the kernel knows, and says what the table says", async ({ expect }) => {
		const { open, partitions, leftovers } = setUp();

		const device = await open({ number: 2 });

		expect(device).toMatchObject({
			path: "loop3p2",
			node: { major: 259, minor: 0 },
			details: {
				number: 2,
				uuid: "1a2b3c4d-02",
				type: "83",
				startBytes: 131_072,
				sizeBytes: 262_144,
				sectorBytes: 512,
				readOnly: false,
				diskSequence: 1,
			},
		});
		expect([...partitions.shown.keys()]).toEqual(["loop3p2"]);
		await device[Symbol.asyncDispose]();
		expect(leftovers()).toEqual([]);
	});

	test("which its parent has already is there for both", async ({ expect }) => {
		const { open, partitions } = setUp();
		const theirs = partitions.addForeign(
			{ number: 2, startBytes: 131_072, sizeBytes: 262_144 },
			1,
		);
		partitions.nodes.set("loop3p2", theirs.node.minor);

		const device = await open({ number: 2 });
		await device[Symbol.asyncDispose]();

		expect([...partitions.shown.values()]).toEqual([theirs]);
		expect([...partitions.nodes.keys()]).toEqual(["loop3p2"]);
	});
});

describe("a partition of another device", () => {
	test("is a linear mapping of its range, whose uuid says what it is", async ({ expect }) => {
		const { open, mappings, log, leftovers } = setUp({ parent: volume });

		const device = await open({ number: 2 });

		expect([...mappings.mappings.values()]).toMatchObject([
			{
				name: "devhost-test-root",
				uuid: "PART-devhost-test-root",
				table: [
					{
						startSectors: 0,
						lengthSectors: 512,
						type: "linear",
						parameters: "254:9 256",
					},
				],
			},
		]);
		expect(device.path).toBe("dm-0");
		expect(log.indexOf("flush")).toBeLessThan(log.indexOf("keepTable"));
		await device[Symbol.asyncDispose]();
		expect(log.lastIndexOf("close mapping")).toBeLessThan(log.indexOf("invalidate"));
		expect(leftovers()).toEqual([]);
	});

	test("cannot be opened without device-mapper, and it is said why", async ({ expect }) => {
		const { open, leftovers } = setUp({
			parent: volume,
			mappings: { refuse: () => ({ step: "load", code: "EINVAL" }), targetTypes: [] },
		});

		await expect(open({ number: 2 })).rejects.toMatchObject({
			code: "ERR_DEVICE_UNSUPPORTED",
			message: expect.stringMatching(
				/^root: a partition of dm-9, which is no loop device, is opened by a mapping, and /,
			),
		});

		expect(leftovers()).toEqual([]);
	});
});

describe("opening a partition", () => {
	test.for([
		[
			"there is no such one",
			{ number: 7 },
			{},
			"ERR_DEVICE_OPTIONS",
			"root: loop3: no partition 7. There are 1 (",
		],
		[
			"there are several",
			{ type: "83" },
			{},
			"ERR_DEVICE_OPTIONS",
			'root: loop3: 2 partitions have the type "83"',
		],
		[
			"there is no table",
			{ number: 1 },
			{ content: Buffer.alloc(1 << 20) },
			"ERR_DEVICE_FORMAT",
			"root: loop3: no partition table",
		],
		[
			"the disk is read-only",
			{ number: 1 },
			{ partitions: { disk: { readOnly: true } } },
			"ERR_DEVICE_READ_ONLY_FILE",
			"root: loop3: it can only be read",
		],
		[
			"the node is another device's",
			{ number: 1 },
			{ node: { major: 7, minor: 4 } },
			"ERR_DEVICE_NOT_OURS",
			"root: loop3: its node is not 7:3",
		],
	] as const)("fails where %s", async ([, given, options, code, beginning], { expect }) => {
		const { open, leftovers } = setUp(options);

		await expect(open(given)).rejects.toMatchObject({
			code: expect.stringContaining(code),
			message: expect.stringMatching(
				new RegExp(`^${beginning.replaceAll(/[.()]/g, "\\$&")}`),
			),
		});

		expect(leftovers()).toEqual([]);
	});

	test("tells what is wrong with the table", async ({ expect }) => {
		const { open, told } = setUp({
			content: mbrDisk(1 << 20, [
				{ startSectors: 64, lengthSectors: 64 },
				{ startSectors: 256, lengthSectors: 5120 },
			]),
		});

		await using device = await open({ number: 1 });

		expect(device.path).toBe("loop3p1");
		expect(told).toEqual([expect.stringMatching(/^root: loop3: partition 2 /)]);
	});
});

test("the names of types that options may have are those that there are", ({ expect }) => {
	const names = manifest.options.properties.type.anyOf.flatMap((each) => each.enum ?? []);

	expect(names).toEqual(Object.keys(partitionTypes));
	for (const type of [...names, "83", "0x0C", "c", partitionTypes["esp"]])
		expect(parsePartitionOptions({ type }).selector).toEqual({ type });
	expect(() => parsePartitionOptions({ type: "rot-x86-64" })).toThrow(
		"did you mean root-x86-64?",
	);
});

test("options that say nothing, or too much, are refused in these words", ({ expect }) => {
	const refusal = (value: unknown): unknown => {
		try {
			return parsePartitionOptions(value);
		} catch (error) {
			return (error as Error).message;
		}
	};

	expect(refusal({})).toBe(
		"nothing says which partition is meant, expected one of number, label, uuid, type",
	);
	expect(refusal({ number: 1, label: "root" })).toBe(
		"number and label: expected only one of them",
	);
	expect(refusal({ type: 83 })).toBe(
		'type: 83, expected the type of a partition: a name such as esp or root-x86-64, a GUID, or "83" in quotes',
	);
	expect(refusal({ lable: "root" })).toContain("lable: unknown option, did you mean label?");
});
