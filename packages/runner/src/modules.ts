import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import type { DeviceType, ParentRule } from "@devhost/core";
import type { OsbuildModule } from "@devhost/osbuild/modules";
import type { Manifest } from "./manifest.ts";
import { makeProblem, ManifestError, type Problem } from "./problem.ts";

/** Which options of a device name a range of a file, so that two devices on the same bytes are found before they are opened. */
export interface FileRangeOptions {
	/** The option with the file's path beneath the tree. */
	readonly file: string;
	/** The option with the first sector. */
	readonly start?: string;
	/** The option with the number of sectors; absent or 0: to the end of the file. */
	readonly size?: string;
	/** The option with the bytes of a sector, and what it is without it. */
	readonly sectorBytes?: string;
	readonly defaultSectorBytes?: number;
	/** The option that says that nothing is written. */
	readonly readOnly?: string;
}

/** A type of mount, as a `mount.json` describes it. */
export interface MountType {
	/** Whether it is of a device. */
	readonly source: "none" | "required" | "optional";
	/** Which of the package's options it has. */
	readonly options: readonly string[];
	/** Which of them it cannot do without. */
	readonly required?: readonly string[];
	/** It takes any options, which mean nothing. */
	readonly others?: boolean;
	/** Options that it takes only with another one: `{ "norecovery": "read-only" }`. */
	readonly requires?: Readonly<Record<string, string>>;
	/**
	 * The option that says that nothing is written; without it, the source has to be one that can be. True where nothing ever is.
	 * Absent where that is not known before.
	 */
	readonly readOnly?: string | true;
	/** What the kernel calls the file system: `vfat`. Undefined where that is not known before, or nothing is needed. */
	readonly fileSystem?: string;
}

/** A package that serves types of devices, as its `device.json` describes it, or of mounts (`mount.json`). Nothing of it has been started. */
export interface DeviceModule {
	/** Name of the package, or the path by which it was given. */
	readonly package: string;
	/** The names by which manifests know its devices, or mounts. */
	readonly types: readonly string[];
	/** Its types by name, where they are mounts. */
	readonly mounts?: Readonly<Record<string, MountType>>;
	/** Whether its devices stand on other devices. */
	readonly parent: ParentRule;
	/** The executable that serves them: absolute path. */
	readonly service: string;
	/** JSON Schema (draft 2020-12) of their options. */
	readonly options: object;
	/** The `device.json` or `mount.json` that says all this: absolute path. */
	readonly file: string;
	/** Comes with devhost, so that its schema has a validator already. */
	readonly isBuiltIn: boolean;
	/** What the kernel must have for its devices. */
	readonly needs: readonly KernelFeature[];
	/** The programs that its service runs. */
	readonly tools: readonly ServiceTool[];
	readonly range?: FileRangeOptions;
	/** The option that says that nothing is written; without it, the parents have to be devices that can be. */
	readonly readOnly?: string;
	/** What it is to osbuild, where it is a module of osbuild's, of which each device has a process of its own. */
	readonly osbuild?: OsbuildModule;
}

/** A program that a service runs, on its own PATH. */
export interface ServiceTool {
	/** Its name: `cryptsetup`. */
	readonly program: string;
	/** The package that has it, as most distributions call it. */
	readonly package: string;
	/** What of the devices it is needed for, where it is not all: `thin and raid volumes`. */
	readonly for?: string;
	/** The types that need it, where it is not the package's first one. */
	readonly types?: readonly string[];
}

/** A part of the kernel that not every machine has, or lets everybody use. */
export type KernelFeature = (typeof kernelFeatures)[number];

const kernelFeatures = ["loop", "device-mapper"] as const;

/** The types of devices that a manifest may use. */
export interface Modules {
	/** @returns `undefined` for a type that nobody serves. */
	forType(type: string): DeviceModule | undefined;
	/** Every known type, those that come with devhost first. */
	readonly types: readonly string[];
	/** Modules that are not found, or that describe themselves wrongly: they serve nothing. */
	readonly problems: readonly Problem[];
	/** Modules of osbuild's were asked for, and left out: see {@link loadModules}. */
	readonly isIncomplete: boolean;
}

/** Reads modules of osbuild's: see `osbuild-modules.ts`, which not everybody loads. */
export type OsbuildReader = (path: string, name: string) => readonly DeviceModule[];

/** Which modules there are besides those that come with devhost. */
export interface FindModulesOptions {
	/** Its `modules` are found from its folder. */
	readonly manifest?: Pick<Manifest, "file" | "folder" | "modules" | "problemAt"> | undefined;
	/**
	 * Further ones, as on the command line: names of packages, or paths relative to the working directory, of a package's folder,
	 * or of osbuild's modules.
	 */
	readonly modules?: readonly string[] | undefined;
}

