import { describeDriver } from "@devhost/core/testing";
import { describe, test } from "vitest";
import { loopback } from "../src/loopback.ts";
import { fakeLoop } from "./fake-loop.ts";
import { mbr } from "./mbr.ts";

const refused = [
	{ filename: "" },
	{ filename: "/" },
	{ filename: "a\0b" },
	{ filename: 1 },
	...[-1, 1.5, "1", null, Infinity, NaN].flatMap((value) => [
		{ filename: "disk.img", start: value },
		{ filename: "disk.img", size: value },
	]),
	...[0, 256, 1000, 8192, -512, 512.5, "512", null].map((value) => ({
		filename: "disk.img",
		"sector-size": value,
	})),
	{ filename: "disk.img", lock: 1 },
	{ filename: "disk.img", partscan: "yes" },
];

const content = Buffer.concat([
	mbr([
		{ startSectors: 2, lengthSectors: 4 },
		{ startSectors: 8, lengthSectors: 4 },
	]),
	Buffer.alloc(65_024),
]);

describe.for([
	["defaults", { filename: "disk.img" }],
	[
		"all options",
		{
			filename: "/disk.img",
			start: 8,
			size: 16,
			"sector-size": 4096,
			partscan: true,
			lock: true,
			"direct-io": true,
		},
	],
	["read-only", { filename: "disk.img", "read-only": true }],
] as const)("with %s", ([, options]) => {
	describeDriver({ describe, test }, "loopback", {
		refused,
		canWait: true,
		waitsForOthers: true,
		setup({ step, neverReady }) {
			const machine = fakeLoop({
				step,
				configure: () => (neverReady ? "EBUSY" : undefined),
				content,
				partitions: { disk: { sizeBytes: 65_536, sectorBytes: 4096 } },
			});
			return {
				driver: loopback(machine.sys),
				options,
				context: { name: "disk", run: "test", tree: 10, devices: 11 },
				leftovers: machine.leftovers,
				hasNode: ({ path, node }) => machine.nodes.get(path) === node?.minor,
				async [Symbol.asyncDispose]() {},
			};
		},
	});
});
