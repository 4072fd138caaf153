import { findHoldersOfEach, type Holder } from "@devhost/core";
import { type DeviceState, deviceStates } from "./device-state.ts";
import { LoopNodes } from "./loop-nodes.ts";
import { openedSince } from "./opened-since.ts";
import { isRunning, livingProcesses } from "./run-process.ts";
import type { TaggedDevice } from "./tagged-device.ts";
import { findTaggedLoops } from "./tagged-loops.ts";
import { findTaggedMappings } from "./tagged-mappings.ts";

/** A device that a run has opened, and how it stands with it. */
export interface ListedDevice extends TaggedDevice {
	/** As manifests name it; which of them a mapping is, is told by its uuid. */
	readonly type: string;
	readonly state: DeviceState;
	/** Whether the process of its run lives, as far as can be seen. */
	readonly isRunning: boolean;
	/** Whoever uses it and can be seen. */
	readonly holders: readonly Holder[];
	/** When it was opened, in milliseconds since 1970. */
	readonly sinceMs: number | undefined;
}

/** What {@link listDevices} found, and what it could not look at. */
export interface DeviceListing {
	readonly devices: readonly ListedDevice[];
	readonly unseen: readonly string[];
}

/**
 * Looks which devices of devhost's runs there are on this machine: those that carry a tag, whoever opened them. Changes
 * nothing; opens loop devices for a moment, for reading.
 */
export async function listDevices(): Promise<DeviceListing> {
	using nodes = new LoopNodes();
	const found = [findTaggedLoops(nodes), findTaggedMappings()];
	const tagged = found.flatMap(({ devices }) => devices);
	// After the devices: a run that has begun meanwhile lives.
	const processes = livingProcesses();
	const each = await findHoldersOfEach(tagged.map(({ node }) => node));
	const devices = tagged.map((device, index) => ({
		...device,
		isRunning: isRunning(device.run, processes),
		holders: (each[index] ?? []).filter(isSomebodyElse),
	}));
	const states = deviceStates(devices);
	return {
		devices: devices
			.map((device) => ({
				...device,
				type: typeOf(device),
				state: states.get(device.name) ?? "unknown",
				sinceMs: openedSince(device, device.holders),
			}))
			.toSorted(byRun),
		unseen: found.flatMap(({ unseen }) => unseen),
	};
}

function isSomebodyElse(holder: Holder): boolean {
	return holder.kind !== "process" || holder.pid !== process.pid;
}

/** Source: cryptsetup, lib/internal.h, `CRYPT_LUKS2` and the other prefixes of dm uuids. */
function typeOf({ kind, mapping }: TaggedDevice): string {
	if (kind === "loop") return "devhost.loopback";
	if (mapping?.uuid.startsWith("PART-") === true) return "devhost.partition"; // on anything but a loop device
	return mapping?.uuid.startsWith("CRYPT-") ? "devhost.luks2" : "devhost.lvm2.lv";
}

/** The oldest run first; of a run what stands beneath first. */
function byRun(a: ListedDevice, b: ListedDevice): number {
	if (a.run !== b.run) return a.run < b.run ? -1 : 1;
	if (a.kind !== b.kind) return a.kind === "loop" ? -1 : 1;
	return a.node.minor - b.node.minor;
}
