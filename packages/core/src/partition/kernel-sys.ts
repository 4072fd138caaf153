import type { BlockPartition, DeviceNumber, FdLike } from "@devhost/linux";
import type { BlockFacts, ReleaseFailures } from "../block-device.ts";
import type { Handle } from "../handle.ts";
import type { Holder } from "../holder.ts";
import type { WaitClock } from "../wait-until.ts";

/** A partition as the kernel shows it now. */
export interface KernelPartition extends BlockPartition {
	/** Another one each time that it is added. */
	readonly node: DeviceNumber;
}

/** A partition's node, opened. */
export interface OpenedPartition {
	readonly handle: Handle;
	/** Where it can be opened again: a name in the device directory, or a path. */
	readonly path: string;
	/** Whether it was not there before. */
	readonly hasMadeNode: boolean;
}

/**
 * The kernel, as far as partitions need it: each method asks one thing of it, none has a policy.
 *
 * They throw `SysError` of `@devhost/linux`. The real one is {@link linuxPartitions}; tests pass `fakePartitions` of
 * `@devhost/core/testing-partition`, which fails at a named step.
 */
export interface PartitionSys extends WaitClock {
	/** The kernel's name of a whole disk, `loop3`; undefined: there is none of this number, or it is no whole disk. */
	nameOf(disk: DeviceNumber): string | undefined;
	/** What an open disk or partition is. */
	describe(device: Handle): BlockFacts;
	/**
	 * Has the kernel drop a loop device's partitions when it unbinds it, if it would not: then those that nobody has open
	 * are dropped now, too.
	 */
	dropWithDisk(disk: FdLike): Promise<void>;
	/** Brings what was written to a disk to what is beneath. */
	flush(disk: FdLike): Promise<void>;
	/** Writes back what was written to a disk, and has it read anew: its partitions are cached apart. */
	invalidate(disk: FdLike): Promise<void>;
	/** Adds a partition to those that the kernel shows. `EBUSY`: one that has its number, or a sector of it, is there. */
	add(disk: FdLike, partition: BlockPartition): void;
	/** Takes one off. `EBUSY`: somebody has it open; `ENXIO`: there is none. */
	remove(disk: FdLike, number: number): void;
	/** The partitions that the kernel shows of the disk of this name. */
	list(disk: string): readonly KernelPartition[];
	/** One of them. */
	find(disk: string, number: number): KernelPartition | undefined;
	/**
	 * Opens a partition to hold it: by the node of its name in the device directory, which is made in the place of whatever else has that
	 * name; without a directory, by one that is nowhere. `ENXIO`, `ENODEV`: it is gone again. No node is made when it throws.
	 */
	open(devices: FdLike | undefined, name: string, node: DeviceNumber): OpenedPartition;
	/** Has a partition refuse writes. */
	setReadOnly(partition: Handle): void;
	/** Removes a node; one that is gone already is no error. */
	removeNode(devices: FdLike, name: string): void;
	/** Whoever uses a partition. */
	holders(node: DeviceNumber): Promise<readonly Holder[]>;
	/** Opens a partition once more, for itself alone. `EBUSY`: a mount, swap or other device stands on it. */
	claim(partition: Handle): Handle;
	/**
	 * Flushes a partition unless nothing can have been written, and closes it. Every step is taken whatever became of those
	 * before; the failures are returned.
	 *
	 * @param claim - Its other descriptor, if there is one, which is closed last.
	 */
	release(
		partition: Handle,
		claim: Handle | undefined,
		options: { readonly flush: boolean },
	): Promise<ReleaseFailures>;
}
