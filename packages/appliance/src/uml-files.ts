import { accessSync, constants, existsSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { unpackedFolder, userCacheFolder } from "./cache-folder.ts";
import { ApplianceError } from "./error.ts";

/** The command that gets everything on Debian and Ubuntu. */
export const installCommand: readonly string[] = [
	"apt-get",
	"install",
	"--yes",
	"user-mode-linux",
	"kmod",
];

const howToInstall = `Install it: ${installCommand.join(" ")} (Debian, Ubuntu)`;
const systemFolders = [
	"/usr/local/sbin",
	"/usr/local/bin",
	"/usr/sbin",
	"/usr/bin",
	"/sbin",
	"/bin",
];

/** Where things may be besides the system's own folders. Tests pass others. */
export interface SearchPlaces {
	/** @default PATH */
	readonly searchPath?: string | undefined;
	/** The user's cache folder; `false` is none. @default {@link userCacheFolder} */
	readonly cacheFolder?: string | false | undefined;
}

/**
 * The kernel: `given`, or the first that is there.
 *
 * @throws {@link ApplianceError} `ERR_APPLIANCE_NO_KERNEL`, with what was tried.
 */
export function findKernel(given?: string, places: SearchPlaces = {}): string {
	const candidates = given === undefined ? programPlaces("linux.uml", places) : [given];
	const found = candidates.find((file) => isProgram(file));
	if (found !== undefined) return realpathSync(found);
	const isThere = candidates.find((file) => existsSync(file));
	throw new ApplianceError(
		"ERR_APPLIANCE_NO_KERNEL",
		isThere === undefined
			? `guest kernel: there is none. Tried: ${candidates.join(", ")}. ${howToInstall}`
			: `guest kernel: ${isThere} may not be executed`,
	);
}

/** The program that loads modules into the guest's kernel. */
export interface Modprobe {
	readonly program: string;
	/** A folder with the libraries that it needs, where they are not the system's. */
	readonly libraries?: string;
}

/**
 * The program that loads modules: `given`, or the first that is there.
 *
 * @throws {@link ApplianceError} `ERR_APPLIANCE_NO_KMOD`, with what was tried.
 */
export function findModprobe(given?: string, places: SearchPlaces = {}): Modprobe {
	const candidates = given === undefined ? programPlaces("modprobe", places) : [given];
	const program = candidates.find((file) => isProgram(file));
	if (program === undefined) {
		throw new ApplianceError(
			"ERR_APPLIANCE_NO_KMOD",
			`modprobe: there is none, and the guest's kernel has device-mapper as modules. Tried: ` +
				`${candidates.join(", ")}. ${howToInstall}`,
		);
	}
	const unpacked = unpackedPlace(places);
	if (unpacked === undefined || !program.startsWith(`${unpacked}/`)) return { program };
	const libraries = join(unpacked, "usr/lib/x86_64-linux-gnu");
	const oldLibraries = join(unpacked, "lib/x86_64-linux-gnu");
	return { program, libraries: existsSync(libraries) ? libraries : oldLibraries };
}

/** The modules of a guest's kernel. */
export interface Modules {
	readonly folder: string;
	/** Files that have to be inserted, in this order, for what every guest has. */
	readonly first: readonly string[];
}

/**
 * The modules that belong to a kernel: in `given`, or the first folder that is there.
 *
 * @param options - `kernel` is its file: what is beside it comes first.
 * @throws {@link ApplianceError} `ERR_APPLIANCE_NO_MODULES`, with what was tried.
 */
export function findModules(
	release: string,
	{
		given,
		kernel,
		...places
	}: SearchPlaces & { given?: string | undefined; kernel?: string } = {},
): Modules {
	const unpacked = unpackedPlace(places);
	// Debian's package has /usr/bin/linux.uml and /usr/lib/uml/modules, wherever it is unpacked.
	const besideKernel = kernel === undefined ? [] : [join(dirname(kernel), "../lib/uml/modules")];
	const parents = [
		...besideKernel,
		"/usr/lib/uml/modules",
		"/lib/modules",
		...(unpacked === undefined ? [] : [join(unpacked, "usr/lib/uml/modules")]),
	];
	const candidates =
		given === undefined
			? [...new Set(parents)].map((parent) => join(parent, release))
			: [given];
	const folder = candidates.find((each) => existsSync(join(each, "modules.dep")));
	if (folder === undefined) {
		throw new ApplianceError(
			"ERR_APPLIANCE_NO_MODULES",
			`guest kernel ${release}: no folder has its modules (no modules.dep). Tried: ${candidates.join(", ")}. ` +
				`They come with the kernel's package: ${installCommand.join(" ")} (Debian, Ubuntu)`,
		);
	}
	const dependencies = readFileSync(join(folder, "modules.dep"), "utf8");
	return {
		folder,
		first: ["loop", "overlay"].flatMap((name) => insertOrder(name, dependencies, folder)),
	};
}

/** A module's file after those that it needs; none when it is built into the kernel. `modules.dep`: modules.dep(5). */
function insertOrder(name: string, dependencies: string, folder: string): string[] {
	for (const line of dependencies.split("\n")) {
		const colon = line.indexOf(":");
		const file = line.slice(0, colon);
		if (colon === -1 || !file.endsWith(`/${name}.ko`)) continue;
		const needed = line
			.slice(colon + 1)
			.split(" ")
			.filter(Boolean);
		return [...needed.toReversed(), file].map((each) => join(folder, each));
	}
	return [];
}

function programPlaces(name: string, places: SearchPlaces): string[] {
	const searchPath = (places.searchPath ?? process.env["PATH"] ?? "").split(delimiter);
	const folders = [...searchPath.filter((folder) => folder.startsWith("/")), ...systemFolders];
	const unpacked = unpackedPlace(places);
	if (unpacked !== undefined) {
		folders.push(...["usr/bin", "usr/sbin", "sbin"].map((folder) => join(unpacked, folder)));
	}
	return [...new Set(folders)].map((folder) => join(folder, name));
}

function unpackedPlace({ cacheFolder }: SearchPlaces): string | undefined {
	const folder = cacheFolder === false ? undefined : (cacheFolder ?? userCacheFolder());
	return folder === undefined ? undefined : unpackedFolder(folder);
}

function isProgram(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}
