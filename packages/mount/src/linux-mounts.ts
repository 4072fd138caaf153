import { constants, fchmodSync, readFileSync, readlinkSync, readSync, statSync } from "node:fs";
import { delay, findFileSystemHolders, findHolders, nowMs } from "@devhost/core";
import {
	AT_FDCWD,
	blockReadOnly,
	cloneMount,
	createMount,
	type Fd,
	isSysError,
	KernelLog,
	mkdirat,
	mountId,
	moveMount,
	MS_PRIVATE,
	openat2,
	parseMountInfo,
	RESOLVE_BENEATH,
	RESOLVE_IN_ROOT,
	RESOLVE_NO_MAGICLINKS,
	RESOLVE_NO_SYMLINKS,
	setMountAttributes,
	statFd,
	syncfs,
	SysError,
	unlinkat,
	unmount,
} from "@devhost/linux";
import type { KernelMessages, Lent, MountSys, SourceDevice } from "./mount-sys.ts";

/** This machine's kernel, in this process's mount namespace. */
export const linuxMounts: MountSys = {
	nowMs,
	delay,
	openDirectory: (path) => openat2(AT_FDCWD, path, { flags: directoryPath }),
	openEntry,
	openBeneath(directory, path) {
		const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
		return openat2(numberOf(directory), path === "" ? "." : path, {
			flags: directoryPath,
			resolve,
		});
	},
	openHere,
	makeDirectory(directory, name) {
		const parent = numberOf(directory);
		mkdirat(parent, name, 0o755);
		try {
			// Whatever the umask.
			using made = openat2(parent, name, { flags: constants.O_DIRECTORY, resolve: ownEntry });
			fchmodSync(made.fd, 0o755);
		} catch (error) {
			unlinkat(parent, name, { directory: true });
			throw error;
		}
	},
	removeDirectory: (directory, name) => unlinkat(numberOf(directory), name, { directory: true }),
	openSource,
	readSource({ handle }, positionBytes, lengthBytes) {
		const into = new Uint8Array(lengthBytes);
		return into.subarray(0, readSync(handle.fd, into, 0, lengthBytes, positionBytes));
	},
	isClaimed,
	create: (mount) => createMount(mount),
	clone(directory, recursive) {
		const mount = cloneMount(numberOf(directory), { recursive });
		try {
			// Where mounts are shared, as they are on a machine with systemd, what is unmounted in the copy would be unmounted in
			// what it is of, too: mount_namespaces(7).
			setMountAttributes(mount, { propagation: MS_PRIVATE, recursive: true });
			return mount;
		} catch (error) {
			mount.close();
			throw error;
		}
	},
	setAttributes: (mount, set) => setMountAttributes(numberOf(mount), { set, recursive: true }),
	move: (mount, directory) => moveMount(numberOf(mount), numberOf(directory)),
	openRoot: (mount) => openat2(numberOf(mount), ".", { flags: constants.O_DIRECTORY }),
	mountIdOf: (fd) => mountId(numberOf(fd)),
	mountIdAt(path) {
		try {
			using directory = openat2(AT_FDCWD, path, { flags: O_PATH | constants.O_NOFOLLOW });
			return mountId(directory);
		} catch (error) {
			if (isSysError(error)) return undefined;
			throw error;
		}
	},
	fileSystemOf: (fd) => statFd(numberOf(fd)).device,
	mounts: () => parseMountInfo(readFileSync("/proc/self/mountinfo", "utf8")),
	sync: (root) => syncfs(root.fd),
	unmount: (path) => unmount(path),
	fileSystemHolders: (fileSystem) => findFileSystemHolders(fileSystem),
	holders: (node) => findHolders(node),
	followKernelLog() {
		try {
			return KernelLog.open();
		} catch (error) {
			if (isSysError(error)) return silence;
			throw error;
		}
	},
	async probe(source, subject, signal) {
		const { probe } = await import("./probe.ts");
		return probe(source.path, subject, signal);
	},
};

function numberOf(fd: Lent): number {
	return typeof fd === "number" ? fd : fd.fd;
}

function openEntry(directory: Lent, name: string): Fd {
	return openat2(numberOf(directory), name, {
		flags: directoryPath,
		resolve: ownEntry,
	});
}

/** What a bind mount is made of has to be in this process's mount namespace; the tree comes from the host's. */
function openHere(directory: Lent): Fd {
	const path = readlinkSync(`/proc/self/fd/${numberOf(directory)}`);
	const here = openat2(AT_FDCWD, path, { flags: directoryPath });
	const [found, sought] = [statFd(here), statFd(numberOf(directory))];
	if (
		found.inode === sought.inode &&
		found.device.major === sought.device.major &&
		found.device.minor === sought.device.minor
	) {
		return here;
	}
	here.close();
	throw new SysError("openat2", ESTALE, path);
}

function openSource(devices: Lent | undefined, path: string): SourceDevice {
	const resolve = devices === undefined ? 0 : RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
	const handle = openat2(numberOf(devices ?? AT_FDCWD), path, {
		flags: constants.O_NONBLOCK,
		resolve,
	});
	try {
		const { type, node } = statFd(handle);
		if (type !== "block" || node === undefined) throw new SysError("openat2", ENOTBLK, path);
		const readOnly = blockReadOnly(handle);
		return { handle, path: pathOf(devices, path, handle), node, readOnly };
	} catch (error) {
		handle.close();
		throw error;
	}
}

/** The path that mountinfo is to show, which is one of stages as well (osbuild#1492), where it is the same device. */
function pathOf(devices: Lent | undefined, path: string, handle: Fd): string {
	if (devices === undefined) return path;
	const directory = `/proc/self/fd/${numberOf(devices)}`;
	for (const parent of ["/dev", readlinkSync(directory)]) {
		const seen = `${parent}/${path}`;
		try {
			if (statSync(seen).rdev === statSync(`/proc/self/fd/${handle.fd}`).rdev) return seen;
		} catch {
			// It is not there.
		}
	}
	return `${directory}/${path}`;
}

function isClaimed({ handle }: SourceDevice): boolean {
	try {
		const flags = constants.O_EXCL | constants.O_NONBLOCK;
		openat2(AT_FDCWD, `/proc/self/fd/${handle.fd}`, { flags }).close();
		return false;
	} catch (error) {
		if (isSysError(error, "EBUSY")) return true;
		throw error;
	}
}

const silence: KernelMessages = { read: () => [], [Symbol.dispose]() {} };

// Source: linux/fcntl.h, asm-generic/errno.h.
const O_PATH = 0o10000000;
const directoryPath = O_PATH | constants.O_DIRECTORY;
const ownEntry = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
const ENOTBLK = 15;
const ESTALE = 116;
