import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "vitest";
import { checkManifest } from "../src/check.ts";
import { parseManifest, readManifest } from "../src/manifest.ts";
import { findModules } from "../src/modules.ts";
import { formatProblem } from "../src/problem.ts";
import { ManifestFolder, manifestWith } from "./manifest-folder.ts";

const description = {
	devhost: 1,
	types: ["acme.disk"],
	parent: "optional",
	service: "./service.cjs",
	options: {
		type: "object",
		additionalProperties: false,
		required: ["volume"],
		properties: {
			volume: { type: "string", minLength: 1, "x-expected": "the name of a volume" },
			blocks: { type: "integer", minimum: 1, maximum: 8, "x-unit": "blocks" },
			mode: { enum: ["fast", "safe"] },
			passphrase: { type: "string", writeOnly: true },
			either: { anyOf: [{ type: "string" }, { type: "integer", minimum: 0 }] },
			list: { type: "array", items: { type: "string" }, uniqueItems: true },
		},
	},
};

const mountTypes = [
	"ext4",
	"xfs",
	"btrfs",
	"vfat",
	"erofs",
	"squashfs",
	"iso9660",
	"f2fs",
	"auto",
	"bind",
	"overlay",
	"tmpfs",
	"org.osbuild.ext4",
	"org.osbuild.xfs",
	"org.osbuild.btrfs",
	"org.osbuild.fat",
	"org.osbuild.erofs",
	"org.osbuild.squashfs",
	"org.osbuild.bind",
	"org.osbuild.noop",
];

const builtInTypes = [
	"devhost.loopback",
	"org.osbuild.loopback",
	"devhost.partition",
	"devhost.luks2",
	"org.osbuild.luks2",
	"devhost.lvm2.lv",
	"org.osbuild.lvm2.lv",
	...mountTypes,
];

describe("what comes with devhost", () => {
	test("is mounts, which have types of their own", ({ expect }) => {
		const { forType } = findModules();

		expect(forType("ext4")).toMatchObject({
			package: "@devhost/mount",
			mounts: { ext4: { source: "required", fileSystem: "ext4" }, tmpfs: { source: "none" } },
		});
		expect(forType("devhost.loopback")).not.toHaveProperty("mounts");
	});

	test("is loop devices, partitions, LUKS2, LVM2 and mounts, under osbuild's names, too", ({
		expect,
	}) => {
		const modules = findModules();

		expect(modules.problems).toEqual([]);
		expect(modules.types).toEqual(builtInTypes);
		expect(modules.forType("org.osbuild.loopback")).toMatchObject({
			package: "@devhost/loopback",
			parent: "none",
			isBuiltIn: true,
			service: expect.stringMatching(/^\/.*\/loopback\/dist\/service\.cjs$/),
			options: { type: "object", required: ["filename"] },
			range: { file: "filename", readOnly: "read-only" },
		});
		expect(modules.forType("devhost.luks2")).toMatchObject({
			package: "@devhost/luks2",
			parent: "required",
			needs: ["device-mapper"],
		});
		expect(modules.forType("org.osbuild.lvm2.lv")).toMatchObject({
			package: "@devhost/lvm2",
			parent: "several",
			needs: ["device-mapper"],
		});
		expect(modules.forType("devhost.nothing")).toBeUndefined();
		expect(modules.forType("__proto__")).toBeUndefined();
	});
});

