import { readFileSync } from "node:fs";
import { binding } from "./binding.ts";
import { checked, SysError } from "./errno.ts";
import { Fd, type FdLike, fdNumber } from "./fd.ts";

// Source: linux/mount.h.
/** Nothing can be written through the mount. */
export const MOUNT_ATTR_RDONLY = 0x01;
/** Set-user-id and set-group-id bits and file capabilities mean nothing. */
export const MOUNT_ATTR_NOSUID = 0x02;
/** Device nodes cannot be opened. */
export const MOUNT_ATTR_NODEV = 0x04;
/** Programs cannot be executed. */
export const MOUNT_ATTR_NOEXEC = 0x08;
/** A symbolic link as the last part of the path is not followed. Source: sys/mount.h. */
export const UMOUNT_NOFOLLOW = 0x08;

/**
 * A file system that is mounted in no mount namespace: its root directory, gone with the descriptor. A tmpfs is a place for
 * device nodes that nothing else on the machine can see; a devtmpfs is the kernel's own, wherever else it is mounted.
 * Linux 5.2.
 *
 * @param type - As in /proc/filesystems: `tmpfs`.
 * @param options - Of the file system: `{ size: "1M", mode: "0700" }`, as in tmpfs(5).
 * @throws {@link SysError} `EPERM` without `CAP_SYS_ADMIN`; `ENODEV` the kernel has no such type.
 */
export function detachedMount(type: string, options: Readonly<Record<string, string>> = {}): Fd {
	const attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	const fd = binding.fsmount(type, Object.entries(options).flat(), attributes);
	return Fd.adopt(checked(fd, "fsmount"));
}

/** What {@link createMount} mounts. */
export interface CreateMountOptions {
	/** As in /proc/filesystems: `ext4`. */
	readonly type: string;
	/** Of the file system, in this order: `source` for its device, and what its manual says. True is an option without a value. */
	readonly options: Readonly<Record<string, string | true>>;
	/** A set of `MOUNT_ATTR_…`: of this mount, not of the file system. */
	readonly attributes: number;
}

/** A mount that the kernel refused to make. */
export class MountError extends SysError {
	/** The option that it was about; undefined where it was not one. */
	readonly option?: string;
	/**
	 * What the file system said, first a letter that says how bad it is: `e ext4: Unknown parameter 'x'`. Many types say
	 * nothing here, but in the kernel's log.
	 */
	readonly log: readonly string[];

	constructor(
		call: {
			readonly name: string;
			readonly errno: number;
			readonly option: string | undefined;
		},
		log: readonly string[],
	) {
		super(call.name, call.errno, call.option);
		if (call.option !== undefined) this.option = call.option;
		this.log = log;
	}
}

/**
 * As {@link detachedMount}, of any type and on a thread of the pool: a device is read for it, and a journal replayed.
 *
 * @returns Its root directory, as by `O_PATH`: for paths beneath it, and for {@link moveMount}.
 * @throws {@link MountError} with the syscall `fsopen` (`ENODEV`: the kernel has no such type), `fsconfig` with
 * {@link MountError.option}, or `fsmount` for the mount itself, with the errno of the file system.
 *
 * Source: fsopen(2), Linux 5.2.
 */
export async function createMount(mount: CreateMountOptions): Promise<Fd> {
	const { type, attributes } = mount;
	const names = Object.keys(mount.options);
	const options = Object.entries(mount.options).flatMap(([name, value]) => [
		name,
		value === true ? null : value,
	]);
	const out = new Int32Array(2);
	const log = new Uint8Array(maxLogBytes);
	const result = await binding.createMount(type, options, attributes, out, log);
	if (result >= 0) return Fd.adopt(result);
	const [at = 0, logBytes = 0] = out;
	const lines = new TextDecoder().decode(log.subarray(0, logBytes)).trimEnd();
	const name = at < 0 ? "fsopen" : at < options.length ? "fsconfig" : "fsmount";
	const call = { name, errno: -result, option: names[at / 2] };
	throw new MountError(call, lines === "" ? [] : lines.split("\n"));
}

/**
 * Mounts a detached mount, with what is beneath it, on a directory. Its descriptor stays one of it; closing that no longer
 * unmounts it.
 *
 * @param mount - Of {@link createMount} or {@link cloneMount}.
 * @param directory - In a mount namespace that this process is in; `O_PATH` will do.
 * @throws {@link SysError} `EINVAL` the directory is in another mount namespace; `ENOTDIR` it is none; `ENOENT` it was removed.
 *
 * Source: move_mount(2), Linux 5.2.
 */
export function moveMount(mount: FdLike, directory: FdLike): void {
	checked(binding.moveMount(fdNumber(mount), fdNumber(directory)), "move_mount");
}

