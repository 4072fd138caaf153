import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, onTestFinished, test } from "vitest";
import { findModules, loadModules } from "../src/modules.ts";
import { ManifestFolder } from "./manifest-folder.ts";

const about = { summary: "Something", description: ["for tests"] };

const descriptions: Readonly<Record<string, object>> = {
	"devices/org.osbuild.loopback": {
		...about,
		schema: {
			additionalProperties: false,
			required: ["filename"],
			properties: { filename: { type: "string" }, start: { type: "number" } },
		},
	},
	"devices/com.example.disk": {
		...about,
		schema: {
			additionalProperties: false,
			required: ["volume"],
			properties: {
				volume: { type: "string", pattern: "^[\\-a-z]+$" },
				count: { type: "integer", minimum: 0, exclusiveMinimum: true },
			},
		},
	},
	"mounts/com.example.tree": {
		...about,
		schema_2: {
			additionalProperties: false,
			required: ["name", "type", "options"],
			properties: {
				name: { type: "string" },
				type: { type: "string" },
				options: { type: "object", required: ["deployment"] },
			},
		},
	},
	"mounts/com.example.mount": {
		...about,
		schema_2: {
			additionalProperties: false,
			required: ["name", "type", "source", "target"],
			properties: {
				name: { type: "string" },
				type: { type: "string" },
				source: { type: "string" },
				target: { type: "string", pattern: "^/a" },
				options: {
					type: "object",
					additionalProperties: false,
					properties: { readonly: { type: "boolean" } },
				},
			},
		},
	},
};

let folder: ManifestFolder;
let library: string;

beforeEach(() => {
	folder = new ManifestFolder();
	onTestFinished(() => folder[Symbol.dispose]());
	library = join(folder.path, "library");
	for (const [name, description] of Object.entries(descriptions)) add(name, description);
});

function add(name: string, description: object | undefined, mode = 0o755): void {
	const program = join(library, name);
	mkdirSync(dirname(program), { recursive: true });
	writeFileSync(program, "#!/bin/sh\n");
	chmodSync(program, mode);
	if (description !== undefined)
		writeFileSync(`${program}.meta.json`, JSON.stringify(description));
}

const manifest = ({
	devices = "{}",
	mounts = "{}",
	modules = "[./library]",
}: {
	readonly devices?: string;
	readonly mounts?: string;
	readonly modules?: string;
}): string =>
	`version: 1\ntree: tree\nmodules: ${modules}\ndevices: ${devices}\nmounts: ${mounts}\nstages: [{ name: only, run: [ls] }]\n`;

describe("osbuild's directory of modules", () => {
	test("serves the types that nobody else does", async ({ expect }) => {
		const modules = await loadModules({ modules: [library] });

		expect(modules.types.slice(-3)).toEqual([
			"com.example.disk",
			"com.example.mount",
			"com.example.tree",
		]);
		expect(modules.problems).toEqual([]);
		expect(modules.forType("org.osbuild.loopback")?.package).toBe("@devhost/loopback");
		expect(modules.forType("com.example.disk")).toMatchObject({
			package: library,
			parent: "optional",
			service: join(library, "devices/com.example.disk"),
			isBuiltIn: false,
		});
		expect(modules.forType("com.example.mount")?.mounts).toMatchObject({
			"com.example.mount": { source: "required" },
		});
	});

	test("may be asked for one module, which takes the place of ours", async ({ expect }) => {
		const one = join(library, "devices/org.osbuild.loopback");
		const modules = await loadModules({ modules: [one] });

		expect(modules.forType("org.osbuild.loopback")?.file).toBe(one);
		expect(modules.forType("devhost.loopback")?.package).toBe("@devhost/loopback");
		expect(modules.forType("com.example.disk")).toBeUndefined();
	});

	test("is read only by who waits for it", ({ expect }) => {
		expect(findModules({ modules: [library] })).toMatchObject({ isIncomplete: true });
		expect(findModules({}).isIncomplete).toBe(false);
	});

	test("has to have devices or mounts in it", async ({ expect }) => {
		mkdirSync(join(folder.path, "empty"));

		expect(await folder.check(manifest({ modules: "[./empty]" }))).toEqual([
			"manifest.yaml:3:11 modules[0]: ./empty is not the folder of a package with a device.json, " +
				"nor osbuild's with devices or mounts in it",
		]);
	});
});

