import { describe, test } from "vitest";
import { type FakePartitionsOptions, fakePartitions } from "../../src/testing-partition.ts";
import { openPartitions } from "../../src/partition/kernel-partition.ts";
import type { Handle } from "../../src/handle.ts";
import { StepFailure } from "../../src/testing.ts";

const megabyte = 1 << 20;

function range(number: number, startMegabytes: number = number) {
	return { number, startBytes: startMegabytes * megabyte, sizeBytes: megabyte };
}

/** Nothing asks the fake kernel for the disk by it. */
const disk: Handle = {
	fd: 99,
	take: () => 99,
	close() {},
	closeAsync: async () => {},
	[Symbol.dispose]() {},
	async [Symbol.asyncDispose]() {},
};

function setUp(options: FakePartitionsOptions = {}) {
	const fake = fakePartitions(options);
	const request = {
		disk,
		node: { major: 7, minor: 3 },
		partitions: [range(1), range(2)],
		subject: "disk",
		devices: 11,
		readOnly: false,
		closeTimeoutMs: 60,
	};
	return { ...fake, request };
}

describe("opening partitions", () => {
	test("asks for what it needs, in this order", async ({ expect }) => {
		const { sys, request, log, leftovers } = setUp();
		const one = { ...request, partitions: [range(1)] };

		const open = await openPartitions(sys, one);
		const opening = [...log];
		await open[Symbol.asyncDispose]();

		expect(opening).toEqual(["describe", "flush", "dropWithDisk", "add", "open", "describe"]);
		expect(log.slice(opening.length)).toEqual([
			"claim",
			"removeNode",
			"flush",
			"close partition",
			"close claim",
			"remove",
			"invalidate",
		]);
		expect(leftovers()).toEqual([]);
	});

	test("leaves nothing, whichever step fails, and says what failed", async ({ expect }) => {
		const whole = setUp();
		await (await openPartitions(whole.sys, whole.request))[Symbol.asyncDispose]();

		for (const [index] of whole.log.entries()) {
			let count = 0;
			const { sys, request, leftovers } = setUp({
				step(name) {
					if (count++ === index) throw new StepFailure(name);
				},
			});
			const run = async (): Promise<void> => {
				await (await openPartitions(sys, request))[Symbol.asyncDispose]();
			};

			await expect(run()).rejects.toMatchObject({
				code: expect.stringMatching(/^ERR_DEVICE_/),
			});

			expect(leftovers()).toEqual([]);
		}
	});

	test.for([
		["somebody has the kernel look for partitions before it is opened", { droppedBefore: 3 }],
		["the kernel looks itself when it is opened", { droppedBy: 3 }],
	])("adds a partition again when %s", async ([, options], { expect }) => {
		const { sys, request, shown, leftovers } = setUp(options as FakePartitionsOptions);

		const open = await openPartitions(sys, request);

		expect([...shown.keys()]).toEqual(["loop3p1", "loop3p2"]);
		await open[Symbol.asyncDispose]();
		expect(leftovers()).toEqual([]);
	});

	test("gives up when it is dropped each time", async ({ expect }) => {
		const { sys, request, leftovers } = setUp({ droppedBefore: Infinity });

		await expect(openPartitions(sys, request)).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			message:
				"disk: loop3p1 was removed each time before it could be opened: " +
				"somebody has the kernel look for partitions of the disk",
		});

		expect(leftovers()).toEqual([]);
	});

	test("names who has open what is in the way", async ({ expect }) => {
		const { sys, request, addForeign, leftovers } = setUp();
		addForeign({ number: 5, startBytes: 1.5 * megabyte, sizeBytes: megabyte }, 1);

		await expect(openPartitions(sys, request)).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			message:
				"disk: loop3p5, 1048576 bytes from byte 1572864 on, is in the way of loop3p1: " +
				"still in use by pid 4711 (qemu) with /dev/loop0p1 open",
			holders: [{ pid: 4711 }],
		});

		expect(leftovers()).toEqual([]);
	});

	test("uses one that somebody else has open, and leaves it there", async ({ expect }) => {
		const { sys, request, addForeign, shown, nodes, log } = setUp();
		const theirs = addForeign(range(1), 1);
		nodes.set("loop3p1", theirs.node.minor);

		const open = await openPartitions(sys, { ...request, partitions: [range(1)] });
		await open[Symbol.asyncDispose]();

		expect(log).not.toContain("claim"); // they may have mounted it
		expect([...shown.values()]).toEqual([theirs]);
		expect(theirs.openCount).toBe(1);
		expect([...nodes.keys()]).toEqual(["loop3p1"]);
	});

	test("does not make a partition read-only that somebody else has open", async ({ expect }) => {
		const { sys, request, addForeign } = setUp();
		const theirs = addForeign(range(1), 1);

		await expect(openPartitions(sys, { ...request, readOnly: true })).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			message: expect.stringContaining("loop3p1 is open in another way"),
		});

		expect(theirs.readOnly).toBe(false);
	});

	test("ends when its signal aborts", async ({ expect }) => {
		const { sys, request, addForeign, leftovers } = setUp();
		addForeign({ number: 5, startBytes: megabyte, sizeBytes: megabyte }, 1);
		const signal = AbortSignal.timeout(20);

		await expect(
			openPartitions(sys, { ...request, closeTimeoutMs: 60_000, signal }),
		).rejects.toMatchObject({ code: "ERR_DEVICE_TIMEOUT" });

		expect(leftovers()).toEqual([]);
	});
});

describe("closing partitions", () => {
	test.for([
		["have them open", { openedElsewhere: 3 }],
		["stand on them", { claimedElsewhere: 3 }],
	])("waits for others who %s for a moment", async ([, options], { expect }) => {
		const { sys, request, leftovers } = setUp(options as FakePartitionsOptions);

		const open = await openPartitions(sys, request);
		await open[Symbol.asyncDispose]();

		expect(leftovers()).toEqual([]);
	});

	test.for([
		["have them open", { openedElsewhere: Infinity }],
		["stand on them", { claimedElsewhere: Infinity }],
	])("names others who %s", async ([, options], { expect }) => {
		const { sys, request, nodes } = setUp(options as FakePartitionsOptions);
		const open = await openPartitions(sys, request);

		await expect(open[Symbol.asyncDispose]()).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			message: "disk: loop3p1: still in use by pid 4711 (qemu) with /dev/loop0p1 open",
			closeFailures: [{ message: expect.stringContaining("disk: loop3p2: still in use by") }],
		});

		expect([...nodes.keys()]).toEqual([]);
	});
});