/**
 * A detached mount of a directory or file that is mounted already: what a bind mount is before it stands somewhere.
 *
 * @param directory - In a mount namespace that this process is in; `O_PATH` will do.
 * @param options - `recursive`: with what is mounted beneath.
 * @throws {@link SysError} `EINVAL` it is in another mount namespace; `EPERM` without `CAP_SYS_ADMIN`.
 *
 * Source: open_tree(2), Linux 5.2.
 */
export function cloneMount(
	directory: FdLike,
	{ recursive = false }: { readonly recursive?: boolean } = {},
): Fd {
	const flags = OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0);
	return Fd.adopt(checked(binding.openTree(fdNumber(directory), flags), "open_tree"));
}

/**
 * Changes attributes of a mount; those of the file system, which other mounts of it share, stay.
 *
 * @param mount - Its root.
 * @param change - Sets of `MOUNT_ATTR_…`; `propagation`: where mounts beneath it go and come from, such as {@link MS_PRIVATE};
 * `recursive`: those mounted beneath, too.
 * @throws {@link SysError} `ENOSYS` before Linux 5.12; `EINVAL` not the root of a mount; `EBUSY` it is being written.
 *
 * Source: mount_setattr(2).
 */
export function setMountAttributes(
	mount: FdLike,
	change: {
		readonly set?: number;
		readonly clear?: number;
		readonly propagation?: number;
		readonly recursive?: boolean;
	},
): void {
	const { set = 0, clear = 0, propagation = 0, recursive = false } = change;
	const flags = recursive ? AT_RECURSIVE : 0;
	const result = binding.mountSetattr(fdNumber(mount), flags, set, clear, propagation);
	checked(result, "mount_setattr");
}

/**
 * Unmounts what is mounted last at a path, on a thread of the pool: what the file system still holds is written back if
 * this was its last mount.
 *
 * @param flags - Of umount2(2): {@link UMOUNT_NOFOLLOW}.
 * @throws {@link SysError} `EBUSY` something in it is in use in this mount namespace, or mounted beneath; `EINVAL` no mount point;
 * `ENOENT`.
 */
export async function unmount(path: string, flags: number = UMOUNT_NOFOLLOW): Promise<void> {
	checked(await binding.unmount(path, flags), "umount2", path);
}

/**
 * The number of the mount that a descriptor is of, as mountinfo has it. It is nobody else's as long as the mount is there,
 * in no mount namespace; then it is given away again.
 *
 * @param procfs - Where proc(5) is mounted.
 * @throws Error as `readFileSync`, where there is no procfs.
 */
export function mountId(fd: FdLike, procfs: string = "/proc"): number {
	const text = readFileSync(`${procfs}/self/fdinfo/${fdNumber(fd)}`, "utf8");
	return Number(/^mnt_id:\s*(\d+)$/m.exec(text)?.[1] ?? Number.NaN);
}

/** A line of mountinfo. */
export interface MountInfo {
	/** As by {@link mountId}. */
	readonly id: number;
	/** Of the mount that it is in. */
	readonly parentId: number;
	/** `7:3`; of btrfs and others a number of their own, which is not that of their device. */
	readonly device: string;
	/** The mount point, as processes of that mount namespace see it. */
	readonly target: string;
	/** `ext4` */
	readonly type: string;
	/** What was mounted, as it was called by whoever mounted it. */
	readonly source: string;
}

/** Reads the text of `/proc/PID/mountinfo`. Source: proc(5). */
export function parseMountInfo(text: string): MountInfo[] {
	const lines = text.split("\n").filter(Boolean);
	return lines.map((line) => {
		// 36 35 98:0 /root /target options [optional fields] - type source options
		const [left = "", right = ""] = line.split(" - ");
		const [id, parentId, device = "", , target = ""] = left.split(" ");
		const [type = "", source = ""] = right.split(" ");
		return {
			id: Number(id),
			parentId: Number(parentId),
			device,
			target: unescapeOctal(target),
			type,
			source: unescapeOctal(source),
		};
	});
}

/** Reads a path of mountinfo or swaps, where spaces and the like stand as octal escapes: `\040`. Source: proc(5). */
export function unescapeOctal(text: string): string {
	if (!text.includes("\\")) return text;
	// Only space, tab, line feed and the backslash are escaped: never a part of a character.
	return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
		String.fromCharCode(Number.parseInt(octal, 8)),
	);
}

/** Much more than any type says. */
const maxLogBytes = 8192;

// Source: linux/mount.h, linux/fcntl.h.
const OPEN_TREE_CLONE = 1;
const AT_RECURSIVE = 0x8000;
