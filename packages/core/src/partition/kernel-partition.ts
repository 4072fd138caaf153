import { type BlockPartition, type DeviceNumber, type FdLike, isSysError } from "@devhost/linux";
import { abandoned } from "../abandoned.ts";
import type { BlockFacts } from "../block-device.ts";
import { causeFirst } from "../cause-first.ts";
import { lost } from "../close-complaint.ts";
import { type CloseTimeout, timeoutMsOf } from "../close-timeout.ts";
import { DeviceError } from "../error.ts";
import type { Handle } from "../handle.ts";
import { waitUntil } from "../wait-until.ts";
import {
	closePartitions,
	type HeldPartition,
	type PartitionShare,
	removeUnused,
} from "./kernel-close.ts";
import type * as KernelErrors from "./kernel-error.ts";
import type { KernelPartition, PartitionSys } from "./kernel-sys.ts";
import { oneAtATime } from "./kernel-turn.ts";

/** Partitions that the kernel is to show. */
export interface PartitionsRequest {
	/** The whole disk, a loop device. Lent for as long as the partitions are open. */
	readonly disk: Handle;
	/** Its number. */
	readonly node: DeviceNumber;
	/** Ranges that do not overlap, each with another number. */
	readonly partitions: readonly BlockPartition[];
	/** What messages begin with. */
	readonly subject: string;
	/** The device directory, in which a node `loop3p2` is made for each. Lent. Undefined: none is made. */
	readonly devices: FdLike | undefined;
	/** The partitions refuse writes. */
	readonly readOnly: boolean;
	/** How long opening and closing wait for others to let go of a partition. @default 5000 */
	readonly closeTimeoutMs?: CloseTimeout | undefined;
	/** Gives up opening. */
	readonly signal?: AbortSignal | undefined;
}

/** An open partition. */
export interface OpenPartition extends BlockPartition {
	/** The kernel's name: `loop3p2`. */
	readonly name: string;
	readonly node: DeviceNumber;
	/** Where it can be opened: its name in the device directory; without one, a path. */
	readonly path: string;
	/** Bytes of a logical sector. */
	readonly sectorBytes: number;
	readonly readOnly: boolean;
	/** The disk's. Undefined before Linux 5.15. */
	readonly diskSequence: bigint | undefined;
}

/** Open partitions of a disk. Disposing closes them, once: whoever does so again waits for that. */
export interface OpenPartitions extends AsyncDisposable {
	/** In the order in which they were asked for. */
	readonly partitions: readonly OpenPartition[];
	/**
	 * Brings what was written to them to the disk's file.
	 *
	 * @throws {@link DeviceError} `ERR_DEVICE_CLOSE` something that was written is lost.
	 */
	flush(): Promise<void>;
}

/**
 * Has the kernel show partitions of a loop device, and holds them. The kernel drops them with the disk when nobody has either open
 * any more, be it because this process was killed.
 *
 * Nobody waits for udev, nor for a parser of tables in the kernel. A partition of the same range that is there already is as
 * good; others that are in the way are removed, when nobody has them open.
 *
 * @throws {@link DeviceError} with nothing left behind. `ERR_DEVICE_BUSY` one that is in the way is used at the deadline;
 * `ERR_DEVICE_OUT_OF_RANGE`, `ERR_DEVICE_UNALIGNED` the kernel cannot show such a range; `ERR_DEVICE_READ_ONLY_FILE` the disk can only
 * be read; `ERR_DEVICE_PERMISSION` not root; `ERR_DEVICE_NOT_OURS` the disk is gone.
 */
