import type { DeviceNumber } from "@devhost/linux";
import type { Holder } from "./holder.ts";

/** Where {@link findHolders} looks. */
export interface FindHoldersOptions {
	/** @default "/proc" */
	readonly procfs?: string;
	/** @default "/sys" */
	readonly sysfs?: string;
}

/**
 * Who uses a block device or one of its partitions: processes that have it open, mounts in any process's namespace,
 * swap, and devices on top of it.
 *
 * A look at a moving system: who came or went meanwhile may be missing or too much. It sees what this process may see,
 * so without root only its own user's processes; and no mount of a namespace that no process is in.
 *
 * Never throws for what it cannot read.
 *
 * Source: proc(5) for `fd`, `mountinfo`, `ns/mnt` and `swaps`; Documentation/ABI/stable/sysfs-block for `holders`;
 * drivers/block/loop.c for `loop/backing_file`.
 */
export async function findHolders(
	node: DeviceNumber,
	options: FindHoldersOptions = {},
): Promise<Holder[]> {
	const [holders = []] = await findHoldersOfEach([node], options);
	return holders;
}

/**
 * As {@link findHolders} for several devices, with one look at every process.
 *
 * @returns Those of each device, in the order of the devices.
 */
export async function findHoldersOfEach(
	nodes: readonly DeviceNumber[],
	options: FindHoldersOptions = {},
): Promise<Holder[][]> {
	const { scanHolders } = await import("./scan-holders.ts");
	return scanHolders(nodes, options);
}

/** A file system that somebody uses. */
export interface FileSystemIdentity {
	/**
	 * Its numbers: what stat(2) says of files on it, and what mountinfo says of its mounts. They are the same but for btrfs,
	 * where each subvolume has one of its own.
	 */
	readonly devices: readonly DeviceNumber[];
	/** Mounts of it that count for nothing, as mountinfo numbers them: the caller's own. @default none */
	readonly exceptMounts?: ReadonlySet<number>;
}

/**
 * Who uses a file system: processes that have something on it open, work in it, have their root, their program or mapped
 * memory there, its mounts in any process's namespace, mounts beneath those, swap files and loop devices on its files.
 *
 * As {@link findHolders}, a look at a moving system that never throws for what it cannot read. Loop devices and swap files are
 * recognised where this process sees their files.
 *
 * Source: proc(5) for `fd`, `fdinfo`, `maps` and `mountinfo`.
 */
export async function findFileSystemHolders(
	fileSystem: FileSystemIdentity,
	options: FindHoldersOptions = {},
): Promise<Holder[]> {
	const { scanFileSystem } = await import("./scan-file-system.ts");
	return scanFileSystem(fileSystem, options);
}
