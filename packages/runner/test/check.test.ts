import { readFileSync } from "node:fs";
import { describe, test } from "vitest";
import { checkManifest, checkManifestFile } from "../src/check.ts";
import { parseManifest } from "../src/manifest.ts";
import { exampleJson, exampleYaml, ManifestFolder, manifestWith } from "./manifest-folder.ts";

const loop = "{ type: devhost.loopback, options: { filename: disk.img, size: 8 } }";

test("finds nothing wrong with the example", async ({ expect }) => {
	using folder = new ManifestFolder();

	expect(await folder.check(exampleYaml)).toEqual([]);
	expect(await folder.check(exampleJson, { name: "manifest.json" })).toEqual([]);
});

test("finds what is wrong with form and with meaning in one look", async ({ expect }) => {
	using folder = new ManifestFolder();
	const stages = "[{ name: a, run: ['{devices.x}'], x: 1 }]";

	expect(await folder.check(manifestWith({ stages }))).toEqual([
		'manifest.yaml:4:27 stages[0].run[0]: {devices.x}: "x" is not a device of this stage: there is none',
		"manifest.yaml:4:43 stages[0].x: unknown key, expected one of name, uses, devices, mounts, run, stdin, environment, timeout, capabilities",
	]);
});

test("finds all of many mistakes at once, in the order of the text", async ({ expect }) => {
	using folder = new ManifestFolder();
	const text = readFileSync(`${import.meta.dirname}/fixtures/many-mistakes.yaml`, "utf8");

	const problems = await folder.check(text);

	expect(problems).toEqual([
		"manifest.yaml:1:10 version: 2, expected 1",
		"manifest.yaml:2:7 tree: no such directory: nowhere",
		"manifest.yaml:3:1 colour: unknown key, expected one of $schema, version, tree, devices, mounts, stages, modules",
		"manifest.yaml:7:43 devices.root.options.start: 1.5, expected a whole number of sectors, 0 or more",
		"manifest.yaml:7:48 devices.root.options.sise: unknown key, did you mean size?",
		"manifest.yaml:9:3 devices.typo: this key stands in line 8 already",
		'manifest.yaml:9:17 devices.typo.type: type "devhost.loopbak" is unknown, did you mean "devhost.loopback"?',
		'manifest.yaml:10:3 devices["a/../b"]: not a name for a device, which has 1 to 64 letters, digits, _, . and -, and does not begin with . or -',
		'manifest.yaml:10:21 devices["a/../b"].type: "../x" is not a name of a type of device, which looks like devhost.loopback',
		'manifest.yaml:11:3 devices["-"]: not a name for a device, which has 1 to 64 letters, digits, _, . and -, and does not begin with . or -',
		'manifest.yaml:12:42 devices.one.parent: devhost.loopback has no parent, but "two" is given as one',
		"manifest.yaml:12:42 devices.one.parent: is its own ancestor: one on two on one",
		'manifest.yaml:13:46 devices.two.parent: org.osbuild.loopback has no parent, but "one" is given as one',
		'manifest.yaml:14:43 devices.lost.parent: devhost.loopback has no parent, but "rot" is given as one',
		'manifest.yaml:14:43 devices.lost.parent: its parent "rot" is not a device here, did you mean "root"?',
		"manifest.yaml:14:48 devices.lost.options: filename is missing, expected the path of a file beneath the tree",
		"manifest.yaml:15:10 devices.shape: a list, expected a device, which has a type",
		'manifest.yaml:18:12 stages[0].uses[0]: "roots" is not a shared device or mount, did you mean "root"?',
		'manifest.yaml:19:89 stages[0].devices.disk.options.partscan: "yes", expected true or false',
		'manifest.yaml:20:17 stages[0].run[1]: {devices.dsik}: "dsik" is not a device of this stage, did you mean "disk"?',
		"manifest.yaml:20:35 stages[0].run[2]: 4096, expected a string: put it in quotes",
		"manifest.yaml:21:14 stages[0].timeout: 0, expected a number of seconds, more than 0 and at most 2147483",
		"manifest.yaml:22:20 stages[0].capabilities[0]: CAP_MKNOD is never granted: declare a device, and the stage finds its node",
		'manifest.yaml:23:11 stages[1].name: "build" is the name of the stage in line 17 already',
		"manifest.yaml:24:10 stages[1].run: an empty list, expected a list of a command and its arguments",
		'manifest.yaml:25:20 stages[1].environment["A=B"]: "A=B" as a key, expected the name of an environment variable',
		"manifest.yaml:25:33 stages[1].environment.C: unknown placeholder {device.disk}, did you mean {devices.disk}?",
		"manifest.yaml:26:5 stages[2]: name is missing, expected a name: 1 to 100 visible characters in one line",
		"manifest.yaml:26:5 stages[2].runs: unknown key, did you mean run?",
		"manifest.yaml:27:12 stages[2].stdin: an object without any of these, expected a string, or an object with one of env, file, fd, command, credential, keyring, prompt",
		"manifest.yaml:28:11 modules[0]: no package no-such-package with a device.json is installed: install it beside the manifest, or give the path of its folder",
	]);
});