describe("a module of somebody else", () => {
	test.for([
		["a folder with a device.json", "./drivers/acme", (f: ManifestFolder) => addFolder(f)],
		["a device.json", "./drivers/acme/device.json", (f: ManifestFolder) => addFolder(f)],
		[
			"a folder of a package that exports it",
			"./drivers/acme",
			(f: ManifestFolder) => addPackage(f, "drivers/acme"),
		],
		[
			"a package that is installed",
			"@acme/disk",
			(f: ManifestFolder) => addPackage(f, "node_modules/@acme/disk"),
		],
	] as const)("is found as %s", async ([, name, add], { expect }) => {
		using folder = new ManifestFolder();
		add(folder);

		const devices = "{ a: { type: acme.disk, options: { volume: v } } }";
		const file = folder.file("m.yaml", `${manifestWith({ devices })}modules: ['${name}']\n`);
		const manifest = await readManifest(file);
		const modules = findModules({ manifest });

		expect(await checkManifest(manifest, { modules })).toEqual([]);

		expect(modules.forType("acme.disk")).toMatchObject({
			package: name,
			types: ["acme.disk"],
			parent: "optional",
			isBuiltIn: false,
			service: expect.stringMatching(/service\.cjs$/),
		});
		expect(modules.types).toEqual([...builtInTypes, "acme.disk"]);
	});

	test("says what it needs of the kernel, and which programs it runs", ({ expect }) => {
		using folder = new ManifestFolder();
		const needs = ["loop", "device-mapper"];
		const tools = [{ program: "acmectl", package: "acme", for: "fast volumes" }];
		const given = { ...description, needs, tools };
		const file = folder.file("device.json", JSON.stringify(given));

		const { forType } = findModules({ modules: [file] });

		expect(forType("acme.disk")).toMatchObject({ needs, tools });
	});

	test("is found by name and path on the command line, too", async ({ expect }) => {
		using folder = new ManifestFolder();
		addPackage(folder, "node_modules/@acme/disk");
		const manifest = await parseManifest(manifestWith({}), {
			file: join(folder.path, "m.yaml"),
		});

		const byName = findModules({ manifest, modules: ["@acme/disk"] });
		const byPath = findModules({ modules: [join(folder.path, "node_modules/@acme/disk")] });

		expect(byName.problems).toEqual([]);
		expect(byPath.problems).toEqual([]);
		expect(byName.forType("acme.disk")?.file).toBe(byPath.forType("acme.disk")?.file);
	});

	test("may be named twice", async ({ expect }) => {
		using folder = new ManifestFolder();
		addPackage(folder, "node_modules/@acme/disk");
		symlinkSync("node_modules/@acme/disk", join(folder.path, "link"));
		const text = `${manifestWith({})}modules: ['@acme/disk', '@acme/disk']\n`;

		expect(await folder.check(text)).toEqual([]);
	});

	test("has its options checked against its own schema", async ({ expect }) => {
		using folder = new ManifestFolder();
		addFolder(folder);
		const check = async (options: string): Promise<string[]> => {
			const devices = `{ a: { type: acme.disk, options: ${options} } }`;
			const text = `${manifestWith({ devices })}modules: [./drivers/acme]\n`;
			const found = await folder.check(text);
			return found.map((line) => line.replace(/^\S+ devices\.a\.options/, ""));
		};

		expect(await check("{ volume: v, blocks: 8, mode: fast, either: 0, list: [a] }")).toEqual(
			[],
		);
		expect(await check("{}")).toEqual([": volume is missing, expected the name of a volume"]);
		expect(await check('{ volume: "" }')).toEqual([
			'.volume: "", expected the name of a volume',
		]);
		expect(await check("{ volume: v, blocks: 9 }")).toEqual([
			".blocks: 9, expected a whole number of blocks from 1 to 8",
		]);
		expect(await check("{ volume: v, mode: fats }")).toEqual([
			'.mode: "fats", expected "fast" or "safe", did you mean fast?',
		]);
		expect(await check("{ volume: v, either: true }")).toEqual([
			".either: true, expected a string or a whole number, 0 or more",
		]);
		expect(await check("{ volume: v, list: [a, a] }")).toEqual([
			".list: a list, expected no item twice",
		]);
		expect(await check("{ volum: v }")).toEqual([".volum: unknown key, did you mean volume?"]);
	});

	test("has its secrets kept out of messages", async ({ expect }) => {
		using folder = new ManifestFolder();
		addFolder(folder);
		const devices = "{ a: { type: acme.disk, options: { volume: v, passphrase: 12345 } } }";
		const text = `${manifestWith({ devices })}modules: [./drivers/acme]\n`;

		expect(await folder.check(text)).toEqual([
			"manifest.yaml:3:68 devices.a.options.passphrase: a number, expected a string",
		]);
	});

	test("that is not built is complained of once", async ({ expect }) => {
		using folder = new ManifestFolder();
		addFolder(folder, { service: "./dist/nothing.cjs" });
		const devices =
			"{ a: { type: acme.disk, options: { volume: v } }, b: { type: acme.disk, options: { volume: v } } }";
		const text = `${manifestWith({ devices })}modules: [./drivers/acme]\n`;

		expect(await folder.check(text)).toEqual([
			"manifest.yaml:3:23 devices.a.type: ./drivers/acme is not complete: there is no service drivers/acme/dist/nothing.cjs. Install or build it again",
		]);
	});

	test("with a schema that is none is complained of once", async ({ expect }) => {
		using folder = new ManifestFolder();
		addFolder(folder, { options: { type: "objekt" } });
		const devices = "{ a: { type: acme.disk }, b: { type: acme.disk } }";
		const text = `${manifestWith({ devices })}modules: [./drivers/acme]\n`;

		const [found, ...others] = await folder.check(text);

		expect(others).toEqual([]);
		expect(found).toContain(
			"manifest.yaml:3:23 devices.a.type: drivers/acme/device.json: options is not a JSON Schema: ",
		);
	});

	test("with keywords that would check nothing is refused", async ({ expect }) => {
		using folder = new ManifestFolder();
		addFolder(folder, { options: { type: "object", propertys: {} } });
		const devices = "{ a: { type: acme.disk } }";
		const text = `${manifestWith({ devices })}modules: [./drivers/acme]\n`;

		expect((await folder.check(text)).join()).toContain("propertys");
	});
});

