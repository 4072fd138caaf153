import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "vitest";
import { ManifestFolder, manifestWith } from "./manifest-folder.ts";

const loop = (options: string): string => `{ type: devhost.loopback, options: { ${options} } }`;
const two = (first: string, second: string): string => `{ a: ${loop(first)}, b: ${loop(second)} }`;

describe("files", () => {
	test.for([
		["filename: nothing.img", 'options.filename: "nothing.img" is not in the tree tree'],
		["filename: disk.img/x", 'options.filename: "disk.img/x" is not in the tree tree'],
		["filename: folder", 'options.filename: "folder" is a directory, expected a file'],
		["filename: pipe", 'options.filename: "pipe" is a FIFO, expected a file'],
		[
			"filename: empty.img",
			'options.filename: "empty.img" is empty, expected at least one sector of 512 bytes',
		],
		["filename: round", 'options.filename: "round" leads nowhere: its symbolic links go round'],
		["filename: dangling", 'options.filename: "dangling" is not in the tree tree'],
		[
			"filename: disk.img, start: 131072",
			'options.start: byte 67108864, where it starts, is not inside of "disk.img", which has 67108864 bytes',
		],
		[
			"filename: disk.img, start: 16384, sector-size: 4096",
			'options.start: byte 67108864, where it starts, is not inside of "disk.img", which has 67108864 bytes',
		],
		[
			"filename: disk.img, size: 131073",
			'options.size: bytes 0 to 67109376 are not inside of "disk.img", which has 67108864 bytes',
		],
		[
			"filename: disk.img, start: 1, size: 131072",
			'options.size: bytes 512 to 67109376 are not inside of "disk.img", which has 67108864 bytes',
		],
		[
			"filename: tiny.img",
			'options.filename: "tiny.img" has 100 bytes, expected at least one sector of 512 bytes',
		],
		[
			"filename: odd.img, start: 1",
			'options.filename: "odd.img" has 1100 bytes, which do not end with a sector of 512 bytes: give a size, or make the file larger',
		],
	] as const)("%s", async ([options, message], { expect }) => {
		using folder = new ManifestFolder();
		furnish(folder);

		const found = await folder.check(manifestWith({ devices: `{ a: ${loop(options)} }` }));

		expect(found.map((line) => line.replace(/^\S+ /, ""))).toEqual([`devices.a.${message}`]);
	});

	test.for([
		"filename: disk.img",
		"filename: /disk.img",
		"filename: ../../disk.img",
		"filename: absolute",
		"filename: folder/up",
		"filename: disk.img, start: 131071",
		"filename: disk.img, start: 1, size: 131071",
		"filename: disk.img, start: 1, size: 0",
		"filename: odd.img, size: 2",
		"filename: disk.img, start: 8191, sector-size: 4096, size: 1",
	])("%s is fine: the tree is the root of its paths", async (options, { expect }) => {
		using folder = new ManifestFolder();
		furnish(folder);

		expect(await folder.check(manifestWith({ devices: `{ a: ${loop(options)} }` }))).toEqual(
			[],
		);
	});

	const later = "[{ name: make, uses: [], run: [ls] }, { name: use, run: [ls] }]";

	test("that are missing may be made by an earlier stage", async ({ expect }) => {
		using folder = new ManifestFolder();
		const devices = `{ a: ${loop("filename: later.img, start: 8")} }`;

		expect(await folder.check(manifestWith({ devices, stages: later }))).toEqual([]);
		expect(await folder.check(manifestWith({ devices }))).toHaveLength(1);
	});

	test("that are too small may be made larger, which only a check of now complains of", async ({
		expect,
	}) => {
		using folder = new ManifestFolder();
		const devices = `{ a: ${loop("filename: disk.img, start: 200000")} }`;
		const text = manifestWith({ devices, stages: later });

		expect(await folder.check(text, { files: "now" })).toHaveLength(1);
		expect(await folder.check(text, { files: "certain" })).toEqual([]);
		expect(await folder.check(manifestWith({ devices }), { files: "certain" })).toHaveLength(1);
	});

	test("of a device that no stage uses are not looked at", async ({ expect }) => {
		using folder = new ManifestFolder();
		const devices = `{ a: ${loop("filename: nothing.img")} }`;
		const stages = "[{ name: a, uses: [], run: [ls] }]";

		expect(await folder.check(manifestWith({ devices, stages }))).toEqual([]);
	});

	test("are not looked at where the options are wrong", async ({ expect }) => {
		using folder = new ManifestFolder();
		const devices = `{ a: ${loop("filename: nothing.img, lock: maybe")} }`;

		expect(await folder.check(manifestWith({ devices }))).toEqual([
			'manifest.yaml:3:81 devices.a.options.lock: "maybe", expected true or false',
		]);
	});
});

