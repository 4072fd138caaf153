import type { TaggedDevice } from "./tagged-device.ts";

/** A device as messages begin: `loop3 (disk of run mb2k3x9q-8fd-0)`. */
export function describeDevice({
	name,
	device,
	run,
}: Pick<TaggedDevice, "name" | "device" | "run">): string {
	return `${name} (${device} of run ${run})`;
}
