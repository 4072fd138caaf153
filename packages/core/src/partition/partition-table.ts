/** What a disk's partition table says. */
export interface PartitionTable {
	readonly type: "gpt" | "mbr";
	/** Bytes of the sectors that the table counts in: not always those of the device. */
	readonly sectorBytes: number;
	/** GPT: the disk's GUID in lower case. MBR: the disk's signature as eight hexadecimal digits. */
	readonly id: string;
	/** In the order of their numbers. */
	readonly partitions: readonly Partition[];
	/** What was passed over, and what to do about it. Sentences in the form of error messages. */
	readonly warnings: readonly string[];
}

/** An entry of a partition table. */
export interface Partition {
	/** From 1: the one in `sda1`. Not always without gaps. */
	readonly number: number;
	readonly startBytes: number;
	readonly sizeBytes: number;
	/** GPT: a GUID in lower case. MBR: the type's byte as two hexadecimal digits, `83`. */
	readonly type: string;
	/** The type's name by the Discoverable Partitions Specification, if it has one. */
	readonly typeName?: string;
	/** The kernel's PARTUUID. GPT: a GUID in lower case. MBR: `1a2b3c4d-01`; none where the disk has no signature. */
	readonly uuid?: string;
	/** GPT only: the partition's name. Never empty. */
	readonly label?: string;
	/** GPT: the attribute bits. MBR: 0. */
	readonly attributes: bigint;
	/** Whether a BIOS is told to start from it: MBR's active flag, GPT's attribute 2. */
	readonly bootable: boolean;
	/** Whether it is MBR's container of logical partitions, which holds no data itself. */
	readonly extended: boolean;
	/** Why it must not be opened: it leaves the disk, or shares bytes with another one. A sentence. */
	readonly defect?: string;
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
