/**
 * One partition of a disk as a block device, and a reader of partition tables.
 *
 * @packageDocumentation
 */
export {
	attachPartition,
	type AttachedPartition,
	type AttachPartitionOptions,
} from "./attach-partition.ts";
export type { DiskSys } from "./disk-sys.ts";
export { linuxDisk } from "./linux-disk.ts";
export { parsePartitionOptions, type PartitionOptions } from "./options.ts";
export { partition } from "./partition.ts";
export {
	findPartition,
	type Partition,
	type PartitionIdentity,
	type PartitionSelector,
	type PartitionSource,
	type PartitionTable,
	readPartitions,
	type ReadPartitionsOptions,
	type RefusedPartition,
} from "@devhost/core/partition";
