/** What a disk's partition table says. */
export interface PartitionTable {
	/** What messages call the disk: `loop3`. */
	readonly name: string;
	readonly type: "gpt" | "mbr";
	/** Bytes of the sectors that the table counts in: not always those of the device. */
	readonly sectorBytes: number;
	/** GPT: the disk's GUID in lower case. MBR: the disk's signature as eight hexadecimal digits. */
	readonly id: string;
	/** What may be opened, in the order of their numbers: each lies on the disk and, but for extended ones, on no other. */
	readonly partitions: readonly Partition[];
	/** What must not be opened, in the order of their numbers. */
	readonly refused: readonly RefusedPartition[];
	/** What is wrong with the table, and what to do about it: sentences that begin with {@link PartitionTable.name}. */
	readonly warnings: readonly string[];
}

/** How an entry of a partition table is told from the others. */
export interface PartitionIdentity {
	/** From 1: the one in `sda1`. Not always without gaps. */
	readonly number: number;
	/** GPT: a GUID in lower case. MBR: the type's byte as two hexadecimal digits, `83`. */
	readonly type: string;
	/** The type's name by the Discoverable Partitions Specification, if it has one. */
	readonly typeName?: string;
	/** The kernel's PARTUUID. GPT: a GUID in lower case. MBR: `1a2b3c4d-01`. */
	readonly uuid?: string;
	/** GPT only: the partition's name. Never empty. */
	readonly label?: string;
}

/** A partition. */
export interface Partition extends PartitionIdentity {
	readonly startBytes: number;
	readonly sizeBytes: number;
	/** GPT: the attribute bits. MBR: 0. */
	readonly attributes: bigint;
	/** Whether a BIOS starts from it: the active flag of an MBR, attribute 2 of a GPT. */
	readonly bootable: boolean;
	/** Whether it is an MBR's container of the logical partitions, which has no contents of its own. */
	readonly extended: boolean;
}

/** An entry whose place is not one: it leaves the disk, ends before it begins, or shares bytes with another one. */
export interface RefusedPartition extends PartitionIdentity {
	readonly code: "ERR_DEVICE_OUT_OF_RANGE" | "ERR_DEVICE_METADATA";
	/** Follows `partition 3` in a sentence: `overlaps partition 4`. */
	readonly reason: string;
}

/** A disk, for {@link readPartitions}: where it is no descriptor. */
export interface PartitionSource {
	readonly sizeBytes: number;
	/**
	 * Fills `buffer`. Only bytes within {@link PartitionSource.sizeBytes} are asked for.
	 *
	 * @returns How many bytes were read; fewer than asked for where there are no more.
	 */
	read(buffer: Uint8Array, offsetBytes: number): number;
}
