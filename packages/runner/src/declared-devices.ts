import { parentsOf } from "@devhost/core";
import type { DeviceDeclaration, Manifest } from "./manifest.ts";

/** A device of a manifest, and whose it is. */
export interface DeclaredDevice {
	readonly device: DeviceDeclaration;
	/** Index of the stage whose own it is; undefined for a shared one. */
	readonly stage: number | undefined;
}

/** Every device that a manifest declares: the shared ones, then those of each stage. */
export function* declaredDevices({
	devices,
	stages,
}: Pick<Manifest, "devices" | "stages">): Generator<DeclaredDevice> {
	for (const device of Object.values(devices)) yield { device, stage: undefined };
	for (const [stage, { devices: own }] of stages.entries()) {
		for (const device of Object.values(own)) yield { device, stage };
	}
}

/** Where parents are found: a stage's own devices first, then the shared ones, which stand on shared ones only. */
export interface DevicesInSight {
	readonly own: Readonly<Record<string, DeviceDeclaration>>;
	readonly shared: Readonly<Record<string, DeviceDeclaration>>;
}

/** What a device stands on, in the manifest's order. Parents that are not there are left out: the check says so. */
export function devicesBeneath(
	device: DeviceDeclaration,
	{ own, shared }: DevicesInSight,
): DeviceDeclaration[] {
	const isOwn = own[device.name] === device;
	return parentsOf(device).flatMap(
		(name) => (isOwn ? own[name] : undefined) ?? shared[name] ?? [],
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