describe("names and types of devices", () => {
	test.for([
		["'-'", 'devices["-"]'],
		["''", 'devices[""]'],
		["a/../b", 'devices["a/../b"]'],
		[".hidden", 'devices[".hidden"]'],
		["a b", 'devices["a b"]'],
		["x".repeat(65), `devices.${"x".repeat(65)}`],
	] as const)("refuses a device called %s", async ([name, path], { expect }) => {
		using folder = new ManifestFolder();

		expect(await folder.check(manifestWith({ devices: `{ ${name}: ${loop} }` }))).toEqual([
			`manifest.yaml:3:12 ${path}: not a name for a device, which has 1 to 64 letters, digits, _, . and -, and does not begin with . or -`,
		]);
	});

	test.for([
		["../x", '"../x" is not a name of a type of device, which looks like devhost.loopback'],
		["loopback", 'type "loopback" is unknown, did you mean "devhost.loopback"?'],
		[
			"org.osbuild.lopback",
			'type "org.osbuild.lopback" is unknown, did you mean "org.osbuild.loopback"?',
		],
		[
			"my.disk",
			'type "my.disk" is unknown, known are devhost.loopback, org.osbuild.loopback, devhost.partition, ' +
				"devhost.luks2, org.osbuild.luks2, devhost.lvm2.lv, org.osbuild.lvm2.lv",
		],
	] as const)("refuses the type %s", async ([type, message], { expect }) => {
		using folder = new ManifestFolder();

		expect(await folder.check(manifestWith({ devices: `{ a: { type: ${type} } }` }))).toEqual([
			`manifest.yaml:3:23 devices.a.type: ${message}`,
		]);
	});

	test("says nothing of the options of a device whose type is unknown", async ({ expect }) => {
		using folder = new ManifestFolder();
		const devices = "{ a: { type: devhost.lopback, parent: b, options: { sise: 1 } }, b: 5 }";

		expect(await folder.check(manifestWith({ devices }))).toEqual([
			'manifest.yaml:3:23 devices.a.type: type "devhost.lopback" is unknown, did you mean "devhost.loopback"?',
			"manifest.yaml:3:78 devices.b: 5, expected a device, which has a type",
		]);
	});
});

