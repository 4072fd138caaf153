import { execFile } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { deviceId } from "@devhost/core";
import { describe, test } from "vitest";
import { parseManifest, readManifest, type Manifest } from "../src/manifest.ts";
import { isManifestError, type ManifestError } from "../src/problem.ts";
import { exampleJson, exampleYaml, ManifestFolder, manifestWith } from "./manifest-folder.ts";

const yaml = { file: "/somewhere/manifest.yaml" };

describe("parseManifest", () => {
	test("reads the example", async ({ expect }) => {
		const manifest = await parseManifest(exampleYaml, yaml);

		expect(plain(manifest)).toEqual({
			version: 1,
			file: "/somewhere/manifest.yaml",
			folder: "/somewhere",
			text: exampleYaml,
			tree: "/somewhere/tree",
			devices: {
				root: {
					name: "root",
					key: "root",
					after: [],
					type: "devhost.loopback",
					options: { filename: "disk.img", start: 2048, size: 40960 },
					id: "1a7320e06347f21cba18c2e56c360c0904314d0f103cc05e1221947519c7edca",
					pointer: "/devices/root",
				},
			},
			mounts: {},
			stages: [
				{
					name: "partition",
					uses: [],
					mounts: {},
					devices: {
						disk: {
							name: "disk",
							key: "disk",
							after: [],
							type: "devhost.loopback",
							options: { filename: "disk.img" },
							id: "ed1432f9a307d0a08986bbf301f33a0ccad052ef7e5d54f0fb8121f29283ba98",
							pointer: "/stages/0/devices/disk",
						},
					},
					run: ["sfdisk", "{devices.disk}"],
					stdin: "label: gpt\nstart=2048, size=40960, type=linux\n",
					pointer: "/stages/0",
				},
				{
					name: "format",
					devices: {},
					mounts: {},
					run: ["mkfs.ext4", "-q", "{devices.root}"],
					environment: { E2FSPROGS_FAKE_TIME: "1" },
					timeout: 60,
					pointer: "/stages/1",
				},
			],
		});
	});

	test("reads the same from JSON with comments", async ({ expect }) => {
		const fromJson = await parseManifest(exampleJson, { file: "/somewhere/manifest.json" });
		const fromYaml = await parseManifest(exampleYaml, yaml);

		const source = { file: "", text: "" };
		expect({ ...plain(fromJson), ...source }).toEqual({ ...plain(fromYaml), ...source });
	});

	test.for([
		[
			"a name that says JSON",
			"m.json",
			'{ "version": 1, // one\n"tree": ".", "stages": [] }',
			2,
		],
		["a name that says YAML", "m.yml", "version: 1 # one\ntree: .\nstages: []", 3],
		[
			"a text that looks like JSON",
			"m",
			'{ "version": 1, // one\n"tree": ".", "stages": [] }',
			2,
		],
		["a comment of JSON", "m", '// one\n{ "version": 1, "tree": ".", "stages": [] }', 2],
		["a text that looks like YAML", "m", "{ version: 1, # one\n tree: ., stages: [] }", 2],
	] as const)("knows the format by %s", async ([, file, text, line], { expect }) => {
		const error = await errorOf(parseManifest(text, { file }));

		expect(error.problems).toHaveLength(1);
		expect(error.problems[0]).toMatchObject({ path: "stages", line });
	});

	test("skips a byte order mark, in YAML and in JSON", async ({ expect }) => {
		await parseManifest(`\uFEFF${exampleYaml}`, yaml);
		const manifest = await parseManifest(`\uFEFF${exampleJson}`, { file: "m.json" });

		expect(manifest.stages).toHaveLength(2);
	});

	test("reads lines that end as on Windows", async ({ expect }) => {
		const manifest = await parseManifest(exampleYaml.replaceAll("\n", "\r\n"), yaml);

		expect(manifest.stages[0]?.stdin).toBe("label: gpt\nstart=2048, size=40960, type=linux\n");
		expect(manifest.locate("/stages/1/timeout")).toMatchObject({ line: 17, column: 14 });
	});

	test("takes a null parent, as osbuild writes it, for none", async ({ expect }) => {
		const devices = "{ a: { type: x.y, parent: null }, b: { type: x.y, parent: '' } }";
		const manifest = await parseManifest(manifestWith({ devices }), yaml);

		expect(manifest.devices["a"]).not.toHaveProperty("parent");
		expect(manifest.devices["b"]).not.toHaveProperty("parent");
	});

	test("takes a list of parents, and an empty one for none", async ({ expect }) => {
		const devices = "{ a: { type: x.y, parents: [c, b] }, b: { type: x.y, parents: [] } }";
		const manifest = await parseManifest(manifestWith({ devices }), yaml);

		expect(manifest.devices["a"]).toMatchObject({ parents: ["c", "b"] });
		expect(manifest.devices["a"]).not.toHaveProperty("parent");
		expect(manifest.devices["b"]).not.toHaveProperty("parents");
	});

	test("gives devices any name that an object of JavaScript has already", async ({ expect }) => {
		const devices =
			"{ constructor: { type: x.y }, __proto__: { type: x.y, options: { __proto__: 1 } } }";
		const manifest = await parseManifest(manifestWith({ devices }), yaml);

		expect(Object.keys(manifest.devices)).toEqual(["constructor", "__proto__"]);
		expect(Object.keys(manifest.devices["__proto__"]?.options ?? {})).toEqual(["__proto__"]);
		expect(manifest.devices["toString"]).toBeUndefined();
	});

	test("throws everything that is wrong with the form, in order", async ({ expect }) => {
		const text =
			"version: 1\nstages:\n  - run: [ls]\n    tiemout: 3\n  - name: b\n    run: ls\n";

		const error = await errorOf(parseManifest(text, { file: "m.yaml" }));

		expect(error.problems.map(({ code, line, pointer }) => [code, line, pointer])).toEqual([
			["ERR_MANIFEST_MISSING", 1, ""],
			["ERR_MANIFEST_MISSING", 3, "/stages/0"],
			["ERR_MANIFEST_UNKNOWN_KEY", 4, "/stages/0/tiemout"],
			["ERR_MANIFEST_TYPE", 6, "/stages/1/run"],
		]);
		expect(error.code).toBe("ERR_MANIFEST_MISSING");
		expect(error.message).toBe(
			"m.yaml:1:1: tree is missing, expected the path of a directory (and 3 more)",
		);
		expect(isManifestError(error, "ERR_MANIFEST_MISSING")).toBe(true);
		expect(isManifestError(error, "ERR_MANIFEST_TYPE")).toBe(false);
		expect(isManifestError(new TypeError("no"))).toBe(false);
	});

	test("gives problems that survive JSON", async ({ expect }) => {
		const error = await errorOf(
			parseManifest("version: 2\ntree: .\nstages: 5\n", { file: "m.yaml" }),
		);

		expect(JSON.parse(JSON.stringify(error.problems))).toEqual([
			{
				code: "ERR_MANIFEST_VERSION",
				file: "m.yaml",
				line: 1,
				column: 10,
				pointer: "/version",
				path: "version",
				message: "2, expected 1",
				expected: "1",
			},
			{
				code: "ERR_MANIFEST_TYPE",
				file: "m.yaml",
				line: 3,
				column: 9,
				pointer: "/stages",
				path: "stages",
				message: "5, expected a list of stages, one or more",
				expected: "a list of stages, one or more",
			},
		]);
	});
});

