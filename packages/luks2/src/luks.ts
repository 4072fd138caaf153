import type { Holder } from "@devhost/core";
import type { MappingSys } from "@devhost/core/mapping";
import type { DeviceNumber, FdLike } from "@devhost/linux";
import type { ReadAt } from "./read-header.ts";

/** A descriptor that is open until it is disposed. `Fd` of `@devhost/linux` is one. */
export interface Handle extends Disposable {
	/** The number, lent. */
	readonly fd: number;
}

/** What stands behind a descriptor. */
export interface FileFacts {
	readonly type: "file" | "directory" | "block" | "char" | "fifo" | "socket" | "symlink";
	/** Bytes of a regular file. */
	readonly sizeBytes: number;
	/** What it is a node of. */
	readonly node?: DeviceNumber;
}

/** The machine, as far as the driver needs it beside device-mapper. Tests pass one that fails. */
export interface LuksSys {
	readonly mappings: MappingSys;
	/** Opens a node of the device directory for reading. */
	openNode(devices: FdLike, path: string): Handle;
	/** Looks a path up beneath the tree, which it does not leave, without opening what is there. */
	findFile(tree: FdLike, path: string): Handle;
	/** Opens for reading what {@link findFile} has found. */
	openFile(found: Handle): Handle;
	statFile(file: Handle): FileFacts;
	blockSizeBytes(device: Handle): number;
	/** Whether the device refuses to be written. */
	isReadOnly(device: Handle): boolean;
	readerOf(file: Handle): ReadAt;
	/** Whom a device is used by. */
	holders(node: DeviceNumber): Promise<readonly Holder[]>;
	/**
	 * The path of cryptsetup.
	 *
	 * @throws {@link DeviceError} `ERR_DEVICE_TOOL` there is none.
	 */
	findCryptsetup(subject: string): string;
	/** What `cryptsetup --version` says, such as `2.6.1`; undefined: nothing that looks like a version. */
	cryptsetupVersion(file: string): Promise<string | undefined>;
	/** Memory that programs can have now; undefined: nobody knows. */
	availableBytes(): number | undefined;
	/** Bytes of a secret up to its first line end, where something follows that. */
	bytesToInnerLineEnd(secret: FdLike): number | undefined;
}