describe("two devices on the same bytes", () => {
	test("are refused with the names of both", async ({ expect }) => {
		using folder = new ManifestFolder();
		const devices = `\n  whole: ${loop("filename: disk.img")}\n  part: ${loop("filename: disk.img, start: 2048, size: 8")}\n`;

		expect(await folder.check(manifestWith({ devices }))).toEqual([
			'manifest.yaml:5:3 devices.part: bytes 1048576 to 1052672 of "disk.img" overlap bytes 0 to 67108864 of device "whole" (line 4), and both are open in stage "only": make both read-only, or use them in different stages',
		]);
	});

	test.for([
		["the same file twice", "filename: disk.img", "filename: disk.img"],
		["paths of the same file", "filename: disk.img", "filename: /folder/../disk.img"],
		["a symbolic link", "filename: disk.img", "filename: folder/up"],
		["a hard link", "filename: disk.img", "filename: hard.img"],
		["one of them read-only", "filename: disk.img, read-only: true", "filename: disk.img"],
		[
			"a sector in common",
			"filename: disk.img, size: 9",
			"filename: disk.img, start: 8, size: 8",
		],
		[
			"different sectors",
			"filename: disk.img, size: 9",
			"filename: disk.img, start: 1, size: 1, sector-size: 4096",
		],
	] as const)("are refused: %s", async ([, first, second], { expect }) => {
		using folder = new ManifestFolder();
		furnish(folder);

		const found = await folder.check(manifestWith({ devices: two(first, second) }));

		expect(found).toHaveLength(1);
		expect(found[0]).toContain("overlap bytes");
		expect(found[0]).toContain('of device "a" (line 3)');
	});

	test.for([
		[
			"both read-only",
			"filename: disk.img, read-only: true",
			"filename: disk.img, read-only: true",
		],
		["side by side", "filename: disk.img, size: 8", "filename: disk.img, start: 8, size: 8"],
		["of different files", "filename: disk.img", "filename: other.img"],
	] as const)("are fine: %s", async ([, first, second], { expect }) => {
		using folder = new ManifestFolder();
		furnish(folder);

		expect(await folder.check(manifestWith({ devices: two(first, second) }))).toEqual([]);
	});

	test("are refused while their file does not exist yet", async ({ expect }) => {
		using folder = new ManifestFolder();
		const devices = two("filename: later.img", "filename: x/../later.img, start: 8");
		const stages = "[{ name: make, uses: [], run: [ls] }, { name: use, run: [ls] }]";

		const found = await folder.check(manifestWith({ devices, stages }));

		expect(found.map((line) => line.replace(/^\S+ /, ""))).toEqual([
			'devices.b: bytes 4096 to the end of "x/../later.img" overlap bytes 0 to the end of device "a" (line 3), and both are open in stage "use": make both read-only, or use them in different stages',
		]);
	});

	const whole = `{ disk: ${loop("filename: disk.img")} }`;
	const part = `{ root: ${loop("filename: disk.img, start: 2048")} }`;

	test.for([
		[
			"before the shared one is opened",
			"[{ name: a, uses: [], run: [ls], devices: WHOLE }, { name: b, run: [ls] }]",
		],
		[
			"after it is closed",
			"[{ name: b, run: [ls] }, { name: a, uses: [], run: [ls], devices: WHOLE }]",
		],
	] as const)("are fine in different stages, %s", async ([, stages], { expect }) => {
		using folder = new ManifestFolder();

		const text = manifestWith({ devices: part, stages: stages.replace("WHOLE", whole) });

		expect(await folder.check(text)).toEqual([]);
	});

	test("are refused in a stage between those that use the shared one", async ({ expect }) => {
		using folder = new ManifestFolder();
		const stages = `[{ name: a, run: [ls] }, { name: b, uses: [], run: [ls], devices: ${whole} }, { name: c, run: [ls] }]`;

		const found = await folder.check(manifestWith({ devices: part, stages }));

		expect(found).toHaveLength(1);
		expect(found[0]).toContain(
			'stages[1].devices.disk: bytes 0 to 67108864 of "disk.img" overlap',
		);
		expect(found[0]).toContain('both are open in stage "b"');
	});

	test("are refused once for each device in the way", async ({ expect }) => {
		using folder = new ManifestFolder();
		const devices = `{ a: ${loop("filename: disk.img")}, b: ${loop("filename: disk.img")}, c: ${loop("filename: disk.img")} }`;

		const found = await folder.check(manifestWith({ devices }));

		expect(found.map((line) => /devices\.\w/.exec(line)?.[0])).toEqual([
			"devices.b",
			"devices.c",
		]);
	});
});

/** Files of every kind in the tree. */
function furnish(folder: ManifestFolder): void {
	const tree = join(folder.path, "tree");
	mkdirSync(join(tree, "folder"));
	folder.file("tree/other.img", 4096);
	folder.file("tree/empty.img", 0);
	folder.file("tree/tiny.img", 100);
	folder.file("tree/odd.img", 1100);
	linkSync(join(tree, "disk.img"), join(tree, "hard.img"));
	symlinkSync("/disk.img", join(tree, "absolute"));
	symlinkSync("../../../disk.img", join(tree, "folder/up"));
	symlinkSync("round", join(tree, "round"));
	symlinkSync("nothing.img", join(tree, "dangling"));
	execFileSync("mkfifo", [join(tree, "pipe")]);
}
