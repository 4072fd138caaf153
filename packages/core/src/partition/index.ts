/**
 * Partition tables, read without the kernel, and partitions, as the kernel is told of them. What loopback and partition
 * share.
 *
 * @packageDocumentation
 */
export type { Partition, PartitionSource, PartitionTable } from "./partition-table.ts";
