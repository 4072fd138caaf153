import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { checkManifestFile } from "../src/check.ts";
import type { OsbuildOptions } from "../src/osbuild-manifest.ts";
import { formatProblem } from "../src/problem.ts";
import { devhost, eventsOf } from "./devhost.ts";
import { OsbuildProject, osbuildLoop, testLibdir } from "./osbuild-project.ts";

let project: OsbuildProject;
beforeEach(() => void (project = new OsbuildProject()));
afterEach(() => project[Symbol.dispose]());

/** What `check` says, as people read it, without the folder's name and the position. */
async function check(file: string, osbuild: OsbuildOptions = {}): Promise<string[]> {
	const problems = await checkManifestFile(file, { osbuild: { libdir: testLibdir, ...osbuild } });
	return problems.map((problem) =>
		formatProblem({ ...problem, file: "m", line: 0 })
			.replace(/^m:? ?/, "")
			.replaceAll(`${project.folder}/`, ""),
	);
}

const look = { type: "org.test.look" };

describe("a manifest of osbuild", () => {
	test("is checked like any other, and nothing is wrong with this one", async ({ expect }) => {
		project.disk();
		const file = project.stages({
			...look,
			options: { text: "x", number: 1.0 },
			devices: { device: osbuildLoop({ start: 8, size: 2048, lock: true }) },
			mounts: [
				{ name: "root", type: "org.osbuild.ext4", source: "device", target: "/" },
				{ name: "boot", type: "org.osbuild.noop", source: "device", target: "/boot" },
			],
		});

		expect(await check(file)).toEqual([]);
	});

	test("has everything that is wrong with it named at once, where osbuild would name it", async ({
		expect,
	}) => {
		project.disk();
		const file = project.stages(
			{ type: "org.test.none", options: {} },
			{ type: "../stages/org.test.look" },
			{
				...look,
				options: { text: 1 },
				inputs: {
					files: {
						type: "org.osbuild.files",
						origin: "org.osbuild.source",
						references: [],
					},
				},
				devices: {
					"a/../b": osbuildLoop({ start: -1 }),
					"with space": { type: "org.osbuild.lopback", options: {} },
					crypt: { type: "org.osbuild.luks2", options: { passphrase: "x" } },
				},
				mounts: [{ name: "m", type: "org.osbuild.ext4", target: "/" }],
			},
		);

		const stage = ".pipelines[0].stages[2]";
		expect(await check(file)).toEqual([
			`.pipelines[0].stages[0].type: no stage org.test.none in ${testLibdir}/stages: --libdir names osbuild's directory`,
			'.pipelines[0].stages[1].type: "../stages/org.test.look" is not the name of a stage',
			`${stage}.options.text: 1, expected a string: put it in quotes`,
			`${stage}.inputs.files: an input of type org.osbuild.files (org.osbuild.source), which only osbuild has: here are trees of pipelines (org.osbuild.tree)`,
			expect.stringContaining(`${stage}.devices.a/../b.options.start: -1, expected`),
			expect.stringContaining(
				`${stage}.devices.'with space'.type: type "org.osbuild.lopback" is unknown, did you mean "org.osbuild.loopback"?`,
			),
			expect.stringContaining(`${stage}.devices.crypt: org.osbuild.luks2 needs a parent`),
			expect.stringContaining(`${stage}.mounts[0]: org.osbuild.ext4 needs a source`),
		]);
	});

	test("has mounts where they are to be, of partitions that can be", async ({ expect }) => {
		project.disk();
		const mount = { type: "org.osbuild.ext4", source: "device" };
		const file = project.stages({
			...look,
			devices: { device: osbuildLoop({ partscan: true }) },
			mounts: [
				{ ...mount, name: "a" },
				{ ...mount, name: "b", target: "/b", partition: 1.5 },
				{ ...mount, name: "c", target: "/c", partition: -1 },
				{ ...mount, name: "d", target: "/d", partition: 1.0 },
			],
		});

		const mounts = ".pipelines[0].stages[0].mounts";
		expect(await check(file)).toEqual([
			`${mounts}[0]: target is missing, expected where it is mounted: "/boot"`,
			`${mounts}[1].partition: 1.5, expected a whole number from 1`,
			`${mounts}[2].partition: -1, expected a whole number from 1`,
		]);
	});

	test.for([
		["a tree that is missing", { tree: "/none" }, ": no such directory: /none"],
		[
			"a directory of modules that is missing",
			{ libdir: "/none" },
			".pipelines[0].stages[0].type: no stage org.test.look in /none/stages, which is no directory: --libdir names osbuild's directory",
		],
		[
			"a pipeline that is missing",
			{ pipeline: "os" },
			'.pipelines: no pipeline "os", there are: image',
		],
		[
			"a stage that is missing",
			{ stage: "1" },
			".pipelines[0].stages: pipeline image has no stage 1, there are: 0 org.test.look",
		],
	] as const)("is refused with %s", async ([, options, problem], { expect }) => {
		const tree = "tree" in options ? options.tree : project.tree;

		expect(await check(project.stages(look), { tree, ...options })).toEqual([
			expect.stringContaining(problem),
		]);
	});

	test.for([
		['{"pipeline": {"stages": []}}', "a manifest of osbuild's version 1, which only osbuild"],
		['{"version": "1", "pipeline": {}}', "a manifest of osbuild's version 1"],
		['{"version": "3", "pipelines": []}', ".version: '3' is not one of ['2']"],
		['{"version": "2"}', "it has no pipeline"],
		['{"version": "2", "pipelines": []}', "it has no pipeline"],
		['{"version": "2", "pipelines": [}', 'expected a value, found "}"'],
		['{"version": "2", "pipelines": {}}', ".pipelines: {} is not of type 'array'"],
		[
			'{"version": "2", "pipelines": [{"name": "a", "stages": []}]}',
			".pipelines[0].stages: pipeline a has no stages",
		],
	] as const)("such as %s is refused", async ([text, problem], { expect }) => {
		const file = project.write("osbuild.json", text);

		const [first, ...others] = await check(file);

		expect(first?.toLowerCase()).toContain(problem.toLowerCase());
		expect(others).toEqual([]);
	});
});

