import { mountKey } from "@devhost/core";
import { allOf, byKey, withAncestors } from "./declared-devices.ts";
import type { DeviceDeclaration, Manifest, StageDeclaration } from "./manifest.ts";

/** Between which stages a shared device is open. */
export interface Lifetime {
	/** Index of the stage before which it is opened. */
	readonly first: number;
	/** Index of the stage after which it is closed. */
	readonly last: number;
}

/**
 * The shared devices and mounts that a stage sees, in the order of declaration.
 *
 * Those beneath them, and beneath the stage's own, have to be open, too: see {@link sharedLifetimes}.
 */
export function sharedDevicesOf(
	manifest: Pick<Manifest, "devices" | "mounts">,
	stage: Pick<StageDeclaration, "uses">,
): DeviceDeclaration[] {
	if (stage.uses === undefined) return allOf(manifest);
	const used = new Set(stage.uses);
	return allOf(manifest).filter(({ name }) => used.has(name));
}

/**
 * When shared devices are opened and closed: before the first stage that needs them, after the last.
 *
 * A stage needs the devices that it sees and whatever these, or its own ones, stand on.
 *
 * @returns By key; a device that no stage needs is not in it, and is never opened.
 */
export function sharedLifetimes(
	manifest: Pick<Manifest, "devices" | "mounts" | "stages">,
): ReadonlyMap<string, Lifetime> {
	const lifetimes = new Map<string, Lifetime>();
	const need = (keys: Iterable<string>, index: number): void => {
		for (const key of keys) {
			lifetimes.set(key, { first: lifetimes.get(key)?.first ?? index, last: index });
		}
	};
	const all = Object.keys(byKey(manifest));
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
	manifest: Pick<Manifest, "devices" | "mounts">,
	stage: Pick<StageDeclaration, "uses" | "devices" | "mounts">,
): string[] {
	const [own, shared] = [byKey(stage), byKey(manifest)];
	const used = (stage.uses ?? []).flatMap((name) =>
		[shared[name], shared[mountKey(name)]].filter((each) => each !== undefined),
	);
	return withAncestors([...used, ...allOf(stage)], { own, shared })
		.filter((device) => shared[device.key] === device)
		.map(({ key }) => key);
}
