import { describe, test } from "vitest";
import { parseManifest } from "../src/manifest.ts";
import { ManifestFolder } from "./manifest-folder.ts";

const loop = "{ type: devhost.loopback, options: { filename: disk.img, size: 8 } }";

/** A manifest with a device `disk`, these mounts, and a stage that has `more`. */
function manifestOf(mounts: string, more = "", devices = `{ disk: ${loop} }`): string {
	return `version: 1
tree: tree
devices: ${devices}
mounts: ${mounts}
stages: [{ name: a, run: [ls]${more} }]
`;
}

describe("mounts that are right", () => {
	test.for([
		["{ root: { type: ext4, source: disk, target: / } }", ""],
		["{ root: { type: auto, source: disk, target: /, options: { read-only: true } } }", ""],
		["{ x: { type: tmpfs, target: /x, options: { size: 1m, mode: '0700' } } }", ""],
		["{ root: { type: ext4, source: disk, target: / } }", ", uses: [root]"],
		[
			"{}",
			", mounts: { root: { type: xfs, source: disk, target: /, options: { nouuid: true } } }",
		],
		[
			"{ root: { type: tmpfs, target: / }, b: { type: bind, target: /b, options: { from: 'mount://root/x' } } }",
			"",
		],
		["{ n: { type: org.osbuild.noop, source: disk, target: /, options: { any: thing } } }", ""],
		[
			"{ a: { type: tmpfs, target: /a }, b: { type: org.osbuild.bind, target: 'tree://b', options: { source: 'mount://a' } } }",
			"",
		],
	] as const)("%s %s", async ([mounts, more], { expect }) => {
		using folder = new ManifestFolder();

		expect(await folder.check(manifestOf(mounts, more))).toEqual([]);
	});
});

