import { closeTimeoutOf, type DeviceDriver, loopTag, type OpenDevice } from "@devhost/core";
import manifest from "../device.json" with { type: "json" };
import type { LoopSys } from "./loop.ts";
import { defaultCloseTimeoutMs } from "./loop-request.ts";
import { openLoop } from "./open-loop.ts";
import { type LoopbackOptions, parseLoopbackOptions } from "./options.ts";
import type { LoopPartition } from "./scan-partitions.ts";

/**
 * Creates the driver that exposes a file, or a sector range of it, as a block device.
 *
 * @param sys - The kernel, as far as this driver needs it. Tests pass a fake one.
 * @param settings - `closeTimeoutMs`: how long closing waits for others to let go of a device.
 */
export function loopback(
	sys: LoopSys,
	{ closeTimeoutMs = defaultCloseTimeoutMs }: { readonly closeTimeoutMs?: number } = {},
): DeviceDriver<LoopbackOptions> {
	return {
		types: manifest.types,
		parent: "none",
		schema: manifest.options,
		parseOptions: parseLoopbackOptions,

		async open(options, context): Promise<OpenDevice> {
			const { name, run, tree, devices, signal, log } = context;
			const { filename, startSectors, sizeSectors, sectorBytes } = options;
			const loop = await openLoop(sys, {
				...options,
				file: filename,
				tree,
				startBytes: startSectors * sectorBytes,
				sizeBytes: sizeSectors === undefined ? undefined : sizeSectors * sectorBytes,
				devices,
				tag: loopTag(run, name),
				closeTimeoutMs: closeTimeoutOf(context, closeTimeoutMs),
				signal,
				log,
			});
			const { offsetBytes, sizeBytes, readOnly, diskSequence } = loop.facts;
			const details = {
				offsetBytes,
				sizeBytes,
				sectorBytes,
				readOnly,
				...(diskSequence !== undefined && { diskSequence: Number(diskSequence) }),
				...(options.partscan && { partitions: loop.partitions.map(detailsOf) }),
			};
			const nodes = loop.partitions.map(({ path, node }) => ({ path, node }));
			const close = () => loop[Symbol.asyncDispose]();
			return {
				path: loop.path,
				node: loop.node,
				...(nodes.length > 0 && { nodes }),
				details,
				[Symbol.asyncDispose]: close,
			};
		},
	};
}

function detailsOf(partition: LoopPartition): Readonly<Record<string, unknown>> {
	const { path, number, startBytes, sizeBytes, type, typeName, uuid, label } = partition;
	return {
		path,
		number,
		startBytes,
		sizeBytes,
		type,
		...(typeName !== undefined && { typeName }),
		...(uuid !== undefined && { uuid }),
		...(label !== undefined && { label }),
	};
}
