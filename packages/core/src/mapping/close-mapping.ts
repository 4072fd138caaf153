import type { DeviceNumber, FdLike } from "@devhost/linux";
import { isSysError } from "@devhost/linux";
import type { BlockIdentity } from "../absence.ts";
import { busy, lost } from "../close-complaint.ts";
import { type CloseTimeout, timeoutMsOf } from "../close-timeout.ts";
import { DeviceError, isDeviceError } from "../error.ts";
import type { Handle } from "../handle.ts";
import { otherHolders } from "../holder.ts";
import { takeEvery, throwFailures } from "../take-every.ts";
import { waitUntil } from "../wait-until.ts";
import type { MappingSys } from "./mapping-sys.ts";

/** A mapping as it was when it was opened. */
export interface BoundMapping {
	readonly handle: Handle;
	readonly node: DeviceNumber;
	readonly name: string;
	readonly uuid: string;
	readonly identity: BlockIdentity;
	/** Starts, lengths and types of its targets. */
	readonly targets: ReturnType<MappingSys["targets"]>;
	/** What else was made with it. */
	readonly beneath: readonly BlockIdentity[];
	/** Descriptors of these. */
	readonly held: readonly Handle[];
}

/** A mapping that is to go. */
export interface ClosingMapping {
	readonly bound: BoundMapping;
	/** As messages begin: the device, and the mapping. */
	readonly subject: string;
	readonly devices: FdLike;
	/** Of its node; undefined: it has none. */
	readonly path: string | undefined;
	readonly readOnly: boolean;
	readonly closeTimeoutMs: CloseTimeout;
}

/**
 * Closes a mapping: every step, whatever becomes of those before. The kernel removes it, and what was made with it, when
 * nobody has it open any more.
 *
 * @throws {@link DeviceBusy} others still use it at the deadline; it is removed when they let go.
 * @throws {@link DeviceError} `ERR_DEVICE_CLOSE` something that was written is lost.
 * @throws {@link DeviceError} `ERR_DEVICE_NOT_OURS` somebody has changed it; it is closed all the same.
 */
export async function closeMapping(sys: MappingSys, closing: ClosingMapping): Promise<void> {
	const { bound, subject, devices, path, readOnly, closeTimeoutMs } = closing;
	const { handle, node, identity } = bound;
	const deadlineMs = sys.nowMs() + timeoutMsOf(closeTimeoutMs);
	let claim: Handle | undefined;
	let isKnownBusy = false;

	await takeEvery([
		// Before anything that writes could wait for it for ever.
		() => verifyUnchanged(sys, bound, subject),
		async () => {
			if (readOnly) return;
			try {
				claim = await claimMapping(sys, closing, deadlineMs);
			} catch (error) {
				isKnownBusy = isDeviceError(error, "ERR_DEVICE_BUSY");
				throw error;
			}
		},
		// While the number is ours: its next owner makes a node of the same name.
		() => (path === undefined ? undefined : sys.removeNode(devices, path)),
		async () => {
			const { flush, close } = await sys.release(handle, claim, { flush: !readOnly });
			throwFailures([flush && lost(subject, flush), close]);
		},
		...bound.held.map((each) => () => each.closeAsync()),
		async () => {
			const isGone = (): boolean => !sys.isPresent(identity);
			if (await waitUntil(sys, deadlineMs, isGone)) return;
			if (!isKnownBusy) throw await busy(sys, node, subject);
			isKnownBusy = true;
		},
		async () => {
			if (isKnownBusy || sys.isPresent(identity)) return;
			await waitForBeneath(sys, closing, deadlineMs);
		},
	]);
}

/**
 * Waits until no file system, swap or other device stands on ours, and keeps them off: only who has the device open is told of
 * writes that fail, so whoever writes last has to go before us.
 */
async function claimMapping(
	sys: MappingSys,
	{ bound, subject }: ClosingMapping,
	deadlineMs: number,
): Promise<Handle> {
	let claim: Handle | undefined;
	await waitUntil(sys, deadlineMs, () => {
		try {
			claim = sys.claim(bound.handle);
		} catch (error) {
			if (!isSysError(error, "EBUSY")) throw error;
		}
		return claim !== undefined;
	});
	if (claim === undefined) throw await busy(sys, bound.node, subject, otherHolders);
	return claim;
}

/** Compares a mapping with what it was: root, with the kernel's or another's tools, can change it at any time. */
async function verifyUnchanged(
	sys: MappingSys,
	{ node, uuid, targets }: BoundMapping,
	subject: string,
): Promise<void> {
	const changes: string[] = [];
	const status = sys.status(node);
	if (status === undefined || status.uuid !== uuid) {
		changes.push("it is another one");
	} else {
		if (JSON.stringify(sys.targets(node)) !== JSON.stringify(targets))
			changes.push("it has another table");
		if (status.suspended) {
			changes.push("it is suspended");
			await sys.resume(node);
		}
		if (!status.isArmed) {
			changes.push("it would have stayed");
			await sys.arm(node);
		}
	}
	if (changes.length === 0) return;
	throw new DeviceError(
		"ERR_DEVICE_NOT_OURS",
		`${subject}: somebody has changed the device while it was open: ${changes.join(", ")}. ` +
			"Do not use what is beneath",
	);
}

/**
 * Waits until what was made with a mapping is gone, too: the kernel removes it after the one above. What another device stands
 * on stays for that, as a pool does for its other volumes.
 */
async function waitForBeneath(
	sys: MappingSys,
	{ bound: { beneath, identity }, subject }: ClosingMapping,
	deadlineMs: number,
): Promise<void> {
	const leaving = (): readonly BlockIdentity[] => {
		const present = beneath.filter((identity) => sys.isPresent(identity));
		// Also what is just gone: it is to be seen on the one beneath for a moment yet.
		const names = new Set([...beneath, identity].map(kernelName));
		// Taken away from below the one that stays, one after the other.
		for (let count = -1; count !== names.size;) {
			count = names.size;
			for (const identity of present) {
				const isHeld = sys.devicesOn(identity.node).some((name) => !names.has(name));
				if (isHeld) names.delete(kernelName(identity));
			}
		}
		return present.filter((identity) => names.has(kernelName(identity)));
	};
	if (await waitUntil(sys, deadlineMs, () => leaving().length === 0)) return;
	const [first] = leaving();
	if (first !== undefined)
		throw await busy(sys, first.node, `${subject}: ${kernelName(first)} beneath`);
}

function kernelName({ node }: BlockIdentity): string {
	return `dm-${node.minor}`;
}
