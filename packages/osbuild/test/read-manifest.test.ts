import { describe, test } from "vitest";
import { readOsbuildManifest } from "../src/manifest/read-manifest.ts";
import { OsbuildManifestError } from "../src/manifest/problem.ts";

/** A manifest with one pipeline of these stages. */
function manifestOf(...stages: readonly object[]): string {
	return JSON.stringify({ version: "2", pipelines: [{ name: "image", stages }] });
}

/** What is wrong with a manifest, a line each. */
function complaints(text: string): string[] {
	try {
		readOsbuildManifest(text);
		return [];
	} catch (error) {
		if (!(error instanceof OsbuildManifestError)) throw error;
		return error.problems.map(({ path, message }) => `${path}: ${message}`);
	}
}

const truncate = {
	type: "org.osbuild.truncate",
	options: { filename: "disk.img", size: "64M" },
};
const mkfs = {
	type: "org.osbuild.mkfs.ext4",
	options: { uuid: "aaaaaaaa-0000-4000-8000-000000000001", label: "root" },
	devices: {
		device: {
			type: "org.osbuild.loopback",
			options: { filename: "disk.img", start: 2048, size: 65536, lock: true },
		},
	},
};

describe("ids", () => {
	// Computed by osbuild itself.
	test("of stages and devices are osbuild's", ({ expect }) => {
		const [pipeline] = readOsbuildManifest(manifestOf(truncate, mkfs)).pipelines;

		expect(pipeline?.stages.map(({ id }) => id)).toEqual([
			"495aceab3b2cea8fc37945c355a4695c65fbcfa54a3ce98b4e39edaafc9a2727",
			"60b1d9ee5f13fa431ede0e40a529ae9afaffe669ae571f481ea1db36a83a3889",
		]);
		expect(pipeline?.id).toBe(pipeline?.stages[1]?.id);
		expect(pipeline?.stages[1]?.devices[0]?.id).toBe(
			"fde8e004e1881effac46200599f759cc061ef1689c14e01deddf7f07cb7f0a03",
		);
	});

	test("of mounts are osbuild's, and are part of the stage's", ({ expect }) => {
		const mounts = [
			{ name: "root", type: "org.osbuild.ext4", source: "device", target: "/", options: {} },
		];
		const [pipeline] = readOsbuildManifest(manifestOf({ ...mkfs, mounts }, mkfs)).pipelines;

		const [withMount, without] = pipeline?.stages ?? [];
		expect(withMount?.mounts[0]?.id).toBe(
			"d33e76bd4574f5c045afaccf5e9d76b52a170e89432c9dd28dd453d4a279558b",
		);
		expect(withMount?.id).not.toBe(without?.id);
	});

	test("do not change with a device's options (H-17)", ({ expect }) => {
		const other = structuredClone(mkfs);
		other.devices.device.options.start = 4096;

		const [first] = readOsbuildManifest(manifestOf(mkfs)).pipelines;
		const [second] = readOsbuildManifest(manifestOf(other)).pipelines;

		expect(second?.id).toBe(first?.id);
		expect(second?.stages[0]?.devices[0]?.id).not.toBe(first?.stages[0]?.devices[0]?.id);
	});
});

describe("the order of devices", () => {
	test("is osbuild's: parents first, otherwise as declared", ({ expect }) => {
		const device = (parent?: string | null): object => {
			return { type: "t", ...(parent !== undefined && { parent }) };
		};
		const devices = {
			lv: device("luks"),
			z: device(),
			luks: device("p"),
			p: device(""),
			c: device("z"),
		};

		const [pipeline] = readOsbuildManifest(manifestOf({ type: "s", devices })).pipelines;

		expect(pipeline?.stages[0]?.devices.map(({ name }) => name)).toEqual([
			"z",
			"p",
			"c",
			"luks",
			"lv",
		]);
	});
});