/** Packages that come with devhost, and what describes them. A new kind of device is one more line. */
const builtInPackages: Readonly<Record<string, DescriptionFile>> = {
	"@devhost/loopback": "device.json",
	"@devhost/partition": "device.json",
	"@devhost/luks2": "device.json",
	"@devhost/lvm2": "device.json",
	"@devhost/mount": "mount.json",
};

type DescriptionFile = (typeof descriptionFiles)[number];

const descriptionFiles = ["device.json", "mount.json"] as const;

/**
 * Finds the packages that serve devices, by the `./device.json` that they export, and modules of osbuild's.
 *
 * A package is looked for from the manifest's folder, then from devhost itself; a name that begins with `.` or `/` is the path
 * of a folder, or of a `device.json`; or that of osbuild's directory of modules, of which those are taken whose types nobody else
 * serves; or of one module in there, which takes the place of whoever serves its type. Starts and imports nothing of what it finds.
 *
 * @returns What is right; what is not is among its `problems`.
 * @throws {@link ManifestError} `ERR_MANIFEST_MODULE` when a package that comes with devhost is damaged.
 */
export async function loadModules(options: FindModulesOptions = {}): Promise<Modules> {
	const found = findModules(options);
	if (!found.isIncomplete) return found;
	const { readOsbuild } = await import("./osbuild-modules.ts");
	return findModules(options, readOsbuild);
}

/**
 * As {@link loadModules}, at once.
 *
 * @param readOsbuild - Without it modules of osbuild's are left out.
 */
export function findModules(
	{ manifest, modules = [] }: FindModulesOptions = {},
	readOsbuild?: OsbuildReader,
): Modules {
	const byType = new Map<string, DeviceModule>();
	const problems: Problem[] = [];
	let isIncomplete = false;
	const add = (module: DeviceModule, complain: (message: string) => Problem): void => {
		for (const type of module.types) {
			const other = byType.get(type);
			if (other === undefined) byType.set(type, module);
			else if (other.file !== module.file) {
				problems.push(
					complain(
						`${module.package} serves ${type}, which ${other.package} does already`,
					),
				);
			}
		}
	};
	const addNamed = (
		name: string,
		folders: readonly string[],
		complain: (message: string) => Problem,
	): void => {
		const osbuild = osbuildPath(name, folders);
		if (osbuild !== undefined) {
			if (readOsbuild === undefined) isIncomplete = true;
			for (const module of readOsbuild?.(osbuild.path, name) ?? []) {
				const [type = ""] = module.types;
				if (osbuild.isOne || !byType.has(type)) byType.set(type, module);
			}
			return;
		}
		const module = readModule(name, folders, complain);
		if ("code" in module) problems.push(module);
		else add(module, complain);
	};

	for (const [name, file] of Object.entries(builtInPackages)) {
		add(readBuiltIn(name, file), problemWithout(name));
	}
	manifest?.modules?.forEach((name, index) => {
		if (name === "") return;
		const complain = (message: string): Problem =>
			manifest.problemAt(`/modules/${index}`, { code: "ERR_MANIFEST_MODULE", message });
		addNamed(name, [manifest.folder], complain);
	});
	for (const name of modules) {
		const folders = [process.cwd(), ...(manifest === undefined ? [] : [manifest.folder])];
		addNamed(name, folders, problemWithout(`--module ${name}`));
	}
	return {
		forType: (type) => byType.get(type),
		types: [...byType.keys()],
		problems,
		isIncomplete,
	};
}

/** What the graph and the manager of devices know of each type. */
export function deviceTypes({ types, forType }: Modules): Map<string, DeviceType> {
	return new Map(
		types.flatMap((type) => {
			const module = forType(type);
			if (module === undefined) return [];
			const { options, mounts } = module;
			return [[type, { parent: mounts?.[type]?.source ?? module.parent, options }]];
		}),
	);
}

/** Makes problems that stand in no file. */
function problemWithout(file: string): (message: string) => Problem {
	return (message) =>
		makeProblem(
			{ file, position: undefined, path: [] },
			{ code: "ERR_MANIFEST_MODULE", message },
		);
}

/** What was read: a run asks twice, and they do not change while it lasts. */
const builtIn = new Map<string, DeviceModule>();

function readBuiltIn(name: string, description: DescriptionFile): DeviceModule {
	const known = builtIn.get(name);
	if (known !== undefined) return known;
	const complain = problemWithout(name);
	const file = resolveFrom(import.meta.filename, `${name}/${description}`);
	const module =
		file === undefined
			? complain("is not installed with devhost: install devhost again")
			: describeModule(name, file, complain);
	if ("code" in module) throw new ManifestError([module]);
	const read = { ...module, isBuiltIn: true };
	builtIn.set(name, read);
	return read;
}

