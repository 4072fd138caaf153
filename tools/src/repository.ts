import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

/** The folder of this repository. */
export const repositoryRoot: string = resolve(import.meta.dirname, "../..");

/** A package of the workspace that is published. */
export interface WorkspacePackage {
	/** Name of its folder in `packages/`. */
	readonly folderName: string;
	readonly folder: string;
	readonly manifest: PackageManifest;
}

/** What the guards read of a package.json. Keys are in the order of the file. */
export interface PackageManifest {
	readonly name: string;
	readonly dependencies?: Readonly<Record<string, string>>;
	readonly optionalDependencies?: Readonly<Record<string, string>>;
	readonly peerDependencies?: Readonly<Record<string, string>>;
	readonly devDependencies?: Readonly<Record<string, string>>;
	readonly scripts?: Readonly<Record<string, string>>;
	readonly [key: string]: unknown;
}

/** Everything in `packages/`, by name of the folder. */
export function workspacePackages(root: string = repositoryRoot): WorkspacePackage[] {
	return readdirSync(join(root, "packages"))
		.toSorted()
		.filter((folderName) => existsSync(join(root, "packages", folderName, "package.json")))
		.map((folderName) => {
			const folder = join(root, "packages", folderName);
			const text = readFileSync(join(folder, "package.json"), "utf8");
			return { folderName, folder, manifest: JSON.parse(text) as PackageManifest };
		});
}

/** TypeScript and JavaScript sources of a package, relative to it; neither built nor generated ones. */
export function sourceFiles(folder: string): string[] {
	return globSync("{src,test,bench}/**/*.{ts,mjs,cjs,js}", { cwd: folder })
		.filter((file) => !/(^|\/)(node_modules|generated)\//.test(file))
		.toSorted();
}

/** Files under version control, relative to the repository, that exist. */
export function trackedFiles(root: string = repositoryRoot): string[] {
	const list = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" });
	return list.split("\0").filter((file) => file !== "" && existsSync(join(root, file)));
}
