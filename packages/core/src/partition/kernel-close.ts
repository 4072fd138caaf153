import { type BlockPartition, type DeviceNumber, type FdLike, isSysError } from "@devhost/linux";
import type { BlockFacts } from "../block-device.ts";
import { busy, lost } from "../close-complaint.ts";
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
	/** We do not hold it any more. Returns whether we are to remove it. */
	leave(): boolean;
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
	readonly closeTimeoutMs: number;
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
	const { disk, name, subject, readOnly, closeTimeoutMs } = closing;
	const deadlineMs = sys.nowMs() + closeTimeoutMs;
	const knownBusy = new Set<HeldPartition>();

	await takeEvery([
		async () => {
			const releases = held.map((each) => release(sys, each, { closing, deadlineMs }));
			const failures: unknown[] = [];
			for (const [index, result] of (await Promise.allSettled(releases)).entries()) {
				if (result.status === "fulfilled") continue;
				failures.push(result.reason);
				const partition = held[index];
				if (partition !== undefined && isBusy(result.reason)) knownBusy.add(partition);
			}
			throwFailures(failures);
		},
		async () => {
			using _ = await oneAtATime(name);
			let ours = held.filter((each) => each.leave());
			// What is mounted was waited for above.
			for (const each of knownBusy) removeUnused(sys, disk, each.number);
			ours = ours.filter((each) => !knownBusy.has(each));
			await waitUntil(sys, deadlineMs, () => {
				ours = ours.filter(
					(each) =>
						!removeUnused(sys, disk, each.number) ||
						sys.find(name, each.number) !== undefined,
				);
				return ours.length === 0;
			});
			const left = ours.map((each) => busy(sys, each.node, `${subject}: ${each.name}`));
			throwFailures(await Promise.all(left));
		},
		// Whoever reads the whole disk would find what was there before the partitions were written.
		() => (readOnly || held.length === 0 ? undefined : sys.invalidate(disk.fd)),
	]);
}

async function release(
	sys: PartitionSys,
	partition: HeldPartition,
	{ closing, deadlineMs }: { readonly closing: ClosingPartitions; readonly deadlineMs: number },
): Promise<void> {
	const { devices, readOnly } = closing;
	const { handle, path } = partition;
	const subject = `${closing.subject}: ${partition.name}`;
	let claim: Handle | undefined;

	await takeEvery([
		() => verifyUnchanged(sys, partition, { subject, disk: closing.name }),
		async () => {
			if (!readOnly) claim = await claimPartition(sys, partition, { subject, deadlineMs });
		},
		// While the name is ours.
		() => (devices === undefined ? undefined : sys.removeNode(devices, path)),
		async () => {
			const { flush, close } = await sys.release(handle, claim, { flush: !readOnly });
			throwFailures([flush && lost(subject, flush), close]);
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

/** Also one of several failures. */
function isBusy(error: unknown): boolean {
	if (error instanceof SuppressedError) return isBusy(error.suppressed) || isBusy(error.error);
	return isDeviceError(error, "ERR_DEVICE_BUSY");
}
