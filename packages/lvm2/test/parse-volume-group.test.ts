import { test } from "vitest";
import { parseVolumeGroup } from "../src/parse-volume-group.ts";
import { fixture, smallText, textOf } from "./metadata-image.ts";

/** The small text with changes, each of which is found there. */
function changed(...changes: readonly (readonly [string, string])[]): string {
	return changes.reduce((text, [from, to]) => {
		if (!text.includes(from)) throw new Error(`not in the text: ${from}`);
		return text.replace(from, to);
	}, smallText);
}

test("reads a small group", ({ expect }) => {
	const pv0 = {
		key: "pv0",
		uuid: "Ww9F20-xG4Z-3rEK-tmrb-vRK7-kE2l-2BjMC1",
		firstExtentSectors: 2048,
		extentCount: 99,
		deviceHint: "/dev/loop0",
		isMarkedMissing: false,
	};
	expect(parseVolumeGroup(smallText)).toEqual({
		name: "small",
		uuid: "0MH8Zs-Vg6j-zwSS-NxoZ-5oJE-vuYG-254sZL",
		sequence: 7,
		extentSectors: 8192,
		flags: new Set(["RESIZEABLE", "READ", "WRITE"]),
		systemId: undefined,
		lockType: undefined,
		isWritable: true,
		members: [pv0],
		volumes: new Map([
			[
				"root",
				{
					name: "root",
					uuid: "yGduma-vmDJ-DR9F-G2lT-9YBI-2fD7-Sfq6CK",
					flags: new Set(["READ", "WRITE", "VISIBLE"]),
					unknownFlags: [],
					isVisible: true,
					isWritable: true,
					extentCount: 4,
					segments: [
						{
							startExtent: 0,
							extentCount: 4,
							type: "striped",
							flags: [],
							areas: [{ member: pv0, volume: undefined, startExtent: 10 }],
							stripeSectors: 0,
						},
					],
					usedBy: new Set(),
				},
			],
		]),
	});
});

test("knows which volumes are parts of others, in a group with all kinds", ({ expect }) => {
	const { volumes } = parseVolumeGroup(textOf(fixture(0)));
	const visible = [...volumes.values()].filter(({ isVisible }) => isVisible);
	const users = (name: string) => [...(volumes.get(name)?.usedBy ?? [])];

	expect(visible.map(({ name }) => name).toSorted()).toEqual([
		"cached",
		"error",
		"mirror",
		"origin",
		"plain",
		"pool",
		"raid1",
		"raid5",
		"sealed",
		"snap",
		"striped",
		"thin",
		"thin-snap",
		"wc",
	]);
	expect(users("pool_tdata")).toEqual(["pool"]);
	expect(users("pool")).toEqual(["thin", "thin-snap"]);
	expect(users("origin")).toEqual(["snapshot0"]);
	expect(users("snap")).toEqual(["snapshot0"]);
	expect(users("sealed_rimage_0_iorig")).toEqual(["sealed_rimage_0"]);
	expect(users("mirror_mlog")).toEqual(["mirror"]);
	expect(users("wcfast_cvol")).toEqual(["wc"]);
	expect(users("plain")).toEqual([]);
	expect([...volumes.values()].flatMap(({ unknownFlags }) => unknownFlags)).toEqual([]);
});

test("a volume called as a physical one is not taken for it", ({ expect }) => {
	const second = smallText.slice(smallText.indexOf("\t\troot {"), smallText.indexOf("\t}\n}"));
	const other = second.replace("root {", "pv0 {").replace('"pv0", 10', '"pv0", 20');
	const { volumes } = parseVolumeGroup(changed(["\t\troot {", `${other}\n\t\troot {`]));

	expect(volumes.get("pv0")?.usedBy).toEqual(new Set());
	expect(volumes.get("root")?.segments[0]?.areas[0]?.member?.key).toBe("pv0");
});

test.for([
	[
		"flags that older versions may not know",
		[["flags = []\n\textent", 'flags = ["WRITE_LOCKED", "FROM_THE_FUTURE"]\n\textent']],
		{ isWritable: true },
	],
	[
		"a group that may only be read",
		[['"RESIZEABLE", "READ", "WRITE"]', '"READ"]']],
		{ isWritable: false },
	],
	[
		"one that other versions may not write",
		[['"RESIZEABLE", "READ", "WRITE"]\n\tflags = []', '"READ"]\n\tflags = ["WRITE_LOCKED"]']],
		{ isWritable: true },
	],
	["a lock type of nobody", [["seqno", 'lock_type = "none"\n\tseqno']], { lockType: undefined }],
	["a lock type", [["seqno", 'lock_type = "sanlock"\n\tseqno']], { lockType: "sanlock" }],
	["a system id", [["seqno", 'system_id = "host1"\n\tseqno']], { systemId: "host1" }],
	["an empty system id", [["seqno", 'system_id = ""\n\tseqno']], { systemId: undefined }],
	["no list of flags", [["\tflags = []\n\textent_size", "\textent_size"]], { isWritable: true }],
	["a type that is linear", [['type = "striped"', 'type = "linear"']], {}],
	[
		"names with everything",
		[
			["root {", "a-b.c+d_E9 {"],
			["small {", "+.-_ {"],
		],
		{ name: "+.-_" },
	],
] as const)("takes %s", ([, changes, expected], { expect }) => {
	expect(parseVolumeGroup(changed(...changes))).toMatchObject(expected);
});

