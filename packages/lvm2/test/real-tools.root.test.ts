import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeAsRoot } from "@devhost/tools/testing";
import { afterEach, beforeEach, test } from "vitest";
import { findVolume } from "../src/find-volume.ts";
import { parseMetadataHeader } from "../src/metadata-area.ts";
import { type FoundGroups, readVolumeGroups } from "../src/read-volume-groups.ts";
import { sourceOf } from "../src/source.ts";
import { volumeTable } from "../src/volume-table.ts";
import { type Disk, Laboratory } from "./machine.ts";

let laboratory: Laboratory;
beforeEach(() => {
	laboratory = new Laboratory();
});
afterEach(() => laboratory[Symbol.dispose]());

/** Reads disks by their files: what the tools wrote through the loop devices is in there when they end. */
async function read(disks: readonly Disk[]): Promise<FoundGroups> {
	const fds = disks.map(({ path }) => openSync(path, "r"));
	try {
		return await readVolumeGroups(fds.map((fd, index) => sourceOf(fd, `disk${index}`)));
	} finally {
		for (const fd of fds) closeSync(fd);
	}
}

interface Reported {
	readonly lv_name: string;
	readonly lv_uuid: string;
	readonly vg_extent_size: string;
	readonly segtype: string;
	readonly seg_start_pe: string;
	readonly seg_size_pe: string;
	readonly stripes: string;
	readonly stripe_size: string;
	/** `/dev/loop0:0-4 /dev/loop1:3-7` */
	readonly seg_pe_ranges: string;
}

/** What the tools say of the segments of all volumes, as {@link read} has it. */
function reported(disks: readonly Disk[]): Record<string, unknown>[] {
	const fields =
		"lv_name,lv_uuid,vg_extent_size,segtype,seg_start_pe,seg_size_pe,stripes,stripe_size,seg_pe_ranges";
	const text = laboratory.lvmOnPaper(
		disks,
		"lvs",
		"--segments",
		"--reportformat",
		"json",
		"--units",
		"s",
		"--nosuffix",
		"-o",
		fields,
		"-O",
		"lv_name,seg_start_pe",
	);
	const { report } = JSON.parse(text) as { report: [{ seg: Reported[] }] };
	return report[0].seg.map((segment) => ({
		volume: segment.lv_name,
		uuid: segment.lv_uuid,
		extentSectors: Number(segment.vg_extent_size),
		type: segment.segtype,
		startExtent: Number(segment.seg_start_pe),
		extentCount: Number(segment.seg_size_pe),
		stripeSectors: Number(segment.stripe_size),
		areas: segment.seg_pe_ranges.split(" ").map((range) => {
			const [, path, first] = /^(.*):(\d+)-\d+$/.exec(range) ?? [];
			return [disks.findIndex((disk) => disk.path === path), Number(first)];
		}),
	}));
}

/** The same, as we read it. */
async function ours(disks: readonly Disk[]): Promise<Record<string, unknown>[]> {
	const { groups } = await read(disks);
	return groups.flatMap(({ group, devices }) =>
		[...group.volumes.values()]
			.toSorted((a, b) => (a.name < b.name ? -1 : 1))
			.flatMap(({ name, uuid, segments }) =>
				segments.map((segment) => ({
					volume: name,
					uuid,
					extentSectors: group.extentSectors,
					type: segment.areas.length === 1 ? "linear" : segment.type,
					startExtent: segment.startExtent,
					extentCount: segment.extentCount,
					stripeSectors: segment.stripeSectors,
					areas: segment.areas.map(({ member, startExtent }) => [
						devices.get(member?.uuid ?? ""),
						startExtent,
					]),
				})),
			),
	);
}

function make(
	disks: readonly Disk[],
	...commands: readonly (readonly [string, ...string[]])[]
): void {
	for (const [command, ...args] of commands) laboratory.lvmOnPaper(disks, command, ...args);
}

function volume(group: string, name: string, ...args: readonly string[]): [string, ...string[]] {
	return ["lvcreate", "-an", "-Wn", "-Zn", "-n", name, ...args, group];
}

