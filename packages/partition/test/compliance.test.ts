import { describeDriver } from "@devhost/core/testing";
import { describe, test } from "vitest";
import { partition } from "../src/partition.ts";
import { fakeDisk, loop, volume } from "./fake-disk.ts";

const refused = [
	{},
	{ "read-only": true },
	{ number: 1, label: "root" },
	{ uuid: "1a2b3c4d-01", type: "83" },
	...[0, -1, 1.5, "1", null, 65_537].map((number) => ({ number })),
	...["", "x".repeat(37), 1, null].map((label) => ({ label })),
	...["", "1a2b3c4d", "root", 1].map((uuid) => ({ uuid })),
	...["", "a b", 83, null].map((type) => ({ type })),
	{ number: 1, "read-only": "yes" },
];

describe.for([
	["a loop device", loop, { number: 2 }],
	["a loop device, read-only", loop, { uuid: "1A2B3C4D-02", "read-only": true }],
	["another device", volume, { number: 2 }],
	["another device, read-only", volume, { number: 1, "read-only": true }],
] as const)("on %s", ([, parent, options]) => {
	describeDriver({ describe, test }, "partition", {
		refused,
		canWait: true,
		waitsForOthers: true,
		// Both have the same node.
		overlapping: parent !== loop,
		setup({ step, neverReady }) {
			const machine = fakeDisk({ step, parent, mappings: { neverReady } });
			const inTheWay = { number: 9, startBytes: 0, sizeBytes: 1 << 20 };
			if (neverReady) machine.partitions.addForeign(inTheWay, 1);
			return {
				driver: partition(() => machine.sys),
				options,
				context: { name: "root", run: "test", tree: 10, devices: 11, parent },
				leftovers: machine.leftovers,
				hasNode: ({ path, node }) =>
					(machine.partitions.nodes.get(path) ?? machine.mappings.nodes.get(path)) ===
					node?.minor,
				async [Symbol.asyncDispose]() {},
			};
		},
	});
});
