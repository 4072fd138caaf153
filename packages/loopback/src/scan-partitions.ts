import { isDeviceError } from "@devhost/core";
import {
	openPartitions,
	type OpenPartition,
	type OpenPartitions,
	type Partition,
	partitionComplaint,
	type PartitionTable,
	readPartitions,
} from "@devhost/core/partition";
import type { BoundLoop } from "./bind-free-loop.ts";
import type { LoopSys } from "./loop.ts";
import type { LoopRequest } from "./loop-request.ts";

/** A partition of a loop device, with what the table says of it and where its node is. */
export type LoopPartition = OpenPartition & Partition;

/** The partitions of a loop device, open. */
export interface ScannedPartitions extends Pick<OpenPartitions, "flush">, AsyncDisposable {
	/** In the order of their numbers. */
	readonly partitions: readonly LoopPartition[];
}

/**
 * Reads the table of a bound loop device and has the kernel show all of its partitions that can be opened. An extended partition
 * has no contents of its own, and is not shown.
 *
 * Without a table there are none: whoever opened the device may be about to write one. What is wrong with it is told to the log.
 *
 * @throws {@link DeviceError} as `openPartitions`.
 */
export async function scanPartitions(
	sys: LoopSys,
	request: LoopRequest,
	bound: BoundLoop,
): Promise<ScannedPartitions | undefined> {
	const { filename, devices, readOnly, closeTimeoutMs, signal } = request;
	const { loop, number, facts } = bound;
	const found = readableTable(sys, request, bound);
	const wanted: Partition[] = [];
	for (const partition of found?.partitions ?? []) {
		if (partition.extended) continue;
		const complaint = await partitionComplaint(filename, partition, facts);
		if (complaint === undefined) wanted.push(partition);
		else request.log?.(complaint.message);
	}
	if (wanted.length === 0) return undefined;
	const open = await openPartitions(await sys.loadPartitions(), {
		disk: loop,
		node: sys.nodeOf(number),
		partitions: wanted,
		subject: filename,
		devices,
		readOnly,
		closeTimeoutMs,
		signal,
	});
	return {
		partitions: open.partitions.map((each, index) => ({
			...(wanted[index] as Partition),
			...each,
		})),
		flush: () => open.flush(),
		[Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
	};
}

/** Undefined: there is no table, or none that can be read. */
function readableTable(
	sys: LoopSys,
	{ filename, log }: LoopRequest,
	{ loop, number, facts }: BoundLoop,
): PartitionTable | undefined {
	const { sizeBytes, sectorBytes } = facts;
	const name = `${filename}: loop${number}`;
	try {
		const table = readPartitions(sys.content(loop), { name, sizeBytes, sectorBytes });
		for (const warning of table.warnings) log?.(warning);
		return table;
	} catch (error) {
		if (!isDeviceError(error)) throw error;
		if (error.code !== "ERR_DEVICE_FORMAT") log?.(error.message);
		return undefined;
	}
}
