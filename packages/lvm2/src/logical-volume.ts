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
import type { VolumeOpener } from "./open-volume.ts";
import { parseVolumeOptions, type VolumeOptions } from "./options.ts";
import type { VolumeSys } from "./volume-sys.ts";

/**
 * Creates the driver that opens logical volumes: linear and striped ones by itself, others with the lvm tools.
 *
 * @param load - Gets the machine, as far as this driver needs it, when the first volume is opened: a service starts
 * without. Tests pass one that fails.
 * @param settings - `closeTimeoutMs`: how long closing waits for others to let go of a device.
 */
export function logicalVolume(
	load: () => VolumeSys | Promise<VolumeSys>,
	{ closeTimeoutMs = 5000 }: { readonly closeTimeoutMs?: number } = {},
): DeviceDriver<VolumeOptions> {
	let loading: Promise<VolumeOpener> | undefined;
	const opener = async (): Promise<VolumeOpener> => {
		const { volumeOpener } = await import("./open-volume.ts");
		return volumeOpener(await load(), closeTimeoutMs);
	};

	return {
		types: manifest.types,
		parent: "several",
		schema: manifest.options,
		parseOptions: parseVolumeOptions,

		async open(options, context): Promise<OpenDevice> {
			const { name, signal } = context;
			try {
				signal.throwIfAborted();
				loading ??= opener();
				const open = await loading;
				return await open(options, context);
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
