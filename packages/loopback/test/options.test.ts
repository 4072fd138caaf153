import { parseJson } from "@devhost/core";
import { test } from "vitest";
import { parseLoopbackOptions } from "../src/options.ts";

function problemsOf(options: unknown): readonly { pointer: string; message: string }[] {
	try {
		parseLoopbackOptions(options);
		return [];
	} catch (error) {
		const { problems } = error as { problems: readonly { pointer: string; message: string }[] };
		return problems.map(({ pointer, message }) => ({ pointer, message }));
	}
}

test("gives every option its unit and default", ({ expect }) => {
	expect(parseLoopbackOptions({ filename: "disk.img" })).toEqual({
		filename: "disk.img",
		startSectors: 0,
		sizeSectors: undefined,
		sectorBytes: 512,
		partscan: false,
		lock: false,
		readOnly: false,
		directIo: false,
	});
});

test("takes all options", ({ expect }) => {
	const options = {
		filename: "//dir/disk.img",
		start: 2048,
		size: 40960,
		"sector-size": 4096,
		partscan: true,
		lock: true,
		"read-only": true,
		"direct-io": true,
	};

	expect(parseLoopbackOptions(options)).toEqual({
		filename: "dir/disk.img",
		startSectors: 2048,
		sizeSectors: 40960,
		sectorBytes: 4096,
		partscan: true,
		lock: true,
		readOnly: true,
		directIo: true,
	});
});

test("takes numbers that are whole however they are written", ({ expect }) => {
	const options = parseJson(
		'{"filename": "a", "start": 2048.0, "size": 1e3, "sector-size": 512.0}',
	);

	expect(parseLoopbackOptions(options)).toMatchObject({
		startSectors: 2048,
		sizeSectors: 1000,
		sectorBytes: 512,
	});
});

test("means the rest of the file by size 0, as osbuild", ({ expect }) => {
	expect(parseLoopbackOptions({ filename: "a", size: 0 }).sizeSectors).toBeUndefined();
});

test.for([
	[
		{ filename: "a", start: 1.5 },
		"/start",
		"start: 1.5, expected a whole number of sectors, 0 or more",
	],
	[
		{ filename: "a", size: -1 },
		"/size",
		"size: -1, expected a whole number of sectors, 0 or more",
	],
	[
		{ filename: "a", start: "8" },
		"/start",
		'start: "8", expected a whole number of sectors, 0 or more',
	],
	[
		{ filename: "a", start: Infinity },
		"/start",
		"start: Infinity, expected a whole number of sectors, 0 or more",
	],
	[
		{ filename: "a", "sector-size": 8192 },
		"/sector-size",
		"sector-size: 8192, expected 512, 1024, 2048 or 4096 bytes",
	],
	[
		{ filename: "a", "sector-size": "4096" },
		"/sector-size",
		'sector-size: "4096", expected 512, 1024, 2048 or 4096 bytes',
	],
	[{ filename: "a", lock: 1 }, "/lock", "lock: 1, expected true or false"],
	[{ filename: 7 }, "/filename", "filename: 7, expected the path of a file beneath the tree"],
	[
		{ filename: "a\0b" },
		"/filename",
		'filename: "a\\u0000b", expected the path of a file beneath the tree',
	],
	[
		{ filename: "///" },
		"/filename",
		'filename: "///", expected the path of a file beneath the tree',
	],
	[{}, "", "filename: missing, expected the path of a file beneath the tree"],
	[undefined, "", "filename: missing, expected the path of a file beneath the tree"],
	[[], "", "options: [], expected an object"],
	[
		{ filename: "a", sector_size: 512 },
		"/sector_size",
		"sector_size: unknown option, did you mean sector-size?",
	],
	[
		{ filename: "a", readonly: true },
		"/readonly",
		"readonly: unknown option, did you mean read-only?",
	],
	[
		{ filename: "a", "a/b~": 1 },
		"/a~1b~0",
		"a/b~: unknown option, there are filename, start, size, sector-size, partscan, lock, read-only, direct-io",
	],
] as const)("refuses %j", ([options, pointer, message], { expect }) => {
	expect(problemsOf(options)).toEqual([{ pointer, message }]);
});

test("says everything that is wrong at once", ({ expect }) => {
	const problems = problemsOf({ start: -1, "sector-size": 0, lock: "no", partskan: true });

	expect(problems.map(({ pointer }) => pointer).toSorted()).toEqual([
		"",
		"/lock",
		"/partskan",
		"/sector-size",
		"/start",
	]);
});

test("does not repeat a page of nonsense", ({ expect }) => {
	const [problem] = problemsOf({ filename: "a", start: "x".repeat(10_000) });

	expect(problem?.message.length).toBeLessThan(150);
});

test("is a device error with a code", ({ expect }) => {
	expect(() => parseLoopbackOptions({ filename: "a", start: -1 })).toThrow(
		expect.objectContaining({
			name: "DeviceError",
			code: "ERR_DEVICE_OPTIONS",
			pointer: "/start",
		}),
	);
});
