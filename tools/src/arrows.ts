import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { findImports, type Import } from "./imports.ts";
import { sourceFiles, workspacePackages, type WorkspacePackage } from "./repository.ts";

/**
 * `runner → osbuild → services → core → rpc → linux`: a package may use those in the rows above its own.
 *
 * Folders in `packages/` that are named nowhere here are services: each kind of device is one.
 */
const rows: readonly (readonly string[])[] = [
	["linux"],
	["rpc"],
	["core"],
	[],
	["osbuild"],
	["appliance"],
	["runner"],
];
const servicesRow = 3;

/** Who imports services, whose drivers it serves to another host. For the runner they are executables. */
const servesDrivers = "osbuild";

/** Packages that use fewer than their row would allow. A guest knows commands, not devices. */
const usesOnly: Readonly<Record<string, readonly string[]>> = { appliance: ["linux", "rpc"] };

/** Packages that only certain files import, the folder first. A decision that concerns one file stays one file's. */
const onlyIn: Readonly<Record<string, { files: RegExp; why: string }>> = {
	msgpackr: {
		files: /^rpc\/(test|bench)\/.*$/,
		why: "the wire's msgpack is coded by us; the library is what tests and benchmarks compare it with",
	},
	vitest: {
		files: /^\w+\/(src\/testing\.ts|src\/testing\/.*|test\/.*)$/,
		why: "a test framework is for ./testing and tests",
	},
};

/** Sentences about arrows between packages that point the wrong way; empty when all is well. */
export function findArrowProblems(root?: string): string[] {
	const packages = workspacePackages(root);
	const byName = new Map(packages.map((each) => [each.manifest.name, each]));
	return packages.flatMap((from) => [
		...dependencyProblems(from, byName),
		...sourceFiles(from.folder).flatMap((file) => {
			const imports = findImports(readFileSync(join(from.folder, file), "utf8"));
			return imports.flatMap((each) =>
				importProblems(from, file, each, byName).map(
					(problem) => `packages/${from.folderName}/${file}:${each.line}: ${problem}`,
				),
			);
		}),
	]);
}

function dependencyProblems(
	from: WorkspacePackage,
	byName: ReadonlyMap<string, WorkspacePackage>,
): string[] {
	const { dependencies, optionalDependencies, peerDependencies, devDependencies } = from.manifest;
	const all = {
		...devDependencies,
		...peerDependencies,
		...optionalDependencies,
		...dependencies,
	};
	return Object.entries(all).flatMap(([name, range]) => {
		const to = byName.get(name);
		const where = `packages/${from.folderName}/package.json`;
		if (to === undefined) return [];
		if (!mayUse(from, to)) return [`${where}: ${wrongWay(from, to)}`];
		if (name in { ...dependencies } && range !== "workspace:^") {
			return [`${where}: ${name}: ${range}, expected workspace:^`];
		}
		return [];
	});
}

function importProblems(
	from: WorkspacePackage,
	file: string,
	{ specifier }: Import,
	byName: ReadonlyMap<string, WorkspacePackage>,
): string[] {
	if (specifier.startsWith("node:")) return [];
	if (specifier.startsWith(".")) return relativeProblems(file, specifier);

	const name = packageName(specifier);
	const isSource = file.startsWith("src/");
	const problems: string[] = [];
	const to = byName.get(name);
	if (to !== undefined && to !== from) {
		if (!mayUse(from, to)) problems.push(wrongWay(from, to));
		// Tests may look at a service's parts; the runner itself starts them as their packages export them.
		else if (isSource && rowOf(to) === servicesRow && from.folderName !== servesDrivers) {
			problems.push(`imports ${name}: the runner knows services only as executables`);
		}
	}
	const rule = onlyIn[name];
	if (rule && !rule.files.test(`${from.folderName}/${file}`)) {
		problems.push(`imports ${name}: ${rule.why}`);
	}
	const { dependencies, optionalDependencies, peerDependencies } = from.manifest;
	const declared = { ...dependencies, ...optionalDependencies, ...peerDependencies };
	if (isSource && to !== from && !(name in declared)) {
		problems.push(`imports ${name}: not among the dependencies in package.json`);
	}
	return problems;
}

function relativeProblems(file: string, specifier: string): string[] {
	const target = posix.join(posix.dirname(file), specifier);
	if (!target.startsWith("..")) return [];
	if (!file.startsWith("src/") && target.startsWith("../../tools/")) return [];
	return [`imports ${specifier}: leaves its package`];
}

function mayUse(from: WorkspacePackage, to: WorkspacePackage): boolean {
	const only = usesOnly[from.folderName];
	return only === undefined ? rowOf(to) < rowOf(from) : only.includes(to.folderName);
}

function rowOf({ folderName }: WorkspacePackage): number {
	const row = rows.findIndex((names) => names.includes(folderName));
	return row === -1 ? servicesRow : row;
}

function wrongWay(from: WorkspacePackage, to: WorkspacePackage): string {
	const only = usesOnly[from.folderName];
	if (only !== undefined) {
		return `${from.manifest.name} uses ${to.manifest.name}: it may use ${only.join(" and ")} only`;
	}
	return rowOf(from) === servicesRow && rowOf(to) === servicesRow
		? `${from.manifest.name} uses ${to.manifest.name}: services never use each other`
		: `${from.manifest.name} uses ${to.manifest.name}: arrows point runner → osbuild → services → core → rpc → linux`;
}

function packageName(specifier: string): string {
	const parts = specifier.split("/");
	return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}