export async function openPartitions(
	sys: PartitionSys,
	request: PartitionsRequest,
): Promise<OpenPartitions> {
	const { disk, node, subject, devices, readOnly, signal } = request;
	const { closeTimeoutMs = defaultCloseTimeoutMs } = request;
	try {
		signal?.throwIfAborted();
		const name = sys.nameOf(node);
		if (name === undefined) throw (await errors()).noDisk(subject, node);
		const facts = sys.describe(disk);
		for (const partition of request.partitions) {
			const complaint = await partitionComplaint(subject, partition, facts);
			if (complaint !== undefined) throw complaint;
		}
		if (!readOnly && facts.readOnly) throw (await errors()).readOnlyDisk(subject);

		// Whatever is acquired here is released, last first, if a later step throws.
		await using acquired = new AsyncDisposableStack();
		const held: HeldPartition[] = [];
		const closing = { disk, name, subject, devices, readOnly, closeTimeoutMs };
		acquired.defer(() => closePartitions(sys, held, closing));
		// What was written to the whole disk is what its partitions show: they are cached apart.
		await sys.flush(disk.fd);
		await sys.dropWithDisk(disk.fd);
		const deadlineMs = sys.nowMs() + timeoutMsOf(closeTimeoutMs);
		for (const { number, startBytes, sizeBytes } of request.partitions) {
			const range = { number, startBytes, sizeBytes };
			const wanted = { ...range, disk: name, diskSequence: facts.diskSequence };
			held.push(await hold(sys, { request, wanted, deadlineMs, hasAdded: false }));
		}

		const owned = acquired.move(); // nothing below can throw
		let closed: Promise<void> | undefined;
		return {
			partitions: held.map(({ number, startBytes, sizeBytes, name, node, path, facts }) => {
				return { ...facts, number, startBytes, sizeBytes, name, node, path };
			}),
			async flush() {
				if (closed !== undefined)
					throw new DeviceError("ERR_DEVICE_CLOSED", `${subject}: closed already`);
				if (readOnly) return;
				for (const { handle, name } of held) {
					try {
						await sys.flush(handle.fd);
					} catch (error) {
						throw lost(`${subject}: ${name}`, error);
					}
				}
			},
			async [Symbol.asyncDispose]() {
				// A failure is told to the first; whoever asks again waits, too.
				if (closed !== undefined) return await closed.catch(() => {});
				closed = close(owned, subject);
				await closed;
			},
		};
	} catch (error) {
		const cause = causeFirst(error, subject);
		throw signal?.aborted === true && cause === signal.reason
			? abandoned(subject, cause)
			: cause;
	}
}

/**
 * Why the kernel could not show a partition; undefined: it can. It would say only `EINVAL` itself, and Linux 6.1 takes those that
 * leave the disk.
 */
export async function partitionComplaint(
	subject: string,
	partition: BlockPartition,
	disk: Pick<BlockFacts, "sizeBytes" | "sectorBytes"> & {
		/** The highest number that there can be. @default 255 */
		readonly maxNumber?: number;
	},
): Promise<DeviceError | undefined> {
	const { number, startBytes, sizeBytes } = partition;
	const isWhole = (bytes: number): boolean => bytes % disk.sectorBytes === 0;
	const isPossible =
		number <= (disk.maxNumber ?? maxKernelPartition) &&
		sizeBytes > 0 &&
		startBytes + sizeBytes <= disk.sizeBytes &&
		isWhole(startBytes) &&
		isWhole(sizeBytes);
	return isPossible ? undefined : (await errors()).impossible(subject, partition, disk);
}

async function close(owned: AsyncDisposableStack, subject: string): Promise<void> {
	try {
		await owned.disposeAsync();
	} catch (error) {
		throw causeFirst(error, subject);
	}
}

/** A partition as it is to be. */
interface WantedPartition extends BlockPartition {
	/** The disk's name. */
	readonly disk: string;
	readonly diskSequence: bigint | undefined;
}

interface Holding {
	readonly request: PartitionsRequest;
	readonly wanted: WantedPartition;
	readonly deadlineMs: number;
	/** Whether one of the tries has added it. Somebody who opened it then keeps it from being removed. */
	hasAdded: boolean;
}

/**
 * Has the kernel show a partition, and opens it. In between somebody else may have the kernel drop it again: udev has it look
 * for partitions when a disk was written, and Linux 6.1 looks once by itself at the first opening of a disk that was bound
 * without `LO_FLAGS_PARTSCAN`, which may be that of a partition that is gone then. So it counts only what is there once it is held.
 */
async function hold(sys: PartitionSys, holding: Holding): Promise<HeldPartition> {
	const { wanted, request, deadlineMs } = holding;
	const { subject, signal } = request;
	using _ = await oneAtATime(`${wanted.disk}p${wanted.number}`);
	let held: HeldPartition | undefined;
	let inTheWay: KernelPartition | undefined;
	const isDone = await waitUntil(sys, deadlineMs, () => {
		signal?.throwIfAborted();
		const result = tryHold(sys, holding);
		if (result !== undefined && "handle" in result) held = result;
		else inTheWay = result;
		return held !== undefined;
	});
	if (isDone && held !== undefined) return held;
	throw await (await errors()).notHeld(sys, { subject, wanted, inTheWay });
}