describe("mounts that are wrong", () => {
	test.for([
		[
			"{ root: { type: ext5, source: disk, target: / } }",
			'mounts.root.type: type "ext5" is unknown, did you mean "ext4"?',
		],
		[
			"{ root: { type: devhost.loopback, target: /, options: { filename: disk.img, start: 16, size: 8 } } }",
			'mounts.root.type: type "devhost.loopback" is unknown',
		],
		["{ root: { type: ext4, target: / } }", "mounts.root: ext4 needs a source, and has none"],
		[
			"{ root: { type: ext4, source: dsk, target: / } }",
			'mounts.root.source: its source "dsk" is not a device here, did you mean "disk"?',
		],
		[
			"{ root: { type: tmpfs, source: disk, target: / } }",
			'mounts.root.source: tmpfs has no source, but "disk" is given as one',
		],
		[
			"{ root: { type: ext4, source: disk } }",
			"mounts.root: target is missing, expected an absolute path such as / or /boot/efi",
		],
		[
			"{ root: { type: ext4, source: disk, target: boot } }",
			'mounts.root.target: "boot", expected an absolute path such as / or /boot/efi',
		],
		[
			"{ root: { type: ext4, source: disk, target: /a/../.. } }",
			'mounts.root.target: "/a/../.." has .. in it, which leads nowhere else: write the path without',
		],
		[
			"{ root: { type: ext4, source: disk, target: /, options: { readonly: true } } }",
			"mounts.root.options.readonly: not an option of ext4, which has read-only,",
		],
		[
			"{ root: { type: ext4, source: disk, target: /, options: { reed-only: true } } }",
			"mounts.root.options.reed-only: unknown key, did you mean read-only?",
		],
		[
			"{ b: { type: bind, target: /b } }",
			"mounts.b.options: from is missing: bind cannot do without",
		],
		[
			"{ b: { type: bind, target: /b, options: { from: 'mount://nope/x' } } }",
			'mounts.b: it needs "mounts/nope", which is not here',
		],
		[
			"{ a: { type: tmpfs, target: /x/ }, b: { type: tmpfs, target: //x } }",
			'mounts.b.target: the mount "a" in line 4 is there already, and one would hide the other',
		],
		[
			"{ disk: { type: ext4, source: disk, target: / } }",
			"mounts.disk: the shared device in line 3 has this name, too, and uses could not tell them apart: give one of them another name",
		],
		[
			"{ 'a b': { type: tmpfs, target: / } }",
			'mounts["a b"]: not a name for a mount, which has 1 to 64 letters',
		],
		[
			"{ a: { type: ext4, source: disk, target: /, partition: -1 } }",
			"mounts.a.partition: -1, expected the number of a partition",
		],
		[
			"{ a: { type: xfs, source: disk, target: /, options: { norecovery: true, read-only: false } } }",
			"mounts.a.options.norecovery: xfs takes it only with read-only",
		],
		[
			"{ a: { type: overlay, target: /, options: { lower: ['tree:///a'], upper: 'tree:///b' } } }",
			"mounts.a.options.upper: overlay takes it only with work",
		],
		[
			"{ a: { type: ext4, source: disk, target: /, partition: 2 } }",
			'mounts.a.partition: its source "disk" has no partitions by number: set partscan: true for it, or mount a device of type ' +
				"devhost.partition",
		],
		[
			`{ a: { type: tmpfs, target: /${"x".repeat(256)} } }`,
			"mounts.a.target: no target: a name in it is longer than 255 bytes",
		],
		[
			`{ a: { type: tmpfs, target: ${"/x".repeat(2001)} } }`,
			"mounts.a.target: no target: it is longer than 4000 bytes",
		],
		[
			"{ a: { type: bind, target: /, options: { from: /a } } }",
			'mounts.a.options.from: "/a", expected tree:///path or mount://NAME/path',
		],
		[
			"{ a: { type: overlay, target: /, options: { lower: [] } } }",
			"mounts.a.options.lower: an empty list, expected a list of 1 to 64 of tree:///path or mount://NAME/path",
		],
		["{ a: { type: tmpfs, target: /, device: disk } }", "mounts.a.device: unknown key"],
		["[1]", "mounts: a list, expected mounts by name"],
	] as const)("%s", async ([mounts, message], { expect }) => {
		using folder = new ManifestFolder();

		const found = await folder.check(manifestOf(mounts));

		expect(found.map((line) => line.replace(/^\S+ /, ""))).toEqual([
			expect.stringContaining(message),
		]);
	});

	test.for([
		[
			", mounts: { root: { type: tmpfs, target: /b } }",
			"stages[0].mounts.root: the shared mount of this name (line 4) is open in this stage, too: give one of them another name",
		],
		[
			", mounts: { other: { type: tmpfs, target: /a } }",
			'stages[0].mounts.other.target: the mount "root" in line 4 is there already, and one would hide the other',
		],
		[
			", uses: [rot]",
			'stages[0].uses[0]: "rot" is not a shared device or mount, did you mean "root"?',
		],
		[
			", uses: [disk], stdin: '{mounts.root}'",
			'stages[0].stdin: {mounts.root}: "root" is a shared mount that this stage does not use: add it to uses',
		],
		[
			", uses: [root], stdin: '{devices.root}'",
			'stages[0].stdin: {devices.root}: "root" is not a device of this stage: there is none',
		],
	] as const)("of a stage: %s", async ([more, message], { expect }) => {
		using folder = new ManifestFolder();

		const found = await folder.check(manifestOf("{ root: { type: tmpfs, target: /a } }", more));

		expect(found.map((line) => line.replace(/^\S+ /, ""))).toEqual([message]);
	});
});

