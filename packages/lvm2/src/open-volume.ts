import { closeTimeoutOf, DeviceError, type OpenContext, type OpenDevice } from "@devhost/core";
import { type OpenMapping, openTable } from "@devhost/core/mapping";
import { findVolume, type FoundVolume } from "./find-volume.ts";
import { openParents } from "./open-parents.ts";
import type { VolumeOptions } from "./options.ts";
import { readVolumeGroups } from "./read-volume-groups.ts";
import type { VolumeSys } from "./volume-sys.ts";
import { neededOfTools, volumeTable } from "./volume-table.ts";

/** Finds a volume on its physical volumes and opens it. Throws with nothing left behind. */
export type VolumeOpener = (options: VolumeOptions, context: OpenContext) => Promise<OpenDevice>;

/**
 * What the driver opens volumes with.
 *
 * @param longestMs - How long closing waits for others to let go of a device.
 */
export function volumeOpener(sys: VolumeSys, longestMs: number): VolumeOpener {
	return async (options, context) => {
		const { name: subject, run, devices, signal } = context;
		const { readOnly } = options;
		// Whatever is acquired here is released, last first, if a later step throws.
		await using acquired = new AsyncDisposableStack();
		using opened = new DisposableStack();
		const parents = openParents(sys, context, options.partition);
		for (const parent of parents) opened.use(parent);
		const groups = await readVolumeGroups(parents);
		for (const warning of groups.warnings) context.log(warning);
		const found = findVolume(groups, options);
		checkWritable(found, options);
		signal.throwIfAborted();

		const closeTimeoutMs = closeTimeoutOf(context, longestMs);
		const request = { run, name: subject, subject, devices, readOnly, closeTimeoutMs, signal };
		const needed = neededOfTools(found);
		let mapping: OpenMapping;
		if (needed === undefined) {
			const table = volumeTable(found, parents);
			mapping = await openTable(sys.mappings, { ...request, table });
		} else {
			// Most volumes do without.
			const { openByTools } = await import("./open-by-tools.ts");
			const log = (text: string): void => context.log(text);
			mapping = await openByTools(sys, { ...request, found, parents, needed, log });
		}
		acquired.use(mapping);
		opened.dispose(); // the mapping holds what it stands on itself
		const details = detailsOf(mapping, found);
		const owned = acquired.move(); // nothing below can throw
		const { path, node } = mapping;
		return { path, node, details, [Symbol.asyncDispose]: () => owned.disposeAsync() };
	};
}

function detailsOf(
	mapping: OpenMapping,
	{ found: { group }, volume }: FoundVolume,
): Readonly<Record<string, unknown>> {
	const { sizeBytes, sectorBytes, readOnly, diskSequence } = mapping;
	return {
		// As osbuild has it.
		lvm: { vg_name: group.name, lv_name: volume.name },
		groupUuid: group.uuid,
		uuid: volume.uuid,
		sizeBytes,
		sectorBytes,
		readOnly,
		...(diskSequence !== undefined && { diskSequence: Number(diskSequence) }),
	};
}

function checkWritable({ found, volume }: FoundVolume, { readOnly }: VolumeOptions): void {
	if (readOnly || (found.group.isWritable && volume.isWritable)) return;
	const [what, command] = found.group.isWritable
		? [`volume ${found.group.name}/${volume.name}`, "lvchange"]
		: [`volume group ${found.group.name}`, "vgchange"];
	throw new DeviceError(
		"ERR_DEVICE_READ_ONLY_FILE",
		`${what} may only be read, as its metadata say: set read-only, or change it with ${command} --permission rw`,
		{ pointer: "/read-only" },
	);
}
