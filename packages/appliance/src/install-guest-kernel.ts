import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { unpackedFolder, userCacheFolder } from "./cache-folder.ts";
import { ApplianceError } from "./error.ts";
import { findModprobe } from "./uml-files.ts";

/** How {@link installGuestKernel} works. */
export interface InstallOptions {
	/** The user's cache folder. @default `$XDG_CACHE_HOME/devhost`, else `~/.cache/devhost` */
	readonly cacheFolder?: string;
	/** Gives up; nothing is left then. */
	readonly signal?: AbortSignal;
	/** Told what is about to be run. */
	readonly onCommand?: (argv: readonly string[]) => void;
}

/** What was installed. */
export interface InstalledKernel {
	/** Where the packages are unpacked; {@link GuestBackend.boot} looks there. */
	readonly folder: string;
	/** Their names. */
	readonly packages: readonly string[];
}

const aptGet = "/usr/bin/apt-get";
const dpkgDeb = "/usr/bin/dpkg-deb";

/** Whether this is Debian or Ubuntu, where an ordinary user can get packages without installing them. */
export function canUnpackPackages(): boolean {
	try {
		for (const program of [aptGet, dpkgDeb]) accessSync(program, constants.X_OK);
		return process.arch === "x64";
	} catch {
		return false;
	}
}

/**
 * Gets the guest's kernel from the distribution's own package, without root: downloads it with apt-get, which checks its
 * signature, and unpacks it into the user's cache. Where this machine has no modprobe, that comes along.
 *
 * What was there before is replaced only by what is complete.
 *
 * @throws {@link ApplianceError} `ERR_APPLIANCE_INSTALL` not Debian or Ubuntu, no home, or what apt-get said.
 */
export async function installGuestKernel(options: InstallOptions = {}): Promise<InstalledKernel> {
	const cacheFolder = options.cacheFolder ?? userCacheFolder();
	if (cacheFolder === undefined) {
		throw installError("this user has no home to keep it in. Set XDG_CACHE_HOME");
	}
	if (!canUnpackPackages()) {
		throw installError(
			`needs ${aptGet} and ${dpkgDeb} on x86-64, as Debian and Ubuntu have them`,
		);
	}
	const packages = ["user-mode-linux", ...(hasModprobe() ? [] : ["kmod", "libkmod2"])];
	const folder = unpackedFolder(cacheFolder);
	let work: string;
	try {
		await mkdir(cacheFolder, { recursive: true, mode: 0o700 });
		work = await mkdtemp(join(cacheFolder, "guest-kernel-"));
	} catch (cause) {
		throw installError(`cannot write to ${cacheFolder}`, cause);
	}
	try {
		await download(packages, work, options);
		const unpacked = join(work, "unpacked");
		await mkdir(unpacked);
		for (const file of await readdir(work)) {
			if (file.endsWith(".deb")) await run([dpkgDeb, "-x", file, unpacked], work, options);
		}
		// A guest that runs keeps the kernel that it has open.
		await rm(folder, { recursive: true, force: true });
		await rename(unpacked, folder);
	} finally {
		await rm(work, { recursive: true, force: true });
	}
	return { folder, packages };
}

/** With the machine's own lists of packages; where those are missing or old, with lists of our own. */
async function download(
	packages: readonly string[],
	work: string,
	options: InstallOptions,
): Promise<void> {
	try {
		await run([aptGet, "-q", "download", ...packages], work, options);
		return;
	} catch {
		options.signal?.throwIfAborted();
	}
	const own = ["lists/partial", "cache/archives/partial"];
	for (const each of own) await mkdir(join(work, each), { recursive: true });
	const places = [
		`Dir::State::Lists=${join(work, "lists")}`,
		`Dir::Cache=${join(work, "cache")}`,
	];
	const settings = places.flatMap((place) => ["-o", place]);
	await run([aptGet, "-q", ...settings, "update"], work, options);
	await run([aptGet, "-q", ...settings, "download", ...packages], work, options);
}

function hasModprobe(): boolean {
	try {
		findModprobe(undefined, { cacheFolder: false });
		return true;
	} catch {
		return false;
	}
}

async function run(
	argv: readonly [string, ...string[]],
	cwd: string,
	{ signal, onCommand }: InstallOptions,
): Promise<void> {
	onCommand?.(argv);
	const [file, ...rest] = argv;
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	const env = { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
	const child = execFile(
		file,
		rest,
		{ cwd, env, signal, maxBuffer: 1 << 24 },
		(error, stdout, stderr) => {
			if (error === null) resolve();
			else if (signal?.aborted) reject(signal.reason);
			else {
				const said = `${stdout}${stderr}`.trim().split("\n").slice(-10).join("\n  ");
				reject(installError(`${argv.join(" ")} failed:\n  ${said}`, error));
			}
		},
	);
	child.stdin?.end();
	await promise;
}

function installError(text: string, cause?: unknown): ApplianceError {
	const options = cause === undefined ? {} : { cause };
	return new ApplianceError("ERR_APPLIANCE_INSTALL", `guest kernel: ${text}`, options);
}
