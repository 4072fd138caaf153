import { constants, existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import type { DeviceNode } from "@devhost/core";
import { type Fd, isSysError, mkdirat, mknodat, openat2 } from "@devhost/linux";
import { type OsbuildException, StageApi } from "@devhost/osbuild/stage";
import { writeWhole } from "./memory-file.ts";
import type { RunNamespace } from "./namespace.ts";
import type { OsbuildPlan } from "./bwrap-arguments.ts";
import type { OsbuildProgram } from "./osbuild-stage.ts";

/**
 * What a stage of osbuild finds besides what all stages do: a `/dev` of its own, which it may write to, `/run/osbuild/meta`, the
 * sockets in `/run/osbuild/api`, and `/proc/cmdline`.
 *
 * All of it is in one directory of the run's private `/dev`, so that it ends with the run whatever happens.
 *
 * Source: `BuildRoot`, osbuild/buildroot.py.
 */
export class OsbuildPlace implements AsyncDisposable {
	/** What will be its `/dev`. */
	readonly devices: Fd;
	readonly #folder: Fd;
	readonly #owned: AsyncDisposableStack;
	readonly #api: StageApi;

	/** @param run - The run's id, for the tags of what is made for the stage. */
	constructor({ devices: runDevices }: RunNamespace, run: string) {
		using begun = new DisposableStack();
		mkdirat(runDevices, name, 0o700);
		begun.defer(() => removeAll(runDevices, name));
		const directory = { flags: constants.O_RDONLY | constants.O_DIRECTORY };
		this.#folder = begun.use(openat2(runDevices, name, directory));
		mkdirat(this.#folder, "dev", 0o755);
		mkdirat(this.#folder, "api", 0o755);
		this.devices = begun.use(openat2(this.#folder, "dev", directory));
		makeNodes(this.devices);
		this.#write("meta", "");
		// grub2-mkconfig and others look for their root there.
		this.#write("cmdline", "root=/dev/osbuild\n");
		this.#api = new StageApi({
			folder: `/proc/self/fd/${this.#folder.fd}/api`,
			devices: runDevices,
			stageDevices: this.devices,
			run,
		});
		const owned = begun.move();
		this.#owned = new AsyncDisposableStack();
		this.#owned.defer(() => owned.dispose());
		this.#owned.use(this.#api);
	}

	/** Where all that is for a sandbox with this root. */
	plan(program: OsbuildProgram, root: string): OsbuildPlan {
		const at = (path: string): string => `/dev/${name}/${path}`;
		return {
			...program,
			devices: at("dev"),
			meta: at("meta"),
			cmdline: at("cmdline"),
			api: at("api"),
			package: missingPackage(program.libdir),
			hasLvm: existsSync(`${root}/etc/lvm`),
		};
	}

	/** Makes the node by which tools ask what a mapping is. What changes one is refused by the sandbox's filter. */
	addMapperControl(): void {
		for (const make of [
			() => mkdirat(this.devices, "mapper", 0o755),
			() => mknodat(this.devices, "mapper/control", "char", mapperControl, 0o600),
		]) {
			try {
				make();
			} catch (error) {
				if (!isSysError(error, "EEXIST")) throw error;
			}
		}
	}

	/** What the stage said of how it failed, if it did. To be asked when the stage is over. */
	takeException(): OsbuildException | undefined {
		return this.#api.takeException();
	}

	/**
	 * What the stage said of itself (`osbuild.api.metadata`); undefined where it said nothing.
	 *
	 * @throws Error it is no JSON, or more than a mebibyte.
	 */
	readMetadata(): unknown {
		const path = `/proc/self/fd/${this.#folder.fd}/meta`;
		const { size } = statSync(path);
		if (size > maxMetadataBytes)
			throw new RangeError(`${size} bytes, more than ${maxMetadataBytes}`);
		return size === 0 ? undefined : JSON.parse(readFileSync(path, "utf8"));
	}

	/** When nothing of the stage is left. Closes the devices that it asked for. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#owned.disposeAsync();
	}

	#write(file: string, content: string): void {
		const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
		using opened = openat2(this.#folder, file, { flags, mode: 0o644 });
		writeWhole(opened, content);
	}
}

/** The folder of modules that a libdir lacks where distributions have them among Python's; undefined where it lacks nothing. */
function missingPackage(libdir: string): string | undefined {
	if (!isEmptyFolder(`${libdir}/osbuild`)) return undefined;
	for (const root of ["/usr/local/lib", "/usr/lib"]) {
		const versions = namesIn(root).filter((each) => /^python3(\.\d+)?$/.test(each));
		for (const version of versions) {
			for (const kind of ["site-packages", "dist-packages"]) {
				const folder = `${root}/${version}/${kind}/osbuild`;
				if (existsSync(`${folder}/api.py`)) return folder;
			}
		}
	}
	return undefined;
}

function isEmptyFolder(path: string): boolean {
	try {
		return readdirSync(path).length === 0;
	} catch {
		return false; // not there, which is something else
	}
}

function namesIn(path: string): string[] {
	try {
		return readdirSync(path);
	} catch {
		return [];
	}
}

/** Those that osbuild gives. Source: `BuildRoot.__enter__`, osbuild/buildroot.py; Documentation/admin-guide/devices.txt in Linux. */
function makeNodes(devices: Fd): void {
	const minors = { full: 7, null: 3, random: 8, urandom: 9, zero: 5 };
	for (const [path, minor] of Object.entries(minors))
		mknodat(devices, path, "char", { major: 1, minor }, 0o666);
	mknodat(devices, "tty", "char", { major: 5, minor: 0 }, 0o666);
	if (existsSync("/dev/fuse")) mknodat(devices, "fuse", "char", { major: 10, minor: 229 }, 0o666);
	mkdirat(devices, "shm", 0o755);
}

/** Removes a directory with all that is in it. Nothing is mounted in it here: what a stage mounts ends with its namespace. */
function removeAll(directory: Fd, path: string): void {
	rmSync(`/proc/self/fd/${directory.fd}/${path}`, { recursive: true, force: true });
}

const name = ".osbuild";
const maxMetadataBytes = 1024 * 1024;
/** Source: Documentation/admin-guide/devices.txt in Linux. */
const mapperControl: DeviceNode["node"] = { major: 10, minor: 236 };
