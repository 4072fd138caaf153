/**
 * Partition tables, read without the kernel, and partitions, as the kernel is told of them. What loopback and partition
 * share.
 *
 * @packageDocumentation
 */
export { findPartition, type PartitionSelector } from "./find-partition.ts";
export type {
	Partition,
	PartitionIdentity,
	PartitionSource,
	PartitionTable,
	RefusedPartition,
} from "./partition-table.ts";
export {
	mbrPartitionTypes,
	parsePartitionType,
	type ParsedPartitionType,
	partitionTypeName,
	partitionTypes,
} from "./partition-types.ts";
export { readPartitions, type ReadPartitionsOptions } from "./read-partitions.ts";
export { maxKernelPartition, openPartitions, partitionComplaint } from "./kernel-partition.ts";
export type { OpenPartition, OpenPartitions, PartitionsRequest } from "./kernel-partition.ts";
export { linuxPartitions } from "./kernel-linux.ts";
export type { KernelPartition, OpenedPartition, PartitionSys } from "./kernel-sys.ts";