/** @param folders - Where it is looked for, in this order; for paths only the first counts. */
function readModule(
	name: string,
	folders: readonly string[],
	complain: (message: string) => Problem,
): DeviceModule | Problem {
	if (isPath(name)) {
		const found = findAtPath(resolve(folders[0] ?? "", name));
		if (found !== undefined) return describeModule(name, found, complain);
		return complain(
			`${name} is not the folder of a package with a device.json, nor osbuild's with devices or mounts in it`,
		);
	}
	const places = [...folders.map((folder) => join(folder, "manifest")), import.meta.filename];
	for (const place of places) {
		const found = findDescription((file) => resolveFrom(place, `${name}/${file}`));
		if (found !== undefined) return describeModule(name, found, complain);
	}
	return complain(
		`no package ${name} with a device.json is installed: install it beside the manifest, or give the path of its folder`,
	);
}

function isPath(name: string): boolean {
	return /^\.{0,2}\//.test(name) || name === "." || name === ".." || isAbsolute(name);
}

/** The folders of osbuild's directory of modules that we know what to do with. */
const osbuildFolders = ["devices", "mounts"];

/** Where modules of osbuild's are, or one of them (`isOne`); undefined for what is neither. */
function osbuildPath(
	name: string,
	[folder = ""]: readonly string[],
): { readonly path: string; readonly isOne: boolean } | undefined {
	if (!isPath(name)) return undefined;
	const path = resolve(folder, name);
	const kind = statSync(path, { throwIfNoEntry: false });
	if (kind?.isFile() === true) {
		const isOne = osbuildFolders.includes(basename(dirname(path))) && !path.endsWith(".json");
		return isOne ? { path, isOne } : undefined;
	}
	const isFolder = (each: string): boolean =>
		statSync(join(path, each), { throwIfNoEntry: false })?.isDirectory() === true;
	if (kind?.isDirectory() !== true || !osbuildFolders.some(isFolder)) return undefined;
	return findAtPath(path) === undefined ? { path, isOne: false } : undefined;
}

/** A folder's `device.json` or `mount.json` is where its package.json exports it, if it has one, else in it. */
function findAtPath(path: string): string | undefined {
	const kind = statSync(path, { throwIfNoEntry: false });
	if (kind?.isFile() === true) return path;
	if (kind?.isDirectory() !== true) return undefined;
	const own = readPackageName(join(path, "package.json"));
	// A package may import itself by its name, which takes its exports into account.
	const exported =
		own === undefined
			? undefined
			: findDescription((file) => resolveFrom(join(path, "package.json"), `${own}/${file}`));
	if (exported !== undefined) return exported;
	return findDescription((file) => {
		const inside = join(path, file);
		return statSync(inside, { throwIfNoEntry: false })?.isFile() === true ? inside : undefined;
	});
}

/** The first description that a package has. */
function findDescription(find: (file: DescriptionFile) => string | undefined): string | undefined {
	for (const file of descriptionFiles) {
		const found = find(file);
		if (found !== undefined) return found;
	}
	return undefined;
}

function readPackageName(file: string): string | undefined {
	try {
		const { name } = JSON.parse(readFileSync(file, "utf8")) as { name?: unknown };
		return typeof name === "string" ? name : undefined;
	} catch {
		return undefined; // no package.json, or a wrong one: the folder may still have a device.json
	}
}

function resolveFrom(file: string, specifier: string): string | undefined {
	// Where it mostly is. (Not imported above: loading node:module and its search take 2 ms of every run.)
	const beside = join(dirname(file), "..", "node_modules", specifier);
	if (file === import.meta.filename && existsSync(beside)) return realpathSync(beside);
	try {
		const { createRequire } = process.getBuiltinModule("node:module");
		return createRequire(file).resolve(specifier);
	} catch {
		return undefined; // not there, or not exported: for us the same
	}
}

/** Reads and checks a `device.json`. */
function describeModule(
	name: string,
	file: string,
	complain: (message: string) => Problem,
): DeviceModule | Problem {
	let description: unknown;
	try {
		description = JSON.parse(readFileSync(file, "utf8"));
	} catch (error) {
		return complain(`${file}: ${(error as Error).message}`);
	}
	const wrong = whatIsWrong(description);
	if (wrong !== undefined) return complain(`${file}: ${wrong}`);

	const described = description as DeviceDescription;
	const { types, parent = "none", service, options, needs = [], tools = [] } = described;
	const { range, readOnly } = described;
	const executable = resolve(dirname(file), service);
	return {
		package: name,
		...typesOf(types),
		parent,
		service: executable,
		options,
		file,
		isBuiltIn: false,
		needs,
		tools,
		...(range === undefined ? {} : { range }),
		...(readOnly === undefined ? {} : { readOnly }),
	};
}

