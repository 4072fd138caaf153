import type { Handle, Holder } from "@devhost/core";
import type { PartitionSource, PartitionSys } from "@devhost/core/partition";
import type { DeviceNumber, FdLike } from "@devhost/linux";
import type { ByteRange } from "./byte-range.ts";
import type { Claims } from "./claim-range.ts";

export type { Handle } from "@devhost/core";

/** What stands behind the path of a backing file. */
export interface FileFacts {
	readonly type: "file" | "directory" | "block" | "char" | "fifo" | "socket" | "symlink";
	/** Bytes of a regular file. */
	readonly sizeBytes: number;
	/** The file system that it is on (`st_dev`). */
	readonly device: DeviceNumber;
	readonly inode: bigint;
	/** Permission bits. */
	readonly mode: number;
}

/** How a loop device is to be bound: everything that one `LOOP_CONFIGURE` sets. */
export interface LoopConfig {
	/** Bytes from the file's beginning. */
	readonly offsetBytes: number;
	/** Bytes of the device. */
	readonly sizeBytes: number;
	/** Bytes of a logical sector. */
	readonly sectorBytes: number;
	readonly readOnly: boolean;
	readonly directIo: boolean;
	/** At most 63 bytes of UTF-8: whose the device is. See {@link loopTag}. */
	readonly tag: string;
}

/** What the kernel says of a bound loop device. */
export interface LoopFacts extends LoopConfig {
	/** `st_dev` of the backing file. */
	readonly device: DeviceNumber;
	readonly inode: bigint;
	/** Another number for every binding; undefined before Linux 5.15. */
	readonly diskSequence: bigint | undefined;
}

/** What of a bound loop device can be changed by whoever may write to it. */
export interface LoopState {
	/** `st_dev` of the backing file. */
	readonly device: DeviceNumber;
	readonly inode: bigint;
	/** Bytes from the file's beginning. */
	readonly offsetBytes: number;
	/** The most bytes that the device can have; 0: what the file has. */
	readonly limitBytes: number;
	readonly readOnly: boolean;
	/** Whether the kernel unbinds it with its last descriptor. */
	readonly goesWithLastClose: boolean;
	readonly tag: string;
}

/** A loop device's node, opened. */
export interface OpenedNode {
	/** The loop device, for reading and writing. */
	readonly loop: Handle;
	/** Where it can be opened again; undefined where there is a device directory, in which it has no name yet. */
	readonly path: string | undefined;
}

/** What {@link LoopSys.unbind} came to. */
export interface Unbinding {
	/** The device was seen to be unbound; otherwise it may be, or not. */
	readonly isGone: boolean;
	/** Bringing what was written to the file. */
	readonly flush?: unknown;
	/** Bringing the file to its disk. */
	readonly sync?: unknown;
	/** Closing. The descriptors are closed all the same. */
	readonly close?: unknown;
}

/** A held BSD lock of a loop device. Disposed after the device is closed, it keeps others off until then. */
export interface LoopLock extends AsyncDisposable {
	/** Locks a node in the device directory too: who opens that does not see the lock of another node. */
	extend(devices: FdLike, name: string): void;
	/** Lets go while the device stays open. */
	release(): void;
}

/** What tells one binding of a loop device from all others. */
export interface Binding {
	/** Of `loopN`. */
	readonly number: number;
	readonly tag: string;
	readonly diskSequence: bigint | undefined;
}

/** A directory for nodes: the run's own, or undefined for the machine's `/dev`. */
export type DeviceDirectory = FdLike | undefined;

/**
 * The kernel, as far as loop devices need it: each method asks one thing of it, none has a policy.
 *
 * They throw `SysError` of `@devhost/linux`. The real one is {@link linuxLoop}; tests pass one that fails at a named
 * step.
 */