test("keeps the unknown flags of a volume with it", ({ expect }) => {
	const { volumes } = parseVolumeGroup(
		changed(
			['"READ", "WRITE", "VISIBLE"', '"READ", "FOLDED", "VISIBLE"'],
			['"striped"', '"striped+SHINY+RESHAPE"'],
		),
	);

	expect(volumes.get("root")).toMatchObject({
		unknownFlags: ["FOLDED", "SHINY"],
		isWritable: false,
	});
});

test.for([
	[
		'"RESIZEABLE"',
		'"SPARKLING", "DULL", "RESIZEABLE"',
		"volume group small has the unknown flag SPARKLING, DULL",
	],
	['"ALLOCATABLE"', '"SPARKLING"', "physical volume pv0 has the unknown flag SPARKLING"],
] as const)("refuses unknown flags by name: %s", ([from, to, message], { expect }) => {
	expect(() => parseVolumeGroup(changed([from, to]))).toThrow(
		expect.objectContaining({ code: "ERR_DEVICE_REQUIREMENT", message }),
	);
});

test.for([
	[
		'"Text Format Volume Group"',
		'"Something"',
		/is "Something" of version 1; this reads "Text Format Volume Group" of version 1/,
	],
	["version = 1", "version = 2", /of version 2/],
	["contents = ", "contained = ", /is nothing of version 1/],
	['"lvm2"', '"lvm3"', /volume group small is of the unknown format "lvm3"/],
] as const)("refuses another format: %s", ([from, to, message], { expect }) => {
	expect(() => parseVolumeGroup(changed([from, to]))).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_VERSION",
			message: expect.stringMatching(message),
		}),
	);
});

test.for([
	["seqno = 7", "", "line 1, column 1: seqno is missing"],
	["seqno = 7", "seqno = -1", "line 3, column 2: seqno is no whole number from 0 to 4294967295"],
	["seqno = 7", 'seqno = "7"', "seqno is no whole number"],
	["seqno = 7", "seqno = 7.5", "seqno is no whole number"],
	["seqno = 7", "seqno { }", "seqno is no whole number"],
	["seqno = 7", "seqno = 4294967296", "seqno is no whole number"],
	["extent_size = 8192", "extent_size = 0", "extents of no size"],
	['"0MH8Zs-', '"0MH8Z-', "an id that is no uuid"],
	["small {", "-small {", "a name that no volume may have"],
	["small {", ".. {", "a name that no volume may have"],
	["small {", `${"s".repeat(128)} {`, "a name that no volume may have"],
	["root {", "ro/ot {", "a name that no volume may have"],
	["physical_volumes {", "physical_volume {", 'a stripe on "pv0", which is nowhere'],
	[
		"physical_volumes {",
		"pv = 1 logical_volumes = 2 physical_volumes {",
		'"logical_volumes" is there twice',
	],
	["pe_start = 2048", "pe_start = 18446744073709551615", "pe_start is no whole number"],
	["segment_count = 1", "segment_count = 2", "root has not as many segments as it says"],
	["start_extent = 0", "start_extent = 1", "the segments of root leave a gap or overlap"],
	["extent_count = 4", "extent_count = 0", "a segment of no extents"],
	["extent_count = 4", "extent_count = 90", "root leaves pv0"],
	["stripe_count = 1", "stripe_count = 0", "1 stripes, where 0 should be"],
	["stripe_count = 1", "stripe_count = 2", "1 stripes, where 2 should be"],
	['"pv0", 10', '"pv0", 10, "pv0"', "a stripe without its first extent"],
	['"pv0", 10', '10, "pv0"', "stripes that are not names and extents by turns"],
	['"pv0", 10', '"pv1", 10', 'a stripe on "pv1", which is nowhere'],
	['"pv0", 10', '"pv0", -1', "stripes that are not names and extents by turns"],
	['status = ["READ", "WRITE", "VISIBLE"]', "status = [1]", "status has what is no string"],
	["logical_volumes {", "logical_volumes = 1 x {", "logical_volumes is no section"],
	["contents =", "second { } contents =", "a second volume group"],
	['type = "striped"', 'type = "snapshot"', "cow_store is missing"],
] as const)("says what is wrong: %s → %s", ([from, to, message], { expect }) => {
	expect(() => parseVolumeGroup(changed([from, to]))).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_METADATA",
			message: expect.stringContaining(message),
		}),
	);
});

test("refuses volumes that overlap", ({ expect }) => {
	const second = smallText.slice(smallText.indexOf("\t\troot {"), smallText.indexOf("\t}\n}"));
	const other = second.replace("root {", "home {").replace('"pv0", 10', '"pv0", 13');

	expect(() => parseVolumeGroup(changed(["\t\troot {", `${other}\n\t\troot {`]))).toThrow(
		"root and home overlap on pv0",
	);
});

test("refuses physical volumes with one uuid", ({ expect }) => {
	const second = smallText.slice(
		smallText.indexOf("\t\tpv0 {"),
		smallText.indexOf("\t}\n\n\tlogical"),
	);

	expect(() =>
		parseVolumeGroup(changed(["\t\tpv0 {", `${second.replace("pv0 {", "pv1 {")}\t\tpv0 {`])),
	).toThrow("two physical volumes with the same uuid");
});

test("there may be a group without volumes, and must be a group", ({ expect }) => {
	const empty =
		smallText.slice(0, smallText.indexOf("\tlogical_volumes")) +
		smallText.slice(smallText.indexOf("}\ncontents"));

	expect(parseVolumeGroup(empty).volumes.size).toBe(0);
	expect(() => parseVolumeGroup(smallText.slice(smallText.indexOf("contents")))).toThrow(
		"there is no volume group",
	);
});
