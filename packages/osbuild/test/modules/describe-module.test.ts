import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "vitest";
import { readOsbuildModules } from "../../src/modules/index.ts";
import { osbuildDevice, OsbuildLibrary, osbuildMount } from "@devhost/tools/testing";

const about = { summary: "About it", description: ["More", "about it"] };

describe("osbuild's directory of modules", () => {
	test("has devices and mounts, by the names of their files", ({ expect }) => {
		const library = new OsbuildLibrary();
		library.add("mounts", "org.osbuild.ext4");
		library.add("devices", "org.osbuild.b");
		library.add("devices", "org.osbuild.a");
		writeFileSync(join(library.path, "devices", "README"), "");
		writeFileSync(join(library.path, "devices", "org.osbuild.a~"), "");
		mkdirSync(join(library.path, "devices", "org.osbuild.folder"));

		const modules = readOsbuildModules(library.path);

		expect(modules.map(({ kind, type }) => [kind, type])).toEqual([
			["device", "org.osbuild.a"],
			["device", "org.osbuild.b"],
			["mount", "org.osbuild.ext4"],
		]);
		expect(modules[0]).toMatchObject({
			program: join(library.path, "devices/org.osbuild.a"),
			libdir: library.path,
			file: join(library.path, "devices/org.osbuild.a.meta.json"),
			summary: "A module that does what its options say",
		});
		expect(modules.flatMap(({ complaint }) => complaint ?? [])).toEqual([]);
	});

	test("may be asked for one", ({ expect }) => {
		const library = new OsbuildLibrary();
		const program = library.add("mounts", "org.osbuild.ext4");
		library.add("mounts", "org.osbuild.xfs");

		expect(readOsbuildModules(program)).toMatchObject([
			{ kind: "mount", type: "org.osbuild.ext4" },
		]);
	});

	test("may be empty", ({ expect }) => {
		const library = new OsbuildLibrary();
		mkdirSync(join(library.path, "mounts"));

		expect(readOsbuildModules(library.path)).toEqual([]);
	});
});

/** The one module of a library that is made of this. */
function one(
	folder: "devices" | "mounts",
	options: Parameters<OsbuildLibrary["add"]>[2],
): ReturnType<typeof readOsbuildModules>[number] | undefined {
	return readOsbuildModules(new OsbuildLibrary().add(folder, "org.example.it", options))[0];
}

describe("a module's description", () => {
	test("is its schema; schema_2 has precedence", ({ expect }) => {
		const schema = { properties: { one: { type: "number" } } };
		const second = { properties: { two: { type: "number" } } };

		expect(one("devices", { meta: { ...about, schema } })?.options).toEqual(schema);
		expect(one("devices", { meta: { ...about, schema, schema_2: second } })?.options).toEqual(
			second,
		);
		expect(one("devices", { meta: { ...about, schema, schema_2: {} } })?.options).toEqual(
			schema,
		);
	});

	test("of a mount is about all of it, and about its options", ({ expect }) => {
		const module = one("mounts", {});

		expect(module?.mount).toMatchObject({
			type: "object",
			additionalProperties: false,
			required: ["name", "type"],
			properties: { type: { enum: ["org.example.it"] }, target: { pattern: "^/" } },
		});
		expect(module?.options).toEqual({
			type: "object",
			additionalProperties: true,
			properties: { count: { type: "number" } },
		});
	});

	test.for([
		["required", { required: ["source"], properties: { source: {} } }],
		["optional", { properties: { source: {} } }],
		["none", { properties: { name: {} } }],
	] as const)("of a mount says that a source is %s", ([source, schema], { expect }) => {
		expect(one("mounts", { meta: { ...about, schema_2: schema } })?.source).toBe(source);
	});

	test("may have definitions, in its options too, which its references find", ({ expect }) => {
		const definitions = { count: { type: "number" } };
		const $ref = "#/definitions/count";
		const options = { type: "object", definitions, properties: { count: { $ref } } };
		const schema = { properties: { name: {}, options } };

		const module = one("mounts", { meta: { ...about, schema_2: schema } });

		expect(module?.mount).toMatchObject({
			definitions,
			properties: { options: { type: "object" } },
		});
		expect(module?.options).toEqual(options);
	});

	test("may be in the program", ({ expect }) => {
		const program = `#!/bin/sh
# A comment
"""A device of old

More about it.
"""
import sys

SCHEMA = """
"additionalProperties": false,
"properties": {
  "pattern": { "type": "string", "pattern": "^\\\\\\\\d\\\\u0041\\
$" }
}
"""
SCHEMA_2 = r'''
"properties": { "raw": { "type": "string", "pattern": "\\\\d" } }
'''
    SCHEMA = "not at the top"
`;
		const module = one("devices", { meta: null, program });

		expect(module).toMatchObject({
			summary: "A device of old",
			options: { properties: { raw: { type: "string", pattern: String.raw`\d` } } },
		});
		expect(module?.complaint).toBeUndefined();
		const older = program.replace("SCHEMA_2", "OTHER");
		expect(one("devices", { meta: null, program: older })?.options).toMatchObject({
			properties: { pattern: { pattern: String.raw`^\dA$` } },
		});
	});

	test.for([
		[
			"nothing",
			null,
			"nothing describes it: there is no org.example.it.meta.json beside it, and no SCHEMA in it",
		],
		["no JSON", "{", "org.example.it.meta.json: "],
		["no object", "[]", "expected an object that describes a module"],
		["no summary", { description: [], schema: {} }, "summary is missing"],
		["no description", { summary: "", schema: {} }, "description is missing"],
		["a summary that is none", { ...about, summary: 1 }, "summary is not a string"],
		[
			"a description that is none",
			{ ...about, description: "text" },
			"description is not a list of strings",
		],
		[
			"a key that is unknown",
			{ ...about, schmea: {} },
			'"schmea" is unknown, there are summary, description, capabilities, schema, schema_2',
		],
		["a schema that is none", { ...about, schema: [] }, "schema is not an object"],
		["no schema", about, "both schema and schema_2 are missing"],
		["an empty schema", { ...about, schema: {} }, "it has no schema"],
		[
			"a broken schema",
			{ ...about, schema: { properties: { a: { type: "strnig" } } } },
			"its schema is none: /properties/a/type is not one of",
		],
	] as const)("may be wrong: %s", ([, meta, complaint], { expect }) => {
		expect(one("devices", { meta, program: "#!/bin/sh\n" })?.complaint).toContain(complaint);
	});

	test("may be wrong in the program", ({ expect }) => {
		const program = '#!/bin/sh\nSCHEMA = """\n"properties": {,}\n"""\n';

		expect(one("devices", { meta: null, program })?.complaint).toContain("SCHEMA is no JSON: ");
	});

	test("of a mount has to be a schema_2 with properties", ({ expect }) => {
		expect(one("mounts", { meta: osbuildDevice })?.complaint).toContain(
			"it has no schema_2, which mounts are described by",
		);
		expect(
			one("mounts", { meta: { ...about, schema_2: { type: "object" } } })?.complaint,
		).toContain("schema_2 has no properties");
		expect(one("mounts", { meta: osbuildMount })?.complaint).toBeUndefined();
	});

	test("is of no use if the program cannot be started", ({ expect }) => {
		expect(one("devices", { mode: 0o644 })?.complaint).toMatch(
			/is not executable: chmod \+x \//,
		);
		expect(one("devices", { program: "#! /no/such/python3 -s\n" })?.complaint).toMatch(
			/needs \/no\/such\/python3, which is not there: install python3$/,
		);
	});
});