describe("a module that cannot be used", () => {
	test.for([
		[
			"[nothing]",
			"no package nothing with a device.json is installed: install it beside the manifest, or give the path of its folder",
		],
		[
			"[./nothing]",
			"./nothing is not the folder of a package with a device.json, nor osbuild's with devices or mounts in it",
		],
		[
			"[./tree]",
			"./tree is not the folder of a package with a device.json, nor osbuild's with devices or mounts in it",
		],
		[
			"['@devhost/core']",
			"no package @devhost/core with a device.json is installed: install it beside the manifest, or give the path of its folder",
		],
	] as const)("is a problem where it is named: %s", async ([modules, message], { expect }) => {
		using folder = new ManifestFolder();

		expect(await folder.check(`${manifestWith({})}modules: ${modules}\n`)).toEqual([
			`manifest.yaml:5:11 modules[0]: ${message}`,
		]);
	});

	test("is the only problem, not also the types that it would have", async ({ expect }) => {
		using folder = new ManifestFolder();
		const devices =
			"{ a: { type: acme.disk, options: { x: 1 } }, b: { type: devhost.lopback } }";

		expect(await folder.check(`${manifestWith({ devices })}modules: [nothing]\n`)).toEqual([
			expect.stringContaining(
				'devices.b.type: type "devhost.lopback" is unknown, did you mean',
			),
			expect.stringContaining("modules[0]: no package nothing"),
		]);
	});

	test.for([
		["not JSON", "{", /device\.json: Expected property name/],
		["a list", "[]", /device\.json: expected an object that describes a device$/],
		[
			"for another version",
			{ devhost: 2 },
			/device\.json: devhost is 2, expected 1: it is for another version of devhost$/,
		],
		[
			"without a version",
			{ devhost: undefined },
			/device\.json: devhost is undefined, expected 1/,
		],
		[
			"without types",
			{ types: [] },
			/types is \[\], expected names such as "devhost\.loopback"$/,
		],
		["with bad types", { types: ["../x"] }, /types is \["\.\.\/x"\], expected names/],
		[
			"with a bad parent",
			{ parent: "maybe" },
			/parent is "maybe", expected one of none, required, optional, several$/,
		],
		[
			"without a service",
			{ service: undefined },
			/service is undefined, expected the path of an executable$/,
		],
		[
			"without a schema",
			{ options: true },
			/options is true, expected a JSON Schema of the options$/,
		],
		[
			"with a need that nobody knows",
			{ needs: ["loop", "quantum"] },
			/needs is \["loop","quantum"\], expected a list of loop, device-mapper$/,
		],
		[
			"with a tool of no package",
			{ tools: [{ program: "cryptsetup" }] },
			/tools is \[\{"program":"cryptsetup"\}\], expected a list of programs, each with its package$/,
		],
		[
			"with a bad range",
			{ range: { start: "s" } },
			/range is \{"start":"s"\}, expected the names of options/,
		],
	] as const)("because its device.json is %s", ([, content, message], { expect }) => {
		using folder = new ManifestFolder();
		const text =
			typeof content === "string" ? content : JSON.stringify({ ...description, ...content });
		const file = folder.file("device.json", text);

		const { problems, types } = findModules({ modules: [file] });

		expect(problems).toHaveLength(1);
		expect(problems[0]).toMatchObject({
			code: "ERR_MANIFEST_MODULE",
			line: 0,
			file: `--module ${file}`,
		});
		expect(problems.map(formatProblem)[0]).toMatch(message);
		expect(types).not.toContain("acme.disk");
	});

	test("because another one serves its type", async ({ expect }) => {
		using folder = new ManifestFolder();
		addFolder(folder, { types: ["acme.disk", "devhost.loopback"] });

		expect(await folder.check(`${manifestWith({})}modules: [./drivers/acme]\n`)).toEqual([
			"manifest.yaml:5:11 modules[0]: ./drivers/acme serves devhost.loopback, which @devhost/loopback does already",
		]);
	});
});

function addFolder(
	folder: ManifestFolder,
	changes: Partial<Record<keyof typeof description, unknown>> = {},
): void {
	folder.file("drivers/acme/service.cjs", "");
	folder.file("drivers/acme/device.json", JSON.stringify({ ...description, ...changes }));
}

/** A package whose device.json is not where its name says. */
function addPackage(folder: ManifestFolder, path: string): void {
	const base = join(folder.path, path);
	mkdirSync(join(base, "build"), { recursive: true });
	const exported = { "./device.json": "./build/description.json" };
	writeFileSync(
		join(base, "package.json"),
		JSON.stringify({ name: "@acme/disk", exports: exported }),
	);
	writeFileSync(join(base, "build/service.cjs"), "");
	writeFileSync(join(base, "build/description.json"), JSON.stringify(description));
}
