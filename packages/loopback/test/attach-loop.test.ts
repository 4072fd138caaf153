import { readFileSync } from "node:fs";
import { delay } from "@devhost/core";
import { test } from "vitest";
import { attachLoop, type AttachLoopOptions } from "../src/attach-loop.ts";
import { fakeLoop } from "./fake-loop.ts";

const megabyte = 1 << 20;

test.for([
	[{}, 0, megabyte, 512],
	[{ startBytes: 4096, sizeBytes: 8192 }, 4096, 8192, 512],
	[{ startSectors: 8, sizeSectors: 16 }, 4096, 8192, 512],
	[{ startSectors: 8, sizeSectors: 16, sectorBytes: 4096 }, 32768, 65536, 4096],
	[{ startSectors: 8, sizeBytes: 512 }, 4096, 512, 512],
] as const)("attaches %j", async ([options, offsetBytes, sizeBytes, sectorBytes], { expect }) => {
	const { sys } = fakeLoop();

	await using loop = await attachLoop({ file: "disk.img", sys, ...options });

	expect(loop).toMatchObject({
		path: "/dev/loop0",
		name: "loop0",
		node: { major: 7, minor: 0 },
		offsetBytes,
		sizeBytes,
		sectorBytes,
	});
});

test("has room made for the descriptors of many devices, once there are several at once", async ({
	expect,
}) => {
	const room = (): number =>
		Number(/^FDSize:\t(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
	const { sys } = fakeLoop();
	const attach = () => attachLoop({ file: "disk.img", sys });
	const before = room();

	for (let i = 0; i < 20; i++) await (await attach()).close();
	await delay(200); // It takes a tenth of that.
	expect(room()).toBe(before);
	const loops = await Promise.all(Array.from({ length: 8 }, attach));

	expect(before).toBeLessThan(512);
	await expect.poll(room).toBeGreaterThanOrEqual(512);
	for (const loop of loops) await loop.close();
});

test.for<[Partial<AttachLoopOptions>, string]>([
	[{ file: "" }, 'file: "", expected the path of a file'],
	[{ file: "a\0b" }, 'file: "a\\u0000b", expected the path of a file'],
	[{ sectorBytes: 0 }, "sectorBytes: 0, expected one of 512, 1024, 2048, 4096"],
	[{ sectorBytes: 256 }, "sectorBytes: 256, expected one of 512, 1024, 2048, 4096"],
	[{ sectorBytes: 1000 }, "sectorBytes: 1000, expected one of 512, 1024, 2048, 4096"],
	[{ sectorBytes: 8192 }, "sectorBytes: 8192, expected one of 512, 1024, 2048, 4096"],
	[{ sectorBytes: -512 }, "sectorBytes: -512, expected one of 512, 1024, 2048, 4096"],
	[{ startBytes: -1 }, "startBytes: -1, expected a whole number, 0 or more"],
	[{ startSectors: 0.5 }, "startSectors: 0.5, expected a whole number, 0 or more"],
	[{ sizeBytes: NaN }, "sizeBytes: NaN, expected a whole number, 0 or more"],
	[
		{ startBytes: 512, startSectors: 1 },
		"startSectors: 1, expected either startBytes or startSectors",
	],
])("refuses %j before the kernel sees it", async ([options, message], { expect }) => {
	const machine = fakeLoop();

	await expect(
		attachLoop({ file: "disk.img", sys: machine.sys, ...options }),
	).rejects.toMatchObject({
		code: "ERR_DEVICE_OPTIONS",
		message,
	});
	expect(machine.log).toEqual([]);
});

test("is closed when any closing of it is over", async ({ expect }) => {
	const machine = fakeLoop();
	const loop = await attachLoop({ file: "disk.img", sys: machine.sys });

	const first = loop.close();
	await loop.close();

	expect(machine.leftovers()).toEqual([]);
	await first;
});

test("tells the first one that closing failed, and the others when", async ({ expect }) => {
	const machine = fakeLoop({ openedElsewhere: 1000 });
	const options = { file: "disk.img", sys: machine.sys, closeTimeoutMs: 20 };
	const loop = await attachLoop(options);

	const closings = await Promise.allSettled([loop.close(), loop.close()]);

	expect(closings).toMatchObject([
		{ status: "rejected", reason: { code: "ERR_DEVICE_BUSY" } },
		{ status: "fulfilled" },
	]);
	await loop.close();
});

test("closes once", async ({ expect }) => {
	const machine = fakeLoop();
	const loop = await attachLoop({ file: "disk.img", sys: machine.sys });

	await Promise.all([loop.close(), loop.close()]);
	await loop[Symbol.asyncDispose]();

	expect(machine.log.filter((step) => step === "close loop")).toHaveLength(1);
	expect(machine.leftovers()).toEqual([]);
});

test("tags the device with the process and the file, unless told otherwise", async ({ expect }) => {
	const machine = fakeLoop();

	await using _ = await attachLoop({ file: "disk.img", sys: machine.sys });
	await using __ = await attachLoop({
		file: "disk.img",
		sys: machine.sys,
		run: "r1",
		name: "root",
	});

	expect([...machine.bound.values()].map(({ tag }) => tag)).toEqual([
		`devhost:pid-${process.pid}:disk.img`,
		"devhost:r1:root",
	]);
});
