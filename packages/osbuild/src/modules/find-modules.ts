import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describeModule } from "./describe-module.ts";
import { ModuleServices } from "./module-services.ts";
import type { OsbuildModule } from "./osbuild-module.ts";

/** The folders of osbuild's directory of modules, and what is in them. */
const kinds = { devices: "device", mounts: "mount" } as const;

/**
 * Reads what describes osbuild's modules. Starts none.
 *
 * @param path - osbuild's directory of modules (`/usr/lib/osbuild`), with `devices` and `mounts` in it; or one module in
 * such a directory (`/usr/lib/osbuild/devices/org.osbuild.loopback`). Absolute.
 * @returns In the order of their names, devices first; what is wrong with one is its `complaint`.
 * @throws Error of Node where the path cannot be read.
 *
 * @example
 * ```ts
 * import { readOsbuildModules } from "@devhost/osbuild/modules";
 *
 * for (const { kind, type, summary, complaint } of readOsbuildModules("/usr/lib/osbuild")) {
 * 	console.log(`${kind} ${type}: ${complaint ?? summary}`);
 * }
 * ```
 *
 * Source: `Index.list_modules_for_class`, osbuild/meta.py.
 */
export function readOsbuildModules(path: string): OsbuildModule[] {
	const folder = basename(dirname(path));
	if (isFolder(folder) && statSync(path).isFile()) {
		return [moduleAt(kinds[folder], path)];
	}
	return Object.keys(kinds)
		.filter(isFolder)
		.flatMap((each) =>
			namesIn(join(path, each)).map((name) => moduleAt(kinds[each], join(path, each, name))),
		);
}

function moduleAt(kind: OsbuildModule["kind"], program: string): OsbuildModule {
	const described = describeModule(kind, program);
	return { ...described, serve: (host) => new ModuleServices(described, host) };
}

function isFolder(name: string): name is keyof typeof kinds {
	return Object.hasOwn(kinds, name);
}

function namesIn(folder: string): string[] {
	if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
	return readdirSync(folder)
		.filter((name) => isTypeName(name) && !name.endsWith(".meta.json"))
		.filter(
			(name) => statSync(join(folder, name), { throwIfNoEntry: false })?.isFile() === true,
		)
		.toSorted();
}

/** What else is in there (a README, an editor's copy) is no module. */
function isTypeName(name: string): boolean {
	return /^\w[\w-]*(\.\w[\w-]*)+$/.test(name);
}
