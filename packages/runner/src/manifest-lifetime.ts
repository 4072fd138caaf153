import { withAncestors } from "./declared-devices.ts";
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
	const need = (names: Iterable<string>, index: number): void => {
		for (const name of names) {
			lifetimes.set(name, { first: lifetimes.get(name)?.first ?? index, last: index });
		}
	};
	const all = Object.keys(manifest.devices);
	const { stages } = manifest;
	// Of the stages that need all devices only the first and the last one matter, and there may be thousands.
	const firstWithAll = stages.findIndex(({ uses }) => uses === undefined);
	const lastWithAll = stages.findLastIndex(({ uses }) => uses === undefined);
	stages.forEach((stage, index) => {
		if (index === firstWithAll || index === lastWithAll) need(all, index);
		else if (stage.uses !== undefined) need(neededBy(manifest, stage), index);
	});
	return lifetimes;
}

/** The shared devices that have to be open for a stage that says what it uses. */
function neededBy(
	{ devices: shared }: Pick<Manifest, "devices">,
	{ uses = [], devices: own }: Pick<StageDeclaration, "uses" | "devices">,
): string[] {
	const used = uses.flatMap((name) => shared[name] ?? []);
	return withAncestors([...used, ...Object.values(own)], { own, shared })
		.filter((device) => shared[device.name] === device)
		.map(({ name }) => name);
}
