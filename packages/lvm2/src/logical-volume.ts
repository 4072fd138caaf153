import {
	abandoned,
	causeFirst,
	type DeviceDriver,
	fromSystemError,
	isDeviceError,
	type OpenDevice,
} from "@devhost/core";
import manifest from "../device.json" with { type: "json" };
import { about } from "./metadata-error.ts";
import { parseVolumeOptions, type VolumeOptions } from "./options.ts";
import type { VolumeSys } from "./volume-sys.ts";

/**
 * Creates the driver that opens logical volumes: linear and striped ones by itself, others with the lvm tools.
 *
 * @param sys - The machine, as far as this driver needs it. Tests pass one that fails.
 * @param settings - `closeTimeoutMs`: how long closing waits for others to let go of a device.
 */
export function logicalVolume(
	sys: VolumeSys,
	{ closeTimeoutMs = 5000 }: { readonly closeTimeoutMs?: number } = {},
): DeviceDriver<VolumeOptions> {
	return {
		types: manifest.types,
		parent: "several",
		schema: manifest.options,
		parseOptions: parseVolumeOptions,

		async open(options, context): Promise<OpenDevice> {
			const { name, signal } = context;
			try {
				// Not before there is something to open, so that the service is there sooner.
				const { openVolume } = await import("./open-volume.ts");
				return await openVolume(sys, options, { ...context, closeTimeoutMs });
			} catch (error) {
				const cause = fromSystemError(causeFirst(error, name), name);
				if (signal.aborted && cause === signal.reason) throw abandoned(name, cause);
				throw named(cause, name);
			}
		},
	};
}

/** Messages begin with the device's name; those of reading know of nothing but what they read. */
function named(error: unknown, name: string): unknown {
	const isNamed = !isDeviceError(error) || error.message.startsWith(`${name}:`);
	return isNamed ? error : about(name, error);
}