describe("the id of a device", () => {
	// Source: osbuild's own, from shared golden ids.
	test.for([
		[
			"{filename: disk.img}",
			"1b5e82803f9340ab9da214caf2c076137b1ccc6137d704cf2e06ba8685dbf795",
		],
		[
			"{start: 2048.0, filename: disk.img, size: 1e3}",
			"d6fba9c00730e150e1c906a663125509739edeb3e448e98e745fcb6fd6ff564f",
		],
		[
			"{a: 0.0001, b: 0.00001, c: 1e-7, d: -0.0, e: -0, f: 5e-324, g: +1.5e300}",
			"e4979cad70dcf1c302cf9268680a54ab769d6d0281a8dc2d035d5c7831313b81",
		],
		[
			"{a: 1e15, b: 1e16, c: 1e21, d: 1e22, e: 123456789012345680., f: 9007199254740993.0}",
			"44e8c3b9bebd0c1506789f1cef924309cdde91561ff322f55fe7d5feb638655f",
		],
		[
			"{a: 0x20000000000001, b: 0123456789012345678901234567890, c: -1}",
			"3c0d111cace512091ba590dcd375181326d60d86212804cc5335a1a088c27b8a",
		],
		[
			"{a: 1e400, b: -.inf, c: .nan}",
			"2c6c57906516a4631c47ccf1e8385eb30a9db4aca64dbe527ed2b17922be33eb",
		],
		[
			"{z: {b: [1, 2, {y: ~, x: []}], a: {}}, a: [true, false, null]}",
			"19aea977bf151c25f160ed12627b095f668fa00911a872498d36eae717d12203",
		],
		["{}", "55cb303452f3e0aab88ac27d50881ddc3f07525e2fefb7ad90688f12ecc1f30b"],
		["", "55cb303452f3e0aab88ac27d50881ddc3f07525e2fefb7ad90688f12ecc1f30b"],
	])("is osbuild's, of options %s", async ([options, id], { expect }) => {
		const device = options === "" ? "" : `, options: ${options}`;
		const devices = `{ a: { type: org.osbuild.loopback${device} } }`;
		const manifest = await parseManifest(manifestWith({ devices }), yaml);

		expect(manifest.devices["a"]?.id).toBe(id);
	});

	test("has its parents in it, shared ones, too", async ({ expect }) => {
		const manifest = await parseManifest(
			manifestWith({
				devices:
					"{ p: { type: org.osbuild.loopback, options: { filename: disk.img, start: 2048 } }, l: { type: org.osbuild.luks2, parent: p, options: { passphrase: osbuild } } }",
				stages: "[{ name: a, run: [ls], devices: { v: { type: org.osbuild.lvm2.lv, parent: l, options: { volume: root } } } }]",
			}),
			yaml,
		);

		expect(manifest.devices["l"]?.id).toBe(
			"3db3099502dce94efec63d23485e8c67b78d536a50057ab8761ea9c7e32d0e6f",
		);
		expect(manifest.stages[0]?.devices["v"]?.id).toBe(
			"f9c517e55abc827fd99f430f6a3267fcf64d4e33d9efa0d4ce2e7f0ef04a885c",
		);
	});

	test("has all of several parents in it, in their order", async ({ expect }) => {
		const of = async (parents: string): Promise<string | undefined> => {
			const devices = `{ v: { type: x, parents: ${parents} }, a: { type: y, parent: c }, b: { type: z, parent: c }, c: { type: x } }`;
			const manifest = await parseManifest(manifestWith({ devices }), yaml);
			return manifest.devices["v"]?.id;
		};
		const c = deviceId("x");
		const ids = [deviceId("y", {}, c), deviceId("z", {}, c)];

		expect(await of("[a, b]")).toBe(deviceId("x", {}, ids));
		expect(await of("[b, a]")).toBe(deviceId("x", {}, ids.toReversed()));
		expect(await of("[a]")).toBe(deviceId("x", {}, ids[0]));
		expect(await of("[]")).toBe(c);
	});

	test("ends where parents lead nowhere or round", async ({ expect }) => {
		const devices =
			"{ a: { type: x, parent: b }, b: { type: x, parent: a }, c: { type: x, parent: d } }";
		const manifest = await parseManifest(manifestWith({ devices }), yaml);

		expect(manifest.devices["a"]?.id).toMatch(/^[0-9a-f]{64}$/);
		expect(manifest.devices["c"]?.id).toMatch(/^[0-9a-f]{64}$/);
	});
});