describe("parents", () => {
	test.for([
		[
			"{ a: { type: t.child, parent: b } }",
			'3:35 devices.a.parent: its parent "b" is not a device here',
		],
		[
			"{ a: { type: t.child, parent: rot }, root: { type: t.root } }",
			'3:40 devices.a.parent: its parent "rot" is not a device here, did you mean "root"?',
		],
		["{ a: { type: t.child, parent: a } }", "3:40 devices.a.parent: is its own parent"],
		[
			"{ a: { type: t.child, parent: b }, b: { type: t.child, parent: c }, c: { type: t.child, parent: a } }",
			"3:40 devices.a.parent: is its own ancestor: a on b on c on a",
		],
		["{ a: { type: t.child } }", "3:12 devices.a: t.child needs a parent, and has none"],
		[
			"{ a: { type: t.root, parent: b }, b: { type: t.root } }",
			'3:39 devices.a.parent: t.root has no parent, but "b" is given as one',
		],
		[
			"{ a: { type: t.child, parents: [b, c] }, b: { type: t.root }, c: { type: t.root } }",
			"3:41 devices.a.parents: t.child has one parent, but 2 are given",
		],
		[
			"{ a: { type: t.many, parents: [] } }",
			"3:12 devices.a: t.many needs a parent, and has none",
		],
		[
			"{ a: { type: t.many, parents: [root, rot] }, root: { type: t.root } }",
			'3:47 devices.a.parents[1]: its parent "rot" is not a device here, did you mean "root"?',
		],
		[
			"{ a: { type: t.many, parents: [b, b] }, b: { type: t.root } }",
			'3:44 devices.a.parents[1]: "b" is one of its parents already',
		],
		[
			"{ a: { type: t.many, parent: b, parents: [b] }, b: { type: t.root } }",
			"3:51 devices.a.parents: has a parent and parents, of which there can be only one",
		],
		[
			"{ a: { type: t.many, parents: [b, c] }, b: { type: t.root }, c: { type: t.child, parent: a } }",
			"3:44 devices.a.parents[1]: is its own ancestor: a on c on a",
		],
		[
			"{ a: { type: t.many, parents: b }, b: { type: t.root } }",
			'3:40 devices.a.parents: "b", expected a list of devices',
		],
		[
			"{ a: { type: t.many, parents: [b, 5] }, b: { type: t.root } }",
			"3:44 devices.a.parents[1]: 5, expected the name of a device: put it in quotes",
		],
	] as const)("of %s", async ([devices, problem], { expect }) => {
		using folder = new ManifestFolder();
		addModules(folder);

		const found = await folder.check(manifestWith({ devices }), { modules: modulesOf(folder) });

		expect(found).toEqual([`manifest.yaml:${problem.replace(/^3:35/, "3:40")}`]);
	});

	test("may be several, of a stage's own devices and shared ones", async ({ expect }) => {
		using folder = new ManifestFolder();
		addModules(folder);
		const devices =
			"{ base: { type: t.root }, top: { type: t.many, parents: [base, other] }, other: { type: t.root } }";
		const stages =
			"[{ name: a, run: [ls], uses: [], devices: { x: { type: t.many, parents: [y, base] }, y: { type: t.root } } }]";

		const found = await folder.check(manifestWith({ devices, stages }), {
			modules: modulesOf(folder),
		});

		expect(found).toEqual([]);
	});

	test("of a stage's devices are its own or shared ones", async ({ expect }) => {
		using folder = new ManifestFolder();
		addModules(folder);
		const devices = "{ base: { type: t.root } }";
		const stages =
			"[{ name: a, run: [ls], uses: [], devices: { x: { type: t.child, parent: base }, y: { type: t.child, parent: x } } }, { name: b, run: [ls], devices: { z: { type: t.child, parent: x } } }]";

		const found = await folder.check(manifestWith({ devices, stages }), {
			modules: modulesOf(folder),
		});

		expect(found).toEqual([
			'manifest.yaml:4:187 stages[1].devices.z.parent: its parent "x" is not a device here',
		]);
	});
});

