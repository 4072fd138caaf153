import type { DeviceNumber } from "@devhost/linux";
import { DeviceError } from "../error.ts";
import { type DeviceTag, parseMappingTag } from "../tag.ts";
import { waitUntil } from "../wait-until.ts";
import { busy } from "./close-mapping.ts";
import type { MappingSys } from "./mapping-sys.ts";

/** A mapping that says it is ours. */
export interface TaggedMapping {
	readonly name: string;
	readonly uuid: string;
	readonly node: DeviceNumber;
	readonly tag: DeviceTag;
	/** How often it is open: by descriptors, mounts and other devices. */
	readonly openCount: number;
	/** The kernel removes it with its last user. */
	readonly isArmed: boolean;
}

/** Finds the mappings that carry our tag, those of all runs. */
export function taggedMappings(sys: MappingSys): TaggedMapping[] {
	return sys.list().flatMap(({ name, node }) => {
		const tag = parseMappingTag(name);
		const status = tag === undefined ? undefined : sys.status(node);
		// Its number may be another's since.
		if (tag === undefined || status === undefined || status.name !== name) return [];
		const { uuid, openCount, isArmed } = status;
		return [{ name, uuid, node, tag, openCount, isArmed }];
	});
}

/**
 * Removes a mapping of a list of {@link taggedMappings}, if it is still the same one, and waits until it is gone. One that is
 * in use is removed by the kernel when it is not any more.
 *
 * @throws {@link DeviceBusy} it is still in use at the end.
 * @throws {@link DeviceError} `ERR_DEVICE_NOT_OURS` something else has its number now.
 */
export async function removeMapping(
	sys: MappingSys,
	{ name, uuid, node }: TaggedMapping,
	{ timeoutMs = 1000 }: { readonly timeoutMs?: number } = {},
): Promise<void> {
	const status = sys.status(node);
	if (status === undefined) return;
	if (status.name !== name || status.uuid !== uuid || parseMappingTag(name) === undefined) {
		const message = `${name}: ${node.major}:${node.minor} is ${status.name} now, which is left alone`;
		throw new DeviceError("ERR_DEVICE_NOT_OURS", message);
	}
	const identity = sys.identify(node);
	if (status.suspended && status.hasLiveTable) await sys.resume(node);
	await sys.arm(node);
	if (await waitUntil(sys, sys.nowMs() + timeoutMs, () => !sys.isPresent(identity))) return;
	throw await busy(sys, node, name);
}
