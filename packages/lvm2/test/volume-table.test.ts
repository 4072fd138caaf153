import { test } from "vitest";
import { findVolume } from "../src/find-volume.ts";
import { readVolumeGroups } from "../src/read-volume-groups.ts";
import { neededOfTools, type PhysicalDevice, volumeTable } from "../src/volume-table.ts";
import { diskBytes, fixture, imageSource, smallText, writeText } from "./metadata-image.ts";

const disks = [0, 1, 2, 3] as const;
const devices: readonly PhysicalDevice[] = disks.map((disk) => ({
	name: `loop${disk}`,
	node: { major: 7, minor: disk },
	sizeBytes: diskBytes,
}));

async function kinds(present: readonly (0 | 1 | 2 | 3)[] = disks) {
	return await readVolumeGroups(present.map((disk) => imageSource(fixture(disk))));
}

async function small(text: string = smallText) {
	return await readVolumeGroups([imageSource(writeText(fixture(0), text))]);
}

test("a linear volume", async ({ expect }) => {
	const found = findVolume(await kinds(), { volume: "plain", vg: "kinds" });

	expect(neededOfTools(found)).toBeUndefined();
	expect(volumeTable(found, devices)).toEqual([
		{ startSectors: 0, lengthSectors: 16384, type: "linear", parameters: "7:0 2048" },
	]);
});

test("a striped volume", async ({ expect }) => {
	const found = findVolume(await kinds(), { volume: "striped", vg: undefined });

	expect(volumeTable(found, devices)).toEqual([
		{
			startSectors: 0,
			lengthSectors: 49152,
			type: "striped",
			parameters: "3 128 7:0 18432 7:1 2048 7:2 2048",
		},
	]);
});

test("several segments, in their order", async ({ expect }) => {
	const segment = /\t\t\tsegment1 \{[^}]*\}\n/.exec(smallText)?.[0] ?? "";
	const second = segment
		.replace("segment1", "segment2")
		.replace("start_extent = 0", "start_extent = 4")
		.replace('"pv0", 10', '"pv0", 50');
	const text = smallText
		.replace("segment_count = 1", "segment_count = 2")
		.replace(segment, second + segment);
	const found = findVolume(await small(text), { volume: "root", vg: undefined });

	expect(volumeTable(found, devices)).toEqual([
		{ startSectors: 0, lengthSectors: 32768, type: "linear", parameters: "7:0 83968" },
		{ startSectors: 32768, lengthSectors: 32768, type: "linear", parameters: "7:0 411648" },
	]);
});

test("does without what it does not lie on", async ({ expect }) => {
	const found = findVolume(await kinds([0]), { volume: "plain", vg: undefined });

	expect(volumeTable(found, devices)[0]?.parameters).toBe("7:0 2048");
});

test("names the physical volumes that are missing", async ({ expect }) => {
	const found = findVolume(await kinds([1]), { volume: "striped", vg: undefined });

	expect(() => volumeTable(found, devices)).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_PARENT",
			message:
				"volume kinds/striped: the physical volumes Ww9F20-xG4Z-3rEK-tmrb-vRK7-kE2l-2BjMC1 (it was /dev/loop0), " +
				"U13OS0-8iI4-aaU7-PYWZ-hAPN-lNTB-QD0ZvJ (it was /dev/loop2) are missing among the parents",
			details: {
				missing: [
					"Ww9F20-xG4Z-3rEK-tmrb-vRK7-kE2l-2BjMC1",
					"U13OS0-8iI4-aaU7-PYWZ-hAPN-lNTB-QD0ZvJ",
				],
			},
		}),
	);
});

test("does not trust one that was missing when the group was changed", async ({ expect }) => {
	const text = smallText.replace('"ALLOCATABLE"', '"ALLOCATABLE", "MISSING"');
	const found = findVolume(await small(text), { volume: "root", vg: undefined });

	expect(() => volumeTable(found, devices)).toThrow("vgextend --restoremissing small");
});

test("no volume leaves its device", async ({ expect }) => {
	const found = findVolume(await kinds(), { volume: "plain", vg: undefined });
	const shorter = devices.map((device) => ({ ...device, sizeBytes: 9 << 20 }));

	expect(volumeTable(found, shorter)).toHaveLength(1);
	expect(() =>
		volumeTable(
			found,
			shorter.map((device) => ({ ...device, sizeBytes: (9 << 20) - 512 })),
		),
	).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_OUT_OF_RANGE",
			message: "volume kinds/plain reaches to byte 9437184 of loop0, which has 9436672",
		}),
	);
});

test("numbers that no device has are refused", async ({ expect }) => {
	const text = smallText
		.replace("extent_size = 8192", "extent_size = 4294967295")
		.replace("pe_count = 99", "pe_count = 4294967295")
		.replace("extent_count = 4", "extent_count = 4294967285");
	const found = findVolume(await small(text), { volume: "root", vg: undefined });

	expect(() => volumeTable(found, devices)).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_OUT_OF_RANGE",
			message: "volume small/root is larger than any device",
		}),
	);
});

test.for([
	["pool", "thin-pool"],
	["thin", "thin"],
	["thin-snap", "thin"],
	["raid1", "raid1"],
	["raid5", "raid5"],
	["mirror", "mirror"],
	["origin", "snapshot"],
	["snap", "snapshot"],
	["cached", "cache"],
	["wc", "writecache"],
	["sealed", "raid1"],
	["error", "error"],
] as const)("%s is left to the tools, being %s", async ([volume, needed], { expect }) => {
	expect(neededOfTools(findVolume(await kinds(), { volume, vg: undefined }))).toBe(needed);
});

test("so is what is being moved", async ({ expect }) => {
	const root = smallText.slice(smallText.indexOf("\t\troot {"), smallText.indexOf("\t}\n}"));
	const text = smallText
		.replace(
			"\t\troot {",
			`${root.replace("root {", "pvmove0 {").replace(', "VISIBLE"', ', "PVMOVE", "LOCKED"')}\n\t\troot {`,
		)
		.replace(/"pv0", 10(?=\n\t\t\t\t\]\n\t\t\t\}\n\t\t\}\n\t\})/, '"pvmove0", 0');
	const found = findVolume(await small(text), { volume: "root", vg: undefined });

	expect(neededOfTools(found)).toBe("pvmove");
});
