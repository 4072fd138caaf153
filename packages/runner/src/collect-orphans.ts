import { busyMessage, isDeviceError } from "@devhost/core";
import { describeDevice } from "./describe-device.ts";
import { type DeviceListing, type ListedDevice, listDevices } from "./list-devices.ts";
import { removeOrphan } from "./remove-orphan.ts";

/** What happens while orphans are collected. */
export type CollectEvent =
	/** It is gone. */
	| { readonly what: "removed"; readonly device: ListedDevice }
	/** It would be removed, if it were not only asked about. */
	| { readonly what: "orphaned"; readonly device: ListedDevice }
	/** Its run is over, but somebody uses it. */
	| { readonly what: "kept"; readonly device: ListedDevice; readonly reason: string };

/** How orphans are collected. */
export interface CollectOptions {
	/** Removes nothing, only tells what would be removed. @default false */
	readonly dryRun?: boolean;
	readonly onEvent?: (event: CollectEvent) => void;
}

/** What is left to say when orphans have been collected. */
export interface Collection {
	/** Why orphans are still there, first cause first. */
	readonly failures: readonly unknown[];
	/** What could not be looked at. */
	readonly unseen: readonly string[];
}

/**
 * How long nobody may own a device before it is taken for an orphan. A mapping has no owner that could be seen from everywhere
 * from when cryptsetup has made it until it is opened; and a run in another container cannot be seen at all.
 */
const settleMs = 1_000;
/** More than enough for those who look at a device for a moment, such as udev, blkid and other collectors. */
const maxLooks = 5;

/**
 * Removes the devices of runs that are over, if nobody uses them. Nothing that lacks a run's tag is touched.
 *
 * Needs root with CAP_SYS_ADMIN.
 */
export async function collectOrphans(options: CollectOptions = {}): Promise<Collection> {
	const { dryRun = false, onEvent = () => {} } = options;
	const { orphans, kept, unseen } = await findOrphans();
	for (const device of kept) onEvent({ what: "kept", device, reason: reasonToKeep(device) });

	const failures: unknown[] = [];
	const staying = new Set<string>();
	for (const device of topFirst(orphans)) {
		if (dryRun) {
			onEvent({ what: "orphaned", device });
			continue;
		}
		const above = device.holders.find(
			(holder) => holder.kind === "device" && staying.has(holder.device),
		);
		if (above !== undefined) {
			staying.add(device.name);
			onEvent({
				what: "kept",
				device,
				reason: reasonToKeep({ ...device, holders: [above] }),
			});
			continue;
		}
		try {
			if (await removeOrphan(device)) onEvent({ what: "removed", device });
		} catch (error) {
			if (!isDeviceError(error)) throw error;
			staying.add(device.name);
			failures.push(error);
		}
	}
	return { failures, unseen };
}

/** Looks until each device has twice in succession been an orphan, or not been one. */
async function findOrphans(): Promise<{
	readonly orphans: readonly ListedDevice[];
	readonly kept: readonly ListedDevice[];
	readonly unseen: readonly string[];
}> {
	let before: DeviceListing | undefined;
	for (let look = 1; ; look++) {
		const now = await listDevices();
		const isSettled = (device: ListedDevice): boolean =>
			isOrphan(device) === isOrphanIn(before, device);
		const left = now.devices.filter(({ isRunning }) => !isRunning);
		const isDone =
			before === undefined
				? left.every((device) => !isSuspect(device))
				: left.every(isSettled) || look === maxLooks;
		if (isDone) {
			const orphans = left.filter((device) => isOrphan(device) && isSettled(device));
			const kept = left.filter((device) => !orphans.includes(device));
			return { orphans, kept, unseen: now.unseen };
		}
		before = now;
		await new Promise((resolve) => setTimeout(resolve, settleMs));
	}
}

function isOrphan({ state }: ListedDevice): boolean {
	return state === "orphan";
}

/** Undefined where the device was not there, or was another one. */
function isOrphanIn(listing: DeviceListing | undefined, device: ListedDevice): boolean | undefined {
	const same = listing?.devices.find(
		({ name, diskSequence, run, mapping }) =>
			name === device.name &&
			diskSequence === device.diskSequence &&
			run === device.run &&
			mapping?.uuid === device.mapping?.uuid,
	);
	return same && isOrphan(same);
}

/** Whether it may turn out to be an orphan: who has it open now may only be looking at it. */
function isSuspect(device: ListedDevice): boolean {
	const isOpen = device.holders.some(({ kind }) => kind === "process");
	return isOrphan(device) || (device.isArmed === false && isOpen);
}

/** What nothing stands on comes first. */
function topFirst(devices: readonly ListedDevice[]): ListedDevice[] {
	const byName = new Map(devices.map((device) => [device.name, device]));
	const ordered: ListedDevice[] = [];
	const seen = new Set<ListedDevice>();
	function add(device: ListedDevice): void {
		if (seen.has(device)) return;
		seen.add(device);
		for (const holder of device.holders) {
			const above = holder.kind === "device" ? byName.get(holder.device) : undefined;
			if (above !== undefined) add(above);
		}
		ordered.push(device);
	}
	for (const device of devices) add(device);
	return ordered;
}

/** A sentence. */
function reasonToKeep(device: ListedDevice): string {
	const subject = describeDevice(device);
	if (device.state === "unknown") return `${subject}: who uses it cannot be seen`;
	const busy = busyMessage(subject, device.holders);
	return device.state === "closing" ? `${busy}; it goes with them` : busy;
}
