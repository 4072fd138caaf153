import { parseJson } from "@devhost/core";
import { test } from "vitest";
import { parseVolumeOptions } from "../src/options.ts";

function problemsOf(options: unknown): readonly { pointer: string; message: string }[] {
	try {
		parseVolumeOptions(options);
		return [];
	} catch (error) {
		const { problems } = error as { problems: readonly { pointer: string; message: string }[] };
		return problems.map(({ pointer, message }) => ({ pointer, message }));
	}
}

test("gives every option its default", ({ expect }) => {
	expect(parseVolumeOptions({ volume: "root" })).toEqual({
		volume: "root",
		vg: undefined,
		partition: undefined,
		readOnly: false,
	});
});

test("takes all options", ({ expect }) => {
	const options = { volume: "a-b.c+d_e", vg: "vg-1", vg_partnum: 2, "read-only": true };

	expect(parseVolumeOptions(options)).toEqual({
		volume: "a-b.c+d_e",
		vg: "vg-1",
		partition: 2,
		readOnly: true,
	});
});

test("takes osbuild's numbers however they are written, and 0 for none", ({ expect }) => {
	expect(parseVolumeOptions(parseJson('{"volume": "root", "vg_partnum": 2.0}')).partition).toBe(
		2,
	);
	expect(parseVolumeOptions({ volume: "root", vg_partnum: 0 }).partition).toBeUndefined();
});

test.for([
	[{}, "", "volume: missing, expected the name of a logical volume"],
	[{ volume: "" }, "/volume", 'volume: "", expected the name of a logical volume'],
	[{ volume: "-root" }, "/volume", 'volume: "-root", expected the name of a logical volume'],
	[{ volume: ".." }, "/volume", 'volume: "..", expected the name of a logical volume'],
	[{ volume: "vg/root" }, "/volume", 'volume: "vg/root", expected the name of a logical volume'],
	[
		{ volume: "r", vg: "a b" },
		"/vg",
		'vg: "a b", expected the name or the uuid of a volume group',
	],
	[
		{ volume: "r", vg_partnum: 1.5 },
		"/vg_partnum",
		"vg_partnum: 1.5, expected the number of a partition",
	],
	[
		{ volume: "r", vg_partnum: -1 },
		"/vg_partnum",
		"vg_partnum: -1, expected the number of a partition",
	],
	[{ volume: "r", "read-only": 1 }, "/read-only", "read-only: 1, expected true or false"],
	[{ volume: "r", volum: "x" }, "/volum", "volum: unknown option, did you mean volume?"],
	[
		{ volume: "r", size: 1 },
		"/size",
		"size: unknown option, there are volume, vg_partnum, vg, read-only",
	],
	["root", "", 'options: "root", expected an object'],
] as const)("says what is wrong: %j", ([options, pointer, message], { expect }) => {
	expect(problemsOf(options)).toEqual([{ pointer, message }]);
});