describe("what is wrong", () => {
	test.for([
		["{", ".: "],
		[
			'{"version": "2", "pipelines": [], "x": 1}',
			".: Additional properties are not allowed ('x' was unexpected)",
		],
		['{"version": "3"}', ".version: '3' is not one of ['2']"],
		[
			'{"version": "1", "pipeline": {}}',
			".: a manifest of osbuild's version 1, which only osbuild builds: version 2 has pipelines",
		],
		["{}", ".: 'version' is a required property"],
		['{"version": "2", "pipelines": {}}', ".pipelines: {} is not of type 'array'"],
		[
			'{"version": "2", "pipelines": [{"name": "a", "stages": [{"devices": {"a": {"options": [1.0, null, true, "x\'"]}}}]}]}',
			".pipelines[0].stages[0]: 'type' is a required property",
			".pipelines[0].stages[0].devices.a: 'type' is a required property",
			".pipelines[0].stages[0].devices.a.options: [1.0, None, True, \"x'\"] is not of type 'object'",
		],
		[
			'{"version": "2", "pipelines": [{"name": "a", "stages": [{"type": "s", "mounts": [{"name": "m", "type": 1, "partition": true, "b": 1, "c": 2}]}]}]}',
			".pipelines[0].stages[0].mounts[0]: Additional properties are not allowed ('b', 'c' were unexpected)",
			".pipelines[0].stages[0].mounts[0].type: 1 is not of type 'string'",
			".pipelines[0].stages[0].mounts[0].partition: True is not of type 'number'",
		],
		[
			'{"version": "2", "pipelines": [{"source-epoch": 1.0, "name": "a"}]}',
			".pipelines[0].source-epoch: 1.0 is not of type 'integer'",
		],
		['{"version": "2", "pipelines": [{}]}', ".pipelines[0]: 'name' is a required property"],
		[
			'{"version": "2", "pipelines": [{"name": "a"}, {"name": "a"}]}',
			".pipelines[1]: Name a already exists",
		],
		[
			'{"version": "2", "pipelines": [{"name": "a", "build": "name:b"}]}',
			".pipelines[0].build: Unknown pipeline reference: name:b",
		],
	] as const)("with the form: %s", ([text, ...wanted], { expect }) => {
		const found = complaints(text);

		expect(found).toHaveLength(wanted.length);
		for (const [index, line] of wanted.entries()) expect(found[index]).toContain(line);
	});

	test.for([
		[{ a: { type: "t", parent: "a" } }, "devices: Cycle detected in 'devices'"],
		[
			{ a: { type: "t", parent: "b" }, b: { type: "t", parent: "a" } },
			"devices: Cycle detected in 'devices'",
		],
		[
			{ a: { type: "t", parent: "b c" } },
			"devices.a.parent: Missing parent device 'b c' for 'a'",
		],
		[[], "devices: devices are an object: a name for each"],
	] as const)("with the devices: %j", ([devices, message], { expect }) => {
		expect(complaints(manifestOf({ type: "s", devices }))).toEqual([
			`.pipelines[0].stages[0].${message}`,
		]);
	});

	test("with mounts", ({ expect }) => {
		const mount = { name: "a", type: "t" };
		const mounts = [mount, mount, { ...mount, name: "b", source: "c" }];

		expect(complaints(manifestOf({ type: "s", mounts }))).toEqual([
			".pipelines[0].stages[0].mounts[1]: Duplicated mount 'a'",
			".pipelines[0].stages[0].mounts[2].source: Unknown device 'c' for mount 'b'",
		]);
	});

	test("with inputs", ({ expect }) => {
		const input = { type: "t", origin: "org.osbuild.source", references: ["sha256:1"] };

		expect(complaints(manifestOf({ type: "s", inputs: { i: input } }))).toEqual([
			".pipelines[0].stages[0].inputs.i.references: Unknown source reference(s) {'sha256:1'}",
		]);
	});
});

test("names of devices and mounts may be anything", ({ expect }) => {
	const loop = { type: "org.osbuild.loopback", options: { filename: "a" } };
	const devices = { "-": loop, "": loop, "a/../b": { ...loop, parent: "-" } };
	const mounts = [{ name: "-", type: "org.osbuild.ext4", source: "a/../b", target: "/" }];

	const [pipeline] = readOsbuildManifest(manifestOf({ type: "s", devices, mounts })).pipelines;

	expect(pipeline?.stages[0]?.devices.map(({ name }) => name)).toEqual(["-", "", "a/../b"]);
	expect(pipeline?.stages[0]?.mounts[0]).toMatchObject({ name: "-", source: "a/../b" });
});