describe("which partition is meant", () => {
	test.for([
		[
			"type: rot-x86-64",
			'.type: "rot-x86-64", expected the type of a partition: a name such as esp, a GUID, or "83" in quotes, did you mean root-x86-64?',
		],
		[
			"type: nothing-at-all",
			'.type: "nothing-at-all", expected the type of a partition: a name such as esp, a GUID, or "83" in quotes',
		],
		[
			"type: 83",
			'.type: 83, expected the type of a partition: a name such as esp, a GUID, or "83" in quotes: put it in quotes',
		],
		[
			"number: 1, label: x",
			": number and label, expected an object with one of number, label, uuid and type",
		],
		["", ": an empty object, expected an object with one of number, label, uuid and type"],
		["typ: esp", ".typ: unknown key, did you mean type?"],
	] as const)("{ %s }", async ([options, message], { expect }) => {
		using folder = new ManifestFolder();
		const more = `, uses: [], devices: { p: { type: devhost.partition, parent: disk, options: { ${options} } } }`;

		const found = await folder.check(manifestOf("{}", more));

		expect(found.map((line) => line.replace(/^\S+ /, ""))).toEqual([
			`stages[0].devices.p.options${message}`,
		]);
	});
});

describe("what is read-only", () => {
	const text = (devices: string, mounts: string): string =>
		`version: 1\ntree: tree\ndevices: { disk: { type: devhost.loopback, options: { filename: disk.img, read-only: true } }${devices} }\n` +
		`mounts: { ${mounts} }\nstages: [{ name: s, run: [ls] }]\n`;

	test.for([
		["", "a: { type: squashfs, source: disk, target: / }"],
		["", "a: { type: org.osbuild.erofs, source: disk, target: / }"],
		["", "a: { type: auto, source: disk, target: / }"],
		["", "a: { type: org.osbuild.xfs, source: disk, target: / }"],
		["", "a: { type: org.osbuild.ext4, source: disk, target: /, options: { readonly: true } }"],
		[
			", p: { type: devhost.partition, parent: disk, options: { number: 1, read-only: true } }",
			"",
		],
	] as const)("has %s %s on it", async ([devices, mounts], { expect }) => {
		using folder = new ManifestFolder();

		expect(await folder.check(text(devices, mounts))).toEqual([]);
	});

	test.for([
		[
			"",
			"a: { type: ext4, source: disk, target: / }",
			"mounts.a",
			"device",
			"disk",
			3,
			"read-only",
		],
		[
			", p: { type: devhost.partition, parent: disk, options: { number: 1 } }",
			"",
			"devices.p",
			"device",
			"disk",
			3,
			"read-only",
		],
		[
			", l: { type: devhost.loopback, mount: a, options: { filename: x.img } }",
			"a: { type: squashfs, source: disk, target: / }",
			"devices.l",
			"mount",
			"a",
			4,
			"read-only",
		],
	] as const)(
		"has not %s %s",
		async ([devices, mounts, at, kind, name, line, option], { expect }) => {
			using folder = new ManifestFolder();

			const found = await folder.check(text(devices, mounts));

			expect(found.map((each) => each.replace(/^\S+ /, ""))).toEqual([
				`${at}: the ${kind} "${name}" (line ${line}) is read-only, and this is not: set ${option} here, too, or leave it out there`,
			]);
		},
	);
});

