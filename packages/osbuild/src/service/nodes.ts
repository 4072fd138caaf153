import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import {
	AT_FDCWD,
	type DeviceNumber,
	type Fd,
	isSysError,
	mkdirat,
	mknodat,
	openat2,
	RESOLVE_BENEATH,
	RESOLVE_NO_MAGICLINKS,
	RESOLVE_NO_SYMLINKS,
	statFd,
	unlinkat,
} from "@devhost/linux";

/** Opens a directory as a place for paths. */
export function openDirectory(path: string): Fd {
	return openat2(AT_FDCWD, path, { flags: directoryPath });
}

/** Nodes that were made in a directory of devices. Disposing removes them, and the directories that were made for them. */
export class Nodes implements Disposable {
	readonly #directory: Fd;
	readonly #made: Made[] = [];

	/** @param directory - Taken. */
	constructor(directory: Fd) {
		this.#directory = directory;
	}

	/**
	 * Finds a device's node in the directory; undefined where there is none.
	 *
	 * @throws SysError where the path leads out of the directory.
	 */
	find(path: string): DeviceNumber | undefined {
		try {
			using found = openat2(this.#directory, path, { flags: O_PATH, resolve: beneath });
			const { type, node } = statFd(found);
			return type === "block" ? node : undefined;
		} catch (error) {
			if (isSysError(error, "ENOENT") || isSysError(error, "ENOTDIR")) return undefined;
			throw error;
		}
	}

	/** Makes a node, with the directories that it is in. One that is there and another device's is replaced. */
	make(path: string, number: DeviceNumber): void {
		const folder = dirname(path);
		const name = path.slice(folder === "." ? 0 : folder.length + 1);
		if (folder !== ".") this.#makeDirectory(folder);
		const parent = openat2(this.#directory, folder, { flags: directoryPath, resolve: beneath });
		try {
			mknodat(parent, name, "block", number, 0o600);
		} catch (error) {
			using failed = parent;
			if (!isSysError(error, "EEXIST")) throw error;
			if (isSame(this.find(path), number)) return;
			unlinkat(failed, name);
			mknodat(failed, name, "block", number, 0o600);
			this.#made.push({ parent: failed.dup(), name, number });
			return;
		}
		this.#made.push({ parent, name, number });
	}

	/** Makes the node of a device of this machine, unless it is there. Returns its number; undefined: nobody knows of it. */
	bring(path: string): DeviceNumber | undefined {
		const there = this.find(path);
		if (there !== undefined) return there;
		const number = numberOfMachine(path);
		if (number !== undefined) this.make(path, number);
		return number;
	}

	[Symbol.dispose](): void {
		for (const { parent, name, number } of this.#made.splice(0).toReversed()) {
			using directory = parent;
			try {
				if (number === undefined) unlinkat(directory, name, { directory: true });
				else if (isSame(numberAt(directory, name), number)) unlinkat(directory, name);
			} catch {
				// Somebody else has something in it, or has removed it.
			}
		}
		this.#directory.close();
	}

	#makeDirectory(path: string): void {
		const folder = dirname(path);
		if (folder !== ".") this.#makeDirectory(folder);
		const name = path.slice(folder === "." ? 0 : folder.length + 1);
		const parent = openat2(this.#directory, folder, { flags: directoryPath, resolve: beneath });
		try {
			mkdirat(parent, name, 0o755);
		} catch (error) {
			parent.close();
			if (!isSysError(error, "EEXIST")) throw error;
			return;
		}
		this.#made.push({ parent, name, number: undefined });
	}
}

interface Made {
	/** The directory that it is in; ours. */
	readonly parent: Fd;
	readonly name: string;
	/** Undefined for a directory. */
	readonly number: DeviceNumber | undefined;
}

/**
 * The number of a device of this machine, by its path beneath `/dev`: of its node, or, where `/dev` is nobody's who follows the
 * kernel (in a container), as the kernel says.
 */
export function numberOfMachine(path: string): DeviceNumber | undefined {
	const status = statSync(join("/dev", path), { throwIfNoEntry: false });
	if (status?.isBlockDevice()) {
		using node = openat2(AT_FDCWD, join("/dev", path), { flags: O_PATH });
		return statFd(node).node;
	}
	if (path.includes("/") || path === "." || path === "..") return undefined;
	try {
		const [major, minor] = readFileSync(`/sys/class/block/${path}/dev`, "latin1").split(":");
		return { major: Number(major), minor: Number(minor) };
	} catch {
		return undefined;
	}
}

function numberAt(directory: Fd, name: string): DeviceNumber | undefined {
	using found = openat2(directory, name, { flags: O_PATH, resolve: beneath });
	return statFd(found).node;
}

function isSame(one: DeviceNumber | undefined, other: DeviceNumber): boolean {
	return one?.major === other.major && one.minor === other.minor;
}

// Source: asm-generic/fcntl.h.
const O_PATH = 0o10000000;
const O_DIRECTORY = 0o200000;
const directoryPath = O_PATH | O_DIRECTORY;
const beneath = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
