import { type BlockPartition, type DeviceNumber, type FdLike, isSysError } from "@devhost/linux";
import type { BlockFacts } from "../block-device.ts";
import { busy, lost } from "../close-complaint.ts";
import { type CloseTimeout, timeoutMsOf } from "../close-timeout.ts";
import { DeviceError, isDeviceError } from "../error.ts";
import type { Handle } from "../handle.ts";
import { otherHolders } from "../holder.ts";
import { takeEvery, throwFailures } from "../take-every.ts";
import { waitUntil } from "../wait-until.ts";
import type { PartitionSys } from "./kernel-sys.ts";
import { oneAtATime } from "./kernel-turn.ts";

/** A partition that we have open. */
export interface HeldPartition extends BlockPartition {
	/** The kernel's name: `loop3p2`. */
	readonly name: string;
	readonly node: DeviceNumber;
	readonly handle: Handle;
	/** Of its node. */
	readonly path: string;
	readonly facts: BlockFacts;
	readonly share: PartitionShare;
}

/** What this process has of a partition: several may hold it at once. */
export interface PartitionShare {
	/** How many have it open. */
	count: number;
	/** Whether one of them has added it: the last one removes it. */
	isAdded: boolean;
	/** Whether one of them has made its node: the last one removes that. */
	hasNode: boolean;
}

/** The disk of partitions that are to go. */
export interface ClosingPartitions {
	/** Lent. */
	readonly disk: Handle;
	/** The kernel's name. */
	readonly name: string;
	/** As messages begin. */
	readonly subject: string;
	/** In which their nodes are; undefined: they have none. */
	readonly devices: FdLike | undefined;
	readonly readOnly: boolean;
	readonly closeTimeoutMs: CloseTimeout;
}

/**
 * Closes partitions of a disk: every step, whatever becomes of those before. Then the kernel shows them no more, unless they were
 * there before us.
 *
 * @throws {@link DeviceBusy} others still use one at the deadline; it goes with the disk.
 * @throws {@link DeviceError} `ERR_DEVICE_CLOSE` something that was written is lost.
 * @throws {@link DeviceError} `ERR_DEVICE_NOT_OURS` somebody has changed one; it is closed all the same.
 */
export async function closePartitions(
	sys: PartitionSys,
	held: readonly HeldPartition[],
	closing: ClosingPartitions,
): Promise<void> {
	const { disk, readOnly, closeTimeoutMs } = closing;
	const deadlineMs = sys.nowMs() + timeoutMsOf(closeTimeoutMs);
	const closed = await Promise.allSettled(
		held.map((each) => closePartition(sys, each, { ...closing, deadlineMs })),
	);
	await takeEvery([
		() =>
			throwFailures(
				closed.map((each): unknown =>
					each.status === "rejected" ? each.reason : undefined,
				),
			),
		// Whoever reads the whole disk would find what was there before the partitions were written.
		() => (readOnly || held.length === 0 ? undefined : sys.invalidate(disk.fd)),
	]);
}

async function closePartition(
	sys: PartitionSys,
	partition: HeldPartition,
	closing: ClosingPartitions & { readonly deadlineMs: number },
): Promise<void> {
	const { disk, devices, readOnly, deadlineMs } = closing;
	const { number, name, node, handle, path, share } = partition;
	const subject = `${closing.subject}: ${name}`;
	using _ = await oneAtATime(name);
	const isLast = share.count === 1;
	let claim: Handle | undefined;
	let isKnownBusy = false;

	await takeEvery([
		() => verifyUnchanged(sys, partition, { subject, disk: closing.name }),
		async () => {
			// One that somebody else has, too, stays: they may have mounted it.
			if (readOnly || !isLast || !share.isAdded) return;
			try {
				claim = await claimPartition(sys, partition, { subject, deadlineMs });
			} catch (error) {
				isKnownBusy = isDeviceError(error, "ERR_DEVICE_BUSY");
				throw error;
			}
		},
		// While the name is ours.
		() => {
			if (devices !== undefined && isLast && share.hasNode) sys.removeNode(devices, path);
		},
		async () => {
			share.count--;
			const { flush, close } = await sys.release(handle, claim, { flush: !readOnly });
			throwFailures([flush && lost(subject, flush), close]);
		},
		async () => {
			if (!isLast || !share.isAdded) return;
			const isGone = (): boolean =>
				removeUnused(sys, disk, number) && sys.find(closing.name, number) === undefined;
			if (await waitUntil(sys, isKnownBusy ? 0 : deadlineMs, isGone)) return;
			if (!isKnownBusy) throw await busy(sys, node, subject);
		},
	]);
}

/** Compares a partition with what it was: root can give it another end at any time, or have the kernel forget it. */
function verifyUnchanged(
	sys: PartitionSys,
	{ number, startBytes, sizeBytes, node }: HeldPartition,
	{ subject, disk }: { readonly subject: string; readonly disk: string },
): void {
	const now = sys.find(disk, number);
	const isSame =
		now?.startBytes === startBytes &&
		now.sizeBytes === sizeBytes &&
		now.node.major === node.major &&
		now.node.minor === node.minor;
	if (isSame) return;
	throw new DeviceError(
		"ERR_DEVICE_NOT_OURS",
		`${subject}: somebody has changed the device while it was open: ` +
			(now === undefined
				? "the kernel does not show it any more"
				: `it has ${now.sizeBytes} bytes from byte ${now.startBytes} on`) +
			". Do not use what is beneath",
	);
}

/**
 * Waits until no file system, swap or other device stands on a partition, and keeps them off: only who has it open is told of
 * writes that fail, so whoever writes last has to go before us.
 */
async function claimPartition(
	sys: PartitionSys,
	{ handle, node }: HeldPartition,
	{ subject, deadlineMs }: { readonly subject: string; readonly deadlineMs: number },
): Promise<Handle> {
	let claim: Handle | undefined;
	await waitUntil(sys, deadlineMs, () => {
		try {
			claim = sys.claim(handle);
		} catch (error) {
			if (!isSysError(error, "EBUSY")) throw error;
		}
		return claim !== undefined;
	});
	if (claim === undefined) throw await busy(sys, node, subject, otherHolders);
	return claim;
}

/** Takes a partition off a disk. False: somebody has it open. */
export function removeUnused(sys: PartitionSys, disk: Handle, number: number): boolean {
	try {
		sys.remove(disk.fd, number);
	} catch (error) {
		if (isSysError(error, "EBUSY")) return false;
		if (!isSysError(error, "ENXIO")) throw error; // it is gone
	}
	return true;
}
