import { binding } from "./binding.ts";
import { checked } from "./errno.ts";
import { Fd, type FdLike, fdNumber } from "./fd.ts";

/** What a block or character device is to the kernel. */
export interface DeviceNumber {
	readonly major: number;
	readonly minor: number;
}

/** Instead of a directory: paths are relative to the working directory. */
export const AT_FDCWD = -100;

// Source: linux/openat2.h.
/** Resolution does not cross a mount point. */
export const RESOLVE_NO_XDEV = 0x01;
/** Links of /proc are not followed. */
export const RESOLVE_NO_MAGICLINKS = 0x02;
/** No symbolic link is followed. */
export const RESOLVE_NO_SYMLINKS = 0x04;
/** Leaving the directory is an error: `EXDEV`. */
export const RESOLVE_BENEATH = 0x08;
/** The directory is the root: `..` and absolute links stay within it. */
export const RESOLVE_IN_ROOT = 0x10;

/**
 * Opens a path beneath a directory; close-on-exec.
 *
 * @throws {@link SysError} `EXDEV` or `ELOOP` when `resolve` forbids the path; otherwise as open(2).
 *
 * Source: openat2(2), Linux 5.6.
 */
export function openat2(
	dir: FdLike,
	path: string,
	how: { readonly flags: number; readonly mode?: number; readonly resolve?: number },
): Fd {
	const result = binding.openat2(fdNumber(dir), path, how.flags, how.mode ?? 0, how.resolve ?? 0);
	return Fd.adopt(checked(result, "openat2", path));
}

/**
 * Makes a device node. What `mode` gives to groups and others holds exactly, whatever the umask.
 *
 * @throws {@link SysError} `EPERM` without `CAP_MKNOD`; `EEXIST` when the name is taken.
 */
export function mknodat(
	dir: FdLike,
	path: string,
	kind: "block" | "char",
	number: DeviceNumber,
	mode: number,
): void {
	const full = (kind === "block" ? S_IFBLK : S_IFCHR) | (mode & 0o7777);
	checked(
		binding.mknodat(fdNumber(dir), path, full, number.major, number.minor),
		"mknodat",
		path,
	);
}

/** Makes a directory; the umask counts. */
export function mkdirat(dir: FdLike, path: string, mode: number): void {
	checked(binding.mkdirat(fdNumber(dir), path, mode), "mkdirat", path);
}

/** Removes a name, of a directory with `{ directory: true }`. */
export function unlinkat(
	dir: FdLike,
	path: string,
	options: { readonly directory?: boolean } = {},
): void {
	checked(
		binding.unlinkat(fdNumber(dir), path, options.directory ? AT_REMOVEDIR : 0),
		"unlinkat",
		path,
	);
}

/**
 * Takes or drops a BSD lock, which belongs to the open file and goes with its last descriptor. Never waits.
 *
 * @returns False when somebody else has it.
 */
export function flock(fd: FdLike, mode: "exclusive" | "shared" | "unlock"): boolean {
	const result = binding.flock(fdNumber(fd), flockModes[mode] | LOCK_NB);
	if (result === -EWOULDBLOCK) return false;
	checked(result, "flock");
	return true;
}

/** A part of a file to be locked. */
export interface FileRangeLock {
	/** `exclusive` takes a descriptor that can be written, `shared` one that can be read. */
	readonly mode: "exclusive" | "shared" | "unlock";
	readonly startBytes: number;
	/** 0: to the end of the file, wherever that will be. */
	readonly sizeBytes: number;
}

/**
 * Takes or drops a lock on a part of a file. It belongs to the open file, also where the kernel keeps that open, as a loop device
 * does, and goes with its last descriptor. Never waits.
 *
 * Shape: `struct flock` of 64-bit machines, 32 bytes: `i16 type | i16 whence | i64 start | i64 length | i32 pid`, which is 0.
 *
 * @returns False when somebody else has a lock on some of it that goes against this one.
 * @throws {@link SysError} `EBADF` the descriptor is not open for that; `ENOLCK`, `EINVAL`: this file system has no such locks.
 *
 * Source: fcntl(2), "Open file description locks".
 */
export function lockFileRange(fd: FdLike, { mode, startBytes, sizeBytes }: FileRangeLock): boolean {
	lockType[0] = rangeLockModes[mode];
	lockRange[1] = BigInt(startBytes);
	lockRange[2] = BigInt(sizeBytes);
	const result = binding.fcntl(fdNumber(fd), F_OFD_SETLK, lockBytes);
	if (result === -EWOULDBLOCK || result === -EACCES) return false;
	checked(result, "fcntl");
	return true;
}

/**
 * Writes a file's data to its disk, on a thread of the pool.
 *
 * @throws {@link SysError} `EIO`, `ENOSPC`, `EDQUOT`: data is lost.
 */