describe("options", () => {
	test.for([
		[
			"{ filename: disk.img, start: 1.5 }",
			"start",
			"1.5, expected a whole number of sectors, 0 or more",
		],
		[
			"{ filename: disk.img, start: -1 }",
			"start",
			"-1, expected a whole number of sectors, 0 or more",
		],
		[
			"{ filename: disk.img, size: '8' }",
			"size",
			'"8", expected a whole number of sectors, 0 or more',
		],
		[
			"{ filename: disk.img, size: .inf }",
			"size",
			"Infinity, expected a whole number of sectors, 0 or more",
		],
		...["0", "256", "1000", "8192", "512.5", "-512"].map(
			(size) =>
				[
					`{ filename: disk.img, sector-size: ${size} }`,
					"sector-size",
					`${size}, expected 512, 1024, 2048 or 4096`,
				] as const,
		),
		["{ filename: disk.img, read-only: yes }", "read-only", '"yes", expected true or false'],
		["{ filename: disk.img, sise: 1 }", "sise", "unknown key, did you mean size?"],
		[
			"{ filename: 5 }",
			"filename",
			"5, expected the path of a file beneath the tree: put it in quotes",
		],
	] as const)("%s", async ([options, path, message], { expect }) => {
		using folder = new ManifestFolder();
		const devices = `{ a: { type: devhost.loopback, options: ${options} } }`;
		const key = /^\w+$/.test(path) ? `.${path}` : `.${path}`;

		const [found, ...others] = await folder.check(manifestWith({ devices }));

		expect(others).toEqual([]);
		expect(found).toMatch(/^manifest\.yaml:3:\d+ /);
		expect(found?.replace(/^\S+ /, "")).toBe(`devices.a.options${key}: ${message}`);
	});

	test("that are missing", async ({ expect }) => {
		using folder = new ManifestFolder();
		const devices =
			"{ a: { type: devhost.loopback }, b: { type: devhost.loopback, options: {} } }";

		const found = await folder.check(manifestWith({ devices }));

		expect(found.map((line) => line.replace(/, expected .*/, ""))).toEqual([
			"manifest.yaml:3:12 devices.a.options: filename is missing",
			"manifest.yaml:3:72 devices.b.options: filename is missing",
		]);
	});

	test("have the code that opening would have", async ({ expect }) => {
		using folder = new ManifestFolder();
		const devices = "{ a: { type: devhost.loopback, options: { start: x } } }";
		const file = folder.file("m.yaml", manifestWith({ devices }));

		const problems = await checkManifestFile(file);

		expect(problems.map(({ code, pointer }) => [code, pointer])).toEqual([
			["ERR_DEVICE_OPTIONS", "/devices/a/options"],
			["ERR_DEVICE_OPTIONS", "/devices/a/options/start"],
		]);
	});
});

describe("stages", () => {
	test.for([
		[
			"[{ name: a, run: [] }]",
			"4:26 stages[0].run: an empty list, expected a list of a command and its arguments",
		],
		[
			"[{ name: a, run: ls -l }]",
			'4:26 stages[0].run: "ls -l", expected a list of a command and its arguments',
		],
		[
			'[{ name: a, run: [""] }]',
			"4:27 stages[0].run[0]: an empty string, expected the name of a program",
		],
		[
			"[{ name: a, run: [mkfs, -b, 4096] }]",
			"4:37 stages[0].run[2]: 4096, expected a string: put it in quotes",
		],
		[
			"[{ name: a, run: [true] }]",
			"4:27 stages[0].run[0]: true, expected a string: put it in quotes",
		],
		[
			"[{ name: a, run: [ls, {devices.b}] }]",
			'4:31 stages[0].run[1]: an object, expected a string: write "{devices.b}"',
		],
		[
			'[{ name: a, run: [ls, "\\0"] }]',
			'4:31 stages[0].run[1]: "\\u0000", expected a string without NUL characters',
		],
		[
			'[{ name: "", run: [ls] }]',
			'4:18 stages[0].name: "", expected a name: 1 to 100 visible characters in one line',
		],
		...["\\n", "\\u007f", "\\u009b", "\\u202e", "\\u2066", "\\u200f"].map(
			(character) =>
				[
					`[{ name: "a${character}b", run: [ls] }]`,
					`4:18 stages[0].name: ${JSON.stringify(JSON.parse(`"a${character}b"`))}, expected a name: 1 to 100 visible characters in one line`,
				] as const,
		),
		[
			"[{ name: a, run: [ls] }, { name: a, run: [ls] }]",
			'4:42 stages[1].name: "a" is the name of the stage in line 4 already',
		],
		["[]", "4:9 stages: an empty list, expected a list of stages, one or more"],
		["{}", "4:9 stages: an empty object, expected a list of stages, one or more"],
		...["0", "-1", "2147484", ".inf", ".nan"].map(
			(timeout) =>
				[
					`[{ name: a, run: [ls], timeout: ${timeout} }]`,
					`4:41 stages[0].timeout: ${timeout.replace(".inf", "Infinity").replace(".nan", "NaN")}, expected a number of seconds, more than 0 and at most 2147483`,
				] as const,
		),
		[
			"[{ name: a, run: [ls], capabilities: [CAP_SYS_ADMN] }]",
			'4:47 stages[0].capabilities[0]: "CAP_SYS_ADMN", expected a Linux capability such as CAP_SYS_ADMIN, did you mean CAP_SYS_ADMIN?',
		],
		[
			"[{ name: a, run: [ls], capabilities: [CAP_MKNOD] }]",
			"4:47 stages[0].capabilities[0]: CAP_MKNOD is never granted: declare a device, and the stage finds its node",
		],
		[
			"[{ name: a, run: [ls], environment: { A=B: c } }]",
			'4:47 stages[0].environment["A=B"]: "A=B" as a key, expected the name of an environment variable',
		],
		[
			"[{ name: a, run: [ls], environment: { A: 1 } }]",
			"4:50 stages[0].environment.A: 1, expected a string: put it in quotes",
		],
		["[{ name: a, rum: [ls] }]", "4:21 stages[0].rum: unknown key, did you mean run?"],
		[
			"[{ name: a }]",
			"4:10 stages[0]: run is missing, expected a list of a command and its arguments",
		],
	] as const)("%s", async ([stages, problem], { expect }) => {
		using folder = new ManifestFolder();

		expect(await folder.check(manifestWith({ stages }))).toEqual([`manifest.yaml:${problem}`]);
	});
});

