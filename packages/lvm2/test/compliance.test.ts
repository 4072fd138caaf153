import { describeDriver } from "@devhost/core/testing";
import { describe, test } from "vitest";
import { logicalVolume } from "../src/logical-volume.ts";
import { fakeVolume } from "./fake-volume.ts";
import { fixture } from "./metadata-image.ts";

const refused = [
	{},
	...["", "-a", ".", "..", "a/b", "a b", "a".repeat(128), 1, null].flatMap((value) => [
		{ volume: value },
		{ volume: "plain", vg: value },
	]),
	...[-1, 1.5, "1", null].map((value) => ({ volume: "plain", vg_partnum: value })),
	{ volume: "plain", "read-only": "yes" },
];

const disks = [0, 1, 2, 3] as const;
const whole = Object.fromEntries(disks.map((disk) => [`loop${disk}`, fixture(disk)]));
const partitions = Object.fromEntries(
	disks.flatMap((disk) => [
		[`loop${disk}`, new Uint8Array()],
		[`loop${disk}p${disk + 5}`, fixture(disk)],
		[`loop${disk}p9`, fixture(disk)],
	]),
);

describe.for([
	["a linear volume", { volume: "plain" }, whole, []],
	["a striped volume", { volume: "striped", vg: "kinds", "read-only": true }, whole, []],
	["a volume on partitions", { volume: "plain", vg_partnum: 9 }, partitions, []],
	[
		"a volume that the tools open",
		{ volume: "thin" },
		whole,
		["kinds-pool_tmeta", "kinds-pool_tdata", "kinds-pool-tpool", "kinds-thin"],
	],
] as const)("with %s", ([, options, images, makes]) => {
	describeDriver({ describe, test }, "lvm2", {
		refused,
		canWait: true,
		waitsForOthers: true,
		setup({ step, neverReady }) {
			const machine = fakeVolume({ step, neverReady, images, run: () => ({ makes }) });
			return {
				driver: logicalVolume(() => machine.sys),
				options,
				context: {
					name: "disk",
					run: "test",
					tree: 10,
					devices: 11,
					parents: machine.parents,
					...(machine.parents[0] !== undefined && { parent: machine.parents[0] }),
				},
				leftovers: machine.leftovers,
				hasNode: ({ path, node }) => machine.mappings.nodes.get(path) === node?.minor,
				async [Symbol.asyncDispose]() {},
			};
		},
	});
});
