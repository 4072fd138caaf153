import { type CloseTimeout, DeviceError, type Handle } from "@devhost/core";
import {
	findPartition,
	maxKernelPartition,
	openPartitions,
	type Partition,
	partitionComplaint,
	type PartitionSelector,
	readPartitions,
} from "@devhost/core/partition";
import type { DeviceNumber, FdLike } from "@devhost/linux";
import type { DiskSys } from "./disk-sys.ts";

/** Which partition is to be opened, and for whom. */
export interface PartitionRequest {
	/** The disk: a node in {@link PartitionRequest.devices}. */
	readonly parent: { readonly path: string; readonly node: DeviceNumber };
	readonly selector: PartitionSelector;
	readonly readOnly: boolean;
	/** The run's id. */
	readonly run: string;
	/** The device's name in the run: what messages begin with. */
	readonly name: string;
	/** Where nodes are found and made. Lent. */
	readonly devices: FdLike;
	/** How long closing waits for others to let go of the device. */
	readonly closeTimeoutMs: CloseTimeout;
	readonly signal: AbortSignal | undefined;
	/** Is told what is wrong with the partition table. */
	readonly log: (text: string) => void;
}

/** An open partition. Disposing closes it, once: whoever does so again waits for that. */
export interface OpenedPartition extends AsyncDisposable {
	/** What the table says. */
	readonly partition: Partition;
	/** Its node in the device directory: `loop3p2`, `dm-4`. */
	readonly path: string;
	readonly node: DeviceNumber;
	readonly sizeBytes: number;
	/** Bytes of a logical sector. */
	readonly sectorBytes: number;
	readonly readOnly: boolean;
	/** Undefined before Linux 5.15. */
	readonly diskSequence: bigint | undefined;
	/** Brings what was written to what is beneath. */
	flush(): Promise<void>;
}

/**
 * Opens a partition of a device: on loop devices as a partition that the kernel knows, so that whole disk and partition are seen as
 * kin, and by a linear mapping elsewhere.
 *
 * @throws {@link DeviceError} with nothing left behind.
 */
export async function openPartition(
	sys: DiskSys,
	request: PartitionRequest,
): Promise<OpenedPartition> {
	const { parent, name, devices, selector, readOnly, signal } = request;
	await using acquired = new AsyncDisposableStack();
	signal?.throwIfAborted();
	const disk = acquired.use(sys.openNode(devices, parent.path));
	const subject = `${name}: ${parent.path}`;
	const node = sys.nodeOf(disk);
	if (node?.major !== parent.node.major || node.minor !== parent.node.minor) {
		const { major, minor } = parent.node;
		const message = `${subject}: its node is not ${major}:${minor}, the device that was opened`;
		throw new DeviceError("ERR_DEVICE_NOT_OURS", message);
	}
	const facts = sys.partitions.describe(disk);
	if (!readOnly && facts.readOnly) {
		throw new DeviceError(
			"ERR_DEVICE_READ_ONLY_FILE",
			`${subject}: it can only be read. Open it for writing, or set read-only: true`,
			{ pointer: "/read-only" },
		);
	}
	const table = readPartitions(sys.content(disk), { ...facts, name: subject });
	for (const warning of table.warnings) request.log(warning);
	const partition = findPartition(table, selector);
	const complaint = await partitionComplaint(name, partition, { ...facts, maxNumber: Infinity });
	if (complaint !== undefined) throw complaint;
	signal?.throwIfAborted();

	const isLoop = node.major === LOOP_MAJOR && sys.partitions.nameOf(node) !== undefined;
	const opened =
		isLoop && partition.number <= maxKernelPartition
			? await openOfKernel(sys, request, { disk, node, partition })
			: await openMapped(sys, request, { disk, node, partition });
	acquired.use(opened);
	const owned = acquired.move(); // nothing below can throw
	let closing: Promise<void> | undefined;
	return {
		...opened,
		partition,
		async [Symbol.asyncDispose]() {
			// A failure is told to the first; whoever asks again waits, too.
			if (closing !== undefined) return await closing.catch(() => {});
			closing = owned.disposeAsync();
			await closing;
		},
	};
}

interface Found {
	readonly disk: Handle;
	readonly node: DeviceNumber;
	readonly partition: Partition;
}

async function openOfKernel(
	sys: DiskSys,
	request: PartitionRequest,
	{ disk, node, partition }: Found,
): Promise<Omit<OpenedPartition, "partition">> {
	const { name, devices, readOnly, closeTimeoutMs, signal } = request;
	const open = await openPartitions(sys.partitions, {
		disk,
		node,
		partitions: [partition],
		subject: name,
		devices,
		readOnly,
		closeTimeoutMs,
		signal,
	});
	const [only] = open.partitions as [(typeof open.partitions)[number]];
	return {
		...only,
		flush: () => open.flush(),
		[Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
	};
}

async function openMapped(
	sys: DiskSys,
	request: PartitionRequest,
	{ disk, node, partition }: Found,
): Promise<Omit<OpenedPartition, "partition">> {
	const { run, name, parent, devices, readOnly, closeTimeoutMs, signal } = request;
	const { openTable } = await import("@devhost/core/mapping");
	await using acquired = new AsyncDisposableStack();
	// Both are cached apart: what was written to one is to be seen in the other.
	if (!readOnly) acquired.defer(() => sys.partitions.invalidate(disk.fd));
	await sys.partitions.flush(disk.fd);
	const start = partition.startBytes / 512;
	const mapping = acquired.use(
		await openTable(await sys.loadMappings(), {
			run,
			name,
			subject: name,
			uuidPrefix: partitionUuidPrefix,
			table: [
				{
					startSectors: 0,
					lengthSectors: partition.sizeBytes / 512,
					type: "linear",
					parameters: `${node.major}:${node.minor} ${start}`,
				},
			],
			devices,
			readOnly,
			closeTimeoutMs,
			signal,
		}).catch(async (error: unknown) => {
			const { withReason } = await import("./mapping-reason.ts");
			throw withReason(error, { name, path: parent.path, number: partition.number });
		}),
	);
	const { path, sizeBytes, sectorBytes, diskSequence } = mapping;
	const owned = acquired.move(); // nothing below can throw
	return {
		path,
		node: mapping.node,
		sizeBytes,
		sectorBytes,
		readOnly: mapping.readOnly,
		diskSequence,
		flush: () => mapping.flush(),
		[Symbol.asyncDispose]: () => owned.disposeAsync(),
	};
}

const LOOP_MAJOR = 7; // linux/major.h

/** By which `dmsetup info` tells a partition from other mappings. */
const partitionUuidPrefix = "PART-";