export async function fsync(fd: FdLike): Promise<void> {
	checked(await binding.blocking(BLOCKING_FSYNC, fdNumber(fd), 0, undefined, undefined), "fsync");
}

/**
 * Writes back all of the file system that a descriptor is of, on a thread of the pool.
 *
 * @throws {@link SysError} `EIO`, `ENOSPC`, `EDQUOT`: something that was written since the descriptor was opened is lost.
 * Linux 5.8; before, no error is told. `EBADF` it was opened by `O_PATH`.
 */
export async function syncfs(fd: FdLike): Promise<void> {
	const result = binding.blocking(BLOCKING_SYNCFS, fdNumber(fd), 0, undefined, undefined);
	checked(await result, "syncfs");
}

/** What stands behind a descriptor. */
export interface FileStatus {
	readonly type: "file" | "directory" | "block" | "char" | "fifo" | "socket" | "symlink";
	/** Bytes, of a regular file. A block device says 0: ask `blockSizeBytes`. */
	readonly sizeBytes: number;
	/** The file system that it is on (`st_dev`). */
	readonly device: DeviceNumber;
	readonly inode: bigint;
	/** The device that it is a node of (`st_rdev`). */
	readonly node?: DeviceNumber;
	/** Permission bits. */
	readonly mode: number;
	/** Numeric owner. */
	readonly uid: number;
}

/** Asks what stands behind a descriptor. */
export function statFd(fd: FdLike): FileStatus {
	checked(binding.fstat(fdNumber(fd), statOut), "fstat");
	const out = statOut as unknown as StatNumbers;
	const mode = out[0];
	const type = fileTypes[mode & S_IFMT] ?? "file";
	const device = { major: out[2], minor: out[3] };
	const inode = (BigInt(out[9]) << 32n) | BigInt(out[6]);
	const common = { type, sizeBytes: out[1], device, inode, mode: mode & 0o7777, uid: out[8] };
	if (type !== "block" && type !== "char") return common;
	return { ...common, node: { major: out[4], minor: out[5] } };
}

/**
 * An anonymous file in memory, close-on-exec.
 *
 * @param name - Only for people: it appears in /proc/PID/fd.
 * @param options - With `sealable`, {@link addSeals} works.
 */
export function memfd(name: string, options: { readonly sealable?: boolean } = {}): Fd {
	const flags = MFD_CLOEXEC | (options.sealable ? MFD_ALLOW_SEALING : 0);
	return Fd.adopt(checked(binding.memfdCreate(name, flags), "memfd_create"));
}

// Source: linux/fcntl.h.
/** No further seals. */
export const F_SEAL_SEAL = 0x01;
/** The file does not get smaller. */
export const F_SEAL_SHRINK = 0x02;
/** The file does not grow. */
export const F_SEAL_GROW = 0x04;
/** The content does not change. */
export const F_SEAL_WRITE = 0x08;

/**
 * Seals a memfd, for good.
 *
 * @throws {@link SysError} `EBUSY` a writable mapping exists; `EPERM` it is not sealable.
 */
export function addSeals(fd: FdLike, seals: number): void {
	checked(binding.fcntl(fdNumber(fd), F_ADD_SEALS, seals), "fcntl");
}

/** The seals that a memfd has. */
export function getSeals(fd: FdLike): number {
	return checked(binding.fcntl(fdNumber(fd), F_GET_SEALS, 0), "fcntl");
}

const statOut = new Float64Array(10);
/** What is read of it: the compiler does not know that a `Float64Array` has that many. */
type StatNumbers = Readonly<Record<0 | 1 | 2 | 3 | 4 | 5 | 6 | 8 | 9, number>>;
// A `struct flock`, as long as the call takes: they follow one another.
const lockRange = new BigInt64Array(4);
const lockType = new Int16Array(lockRange.buffer, 0, 1);
const lockBytes = new Uint8Array(lockRange.buffer);

// Source: sys/stat.h, sys/file.h, fcntl.h, linux/memfd.h, native/blocking.c.
const S_IFMT = 0o170000;
const S_IFBLK = 0o060000;
const S_IFCHR = 0o020000;
const fileTypes: Record<number, FileStatus["type"]> = {
	0o100000: "file",
	0o040000: "directory",
	[S_IFBLK]: "block",
	[S_IFCHR]: "char",
	0o010000: "fifo",
	0o140000: "socket",
	0o120000: "symlink",
};
const flockModes = { shared: 1, exclusive: 2, unlock: 8 } as const;
/** F_RDLCK, F_WRLCK, F_UNLCK */
const rangeLockModes = { shared: 0, exclusive: 1, unlock: 2 } as const;
const F_OFD_SETLK = 37;
const EACCES = 13;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;
const AT_REMOVEDIR = 0x200;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;
const BLOCKING_FSYNC = 1;
const BLOCKING_SYNCFS = 4;