function typesOf(types: DeviceDescription["types"]): Pick<DeviceModule, "types" | "mounts"> {
	if (Array.isArray(types)) return { types: types as readonly string[] };
	const mounts = types as Readonly<Record<string, MountType>>;
	return { types: Object.keys(mounts), mounts };
}

/** What a `device.json` holds, or a `mount.json`, whose types are an object and which has no `parent`. */
interface DeviceDescription {
	readonly types: readonly string[] | Readonly<Record<string, MountType>>;
	readonly parent?: ParentRule;
	readonly service: string;
	readonly options: object;
	readonly needs?: readonly KernelFeature[];
	readonly tools?: readonly ServiceTool[];
	readonly range?: FileRangeOptions;
	readonly readOnly?: string;
}

/** A sentence about the first thing that is wrong with a description. */
function whatIsWrong(description: unknown): string | undefined {
	if (!isObject(description)) return `expected an object that describes a device`;
	const { devhost, types, parent, service, options, needs, tools, range, readOnly } = description;
	if (devhost !== 1) {
		return `devhost is ${JSON.stringify(devhost)}, expected 1: it is for another version of devhost`;
	}
	const isMount = isObject(types) && !Array.isArray(types);
	if (isMount) {
		const wrong = Object.entries(types).find(([name, type]) => {
			return !isTypeName(name) || !isMountType(type);
		});
		if (wrong !== undefined)
			return `types.${wrong[0]} is ${JSON.stringify(wrong[1])}, expected its source (none, required or optional) and its options`;
	} else if (!Array.isArray(types) || types.length === 0 || !types.every(isTypeName)) {
		return `types is ${JSON.stringify(types)}, expected names such as "devhost.loopback"`;
	} else if (!parentRules.some((rule) => rule === parent)) {
		return `parent is ${JSON.stringify(parent)}, expected one of ${parentRules.join(", ")}`;
	}
	if (typeof service !== "string" || service === "") {
		return `service is ${JSON.stringify(service)}, expected the path of an executable`;
	}
	if (!isObject(options)) {
		return `options is ${JSON.stringify(options)}, expected a JSON Schema of the options`;
	}
	if (needs !== undefined && !(Array.isArray(needs) && needs.every(isKernelFeature))) {
		return `needs is ${JSON.stringify(needs)}, expected a list of ${kernelFeatures.join(", ")}`;
	}
	if (tools !== undefined && !(Array.isArray(tools) && tools.every(isTool))) {
		return `tools is ${JSON.stringify(tools)}, expected a list of programs, each with its package`;
	}
	if (range !== undefined && (!isObject(range) || typeof range["file"] !== "string")) {
		return `range is ${JSON.stringify(range)}, expected the names of options that give a range of a file`;
	}
	if (readOnly !== undefined && typeof readOnly !== "string")
		return `readOnly is ${JSON.stringify(readOnly)}, expected the name of an option`;
	return undefined;
}

const parentRules: readonly ParentRule[] = ["none", "required", "optional", "several"];

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMountType(value: unknown): value is MountType {
	if (!isObject(value)) return false;
	const { source, options, required = [], others, fileSystem = "" } = value;
	const { requires = {}, readOnly = true } = value;
	return (
		["none", "required", "optional"].some((rule) => rule === source) &&
		[options, required].every(isListOfStrings) &&
		["boolean", "undefined"].includes(typeof others) &&
		isObject(requires) &&
		Object.values(requires).every((each) => typeof each === "string") &&
		(readOnly === true || typeof readOnly === "string") &&
		typeof fileSystem === "string"
	);
}

function isListOfStrings(value: unknown): boolean {
	return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function isTool(value: unknown): value is ServiceTool {
	if (!isObject(value)) return false;
	const { program, package: from, for: what = "", types = [] } = value;
	const texts = [program, from, what];
	return (
		texts.every((text) => typeof text === "string") && program !== "" && isListOfStrings(types)
	);
}

function isKernelFeature(value: unknown): value is KernelFeature {
	return kernelFeatures.some((feature) => feature === value);
}

/** Whether a value has the form of a name of a type, such as `devhost.loopback`. */
export function isTypeName(value: unknown): boolean {
	return typeof value === "string" && /^\w[\w-]*(\.\w[\w-]*)*$/.test(value);
}
