import { isDeviceError } from "@devhost/core";
import fc from "fast-check";
import { test } from "vitest";
import { findVolume } from "../src/find-volume.ts";
import { readVolumeGroups } from "../src/read-volume-groups.ts";
import { neededOfTools, volumeTable } from "../src/volume-table.ts";
import {
	diskBytes,
	fixture,
	imageSource,
	sealHeader,
	sealLabel,
	smallText,
	textOf,
	writeText,
} from "./metadata-image.ts";

/** Everything that is done with a disk, up to the tables of all of its volumes. */
async function use(image: Uint8Array): Promise<void> {
	const groups = await readVolumeGroups([imageSource(image)]);
	const device = { name: "disk", node: { major: 7, minor: 0 }, sizeBytes: diskBytes };
	for (const { group } of groups.groups) {
		for (const volume of group.volumes.keys()) {
			try {
				const found = findVolume(groups, { volume, vg: group.uuid });
				if (neededOfTools(found) === undefined) volumeTable(found, [device]);
			} catch (error) {
				if (!isDeviceError(error)) throw error;
			}
		}
	}
}

/** Whether all goes well, or as it should where it does not. */
async function isReadOrRefused(image: Uint8Array): Promise<boolean> {
	try {
		await use(image);
		return true;
	} catch (error) {
		return isDeviceError(error);
	}
}

const original = fixture(0);
const kindsText = textOf(original);

test("bytes of the label may be anything, with a right checksum", async ({ expect }) => {
	const change = fc.tuple(fc.integer({ min: 512, max: 1023 }), fc.integer({ min: 0, max: 255 }));
	await fc.assert(
		fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 20 }), async (changes) => {
			const image = Buffer.from(original.subarray(0, 8192));
			for (const [at, byte] of changes) image[at] = byte;
			expect(await isReadOrRefused(sealLabel(image))).toBe(true);
		}),
		{ numRuns: 500 },
	);
});

test("bytes of a metadata area's header may be anything, with a right checksum", async ({
	expect,
}) => {
	const change = fc.tuple(fc.integer({ min: 4100, max: 4200 }), fc.integer({ min: 0, max: 255 }));
	await fc.assert(
		fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), async (changes) => {
			const image = Buffer.from(original.subarray(0, 16384));
			for (const [at, byte] of changes) image[at] = byte;
			expect(await isReadOrRefused(sealHeader(image))).toBe(true);
		}),
		{ numRuns: 500 },
	);
});

test.for([
	["a small text", smallText, 500],
	["a text with all kinds of volumes", kindsText, 150],
] as const)("%s may be anything, with a right checksum", async ([, text, numRuns], { expect }) => {
	const place = fc.integer({ min: 0, max: text.length });
	const piece = fc.oneof(
		fc.constantFrom(
			"{",
			"}",
			"[",
			"]",
			"=",
			'"',
			"#",
			"\n",
			"\0",
			"0",
			"-1",
			"4294967296",
			"pv0",
			"root",
			"a {",
			"x = [1]",
		),
		fc.string({ maxLength: 3 }),
	);
	// Cut out, put in, or take from elsewhere.
	const change = fc.record({ from: place, length: fc.nat(60), piece: fc.oneof(piece, place) });
	const image = Buffer.from(original.subarray(0, 65536));
	await fc.assert(
		fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
			let changed = text;
			for (const { from, length, piece: put } of changes) {
				const added = typeof put === "string" ? put : text.slice(put, put + length);
				changed = changed.slice(0, from) + added + changed.slice(from + length);
			}
			expect(await isReadOrRefused(writeText(image, changed))).toBe(true);
		}),
		{ numRuns },
	);
});

test("values of all kinds may be anywhere", async ({ expect }) => {
	const values = [...smallText.matchAll(/= (?<value>[^\n[]+|\[[^\]]*\])/dg)].map(
		({ indices }) => indices?.groups?.["value"] ?? [0, 0],
	);
	const value = fc.oneof(
		fc.bigInt(-(2n ** 64n), 2n ** 65n).map(String),
		fc.integer({ min: -3, max: 100 }).map(String),
		fc.constantFrom(
			'""',
			'"pv0"',
			'"root"',
			"[]",
			'["pv0", 0]',
			'[0, "pv0"]',
			'"striped+"',
			'"thin"',
			'"snapshot"',
			"1.5",
			"{ }",
		),
	);
	const image = Buffer.from(original.subarray(0, 65536));
	await fc.assert(
		fc.asyncProperty(fc.nat(values.length - 1), value, async (index, put) => {
			const [from, to] = values[index] as [number, number];
			expect(
				await isReadOrRefused(
					writeText(image, smallText.slice(0, from) + put + smallText.slice(to)),
				),
			).toBe(true);
		}),
		{ numRuns: 500 },
	);
});
