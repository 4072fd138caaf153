import {
	busyMessage,
	type CloseTimeout,
	DeviceBusy,
	DeviceError,
	fromSystemError,
	type Handle,
	type Holder,
	otherHolders,
	takeEvery,
	timeoutMsOf,
	waitUntil,
} from "@devhost/core";
import { type DeviceNumber, isSysError, type MountInfo } from "@devhost/linux";
import type { MountSys, SourceDevice } from "./mount-sys.ts";
import type { SourceUse } from "./sources.ts";

/** What is mounted. */
export interface BoundMount {
	/** As mountinfo numbers them: the mount, and what came with it, each after what it stands on. */
	readonly ids: readonly number[];
	/** Its root, open for reading since before anything was written. */
	readonly root: Handle;
	/** What stat(2) says of its root. */
	readonly device: DeviceNumber;
	readonly source: SourceDevice | undefined;
	readonly use: SourceUse | undefined;
	/** What is written through it is written back by whoever has mounted it first. */
	readonly isOfOthers: boolean;
}

/** A mount that is to go. */
export interface ClosingMount {
	readonly bound: BoundMount;
	/** As messages begin. */
	readonly subject: string;
	readonly readOnly: boolean;
	readonly closeTimeoutMs: CloseTimeout;
}

/**
 * Closes a mount: every step, whatever becomes of those before. Nothing is ever deleted, and nothing unmounted that was not
 * mounted with it.
 *
 * @throws {@link DeviceBusy} others still use it at the deadline. It stays mounted then, until the mount namespace goes.
 * @throws {@link DeviceError} `ERR_DEVICE_CLOSE` something that was written is lost.
 */
export async function closeMount(sys: MountSys, closing: ClosingMount): Promise<void> {
	const { bound, subject, readOnly, closeTimeoutMs } = closing;
	const { root, ids, source, use } = bound;
	const deadlineMs = sys.nowMs() + timeoutMsOf(closeTimeoutMs);
	// What mountinfo says of it is not what stat(2) says, where it is btrfs.
	const devices = [bound.device];
	let isMounted = true;

	await takeEvery([
		() => (readOnly || bound.isOfOthers ? undefined : writeBack(sys, root, subject)),
		() => root.close(), // a directory, opened for reading: nothing to wait for
		...ids.toReversed().map((id) => async () => {
			await unmountOne(sys, { id, ids, devices, subject, deadlineMs });
			isMounted = id !== ids[0];
		}),
		async () => {
			// It may still be mounted in another mount namespace: that of a stage, which is just ending.
			if (isMounted || source === undefined || use?.isLast !== true) return;
			if (await waitUntil(sys, deadlineMs, () => !sys.isClaimed(source))) return;
			const holders = otherHolders(await sys.fileSystemHolders({ devices }));
			const all = holders.length > 0 ? holders : otherHolders(await sys.holders(source.node));
			throw busy(`${subject}: ${source.path}`, all);
		},
	]);
}

async function writeBack(sys: MountSys, root: Handle, subject: string): Promise<void> {
	try {
		await sys.sync(root);
	} catch (cause) {
		if (!isSysError(cause)) throw cause;
		throw new DeviceError(
			"ERR_DEVICE_CLOSE",
			`${subject}: part of what was written to the file system is lost (${cause.syscall}: ${cause.code}). ` +
				"Do not use what is beneath",
			{ cause, details: { errno: cause.code } },
		);
	}
}

/** A mount that is to go, of those that came with it. */
interface Unmounting {
	readonly id: number;
	readonly ids: readonly number[];
	/** Gets what mountinfo says of it. */
	readonly devices: DeviceNumber[];
	readonly subject: string;
	readonly deadlineMs: number;
}

/**
 * Unmounts what has a number, wherever it is by now: a directory above it may have been renamed. It is tried until the deadline, as
 * somebody, such as a scanner of files, may be in it for a moment.
 */
async function unmountOne(sys: MountSys, unmounting: Unmounting): Promise<void> {
	const { id, subject, deadlineMs } = unmounting;
	for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, longestPauseMs)) {
		const { mount, error } = findMount(sys, id);
		// Gone; perhaps somebody else has unmounted it.
		if (mount === undefined && error === undefined) return;
		const isUnmounted = mount !== undefined && (await tryUnmount(sys, id, mount.target));
		if (isUnmounted) continue;
		const leftMs = deadlineMs - sys.nowMs();
		if (leftMs <= 0) {
			if (mount === undefined) throw fromSystemError(error, subject);
			throw await stillBusy(sys, unmounting, mount);
		}
		await sys.delay(Math.min(waitMs, leftMs));
	}
}

/** Looks for a mount by its number; an error says that it may be there. */
function findMount(
	sys: MountSys,
	id: number,
): { readonly mount?: MountInfo | undefined; readonly error?: unknown } {
	try {
		return { mount: sys.mounts().find((each) => each.id === id) };
	} catch (error) {
		return { error };
	}
}

/** @returns False where it may work later. */
async function tryUnmount(sys: MountSys, id: number, target: string): Promise<boolean> {
	// A path leads to what is on top, and that may be somebody else's.
	if (sys.mountIdAt(target) !== id) return false;
	try {
		await sys.unmount(target);
		return true;
	} catch (error) {
		// EINVAL, ENOENT: it was moved since the look.
		if (!isSysError(error) || !passing.includes(error.code)) throw error;
		return false;
	}
}

async function stillBusy(
	sys: MountSys,
	{ id, ids, devices, subject }: Unmounting,
	{ target, device }: MountInfo,
): Promise<DeviceBusy> {
	const [major = 0, minor = 0] = device.split(":").map(Number);
	devices.push({ major, minor });
	const holders = await sys.fileSystemHolders({ devices, exceptMounts: new Set(ids) });
	const where = `${subject}: ${target}`;
	const isHidden = sys.mountIdAt(target) !== id;
	const what = isHidden ? `${where}: another mount stands on it, or before it` : where;
	return busy(what, otherHolders(holders));
}

function busy(subject: string, holders: readonly Holder[]): DeviceBusy {
	return new DeviceBusy(busyMessage(subject, holders), holders);
}

const passing: readonly string[] = ["EBUSY", "EINVAL", "ENOENT"];
const longestPauseMs = 50;