describe("of several", () => {
	const build = { name: "build", stages: [{ type: "org.test.end", options: { how: "x" } }] };
	const image = { name: "image", build: "name:build", stages: [look, look] };
	const archive = { name: "archive", build: "name:build", stages: [look] };

	test("the pipeline is taken that builds no other", async ({ expect }) => {
		expect(await check(project.pipelines(build, image))).toEqual([]);
	});

	test("pipelines one has to be named", async ({ expect }) => {
		const file = project.pipelines(build, image, archive);

		expect(await check(file)).toEqual([
			".pipelines: several pipelines, say which with --pipeline: build, image, archive",
		]);
		expect(await check(file, { pipeline: "archive" })).toEqual([]);
	});

	test.for([
		[[], "the tree of the pipeline os: --input os=DIRECTORY says where that is"],
		[["os=/none"], "the tree of os: no such directory: /none"],
		[["os"], "--input os: expected PIPELINE=DIRECTORY"],
		[["no=/"], '--input no=/: no pipeline "no", there are: os, image'],
		[["os=/"], undefined],
	] as const)("a stage has the tree of another one: %j", async ([input, why], { expect }) => {
		const references = ["name:os"];
		const tree = { type: "org.osbuild.tree", origin: "org.osbuild.pipeline", references };
		const file = project.pipelines(
			{ name: "os", stages: [look] },
			{ name: "image", stages: [{ ...look, inputs: { tree } }] },
		);

		expect(await check(file, { pipeline: "image", input })).toEqual(
			why === undefined ? [] : [expect.stringContaining(why)],
		);
	});

	test("stages one is named by its number, or by its type where that is there once", async ({
		expect,
	}) => {
		const other = { type: "org.test.loop", options: { requests: [] } };
		const file = project.stages(look, other, look);

		expect(await check(file, { stage: "2" })).toEqual([]);
		expect(await check(file, { stage: "org.test.loop" })).toEqual([]);
		expect(await check(file, { stage: "org.test.look" })).toEqual([
			".pipelines[0].stages: pipeline image has several stages org.test.look, say which by its number, of 0 org.test.look, 1 org.test.loop, 2 org.test.look",
		]);
	});
});

describe("a stage's description", () => {
	test.for([
		["that is no JSON", "{", "not.json.meta.json: Expected"],
		["that is none", "[]", "not an object that describes a stage"],
		["with strange capabilities", '{ "capabilities": "all" }', 'capabilities is "all"'],
		["with a broken schema", '{ "schema_2": { "options": [] } }', "its schema is none"],
		[
			"with a schema that refers to nothing",
			'{ "schema": { "$ref": "#/definitions/none" } }',
			"the schema of not.json is none",
		],
	] as const)("%s is complained of", async ([, content, problem], { expect }) => {
		project.module("stages/not.json", "#!/bin/sh\n");
		const libdir = project.module("stages/not.json.meta.json", content);

		const found = await check(project.stages({ type: "not.json" }), { libdir });

		expect(found).toEqual([expect.stringContaining(problem)]);
	});

	test("may have definitions, of the whole and of its options", async ({ expect }) => {
		const schema = { properties: { a: { $ref: "#/definitions/a" } } };
		const definitions = { a: { type: "string" } };
		const meta = { schema_2: { options: { ...schema, definitions }, inputs: {} } };
		project.module("stages/with.them", "#!/bin/sh\n");
		const libdir = project.module("stages/with.them.meta.json", JSON.stringify(meta));
		const file = (a: unknown): string => project.stages({ type: "with.them", options: { a } });

		expect(await check(file("x"), { libdir })).toEqual([]);
		expect(await check(file(1), { libdir })).toEqual([
			expect.stringContaining(".pipelines[0].stages[0].options.a: 1, expected a string"),
		]);
	});

	test("is not asked of a stage that has none", async ({ expect }) => {
		const libdir = project.module("stages/without.one", "#!/bin/sh\n");

		expect(
			await check(project.stages({ type: "without.one", options: { a: 1 } }), { libdir }),
		).toEqual([]);
	});
});

test("osbuild's options are not for a manifest of ours", async ({ expect }) => {
	const file = project.manifest({ stages: [{ name: "a", run: ["ls"] }] });

	expect(await checkManifestFile(file, { osbuild: { stage: "1" } })).toMatchObject([
		{ code: "ERR_MANIFEST_OSBUILD", message: expect.stringContaining("--stage is for") },
	]);
	expect(await checkManifestFile(file, {})).toEqual([]);
});

test("the command line checks one, and tells where in JSON", async ({ expect }) => {
	project.disk();
	const file = project.stages(look, { ...look, devices: { a: osbuildLoop({ start: "1" }) } });
	const args = ["--libdir", testLibdir, "--tree", project.tree, "--pipeline", "image"];

	const good = await devhost(["check", ...args, "--stage", "0", file]);
	const bad = await devhost(["check", "--json", ...args, file]);

	expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing wrong") });
	expect(bad.code).toBe(2);
	expect(eventsOf(bad)[0]).toMatchObject({
		event: "problem",
		problem: {
			code: "ERR_DEVICE_OPTIONS",
			pointer: "/pipelines/0/stages/1/devices/a/options/start",
			path: ".pipelines[0].stages[1].devices.a.options.start",
			file: join(project.folder, "osbuild.json"),
			line: 1,
		},
	});
});