describe("a device in a mount", () => {
	test("is checked as any other, but for its file", async ({ expect }) => {
		using folder = new ManifestFolder();
		const inner =
			"{ type: devhost.loopback, mount: root, options: { filename: not-there.img, start: 1.5 } }";
		const devices = `{ disk: ${loop}, inner: ${inner} }`;

		const found = await folder.check(
			manifestOf("{ root: { type: ext4, source: disk, target: / } }", "", devices),
		);

		expect(found).toEqual([
			expect.stringContaining("devices.inner.options.start: 1.5, expected a whole number"),
		]);
	});

	test.for([
		[
			"rot",
			'devices.inner.mount: it needs "mounts/rot", which is not here, did you mean "mounts/root"?',
		],
		["disk", 'devices.inner.mount: it needs "mounts/disk", which is not here'],
	] as const)("%s that is not there", async ([mount, message], { expect }) => {
		using folder = new ManifestFolder();
		const inner = `{ type: devhost.loopback, mount: ${mount}, options: { filename: a } }`;

		const found = await folder.check(
			manifestOf(
				"{ root: { type: ext4, source: disk, target: / } }",
				"",
				`{ disk: ${loop}, inner: ${inner} }`,
			),
		);

		expect(found.map((line) => line.replace(/^\S+ /, ""))).toEqual([
			expect.stringContaining(message),
		]);
	});

	test("is not what that mount is on", async ({ expect }) => {
		using folder = new ManifestFolder();
		const inner = "{ type: devhost.loopback, mount: root, options: { filename: a } }";

		const found = await folder.check(
			manifestOf(
				"{ root: { type: ext4, source: inner, target: / } }",
				"",
				`{ inner: ${inner} }`,
			),
		);

		expect(found).toEqual([
			expect.stringContaining(
				"devices.inner: is its own ancestor: inner on mounts/root on inner",
			),
		]);
	});
});

describe("the order of mounts", () => {
	test("is that of their targets, whatever that of the text", async ({ expect }) => {
		const manifest = await parseManifest(
			manifestOf(
				"{ efi: { type: tmpfs, target: /boot/efi }, booty: { type: tmpfs, target: /booty }, " +
					"root: { type: tmpfs, target: / }, boot: { type: tmpfs, target: /boot/ } }",
				", mounts: { own: { type: tmpfs, target: /boot/efi/own } }",
			),
			{ file: "manifest.yaml" },
		);

		const after = Object.values(manifest.mounts).map(({ key, after }) => [key, after]);
		expect(after).toEqual([
			["mounts/efi", ["mounts/boot"]],
			["mounts/booty", ["mounts/root"]],
			["mounts/root", []],
			["mounts/boot", ["mounts/root"]],
		]);
		expect(manifest.stages[0]?.mounts["own"]?.after).toEqual(["mounts/efi"]);
	});

	test("is that of what they name, too", async ({ expect }) => {
		const manifest = await parseManifest(
			manifestOf(
				"{ o: { type: overlay, target: /o, options: { lower: ['mount://a/x', 'tree:///y'], upper: 'mount://b/up', work: 'mount://b/work' } }, " +
					"a: { type: tmpfs, target: /a }, b: { type: tmpfs, target: /b } }",
			),
			{ file: "manifest.yaml" },
		);

		expect(manifest.mounts["o"]?.after).toEqual(["mounts/a", "mounts/b"]);
	});

	test("is that of directories to osbuild's bind", async ({ expect }) => {
		const bind = (source: string): string =>
			`{ type: org.osbuild.bind, target: 'tree://b', options: { source: '${source}' } }`;
		const manifest = await parseManifest(
			manifestOf(
				`{ all: ${bind("mount://")}, by-name: ${bind("mount://a")}, by-place: ${bind("mount://there")}, ` +
					"a: { type: tmpfs, target: / }, c: { type: tmpfs, target: /there } }",
			),
			{ file: "manifest.yaml" },
		);

		const after = Object.values(manifest.mounts).map(({ name, after }) => [name, after]);
		expect(Object.fromEntries(after)).toMatchObject({
			all: ["mounts/a", "mounts/c"],
			"by-name": ["mounts/a"],
			"by-place": ["mounts/c"],
		});
	});

	test("is no part of osbuild's ids", async ({ expect }) => {
		const manifest = await parseManifest(
			manifestOf(
				"{ a: { type: org.osbuild.ext4, source: disk, target: /, options: {} } }",
				"",
				"{ disk: { type: org.osbuild.loopback, options: { filename: disk.img, start: 2048, size: 65536, lock: true } } }",
			),
			{ file: "manifest.yaml" },
		);

		expect(manifest.mounts["a"]?.id).toBe(
			"d33e76bd4574f5c045afaccf5e9d76b52a170e89432c9dd28dd453d4a279558b",
		);
	});
});
