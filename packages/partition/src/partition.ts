import {
	abandoned,
	causeFirst,
	closeTimeoutOf,
	type DeviceDriver,
	fromSystemError,
	type OpenDevice,
	DeviceError,
} from "@devhost/core";
import manifest from "../device.json" with { type: "json" };
import type { DiskSys } from "./disk-sys.ts";
import type { OpenedPartition } from "./open-partition.ts";
import { parsePartitionOptions, type PartitionOptions } from "./options.ts";

/**
 * Creates the driver that opens one partition of its parent.
 *
 * @param load - Gets the machine, as far as this driver needs it, when the first partition is opened: a service starts
 * without. Tests pass one that fails.
 * @param settings - `closeTimeoutMs`: how long closing waits for others to let go of a device.
 */
export function partition(
	load: () => DiskSys | Promise<DiskSys>,
	{ closeTimeoutMs = 5000 }: { readonly closeTimeoutMs?: number } = {},
): DeviceDriver<PartitionOptions> {
	let loading: Promise<DiskSys> | undefined;

	return {
		types: manifest.types,
		parent: "required",
		schema: manifest.options,
		parseOptions: parsePartitionOptions,

		async open(options, context): Promise<OpenDevice> {
			const { name, run, devices, parent, signal, log } = context;
			try {
				signal.throwIfAborted();
				if (parent === undefined) {
					throw new DeviceError(
						"ERR_DEVICE_PARENT",
						`${name}: needs a parent, and has none`,
					);
				}
				loading ??= Promise.resolve(load());
				const { openPartition } = await import("./open-partition.ts");
				const request = {
					...options,
					parent,
					name,
					run,
					devices,
					closeTimeoutMs: closeTimeoutOf(context, closeTimeoutMs),
					signal,
					log,
				};
				const opened = await openPartition(await loading, request);
				const { path, node } = opened;
				const close = async (): Promise<void> => {
					try {
						await opened[Symbol.asyncDispose]();
					} catch (error) {
						throw causeFirst(error, name);
					}
				};
				return { path, node, details: detailsOf(opened), [Symbol.asyncDispose]: close };
			} catch (error) {
				const cause = fromSystemError(causeFirst(error, name), name);
				throw signal.aborted && cause === signal.reason ? abandoned(name, cause) : cause;
			}
		},
	};
}

function detailsOf(opened: OpenedPartition): Readonly<Record<string, unknown>> {
	const { number, label, uuid, type, typeName, startBytes } = opened.partition;
	const { sizeBytes, sectorBytes, readOnly, diskSequence } = opened;
	return {
		number,
		...(label !== undefined && { label }),
		...(uuid !== undefined && { uuid }),
		type,
		...(typeName !== undefined && { typeName }),
		startBytes,
		sizeBytes,
		sectorBytes,
		readOnly,
		...(diskSequence !== undefined && { diskSequence: Number(diskSequence) }),
	};
}
