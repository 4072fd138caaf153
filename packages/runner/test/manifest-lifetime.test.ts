import { test } from "vitest";
import { sharedDevicesOf, sharedLifetimes } from "../src/manifest-lifetime.ts";
import { parseManifest } from "../src/manifest.ts";
import { manifestWith } from "./manifest-folder.ts";

const devices =
	"{ loop: { type: x }, luks: { type: x, parent: loop }, lv: { type: x, parent: luks }, other: { type: x } }";

test.for([
	["all stages use all", "[{}, {}]", { loop: [0, 1], luks: [0, 1], lv: [0, 1], other: [0, 1] }],
	["one of two uses one", "[{ uses: [] }, { uses: [other] }]", { other: [1, 1] }],
	[
		"what a device stands on is open as long as it is",
		"[{ uses: [loop] }, { uses: [lv] }, { uses: [] }]",
		{ loop: [0, 1], luks: [1, 1], lv: [1, 1] },
	],
	[
		"what a stage's own device stands on is open, too",
		"[{ uses: [] }, { uses: [], devices: { mine: { type: x, parent: luks } } }]",
		{ loop: [1, 1], luks: [1, 1] },
	],
	[
		"it stays open between its stages",
		"[{ uses: [other] }, { uses: [] }, { uses: [other] }]",
		{ other: [0, 2] },
	],
	["unknown names are nobody's", "[{ uses: [nothing] }]", {}],
	[
		"what a device of several parents stands on is open as long as it is",
		"[{ uses: [other] }, { uses: [], devices: { mine: { type: x, parents: [luks, other] } } }, { uses: [loop] }]",
		{ loop: [1, 2], luks: [1, 1], other: [0, 1] },
	],
	[
		"a parent that is hidden by the stage's own device is not needed",
		"[{ uses: [], devices: { loop: { type: x }, mine: { type: x, parent: loop } } }]",
		{},
	],
] as const)("%s", async ([, stages, expected], { expect }) => {
	let count = 0;
	const named = stages.replaceAll(/\{(?= uses|\})/g, () => `{ name: s${++count}, run: [ls], `);
	const manifest = await parseManifest(manifestWith({ devices, stages: named }), {
		file: "m.yaml",
	});

	const lifetimes = [...sharedLifetimes(manifest)].map(([name, { first, last }]) => [
		name,
		[first, last],
	]);

	expect(Object.fromEntries(lifetimes)).toEqual(expected);
});

test("ends at a cycle of parents", async ({ expect }) => {
	const cycle = "{ a: { type: x, parent: b }, b: { type: x, parent: a } }";
	const manifest = await parseManifest(manifestWith({ devices: cycle }), { file: "m.yaml" });

	expect([...sharedLifetimes(manifest).keys()]).toEqual(["a", "b"]);
});

test("a stage sees what it uses, in the order of declaration", async ({ expect }) => {
	const stages = "[{ name: a, uses: [other, loop], run: [ls] }, { name: b, run: [ls] }]";
	const manifest = await parseManifest(manifestWith({ devices, stages }), { file: "m.yaml" });

	const seen = manifest.stages.map((stage) =>
		sharedDevicesOf(manifest, stage).map(({ name }) => name),
	);

	expect(seen).toEqual([
		["loop", "other"],
		["loop", "luks", "lv", "other"],
	]);
});

test("stages that use all devices count beside those that say what they use", async ({
	expect,
}) => {
	const stages =
		"[{ name: a, run: [ls], uses: [other] }, { name: b, run: [ls] }, { name: c, run: [ls], uses: [lv] }, " +
		"{ name: d, run: [ls] }, { name: e, run: [ls], uses: [loop] }]";
	const manifest = await parseManifest(manifestWith({ devices, stages }), { file: "m.yaml" });

	expect(Object.fromEntries(sharedLifetimes(manifest))).toEqual({
		loop: { first: 1, last: 4 },
		luks: { first: 1, last: 3 },
		lv: { first: 1, last: 3 },
		other: { first: 0, last: 3 },
	});
});