describe("locate", () => {
	test.for([
		["/version", "value", "1\n"],
		["/devices/root", "key", "root:\n"],
		["/devices/root/options/start", "value", "2048, size: 40960 }"],
		["/devices/root/options/start", "key", "start: 2048"],
		["/stages/0", "value", "name: partition"],
		["/stages/0/run/1", "value", '"{devices.disk}"]'],
		["/stages/0/stdin", "value", '"label: gpt'],
		["/stages/0/devices/disk/options/size", "value", "{ filename: disk.img } }"],
		["/stages/1/uses", "value", "name: format"],
		["/nothing/of/this", "value", "version: 1"],
	] as const)("finds %s, its %s", async ([pointer, part, text], { expect }) => {
		const manifest = await parseManifest(exampleYaml, yaml);

		const { line, column } = manifest.locate(pointer, part);

		expect(
			exampleYaml
				.split("\n")
				.slice(line - 1)
				.join("\n")
				.slice(column - 1),
		).toSatisfy((rest: string) => rest.startsWith(text.replace("\n", "")));
	});

	test("makes problems of what is found out later", async ({ expect }) => {
		const manifest = await parseManifest(exampleYaml, yaml);

		const problem = manifest.problemAt("/devices/root/options/filename", {
			code: "ERR_DEVICE_FILE",
			message: "no such file",
		});

		expect(problem).toEqual({
			code: "ERR_DEVICE_FILE",
			file: "/somewhere/manifest.yaml",
			line: 6,
			column: 26,
			pointer: "/devices/root/options/filename",
			path: "devices.root.options.filename",
			message: "no such file",
		});
	});
});

