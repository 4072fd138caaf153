/**
 * Partition tables, read without the kernel, and partitions, as the kernel is told of them. What loopback and partition
 * share.
 *
 * @packageDocumentation
 */
export type {
	Partition,
	PartitionIdentity,
	PartitionSource,
	PartitionTable,
	RefusedPartition,
} from "./partition-table.ts";