export interface LoopSys {
	/**
	 * Finds a file without opening it: no FIFO waits for its other end, no tape rewinds.
	 *
	 * @param tree - The directory that neither `..` nor a link leaves; without it, paths are this process's own.
	 */
	findFile(tree: FdLike | undefined, path: string): Handle;
	/** Opens a file: a found one, or again one that is open, which then reports write errors of its own. */
	openFile(file: FdLike, readOnly: boolean): Handle;
	statFile(file: FdLike): FileFacts;
	/** What its devices show. */
	readonly claims: Claims;
	/**
	 * Locks bytes of an open file for as long as that is open anywhere: for itself alone, or among readers; or lets go of them.
	 * Never waits; false: somebody else has some of them.
	 */
	lockRange(file: FdLike, range: ByteRange, mode: "exclusive" | "shared" | "unlock"): boolean;
	/** The numbers of the loop devices that show some of these bytes of a file, to explain an error. */
	loopsOf(file: FileFacts, range: ByteRange): Promise<readonly number[]>;
	/** Bytes of an open block device. */
	blockSizeBytes(file: FdLike): number;
	/** Writes the file to its disk. `EIO`, `ENOSPC`: something was lost since `file` was opened. */
	syncFile(file: Handle): Promise<void>;
	/** Bytes that the file's file system has left, to explain an error. */
	freeBytes(file: Handle): number | undefined;

	/** The number of a device that is free now, made if there is none; another process may take it first. */
	getFree(): number;
	/** As {@link LoopSys.getFree}, but one after `number` that `isTaken` does not refuse. */
	getFreeAfter(number: number, isTaken: (number: number) => boolean): number;
	/** Whether `loopN` is bound now, by whomever; false also if that cannot be told. */
	isInUse(number: number): boolean;
	/** The device number of `loopN`. */
	nodeOf(number: number): DeviceNumber;
	/** Opens `loopN`: by a node that is in the device directory for that moment, or the machine's node if that is what its name says. */
	openNode(devices: DeviceDirectory, number: number): OpenedNode;
	/** Takes the BSD lock that udev and disk tools respect. Never waits; undefined: somebody else has it. */
	lock(devices: DeviceDirectory, loop: Handle, number: number): LoopLock | undefined;
	/** Binds a file to the device. Returns what the kernel then says of it. */
	bind(loop: Handle, file: FdLike, config: LoopConfig): Promise<LoopFacts>;
	/** Has the kernel drop a bound device's partitions with it; where it has parsers, it looks for some itself, too. */
	setPartscan(loop: Handle, config: LoopConfig): Promise<void>;
	/** What a bound device shows, from which its partition table is read. */
	content(loop: Handle): FdLike | PartitionSource;
	/** The kernel, as far as partitions need it. */
	loadPartitions(): Promise<PartitionSys>;
	/** Makes a node `name` of `loopN` in the device directory, in the place of whatever has that name. */
	makeNode(devices: FdLike, name: string, number: number): void;
	/** Removes a node; one that is gone already is no error. */
	removeNode(devices: FdLike, name: string): void;

	/** Looks at a device that was bound. `ENXIO`: it is not any more. */
	examine(loop: Handle): LoopState;
	/** Has the kernel unbind a device with its last descriptor, if it would not. */
	clear(loop: Handle): void;
	/** Opens a bound device once more, for itself alone. `EBUSY`: a mount, swap or other device stands on it. */
	claim(loop: Handle): Handle;
	/** Brings what was written to the device to the backing file. `EIO`: something that was written is lost. */
	flush(loop: Handle): Promise<void>;
	/**
	 * Flushes the device and syncs its file unless nothing can have been written, then closes the device: with its last
	 * descriptor the kernel unbinds it. Every step is taken whatever became of those before; the failures are returned.
	 * Then it looks once whether the device is gone.
	 *
	 * @param device - Its number, and its other descriptor, if there is one, which is closed last.
	 * @param witness - As of {@link LoopSys.syncFile}; stays open. Undefined: nothing can have been written.
	 */
	unbind(
		loop: Handle,
		device: { readonly number: number; readonly claim: Handle | undefined },
		witness: Handle | undefined,
	): Promise<Unbinding>;
	/** Whether the device is still bound as it was for us. */
	isBound(devices: DeviceDirectory, binding: Binding): boolean;

	/** Whoever uses `loopN`. */
	holders(number: number): Promise<readonly Holder[]>;

	/** Rejects with the signal's reason when it aborts. */
	delay(waitMs: number, signal?: AbortSignal): Promise<void>;
	/** At least 0, less than 1. */
	random(): number;
	/** Milliseconds of a clock that only goes forward. */
	nowMs(): number;
}
