import { sharedDevicesOf, sharedLifetimes } from "./manifest-lifetime.ts";
import type { DeviceDeclaration, Manifest, StageDeclaration } from "./manifest.ts";

/** Which devices a stage sees, which have to be open for it, and which may be closed after it. */
export interface StageDevices {
	/** The devices that the stage sees: those it uses and its own. */
	readonly visible: ReadonlySet<string>;
	/** What has to be open when it begins, with everything that it stands on. */
	readonly needed: readonly DeviceDeclaration[];
	/** What nobody needs after it. */
	readonly last: ReadonlySet<string>;
}

/**
 * Decides for each stage which devices it needs: shared ones live from the first stage that needs them to the last, a
 * stage's own ones for the stage.
 *
 * What a device stands on is open as long as the device is, and seen by a stage only if it uses it itself.
 */
export function planDevices(manifest: Manifest): StageDevices[] {
	const lifetimes = sharedLifetimes(manifest);
	return manifest.stages.map((stage, index) => {
		const own = Object.values(stage.devices);
		const used = sharedDevicesOf(manifest, stage);
		const ending = [...lifetimes]
			.filter(([, { last }]) => last === index)
			.map(([name]) => name);
		return {
			visible: new Set([...used, ...own].map(({ name }) => name)),
			needed: withParents([...used, ...own], stage, manifest.devices),
			last: new Set([...ending, ...own.map(({ name }) => name)]),
		};
	});
}

function withParents(
	devices: readonly DeviceDeclaration[],
	stage: StageDeclaration,
	shared: Manifest["devices"],
): DeviceDeclaration[] {
	const needed = new Set<DeviceDeclaration>();
	for (const device of devices) {
		let next: DeviceDeclaration | undefined = device;
		// A cycle ends where it began; the check has complained of it.
		while (next !== undefined && !needed.has(next)) {
			needed.add(next);
			const { parent }: DeviceDeclaration = next;
			next = parent === undefined ? undefined : (stage.devices[parent] ?? shared[parent]);
		}
	}
	return [...needed];
}
