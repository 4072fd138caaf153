import type { FileSystemIdentity, Handle, Holder, WaitClock } from "@devhost/core";
import type { CreateMountOptions, DeviceNumber, MountInfo } from "@devhost/linux";

/** A descriptor, lent: its number, or who owns it. */
export type Lent = number | { readonly fd: number };

/** An open block device. */
export interface SourceDevice {
	/** For reading; keeps the device. */
	readonly handle: Handle;
	/** By which the kernel, and people, find it: `/dev/loop3`. */
	readonly path: string;
	readonly node: DeviceNumber;
	/** Nothing can be written to it. */
	readonly readOnly: boolean;
}

/**
 * The kernel, as far as mounts need it. Descriptors are for paths only (`O_PATH`) where nothing else is said.
 *
 * Every call throws `SysError`s.
 */
export interface MountSys extends WaitClock {
	/** A directory by its path, in this process's mount namespace. */
	openDirectory(path: string): Handle;
	/** A directory's entry, which is a directory; links are not followed. `ENOENT`, `ENOTDIR`, `ELOOP`. */
	openEntry(directory: Lent, name: string): Handle;
	/** A directory beneath another one, which is the root of the path: links and `..` do not leave it. */
	openBeneath(directory: Lent, path: string): Handle;
	/** A path of the directory in this process's mount namespace, which may be another than the descriptor's. */
	openHere(directory: Lent): Handle;
	/** Makes a directory of mode 0755. */
	makeDirectory(directory: Lent, name: string): void;
	/** Removes an empty directory. */
	removeDirectory(directory: Lent, name: string): void;
	/**
	 * Opens a block device's node.
	 *
	 * @param devices - The directory that it is in; undefined: `path` is this process's own.
	 */
	openSource(devices: Lent | undefined, path: string): SourceDevice;
	/** Reads from a device: fewer bytes where it ends. */
	readSource(source: SourceDevice, positionBytes: number, lengthBytes: number): Uint8Array;
	/** Whether a file system, swap or another device stands on it: `O_EXCL`. */
	isClaimed(source: SourceDevice): boolean;
	/** See `createMount` of `@devhost/linux`. */
	create(mount: CreateMountOptions): Promise<Handle>;
	/** A detached bind mount of a directory. */
	clone(directory: Lent, recursive: boolean): Handle;
	/** Adds attributes to a mount, and to those that came with it. */
	setAttributes(mount: Lent, attributes: number): void;
	/** Mounts a detached mount on a directory. */
	move(mount: Lent, directory: Lent): void;
	/** The root directory of a mount, open for reading: a descriptor that tells of lost writes. */
	openRoot(mount: Lent): Handle;
	/** See `mountId` of `@devhost/linux`. */
	mountIdOf(fd: Lent): number;
	/** The number of the mount that is on top at a path; undefined where there is nothing. */
	mountIdAt(path: string): number | undefined;
	/** The file system that a descriptor is of. */
	fileSystemOf(fd: Lent): DeviceNumber;
	/** Everything that is mounted in this process's mount namespace. */
	mounts(): readonly MountInfo[];
	/** Writes back a file system; needs a descriptor of {@link openRoot}. */
	sync(root: Handle): Promise<void>;
	/** Unmounts what is on top at a path. */
	unmount(path: string): Promise<void>;
	/** Who uses a file system. */
	fileSystemHolders(fileSystem: FileSystemIdentity): Promise<readonly Holder[]>;
	/** Who uses a block device. */
	holders(node: DeviceNumber): Promise<readonly Holder[]>;
	/** What the kernel says from now on; nothing where that may not be read. */
	followKernelLog(): KernelMessages;
	/**
	 * What stands on a device, by `blkid -p`.
	 *
	 * @throws {@link DeviceError} `ERR_DEVICE_TOOL` there is no blkid.
	 */
	probe(source: SourceDevice, subject: string, signal: AbortSignal | undefined): Promise<Probed>;
}

/** What the kernel says, from some moment on. */
export interface KernelMessages extends Disposable {
	/** Since the last time, oldest first. */
	read(): readonly string[];
}

/** What stands on a device. */
export type Probed =
	/** `tags`: as `blkid -o export` has them, such as TYPE and UUID. */
	| { readonly kind: "found"; readonly tags: ReadonlyMap<string, string> }
	| { readonly kind: "nothing" }
	/** More than one thing: their names. */
	| { readonly kind: "ambivalent"; readonly types: readonly string[] };