describeAsRoot("groups that the real tools made", () => {
	test("are read as the tools read them: several disks, segments, stripes, names", async ({
		expect,
	}) => {
		const disks = [0, 1, 2].map((index) => laboratory.disk(`${index}.img`, 64));
		const [first, second] = disks.map(({ path }) => path);
		make(
			disks,
			["vgcreate", "-s", "1M", "a-b.c+d_e", ...disks.map(({ path }) => path)],
			volume("a-b.c+d_e", "root", "-L", "5M"),
			volume("a-b.c+d_e", "x--y", "-L", "3M"),
			volume("a-b.c+d_e", "_.+-", "-L", "12M", "-i", "3", "-I", "4k"),
			volume("a-b.c+d_e", "v".repeat(100), "-L", "1M"),
			["lvextend", "-L", "9M", "a-b.c+d_e/root"],
			["lvextend", "-L", "14M", "a-b.c+d_e/root", second ?? ""],
			["lvextend", "-L", "24M", "a-b.c+d_e/_.+-"],
			["lvextend", "-L", "40M", "a-b.c+d_e/x--y", first ?? ""],
		);

		const expected = reported(disks);
		expect(expected.length).toBeGreaterThan(6);
		expect(await ours(disks)).toEqual(expected);
	}, 60_000);

	test.for(["1M", "4M", "64M", "1G"])(
		"have extents of %s",
		{ timeout: 30_000 },
		async (extent, { expect }) => {
			const disks = [laboratory.disk("a.img", 5 << 10)];
			make(
				disks,
				["vgcreate", "-s", extent, "vg", disks[0]?.path ?? ""],
				volume("vg", "one", "-l", "1"),
				volume("vg", "rest", "-l", "3"),
			);

			const groups = await read(disks);
			const [target] = volumeTable(findVolume(groups, { volume: "rest", vg: undefined }), [
				{ name: "a", node: { major: 7, minor: 0 }, sizeBytes: 5 * 2 ** 30 },
			]);
			const sectors = groups.groups[0]?.group.extentSectors ?? 0;

			expect(await ours(disks)).toEqual(reported(disks));
			expect(target?.lengthSectors).toBe(3 * sectors);
			expect(target?.parameters).toBe(`7:0 ${2048 + sectors}`);
		},
	);

	test("have 500 volumes", async ({ expect }) => {
		const disks = [laboratory.disk("a.img", 2048)];
		make(disks, ["vgcreate", "many", disks[0]?.path ?? ""], volume("many", "lv0", "-l", "1"));
		const backup = join(laboratory.path, "backup");
		make(disks, ["vgcfgbackup", "-f", backup, "many"]);
		// One volume with other names and places: a command for each would take half a minute.
		const text = readFileSync(backup, "utf8");
		const one = /\t\tlv0 \{.*?\n\t\t\}\n/s.exec(text)?.[0] ?? "";
		const more = Array.from({ length: 499 }, (_, index) =>
			one
				.replace("lv0", `lv${index + 1}`)
				.replace(/id = "\w{6}/, `id = "${String(index + 1).padStart(6, "x")}`)
				.replace(/"pv0", 0/, `"pv0", ${index + 1}`),
		);
		writeFileSync(backup, text.replace(one, one + more.join("\n")));
		make(disks, ["vgcfgrestore", "-f", backup, "many"]);

		const read = await ours(disks);
		expect(read).toHaveLength(500);
		expect(read).toEqual(reported(disks));
	}, 60_000);

	test("have texts that go round the end of their area", async ({ expect }) => {
		const disks = [laboratory.disk("a.img", 64)];
		const path = disks[0]?.path ?? "";
		make(
			disks,
			["pvcreate", "--metadatasize", "40k", "--dataalignment", "4k", path],
			["vgcreate", "vg", path],
			...["a", "b", "c", "d", "e", "f", "g", "h"].map((name) =>
				volume("vg", name, "-l", "1"),
			),
		);
		const partCounts: number[] = [];
		for (let change = 0; change < 30 && !partCounts.includes(2); change++) {
			make(disks, ["vgchange", "--addtag", `t${change}`, "vg"]);
			const { groups, physicalVolumes } = await read(disks);
			const [area] = physicalVolumes[0]?.label.metadataAreas ?? [];
			if (area === undefined) break;
			const file = openSync(path, "r");
			const sector = await sourceOf(file).read(area.startBytes, 512);
			closeSync(file);
			partCounts.push(parseMetadataHeader(sector, area).location?.parts.length ?? 0);

			expect(groups[0]?.group.sequence).toBe(10 + change);
		}

		expect(partCounts).toContain(2);
	}, 60_000);

	test("have two copies of their metadata on a disk, or none", async ({ expect }) => {
		const disks = [laboratory.disk("a.img", 64), laboratory.disk("b.img", 64)];
		const [two = "", none = ""] = disks.map(({ path }) => path);
		make(
			disks,
			["pvcreate", "--pvmetadatacopies", "2", two],
			["pvcreate", "--pvmetadatacopies", "0", none],
			["vgcreate", "vg", two, none],
			volume("vg", "both", "-l", "20"),
		);
		const { groups, physicalVolumes } = await read(disks);

		expect(physicalVolumes.map(({ areas }) => areas.length)).toEqual([2, 0]);
		expect(groups[0]?.missing).toEqual([]);
		expect(await ours(disks)).toEqual(reported(disks));
	}, 30_000);

	test("are missing disks, exported, or somebody else's", async ({ expect }) => {
		const disks = [laboratory.disk("a.img", 64), laboratory.disk("b.img", 64)];
		const [a, b] = disks;
		if (a === undefined || b === undefined) return;
		make(
			disks,
			["vgcreate", "vg", a.path, b.path],
			volume("vg", "here", "-l", "3"),
			volume("vg", "across", "-l", "20"),
		);
		const uuid = laboratory
			.lvmOnPaper(disks, "pvs", "--noheadings", "-o", "pv_uuid", b.path)
			.trim();

		const half = await read([a]);
		const across = findVolume(half, { volume: "across", vg: "vg" });
		expect(() => volumeTable(across, [])).toThrow(
			`volume vg/across: the physical volume ${uuid} (it was ${b.path}) is missing among the parents`,
		);

		make(disks, ["vgexport", "vg"]);
		const exported = await read(disks);
		expect(() => findVolume(exported, { volume: "here", vg: undefined })).toThrow(
			"volume group vg is exported",
		);

		make(disks, ["vgimport", "vg"], ["vgchange", "--yes", "--systemid", "elsewhere", "vg"]);
		const foreign = await read(disks);
		expect(() => findVolume(foreign, { volume: "here", vg: undefined })).toThrow(
			'system id "elsewhere"',
		);
	}, 30_000);
});
