import { test } from "vitest";
import { openLoop } from "../src/open-loop.ts";
import type { LoopRequest } from "../src/loop-request.ts";
import { fakeLoop, type FakeOptions } from "./fake-loop.ts";
import { mbr } from "./mbr.ts";

const megabyte = 1 << 20;
const content = Buffer.concat([
	mbr([
		{ startSectors: 64, lengthSectors: 64 },
		{ startSectors: 256, lengthSectors: 512 },
	]),
	Buffer.alloc(megabyte - 512),
]);

function setUp(options: FakeOptions) {
	const machine = fakeLoop({ partitions: { disk: { sizeBytes: megabyte } }, ...options });
	const told: string[] = [];
	const request: LoopRequest = {
		file: "disk.img",
		filename: "disk.img",
		tree: 10,
		startBytes: 0,
		sizeBytes: undefined,
		sectorBytes: 512,
		readOnly: false,
		lock: false,
		directIo: false,
		partscan: true,
		devices: 11,
		tag: "devhost:test:disk",
		closeTimeoutMs: 60,
		signal: undefined,
		log: (text) => void told.push(text),
	};
	return { ...machine, told, request };
}

test("every partition has a node while the device is open, and what the table says of it", async ({
	expect,
}) => {
	const { sys, request, partitions, leftovers, told } = setUp({ content });

	const loop = await openLoop(sys, request);

	expect(loop.partitions).toMatchObject([
		{ number: 1, path: "loop0p1", startBytes: 32_768, type: "83", uuid: "1a2b3c4d-01" },
		{ number: 2, path: "loop0p2", startBytes: 131_072, sizeBytes: 262_144 },
	]);
	expect([...partitions.nodes.keys()]).toEqual(["loop0p1", "loop0p2"]);
	await loop[Symbol.asyncDispose]();
	expect(leftovers()).toEqual([]);
	expect(told).toEqual([]);
});

test("partitions are closed before the device is", async ({ expect }) => {
	const { sys, request, log } = setUp({ content });
	const loop = await openLoop(sys, request);
	const before = log.length;

	await loop[Symbol.asyncDispose]();

	const closing = log.slice(before);
	expect(closing.lastIndexOf("remove")).toBeLessThan(
		closing.indexOf("removeNode", closing.indexOf("invalidate")),
	);
	expect(closing.indexOf("invalidate")).toBeLessThan(closing.indexOf("examine"));
});

test.for([
	["no table", Buffer.alloc(megabyte), []],
	[
		"a damaged table",
		Buffer.concat([
			mbr([{ startSectors: 1, lengthSectors: 0xffff_ffff, type: 0xee }]),
			Buffer.alloc(megabyte - 512),
		]),
		["disk.img: loop0: "],
	],
	[
		"a partition that leaves the device",
		Buffer.concat([
			mbr([{ startSectors: 64, lengthSectors: 4096 }]),
			Buffer.alloc(megabyte - 512),
		]),
		["disk.img: loop0: partition 1 "],
	],
] as const)(
	"a device with %s has no nodes, and opens",
	async ([, content, beginnings], { expect }) => {
		const { sys, request, told, partitions } = setUp({ content });

		const loop = await openLoop(sys, request);

		expect(loop.partitions).toEqual([]);
		expect([...partitions.nodes.keys()]).toEqual([]);
		expect(told).toHaveLength(beginnings.length);
		for (const [index, beginning] of beginnings.entries())
			expect(told[index]).toContain(beginning);
		await loop[Symbol.asyncDispose]();
	},
);

test("an extended partition is not shown, and those within it are", async ({ expect }) => {
	const extended = mbr([
		{ startSectors: 64, lengthSectors: 64 },
		{ startSectors: 128, lengthSectors: 256, type: 0x05 },
	]);
	const logical = mbr([{ startSectors: 8, lengthSectors: 16 }]);
	const { sys, request, told } = setUp({
		content: Buffer.concat([
			extended,
			Buffer.alloc(127 * 512),
			logical,
			Buffer.alloc(megabyte - 129 * 512),
		]),
	});

	const loop = await openLoop(sys, request);

	expect(loop.partitions.map(({ number }) => number)).toEqual([1, 5]);
	expect(told).toEqual([]);
	await loop[Symbol.asyncDispose]();
});

test("who uses a partition is named, once it and the device have been waited for together", async ({
	expect,
}) => {
	const { sys, request, leftovers } = setUp({
		content,
		partitions: { disk: { sizeBytes: megabyte }, claimedElsewhere: Infinity },
	});
	const loop = await openLoop(sys, request);
	const before = sys.nowMs();

	await expect(loop[Symbol.asyncDispose]()).rejects.toMatchObject({
		code: "ERR_DEVICE_BUSY",
		message: expect.stringMatching(/^disk\.img: loop0p1: still in use by pid 4711 \(qemu\)/),
	});

	expect(sys.nowMs() - before).toBeGreaterThanOrEqual(59);
	expect(leftovers()).toEqual([]);
});
