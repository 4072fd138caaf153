import { closeSync, openSync, writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { readPhysicalVolume } from "../src/read-physical-volume.ts";
import { readVolumeGroups } from "../src/read-volume-groups.ts";
import {
	areaBytes,
	areaStart,
	diskBytes,
	fixture,
	imageSource,
	sealLabel,
	smallText,
	textOf,
	writeText,
} from "./metadata-image.ts";

/** The first disk with one group, in a text of the test's. */
function smallDisk(text: string = smallText): Buffer {
	return writeText(fixture(0), text);
}

/** Puts a second metadata area at the end of a disk, as `pvcreate --pvmetadatacopies 2` does. */
function withSecondArea(image: Buffer, text: string): Buffer {
	const start = 3 << 20;
	const larger = Buffer.concat([image, Buffer.alloc(3 << 20)]);
	larger.copy(larger, start, areaStart, areaStart + 512);
	larger.writeBigUInt64LE(BigInt(start), start + 24);
	writeText(larger, text, 512, start);
	// Behind the first area's entry in the label.
	larger.copy(larger, 512 + 136, 512 + 120, 512 + 160);
	larger.writeBigUInt64LE(BigInt(start), 512 + 120);
	larger.writeBigUInt64LE(BigInt(areaBytes), 512 + 128);
	return sealLabel(larger);
}

function sequence(number: number): string {
	return smallText.replace("seqno = 7", `seqno = ${number}`);
}

test("puts the disks of a group together, in any order", async ({ expect }) => {
	const sources = ([2, 0, 3, 1] as const).map((disk) =>
		imageSource(fixture(disk), { name: `disk${disk}` }),
	);
	const { groups, unused, warnings } = await readVolumeGroups(sources);

	expect(groups).toHaveLength(1);
	expect(groups[0]?.missing).toEqual([]);
	expect(groups[0]?.group.members.map(({ uuid }) => groups[0]?.devices.get(uuid))).toEqual([
		1, 3, 0, 2,
	]);
	expect(unused).toEqual([]);
	expect(warnings).toEqual([]);
});

test("names what is missing", async ({ expect }) => {
	const { groups } = await readVolumeGroups([imageSource(fixture(1)), imageSource(fixture(3))]);

	expect(groups[0]?.missing.map(({ uuid }) => uuid)).toEqual([
		"Ww9F20-xG4Z-3rEK-tmrb-vRK7-kE2l-2BjMC1",
		"U13OS0-8iI4-aaU7-PYWZ-hAPN-lNTB-QD0ZvJ",
	]);
});

test("reads files as well as devices", async ({ expect }) => {
	const folder = mkdtempSync(join(tmpdir(), "devhost-lvm2-"));
	writeFileSync(join(folder, "disk.img"), fixture(0));
	const fd = openSync(join(folder, "disk.img"), "r");
	try {
		const { label, areas } = await readPhysicalVolume(fd);

		expect(label.uuid).toBe("Ww9F20-xG4Z-3rEK-tmrb-vRK7-kE2l-2BjMC1");
		expect(areas[0]?.group?.name).toBe("kinds");
	} finally {
		closeSync(fd);
		rmSync(folder, { recursive: true });
	}
});

test.for([
	["the first", 8, 7],
	["the second", 7, 8],
] as const)(
	"of two areas of a disk the newer one counts: %s",
	async ([, first, second], { expect }) => {
		const image = withSecondArea(smallDisk(sequence(first)), sequence(second));
		const { groups, warnings } = await readVolumeGroups([imageSource(image)]);

		expect(groups.map(({ group }) => group.sequence)).toEqual([8]);
		expect(warnings).toEqual([
			`disk, the metadata at byte ${first === 7 ? 4096 : 3 << 20}: version 7 of volume group small is outdated by 8`,
		]);
	},
);

test("of two areas the one that is whole counts, though it be older", async ({ expect }) => {
	const image = withSecondArea(smallDisk(sequence(8)), sequence(7));
	image.fill("x", areaStart + 512 + 40, areaStart + 512 + 41);
	const { groups, warnings } = await readVolumeGroups([imageSource(image)]);

	expect(groups.map(({ group }) => group.sequence)).toEqual([7]);
	expect(warnings).toEqual(["disk: the metadata at byte 4096: its text has a wrong checksum"]);
});

test("of two areas with a text that cannot be read the other one counts", async ({ expect }) => {
	const image = withSecondArea(smallDisk("not a text"), sequence(7));
	const { groups, warnings } = await readVolumeGroups([imageSource(image)]);

	expect(groups.map(({ group }) => group.sequence)).toEqual([7]);
	expect(warnings).toHaveLength(1);
});

test("of two disks the newer one counts, and may know less of them", async ({ expect }) => {
	const older = fixture(1);
	// Version 34 has neither the other disks nor what was on them: as after vgreduce elsewhere.
	const newer = writeText(
		fixture(0),
		smallText
			.replace("small", "kinds")
			.replace("seqno = 7", "seqno = 34")
			.replace(/id = "0MH8Zs[^"]*"/, /id = "yK14cd[^"]*"/.exec(textOf(older))?.[0] ?? ""),
	);
	const { groups, unused, warnings } = await readVolumeGroups([
		imageSource(older, { name: "older" }),
		imageSource(newer, { name: "newer" }),
	]);

	expect(groups.map(({ group }) => group.sequence)).toEqual([34]);
	expect(unused).toEqual([0]);
	expect(warnings).toEqual([
		"older, the metadata at byte 4096: version 33 of volume group kinds is outdated by 34",
		"older: a physical volume in use, FSqflP-f0xS-Biwm-0Gnu-ddVc-8Yar-H0hZlH, and no volume group that is here has it",
	]);
});

test("two texts of the same version are no group", async ({ expect }) => {
	const image = withSecondArea(smallDisk(), smallText.replace("root {", "home {"));

	await expect(readVolumeGroups([imageSource(image)])).rejects.toMatchObject({
		code: "ERR_DEVICE_METADATA",
		message: expect.stringContaining("another version 7 of volume group small"),
	});
});

test("two groups may have one name", async ({ expect }) => {
	const other = fixture(1);
	writeText(
		other,
		smallText
			.replace("0MH8Zs", "1MH8Zs")
			.replace(
				"Ww9F20-xG4Z-3rEK-tmrb-vRK7-kE2l-2BjMC1",
				"FSqflP-f0xS-Biwm-0Gnu-ddVc-8Yar-H0hZlH",
			),
	);
	const { groups } = await readVolumeGroups([imageSource(smallDisk()), imageSource(other)]);

	expect(groups.map(({ group }) => group.name)).toEqual(["small", "small"]);
});

test("a disk and its copy are not two", async ({ expect }) => {
	const sources = ["loop1", "loop2"].map((name) => imageSource(fixture(0), { name }));

	await expect(readVolumeGroups(sources)).rejects.toMatchObject({
		code: "ERR_DEVICE_PARENT",
		message: expect.stringContaining(
			"loop1 and loop2: the same physical volume twice, Ww9F20-xG4Z-3rEK-tmrb-vRK7-kE2l-2BjMC1",
		),
	});
});

test("a physical volume may be in no group", async ({ expect }) => {
	const image = fixture(0);
	image.writeBigUInt64LE(0n, areaStart + 40);
	writeText(image, "", 0);
	const { groups, unused } = await readVolumeGroups([imageSource(image)]);

	expect(groups).toEqual([]);
	expect(unused).toEqual([0]);
});

test("damage is no reason to say that there is nothing", async ({ expect }) => {
	const image = fixture(0);
	image.fill(0, areaStart, areaStart + 512);

	await expect(readVolumeGroups([imageSource(image)])).rejects.toMatchObject({
		code: "ERR_DEVICE_METADATA",
		message: "disk: the metadata at byte 4096: its header is none",
	});
});

test("of a disk with damage the others know", async ({ expect }) => {
	const image = fixture(0);
	image.fill(0, areaStart, areaStart + 512);
	const { groups, warnings } = await readVolumeGroups([
		imageSource(image),
		imageSource(fixture(1)),
	]);

	expect(groups[0]?.missing).toHaveLength(2);
	expect(groups[0]?.devices.size).toBe(2);
	expect(warnings).toHaveLength(1);
});

test("an area that a shorter device has no more is damage", async ({ expect }) => {
	const source = imageSource(fixture(0), { sizeBytes: areaStart + 100 });

	await expect(readVolumeGroups([source])).rejects.toMatchObject({
		message: "disk: the metadata at byte 4096: it leaves the device",
	});
});

test("no more is read than is there", async ({ expect }) => {
	const reads: [number, number][] = [];
	const source = imageSource(fixture(0));
	await readPhysicalVolume({
		...source,
		read(start, length) {
			reads.push([start, length]);
			return source.read(start, length);
		},
	});

	// The text is far behind in its area, after many changes.
	expect(reads).toHaveLength(2);
	expect(reads.every(([start, length]) => start + length <= diskBytes)).toBe(true);
});

test("mostly one read is enough", async ({ expect }) => {
	const reads: [number, number][] = [];
	const source = imageSource(smallDisk());
	await readPhysicalVolume({
		...source,
		read(start, length) {
			reads.push([start, length]);
			return source.read(start, length);
		},
	});

	expect(reads).toEqual([[0, 65536]]);
});
