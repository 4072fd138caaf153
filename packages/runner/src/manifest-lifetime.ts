import type { DeviceDeclaration, Manifest, StageDeclaration } from "./manifest.ts";

/** Between which stages a shared device is open. */
export interface Lifetime {
	/** Index of the stage before which it is opened. */
	readonly first: number;
	/** Index of the stage after which it is closed. */
	readonly last: number;
}

/**
 * The shared devices that a stage sees, in the order of declaration.
 *
 * Those beneath them, and beneath the stage's own, have to be open, too: see {@link sharedLifetimes}.
 */
export function sharedDevicesOf(
	manifest: Pick<Manifest, "devices">,
	stage: Pick<StageDeclaration, "uses">,
): DeviceDeclaration[] {
	const { devices } = manifest;
	if (stage.uses === undefined) return Object.values(devices);
	const used = new Set(stage.uses);
	return Object.values(devices).filter(({ name }) => used.has(name));
}

/**
 * When shared devices are opened and closed: before the first stage that needs them, after the last.
 *
 * A stage needs the devices that it sees and whatever these, or its own ones, stand on.
 *
 * @returns By name; a device that no stage needs is not in it, and is never opened.
 */
export function sharedLifetimes(
	manifest: Pick<Manifest, "devices" | "stages">,
): ReadonlyMap<string, Lifetime> {
	const lifetimes = new Map<string, Lifetime>();
	manifest.stages.forEach((stage, index) => {
		for (const name of neededBy(manifest.devices, stage)) {
			const first = lifetimes.get(name)?.first ?? index;
			lifetimes.set(name, { first, last: index });
		}
	});
	return lifetimes;
}

function neededBy(
	shared: Readonly<Record<string, DeviceDeclaration>>,
	stage: Pick<StageDeclaration, "uses" | "devices">,
): ReadonlySet<string> {
	const needed = new Set<string>();
	const need = (name: string | undefined): void => {
		let next = name;
		while (next !== undefined && shared[next] !== undefined && !needed.has(next)) {
			needed.add(next);
			next = shared[next]?.parent;
		}
	};
	for (const name of stage.uses ?? Object.keys(shared)) need(name);
	for (const { parent } of Object.values(stage.devices)) {
		if (parent !== undefined && stage.devices[parent] === undefined) need(parent);
	}
	return needed;
}
