import { allOf, byKey, withAncestors } from "./declared-devices.ts";
import { sharedDevicesOf, sharedLifetimes } from "./manifest-lifetime.ts";
import type { DeviceDeclaration, Manifest, StageDeclaration } from "./manifest.ts";

/** Which devices a stage sees, which have to be open for it, and which may be closed after it. */
export interface StageDevices {
	readonly stage: StageDeclaration;
	readonly index: number;
	/** The keys of the devices and mounts that the stage sees: those it uses and its own. */
	readonly visible: ReadonlySet<string>;
	/** Whether there are mounts among them. */
	readonly hasMounts: boolean;
	/** What has to be open when it begins, with everything that it stands on. */
	readonly needed: readonly DeviceDeclaration[];
	/** The keys of what nobody needs after it. */
	readonly last: ReadonlySet<string>;
}

/**
 * Decides for each stage which devices it needs: shared ones live from the first stage that needs them to the last, a
 * stage's own ones for the stage.
 *
 * What a device stands on is open as long as the device is, and seen by a stage only if it uses it itself.
 *
 * Made for each stage when that is its turn: all at once would be as many sets of devices as there are stages.
 */
export function* planDevices(manifest: Manifest): Generator<StageDevices> {
	const endings = Map.groupBy(sharedLifetimes(manifest), ([, { last }]) => last);
	for (const [index, stage] of manifest.stages.entries()) {
		const own = allOf(stage);
		const visible = [...sharedDevicesOf(manifest, stage), ...own];
		const ending = (endings.get(index) ?? []).map(([key]) => key);
		yield {
			stage,
			index,
			visible: new Set(visible.map(({ key }) => key)),
			hasMounts: visible.some(({ mount }) => mount !== undefined),
			needed: withAncestors(visible, { own: byKey(stage), shared: byKey(manifest) }),
			last: new Set([...ending, ...own.map(({ key }) => key)]),
		};
	}
}