describe("readManifest", () => {
	test("reads a file", async ({ expect }) => {
		using folder = new ManifestFolder();

		const manifest = await readManifest(folder.file("manifest.yaml", exampleYaml));

		expect(manifest.tree).toBe(join(folder.path, "tree"));
	});

	test("reads a pipe", async ({ expect }) => {
		using folder = new ManifestFolder();
		const file = folder.file("manifest.yaml", exampleYaml);
		const module = JSON.stringify(`${import.meta.dirname}/../src/manifest.ts`);
		const script = `import { readManifest } from ${module};
			console.log((await readManifest("/dev/stdin")).stages.length);`;

		// In a process of its own: opening a pipe waits for its other end.
		const command = 'cat "$1" | "$2" --input-type=module -e "$3"';
		const { stdout } = await run("sh", ["-c", command, "sh", file, process.execPath, script], {
			timeout: 4_000,
		});

		expect(stdout).toBe("2\n");
	});

	test.for([
		["that is missing", "nothing.yaml", "nothing.yaml: no such file", "ERR_MANIFEST_READ"],
		[
			"that is a directory",
			"tree",
			"tree: a directory, expected a manifest in YAML or JSON",
			"ERR_MANIFEST_READ",
		],
		[
			"beneath one that is no directory",
			"tree/disk.img/manifest.yaml",
			"tree/disk.img/manifest.yaml: no such file: a part of the path is no directory",
			"ERR_MANIFEST_READ",
		],
		[
			"that is an image rather than a manifest",
			"tree/disk.img",
			"tree/disk.img: too large for a manifest, expected at most 16777216 bytes",
			"ERR_MANIFEST_LIMIT",
		],
	] as const)("refuses a file %s", async ([, name, message, code], { expect }) => {
		using folder = new ManifestFolder();

		const error = await errorOf(readManifest(join(folder.path, name)));

		expect(error.message.replace(`${folder.path}/`, "")).toBe(message);
		expect(error.code).toBe(code);
		expect(error.problems[0]).toMatchObject({ line: 0, column: 0, pointer: "" });
	});

	test("points at the first byte that is not UTF-8", async ({ expect }) => {
		using folder = new ManifestFolder();
		const file = folder.file("latin1.yaml", "version: 1\n# \uFFFD is fine, caf");
		appendFileSync(file, Buffer.from([0xe9, 0x0a]));

		const error = await errorOf(readManifest(file));

		expect(error.code).toBe("ERR_MANIFEST_ENCODING");
		expect(error.problems[0]).toMatchObject({ line: 2, column: 17 });
	});

	test("keeps the cause", async ({ expect }) => {
		const error = await errorOf(readManifest("/nowhere/at/all.yaml"));

		expect(error.cause).toMatchObject({ code: "ENOENT" });
	});

	test("names the file as its caller does", async ({ expect }) => {
		using folder = new ManifestFolder();
		writeFileSync(join(folder.path, "m.yaml"), "[]");
		const name = join(folder.path, "tree/../m.yaml");

		expect((await errorOf(readManifest(name))).problems[0]?.file).toBe(name);
	});
});

/** Without functions; getters become values. */
function plain(manifest: Manifest): Record<string, unknown> {
	return JSON.parse(JSON.stringify(manifest)) as Record<string, unknown>;
}

async function errorOf(promise: Promise<unknown>): Promise<ManifestError> {
	const error: unknown = await promise.then(
		() => new Error("nothing was thrown"),
		(thrown: unknown) => thrown,
	);
	if (isManifestError(error)) return error;
	throw error;
}

const run = promisify(execFile);
