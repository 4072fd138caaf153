import { DeviceError, type OpenContext, type OpenDevice } from "@devhost/core";
import { openTable } from "@devhost/core/mapping";
import { findVolume, type FoundVolume } from "./find-volume.ts";
import { openParents } from "./open-parents.ts";
import type { VolumeOptions } from "./options.ts";
import { readVolumeGroups } from "./read-volume-groups.ts";
import type { VolumeSys } from "./volume-sys.ts";
import { neededOfTools, volumeTable } from "./volume-table.ts";

/**
 * Finds a volume on its physical volumes and opens it.
 *
 * @throws {@link DeviceError} with nothing left behind.
 */
export async function openVolume(
	sys: VolumeSys,
	options: VolumeOptions,
	context: OpenContext & { readonly closeTimeoutMs: number },
): Promise<OpenDevice> {
	const { name: subject, run, devices, closeTimeoutMs, signal } = context;
	signal.throwIfAborted();
	// Closed when the volume is open: the mapping holds what it stands on itself.
	using opened = new DisposableStack();
	const parents = openParents(sys, context, options.partition);
	for (const parent of parents) opened.use(parent);
	const groups = await readVolumeGroups(parents);
	for (const warning of groups.warnings) context.log(warning);
	const found = findVolume(groups, options);
	checkWritable(found, options);
	signal.throwIfAborted();

	const { readOnly } = options;
	const request = { run, name: subject, subject, devices, readOnly, closeTimeoutMs, signal };
	const needed = neededOfTools(found);
	const open = async () => {
		if (needed === undefined) {
			return await openTable(sys.mappings, {
				...request,
				table: volumeTable(found, parents),
			});
		}
		// Most volumes do without, and their service starts sooner.
		const { openByTools } = await import("./open-by-tools.ts");
		return await openByTools(sys, {
			...request,
			found,
			parents,
			needed,
			log: (text) => context.log(text),
		});
	};
	const mapping = await open();
	const { group } = found.found;
	const { path, node, sizeBytes, sectorBytes, diskSequence } = mapping;
	const details = {
		// As osbuild has it.
		lvm: { vg_name: group.name, lv_name: found.volume.name },
		groupUuid: group.uuid,
		uuid: found.volume.uuid,
		sizeBytes,
		sectorBytes,
		readOnly: mapping.readOnly,
		...(diskSequence !== undefined && { diskSequence: Number(diskSequence) }),
	};
	return { path, node, details, [Symbol.asyncDispose]: () => mapping[Symbol.asyncDispose]() };
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
