import { prerequisitesOf } from "@devhost/core";
import type { DeviceDeclaration, Manifest } from "./manifest.ts";

/** A device of a manifest, or a mount, and whose it is. */
export interface DeclaredDevice {
	readonly device: DeviceDeclaration;
	/** Index of the stage whose own it is; undefined for a shared one. */
	readonly stage: number | undefined;
}

/** Every device and mount that a manifest declares: the shared ones, then those of each stage. */
export function declaredDevices(
	manifest: Pick<Manifest, "devices" | "mounts" | "stages">,
): readonly DeclaredDevice[] {
	let found = declared.get(manifest);
	if (found === undefined) {
		found = [manifest, ...manifest.stages].flatMap((whole, index) => {
			const stage = index === 0 ? undefined : index - 1;
			return allOf(whole).map((device) => ({ device, stage }));
		});
		declared.set(manifest, found);
	}
	return found;
}

/** Every step of a check asks. */
const declared = new WeakMap<object, readonly DeclaredDevice[]>();

/** The shared devices and mounts of a manifest, or those of a stage alone. */
export function allOf({ devices, mounts }: DevicesAndMounts): DeviceDeclaration[] {
	return [...Object.values(devices), ...Object.values(mounts)];
}

/** {@link allOf} by their keys. */
export function byKey(declared: DevicesAndMounts): Readonly<Record<string, DeviceDeclaration>> {
	let found = known.get(declared);
	if (found === undefined) {
		// No prototype: "constructor" is a name like any other.
		found = Object.create(null) as Record<string, DeviceDeclaration>;
		for (const device of allOf(declared)) found[device.key] = device;
		known.set(declared, found);
	}
	return found;
}

type DevicesAndMounts = Pick<Manifest, "devices" | "mounts">;

/** Asked for at every stage. */
const known = new WeakMap<DevicesAndMounts, Record<string, DeviceDeclaration>>();

/**
 * Where parents are found, by their keys: a stage's own devices and mounts first, then the shared ones, which stand on shared ones
 * only.
 */
export interface DevicesInSight {
	readonly own: Readonly<Record<string, DeviceDeclaration>>;
	readonly shared: Readonly<Record<string, DeviceDeclaration>>;
}

/** What a device stands on or needs, in the manifest's order. What is not there is left out: the check says so. */
export function devicesBeneath(
	device: DeviceDeclaration,
	{ own, shared }: DevicesInSight,
): DeviceDeclaration[] {
	const isOwn = own[device.key] === device;
	return prerequisitesOf(device).flatMap(
		(key) => (isOwn ? own[key] : undefined) ?? shared[key] ?? [],
	);
}

/** Devices with everything that they stand on, each once, parents first. A cycle ends where it began. */
export function withAncestors(
	devices: Iterable<DeviceDeclaration>,
	sight: DevicesInSight,
): DeviceDeclaration[] {
	const found = new Set<DeviceDeclaration>();
	// Those on the way to a parent, each with those that it still waits for.
	const path: { readonly device: DeviceDeclaration; readonly beneath: DeviceDeclaration[] }[] =
		[];
	const onPath = new Set<DeviceDeclaration>();
	const visit = (device: DeviceDeclaration): void => {
		if (found.has(device) || onPath.has(device)) return;
		onPath.add(device);
		path.push({ device, beneath: devicesBeneath(device, sight).toReversed() });
	};
	for (const device of devices) {
		visit(device);
		for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
			const next = last.beneath.pop();
			if (next !== undefined) {
				visit(next);
				continue;
			}
			path.pop();
			found.add(last.device);
		}
	}
	return [...found];
}