describe("uses", () => {
	test.for([
		[
			"[roots]",
			'4:28 stages[0].uses[0]: "roots" is not a shared device or mount, did you mean "root"?',
		],
		[
			"[x]",
			'4:28 stages[0].uses[0]: "x" is not a shared device or mount, expected one of root, other',
		],
		["[root, root]", '4:34 stages[0].uses[1]: "root" is in this list already'],
		[
			"[own]",
			'4:28 stages[0].uses[0]: "own" is of this stage alone, which sees it anyway: leave it out',
		],
		["root", '4:27 stages[0].uses: "root", expected a list of shared devices and mounts'],
	] as const)("%s", async ([uses, problem], { expect }) => {
		using folder = new ManifestFolder();
		const devices = `{ root: ${loop}, other: { type: devhost.loopback, options: { filename: disk.img, start: 8, size: 8 } } }`;
		const own =
			"{ type: devhost.loopback, options: { filename: disk.img, start: 16, size: 8 } }";
		const stages = `[{ name: a, uses: ${uses}, run: [ls], devices: { own: ${own} } }]`;

		expect(await folder.check(manifestWith({ devices, stages }))).toEqual([
			`manifest.yaml:${problem}`,
		]);
	});

	test("of a manifest without shared devices", async ({ expect }) => {
		using folder = new ManifestFolder();
		const stages = "[{ name: a, uses: [x], run: [ls] }]";

		expect(await folder.check(manifestWith({ stages }))).toEqual([
			'manifest.yaml:4:28 stages[0].uses[0]: "x" is not a shared device or mount: there is none',
		]);
	});
});

describe("a stage's device with the name of a shared one", () => {
	const devices = `{ root: ${loop} }`;
	const own =
		"{ root: { type: devhost.loopback, options: { filename: disk.img, start: 8, size: 8 } } }";

	test("is refused where both are open", async ({ expect }) => {
		using folder = new ManifestFolder();
		const stages = `[{ name: a, run: [ls] }, { name: b, uses: [], run: [ls], devices: ${own} }, { name: c, run: [ls] }]`;

		expect(await folder.check(manifestWith({ devices, stages }))).toEqual([
			"manifest.yaml:4:77 stages[1].devices.root: the shared device of this name (line 3) is open in this stage, too: give one of them another name",
		]);
	});

	test("is fine before the shared one is opened and after it is closed", async ({ expect }) => {
		using folder = new ManifestFolder();
		const stages = `[{ name: a, uses: [], run: [ls], devices: ${own} }, { name: b, run: [ls] }, { name: c, uses: [], run: [ls], devices: ${own} }]`;

		expect(await folder.check(manifestWith({ devices, stages }))).toEqual([]);
	});
});

