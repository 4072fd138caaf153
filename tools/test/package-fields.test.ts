import { test } from "vitest";
import { findFieldProblems } from "../src/package-fields.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const good = {
	name: "@devhost/loopback",
	version: "0.0.0",
	description: "A file as a block device.",
	license: "Apache-2.0",
	repository: { type: "git", url: "…", directory: "packages/loopback" },
	files: ["dist", "src"],
	os: ["linux"],
	type: "module",
	sideEffects: false,
	exports: {
		".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
		"./service": "./dist/service.cjs",
		"./device.json": "./device.json",
		"./package.json": "./package.json",
	},
	publishConfig: { access: "public", provenance: true },
	scripts: { build: "", "check:types": "", "check:package": "", test: "" },
	devDependencies: {},
	engines: { node: "^24.11 || >=26" },
};

test("is content with a complete package.json", ({ expect }) => {
	expect(problems(good)).toEqual([]);
});

const { license: _license, ...withoutLicense } = good;
const { name: _name, version: _version, ...withoutName } = good;

test.for<[object, string]>([
	[withoutLicense, "license is missing"],
	[{ ...good, keywords: [] }, "keywords does not belong here"],
	[
		{ version: "0.0.0", name: "@devhost/loopback", ...withoutName },
		"version is out of order; expected: name, version, description, license, repository, files, os, type, sideEffects, exports, publishConfig, scripts, devDependencies, engines",
	],
	[
		{ ...good, engines: { node: ">=20" } },
		'engines: {"node":">=20"}, expected {"node":"^24.11 || >=26"}',
	],
	[{ ...good, name: "loopback" }, "name: loopback, expected @devhost/loopback"],
	[{ ...good, repository: {} }, "repository.directory: expected packages/loopback"],
	[{ ...good, files: ["dist"] }, "files: src is missing"],
	[
		{ ...good, scripts: { ...good.scripts, postinstall: "node-gyp" } },
		"scripts: postinstall: packages run nothing at installation",
	],
	[
		{ ...good, exports: { ...good.exports, ".": "./dist/index.js" } },
		"exports: .: needs types, then default",
	],
	[
		{ ...good, exports: { ...good.exports, ".": { default: "./a.js", types: "./a.d.ts" } } },
		"exports: .: expected types, then default",
	],
])("finds what is wrong with %j", ([manifest, problem], { expect }) => {
	expect(problems(manifest)).toEqual([`packages/loopback/package.json: ${problem}`]);
});

test("wants a README", ({ expect }) => {
	const root = temporaryFolder({ "packages/loopback/package.json": good });

	expect(findFieldProblems(root)).toEqual([
		"packages/loopback/package.json: README.md is missing beside it",
	]);
});

function problems(manifest: object): string[] {
	return findFieldProblems(
		temporaryFolder({
			"packages/loopback/package.json": manifest,
			"packages/loopback/README.md": "",
		}),
	);
}