describe("a manifest with devices of osbuild's modules", () => {
	test("is right", async ({ expect }) => {
		const devices =
			"{ one: { type: com.example.disk, options: { volume: a-b, count: 1 } }, two: { type: com.example.disk, parent: one, options: { volume: b } } }";
		const mounts =
			"{ root: { type: com.example.mount, source: one, target: /a, options: { readonly: true } }, bare: { type: com.example.mount, source: two, target: /ab }, dep: { type: com.example.tree, target: 'tree://', options: { deployment: {} } } }";

		expect(await folder.check(manifest({ devices, mounts }))).toEqual([]);
	});

	test.for([
		["{ volume: 1 }", "options.volume: 1, expected a string: put it in quotes"],
		["{ volume: A }", 'options.volume: "A", expected a string that matches ^[\\-a-z]+$'],
		["{}", "options: volume is missing, expected a string"],
		["{ volume: a, count: 0 }", "options.count: 0, expected a whole number, more than 0"],
		["{ volum: a }", "options.volum: unknown key, did you mean volume?"],
	])("says what is wrong with options %s, and where", async ([options, message], { expect }) => {
		const devices = `{ one: { type: com.example.disk, options: ${options} } }`;

		const problems = await folder.check(manifest({ devices }));

		expect(problems).toHaveLength(1);
		expect(problems[0]).toContain(`devices.one.${message}`);
		expect(problems[0]).toMatch(/^manifest\.yaml:4:\d+ /);
	});

	test("needs the options that osbuild looks for only when it opens the device", async ({
		expect,
	}) => {
		const devices = "{ one: { type: com.example.disk } }";

		expect(await folder.check(manifest({ devices }))).toEqual([
			expect.stringContaining("devices.one.options: volume is missing"),
		]);
	});

	test.for([
		["{ target: /a }", "needs a source, and has none"],
		["{ source: one, target: /b }", 'target: "/b", expected a string that matches ^/a'],
		[
			"{ source: one, partition: 1, target: /a }",
			"partition: unknown key, expected one of name, type, source, target, options",
		],
		[
			"{ source: one, target: /a, options: { readonly: 1 } }",
			"options.readonly: 1, expected true or false",
		],
		["{ source: one, target: /a, options: { read: 1 } }", "options.read: unknown key"],
	] as const)(
		"says what is wrong with a mount %s, and where",
		async ([rest, message], { expect }) => {
			const devices = "{ one: { type: com.example.disk, options: { volume: a } } }";
			const mounts = `{ m: ${rest.replace("{", "{ type: com.example.mount,")} }`;

			const problems = await folder.check(manifest({ devices, mounts }));

			expect(problems).toHaveLength(1);
			expect(problems[0]).toContain(message);
			expect(problems[0]).toMatch(/^manifest\.yaml:5:\d+ mounts\.m/);
		},
	);

	test("has a target only where its module takes one", async ({ expect }) => {
		const mounts = "{ m: { type: com.example.tree, target: /a } }";

		expect(await folder.check(manifest({ mounts }))).toEqual([
			expect.stringContaining("mounts.m: options is missing"),
			expect.stringContaining("mounts.m.target: unknown key"),
		]);
	});

	test.for([
		[
			"has no description",
			undefined,
			0o755,
			"nothing describes it: there is no com.example.bad.meta.json beside it, and no SCHEMA in it",
		],
		["has a wrong one", {}, 0o755, "com.example.bad.meta.json: summary is missing"],
		[
			"has a broken schema",
			{ ...about, schema: { properties: { a: { type: "strnig" } } } },
			0o755,
			"its schema is none: /properties/a/type is not one of",
		],
		[
			"has a schema that refers to nothing",
			{ ...about, schema: { $ref: "#/definitions/a" } },
			0o755,
			"its schema is none: can't resolve reference",
		],
		[
			"is not executable",
			{ ...about, schema: { type: "object" } },
			0o644,
			"is not executable: chmod +x",
		],
	] as const)("says that a module %s", async ([, description, mode, message], { expect }) => {
		add("devices/com.example.bad", description, mode);
		const devices = "{ one: { type: com.example.bad, options: {} } }";

		const problems = await folder.check(manifest({ devices }));

		expect(problems).toEqual([expect.stringContaining(message)]);
		expect(problems[0]).toContain("manifest.yaml:4:25 devices.one.type: ");
		// Nobody is bothered who does not use it.
		expect(await folder.check(manifest({}))).toEqual([]);
	});

	test("may use a type that nobody serves", async ({ expect }) => {
		const devices = "{ one: { type: com.example.disc } }";

		expect(await folder.check(manifest({ devices }))).toEqual([
			expect.stringContaining('did you mean "com.example.disk"?'),
		]);
	});
});