/** One try. Returns what is in the way, or undefined where it went as it came. */
function tryHold(sys: PartitionSys, holding: Holding): HeldPartition | KernelPartition | undefined {
	const { request, wanted } = holding;
	const { disk, devices, readOnly } = request;
	const name = `${wanted.disk}p${wanted.number}`;
	const added = addOrFind(sys, disk, wanted);
	if (added !== "ours" && added !== "theirs") return added;
	holding.hasAdded ||= added === "ours";
	const isOurs = holding.hasAdded;
	const found = sys.find(wanted.disk, wanted.number);
	if (found === undefined || !isSameRange(found, wanted)) return undefined;

	using unheld = new DisposableStack();
	// Whatever comes: what we have added and do not keep is removed, unless somebody has it open. Then it goes with the disk.
	if (isOurs) unheld.defer(() => void removeUnused(sys, disk, wanted.number));
	try {
		const { handle, path, hasMadeNode } = sys.open(devices, name, found.node);
		if (devices !== undefined && hasMadeNode) unheld.defer(() => sys.removeNode(devices, path));
		unheld.use(handle);
		const before = sys.describe(handle);
		if (before.diskSequence !== wanted.diskSequence) return undefined;
		if (isOurs && readOnly && !before.readOnly) sys.setReadOnly(handle);
		const facts = isOurs && readOnly ? sys.describe(handle) : before;
		// Somebody else's, which is to be written although ours is not, or the other way.
		if (facts.readOnly !== readOnly) return found;
		// Held now: it cannot be dropped, nor can its number be another one's.
		const still = sys.find(wanted.disk, wanted.number);
		if (still === undefined || !isSame(still, found)) return undefined;
		unheld.move(); // nothing below can throw
		const share = shareOf(wanted);
		share.count++;
		share.isAdded ||= isOurs;
		share.hasNode ||= hasMadeNode;
		const { number, startBytes, sizeBytes } = wanted;
		const range = { number, startBytes, sizeBytes };
		return { ...range, name, node: found.node, handle, path, facts, share };
	} catch (error) {
		if (isSysError(error, "ENXIO") || isSysError(error, "ENODEV")) return undefined; // gone again
		if (isSysError(error, "EBUSY")) return found; // somebody has it for itself
		throw error;
	}
}

/** Returns what is in the way. */
function addOrFind(
	sys: PartitionSys,
	disk: Handle,
	wanted: WantedPartition,
): "ours" | "theirs" | KernelPartition | undefined {
	if (tryAdd(sys, disk, wanted)) return "ours";
	let inTheWay: KernelPartition | undefined;
	for (const there of sys.list(wanted.disk)) {
		if (there.number !== wanted.number && !overlaps(there, wanted)) continue;
		// Also one of the same range that nobody has open: what we have added we know, and remove.
		if (!removeUnused(sys, disk, there.number)) inTheWay = there;
	}
	if (inTheWay === undefined) return tryAdd(sys, disk, wanted) ? "ours" : undefined;
	return inTheWay.number === wanted.number && isSameRange(inTheWay, wanted) ? "theirs" : inTheWay;
}

function tryAdd(sys: PartitionSys, disk: Handle, wanted: WantedPartition): boolean {
	const { number, startBytes, sizeBytes } = wanted;
	try {
		sys.add(disk.fd, { number, startBytes, sizeBytes });
		return true;
	} catch (error) {
		if (isSysError(error, "EBUSY")) return false;
		throw error;
	}
}

function overlaps(one: BlockPartition, other: BlockPartition): boolean {
	return (
		one.startBytes < other.startBytes + other.sizeBytes &&
		other.startBytes < one.startBytes + one.sizeBytes
	);
}

function isSameRange(one: BlockPartition, other: BlockPartition): boolean {
	return one.startBytes === other.startBytes && one.sizeBytes === other.sizeBytes;
}

function isSame(one: KernelPartition, other: KernelPartition): boolean {
	return (
		isSameRange(one, other) &&
		one.node.major === other.node.major &&
		one.node.minor === other.node.minor
	);
}

/** Of the partitions that this process holds, by disk and number. */
const shares = new Map<string, PartitionShare>();

function shareOf({ disk, diskSequence, number }: WantedPartition): PartitionShare {
	const key = `${disk}/${diskSequence}/${number}`;
	const share = shares.get(key);
	if (share !== undefined && share.count > 0) return share;
	for (const [other, { count }] of shares) if (count === 0) shares.delete(other);
	const made = { count: 0, isAdded: false, hasNode: false };
	shares.set(key, made);
	return made;
}

/** What only those need for whom something went wrong. */
function errors(): Promise<typeof KernelErrors> {
	return import("./kernel-error.ts");
}

/** The most that a partition's number can be in the kernel. Source: linux/genhd.h and block/blk.h, `DISK_MAX_PARTS`. */
export const maxKernelPartition: number = 255;

/** How long opening and closing wait for others, where nothing else is said. */
const defaultCloseTimeoutMs = 5_000;
