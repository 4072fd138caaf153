import { test } from "vitest";
import { findVolume } from "../src/find-volume.ts";
import { readVolumeGroups } from "../src/read-volume-groups.ts";
import { areaStart, fixture, imageSource, smallText, writeText } from "./metadata-image.ts";

const root = { volume: "root", vg: undefined };

async function small(...changes: readonly (readonly [string, string])[]) {
	const text = changes.reduce((changed, [from, to]) => changed.replace(from, to), smallText);
	return await readVolumeGroups([imageSource(writeText(fixture(0), text))]);
}

async function two() {
	const other = smallText
		.replace("0MH8Zs", "1MH8Zs")
		.replace(
			"Ww9F20-xG4Z-3rEK-tmrb-vRK7-kE2l-2BjMC1",
			"FSqflP-f0xS-Biwm-0Gnu-ddVc-8Yar-H0hZlH",
		);
	return await readVolumeGroups([
		imageSource(writeText(fixture(0), smallText)),
		imageSource(writeText(fixture(1), other.replace("small", "large"))),
	]);
}

test.for(["small", "0MH8Zs-Vg6j-zwSS-NxoZ-5oJE-vuYG-254sZL", "0MH8ZsVg6jzwSSNxoZ5oJEvuYG254sZL"])(
	"finds a group by name or uuid: %s",
	async (vg, { expect }) => {
		const { found, volume } = findVolume(await two(), { volume: "root", vg });

		expect(found.group.uuid).toBe("0MH8Zs-Vg6j-zwSS-NxoZ-5oJE-vuYG-254sZL");
		expect(volume.name).toBe("root");
	},
);

test.for([
	[{ volume: "root", vg: "smal" }, "vg: no smal in the parents; did you mean small?", "/vg"],
	[{ volume: "root", vg: "other" }, "vg: no other in the parents; there are small, large", "/vg"],
	[{ volume: "root", vg: undefined }, "vg: missing, there are small, large", "/vg"],
	[
		{ volume: "roto", vg: "small" },
		"volume: no roto in volume group small; did you mean root?",
		"/volume",
	],
	[
		{ volume: "home", vg: "small" },
		"volume: no home in volume group small; there is root",
		"/volume",
	],
] as const)("says what there is instead: %j", async ([wanted, message, pointer], { expect }) => {
	const groups = await two();

	expect(() => findVolume(groups, wanted)).toThrow(
		expect.objectContaining({ code: "ERR_DEVICE_OPTIONS", message, pointer }),
	);
});

test("asks for a uuid where a name is not enough", async ({ expect }) => {
	const groups = await two();
	const same = {
		...groups,
		groups: groups.groups.map((each) => ({ ...each, group: { ...each.group, name: "small" } })),
	};

	expect(() => findVolume(same, { volume: "root", vg: "small" })).toThrow(
		"vg: small is the name of several volume groups, which have the uuids 0MH8Zs-Vg6j-zwSS-NxoZ-5oJE-vuYG-254sZL, 1MH8Zs-Vg6j-zwSS-NxoZ-5oJE-vuYG-254sZL",
	);
});

test.for([
	["pool_tdata", "volume: pool_tdata is part of pool, and cannot be opened by itself"],
	["snapshot0", "volume: snapshot0 is part of another volume, and cannot be opened by itself"],
	[
		"lvol0_pmspare",
		"volume: lvol0_pmspare is part of another volume, and cannot be opened by itself",
	],
])("does not open parts: %s", async ([volume, message], { expect }) => {
	const groups = await readVolumeGroups([imageSource(fixture(0))]);

	expect(() => findVolume(groups, { volume: volume as string, vg: undefined })).toThrow(message);
});

test("says that there is no group", async ({ expect }) => {
	const image = writeText(fixture(0), "", 0);
	image.fill(0, areaStart + 512);
	const groups = await readVolumeGroups([imageSource(image)]);

	expect(() => findVolume(groups, root)).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_FORMAT",
			message: "a physical volume that is in no volume group",
		}),
	);
});

test.for([
	[
		'"RESIZEABLE", "READ"',
		'"EXPORTED", "READ"',
		/^volume group small is exported, .*"vgimport small"/,
	],
	['"RESIZEABLE", "READ"', '"CLUSTERED", "READ"', /belongs to a cluster of the old kind/],
	["seqno", 'lock_type = "dlm"\nseqno', /is shared by machines that lock it with dlm/],
	[
		"seqno",
		'lock_type = "sanlock"\nseqno',
		/with sanlock; "vgchange --lock-type none small" ends that/,
	],
	["seqno", 'system_id = "host 1"\nseqno', /belongs to the machine with the system id "host 1"/],
	[
		'"READ", "WRITE", "VISIBLE"',
		'"READ", "SHINY", "VISIBLE"',
		/^volume small\/root has the unknown flag SHINY$/,
	],
	['"striped"', '"striped+SHINY"', /^volume small\/root has the unknown flag SHINY$/],
] as const)(
	"leaves alone what is not its own: %s → %s",
	async ([from, to, message], { expect }) => {
		const groups = await small([from, to]);

		expect(() => findVolume(groups, root)).toThrow(
			expect.objectContaining({
				code: "ERR_DEVICE_REQUIREMENT",
				message: expect.stringMatching(message),
			}),
		);
	},
);