describe("placeholders", () => {
	const devices = `{ root: ${loop}, other: { type: devhost.loopback, options: { filename: disk.img, start: 8, size: 8 } } }`;

	test.for([
		[
			"{devices.rot}",
			'{devices.rot}: "rot" is not a device of this stage, did you mean "root"?',
		],
		[
			"{devices.zzzz}",
			'{devices.zzzz}: "zzzz" is not a device of this stage, expected one of root',
		],
		[
			"a {devices.other} b",
			'{devices.other}: "other" is a shared device that this stage does not use: add it to uses',
		],
		["{device.root}", "unknown placeholder {device.root}, did you mean {devices.root}?"],
		["${devices.root}", "unknown placeholder ${devices.root}, did you mean {devices.root}?"],
		["{devices}", "unknown placeholder {devices}, did you mean {devices.NAME}?"],
		[
			"{other.root}",
			"unknown placeholder {other.root}, expected {devices.NAME} or {mounts.NAME}, or {{other.root} if these are braces of the text",
		],
		["{mounts.root}", '{mounts.root}: "root" is not a mount of this stage: there is none'],
		["{mount.root}", "unknown placeholder {mount.root}, did you mean {mounts.root}?"],
		["{mounts}", "unknown placeholder {mounts}, did you mean {mounts.NAME}?"],
	] as const)("%s", async ([text, message], { expect }) => {
		using folder = new ManifestFolder();
		const stages = `[{ name: a, uses: [root], run: [ls, '${text}'], stdin: '${text}', environment: { A: '${text}' } }]`;

		const found = await folder.check(manifestWith({ devices, stages }));

		expect(found.map((line) => line.replace(/^\S+ /, ""))).toEqual([
			`stages[0].run[1]: ${message}`,
			`stages[0].stdin: ${message}`,
			`stages[0].environment.A: ${message}`,
		]);
	});

	test("that are right, and braces that are none", async ({ expect }) => {
		using folder = new ManifestFolder();
		const text =
			'{devices.root} {{devices.nobody} ${HOME} {print $1} {"a": {"b": 1}} {} {p} {a,b} a{2,3} {{ .Name }}';
		const stages = `[{ name: a, run: [ls, '${text}'], stdin: '${text}' }]`;

		expect(await folder.check(manifestWith({ devices, stages }))).toEqual([]);
	});

	test("are not looked at where the devices are not known", async ({ expect }) => {
		using folder = new ManifestFolder();
		const stages = "[{ name: a, devices: 5, run: [ls, '{devices.x}'] }]";

		expect(await folder.check(manifestWith({ stages }))).toEqual([
			"manifest.yaml:4:30 stages[0].devices: 5, expected devices by name",
		]);
	});
});

describe("the tree", () => {
	test.for([
		["nowhere", "no such directory: nowhere"],
		["tree/disk.img", "tree/disk.img is not a directory"],
		["tree/disk.img/x", "no such directory: tree/disk.img/x"],
	] as const)("%s", async ([tree, message], { expect }) => {
		using folder = new ManifestFolder();
		const text = manifestWith({ devices: `{ a: ${loop} }` }).replace(
			"tree: tree",
			`tree: ${tree}`,
		);

		const [found, ...others] = await folder.check(text);

		expect(others).toEqual([]);
		expect(found).toContain(`manifest.yaml:2:7 tree: ${message}`);
	});
});

