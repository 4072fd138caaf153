import { existsSync } from "node:fs";
import { join } from "node:path";
import { workspacePackages, type WorkspacePackage } from "./repository.ts";

/** The fields of a published package's package.json, in their order. Those with `?` may be missing. */
const fields = [
	"name",
	"version",
	"description",
	"license",
	"repository",
	"bin?",
	"files",
	"os",
	"type",
	"sideEffects",
	"exports",
	"publishConfig",
	"scripts",
	"dependencies?",
	"devDependencies",
	"peerDependencies?",
	"peerDependenciesMeta?",
	"optionalDependencies?",
	"engines",
	"gypfile?",
];

/** Fields that say the same in every package. */
const fixed: Readonly<Record<string, unknown>> = {
	license: "Apache-2.0",
	os: ["linux"],
	type: "module",
	sideEffects: false,
	publishConfig: { access: "public", provenance: true },
	engines: { node: "^24.11 || >=26" },
};

const scripts = ["build", "check:types", "check:package", "test"];

/** Sentences about package.json files that are not as the others; empty when all is well. */
export function findFieldProblems(root?: string): string[] {
	return workspacePackages(root).flatMap((each) =>
		[
			...orderProblems(Object.keys(each.manifest)),
			...fixedProblems(each),
			...ownProblems(each),
			...exportProblems(each),
		].map((problem) => `packages/${each.folderName}/package.json: ${problem}`),
	);
}

function orderProblems(keys: readonly string[]): string[] {
	const known = fields.map((field) => field.replace("?", ""));
	const required = fields.filter((field) => !field.endsWith("?"));
	const order = keys.filter((key) => known.includes(key));
	const expected = known.filter((key) => keys.includes(key));
	const misplaced = order.find((key, index) => key !== expected[index]);
	return [
		...required.filter((key) => !keys.includes(key)).map((key) => `${key} is missing`),
		...keys.filter((key) => !known.includes(key)).map((key) => `${key} does not belong here`),
		...(misplaced ? [`${misplaced} is out of order; expected: ${expected.join(", ")}`] : []),
	];
}

function fixedProblems({ manifest }: WorkspacePackage): string[] {
	return Object.entries(fixed)
		.filter(([key, value]) => key in manifest && !isSame(manifest[key], value))
		.map(
			([key, value]) =>
				`${key}: ${JSON.stringify(manifest[key])}, expected ${JSON.stringify(value)}`,
		);
}

function ownProblems({ folderName, manifest }: WorkspacePackage): string[] {
	const name = folderName === "runner" ? "devhost" : `@devhost/${folderName}`;
	const directory = `packages/${folderName}`;
	const repository = manifest["repository"] as { directory?: string } | undefined;
	const files = (manifest["files"] ?? []) as readonly string[];
	return [
		...(manifest.name === name ? [] : [`name: ${manifest.name}, expected ${name}`]),
		...(repository?.directory === directory
			? []
			: [`repository.directory: expected ${directory}`]),
		...["dist", "src"]
			.filter((each) => !files.includes(each))
			.map((each) => `files: ${each} is missing`),
		...scripts
			.filter((each) => !(each in (manifest.scripts ?? {})))
			.map((each) => `scripts: ${each} is missing`),
		// An install script would need the user's consent, and prebuilt files make it needless.
		...["preinstall", "install", "postinstall"]
			.filter((each) => each in (manifest.scripts ?? {}))
			.map((each) => `scripts: ${each}: packages run nothing at installation`),
	];
}

function exportProblems({ folder, manifest }: WorkspacePackage): string[] {
	const exported = manifest["exports"] as Readonly<Record<string, unknown>> | undefined;
	if (exported === undefined) return [];
	const problems: string[] = [];
	if (exported["./package.json"] !== "./package.json")
		problems.push("exports: ./package.json is missing");
	for (const [entry, target] of Object.entries(exported)) {
		if (typeof target === "string") {
			const isPlain = /^\.\/(dist\/[\w-]+\.cjs|[\w-]+\.json|schema\/[\w.-]+\.json)$/.test(
				target,
			);
			if (!isPlain) problems.push(`exports: ${entry}: needs types, then default`);
		} else if (!isSame(Object.keys(target as object), ["types", "default"])) {
			problems.push(`exports: ${entry}: expected types, then default`);
		}
	}
	if (!existsSync(join(folder, "README.md"))) problems.push("README.md is missing beside it");
	return problems;
}

function isSame(a: unknown, b: unknown): boolean {
	return JSON.stringify(a) === JSON.stringify(b);
}