describe("the form of the whole", () => {
	test.for([
		["- a\n", "1:1: a list, expected a manifest, which has a version, a tree and stages"],
		[
			"just text\n",
			'1:1: "just text", expected a manifest, which has a version, a tree and stages',
		],
		["null\n", "1:1: null, expected a manifest, which has a version, a tree and stages"],
		['{"version": "2"}', "1:1: it has no pipeline"],
		['{"version": 1, "pipelines": [], "stages": []}', "1:1: tree is missing"],
	] as const)("%j", async ([text, problem], { expect }) => {
		using folder = new ManifestFolder();

		const found = await folder.check(text);

		expect(found[0]).toContain(problem);
	});

	test("that is not JSON", async ({ expect }) => {
		using folder = new ManifestFolder();

		expect(
			await folder.check('{\n\t"version": 1\n\t"tree": "."\n}', { name: "m.json" }),
		).toEqual(['m.json:3:2: expected "," or "}", found "\\""']);
		expect(
			await folder.check('{"a": 1, "a": 2, "version": 1, "tree": "tree", "stages": 1}', {
				name: "m.json",
			}),
		).toEqual([
			"m.json:1:10 a: this key stands in line 1 already",
			"m.json:1:10 a: unknown key, expected one of $schema, version, tree, devices, mounts, stages, modules",
			"m.json:1:58 stages: 1, expected a list of stages, one or more",
		]);
	});
});

test("checks a manifest that was parsed, with the modules that it names", async ({ expect }) => {
	using folder = new ManifestFolder();
	const manifest = await parseManifest(manifestWith({ devices: "{ a: { type: x.y } }" }), {
		file: `${folder.path}/m.yaml`,
	});

	const problems = await checkManifest(manifest);

	expect(
		problems.map(({ code, pointer, line, column }) => [code, pointer, line, column]),
	).toEqual([["ERR_DEVICE_TYPE", "/devices/a/type", 3, 23]]);
});

test("checks a thousand devices in well under a second", async ({ expect }) => {
	using folder = new ManifestFolder();
	const devices = Array.from(
		{ length: 1000 },
		(_, index) =>
			`  d${index}: { type: devhost.loopback, options: { filename: disk.img, start: ${index * 8}, size: 8 } }\n`,
	);
	const stages = Array.from(
		{ length: 50 },
		(_, index) => `  - { name: s${index}, run: [echo, "{devices.d${index}}"] }\n`,
	);
	const text = manifestWith({
		devices: `\n${devices.join("")}`,
		stages: `\n${stages.join("")}`,
	});
	const startMs = performance.now();

	const problems = await folder.check(text);

	expect(problems).toEqual([]);
	expect(performance.now() - startMs).toBeLessThan(1000);
});

/** Types of devices: `t.root` without a parent, `t.child` with one, `t.many` with one or more. */
function addModules(folder: ManifestFolder): void {
	for (const [name, parent] of [
		["root", "none"],
		["child", "required"],
		["many", "several"],
	]) {
		folder.file(`modules/${name}/service.cjs`, "");
		folder.file(
			`modules/${name}/device.json`,
			JSON.stringify({
				devhost: 1,
				types: [`t.${name}`],
				parent,
				service: "service.cjs",
				options: {},
			}),
		);
	}
}

function modulesOf(folder: ManifestFolder): string[] {
	return ["root", "child", "many"].map((name) => `${folder.path}/modules/${name}`);
}

test.for([
	["{devices.d", 0],
	["{devices.wrong", 3000],
] as const)(
	"checks 3000 devices in 3000 stages in the time of a test (%s…})",
	async ([placeholder, count], { expect }) => {
		using folder = new ManifestFolder();
		const numbers = Array.from({ length: 3000 }, (_, index) => index);
		const device = (start: number): object => ({
			type: "devhost.loopback",
			options: { filename: "disk.img", start, size: 8 },
		});
		const manifest = {
			version: 1,
			tree: "tree",
			devices: Object.fromEntries(numbers.map((at) => [`d${at}`, device(at * 8)])),
			stages: numbers.map((at) => ({
				name: `s${at}`,
				devices: { [`own${at}`]: device(30_000 + at * 8) },
				run: ["ls", `${placeholder}${at}}`],
			})),
		};

		const problems = await folder.check(JSON.stringify(manifest), { name: "manifest.json" });

		expect(problems.length).toBe(count);
	},
);
