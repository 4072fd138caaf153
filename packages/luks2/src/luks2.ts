import { abandoned, causeFirst, type DeviceDriver, fromSystemError } from "@devhost/core";
import manifest from "../device.json" with { type: "json" };
import type { LuksSys } from "./luks.ts";
import type { Luks2Opener } from "./open-luks2.ts";
import { type Luks2Options, parseLuks2Options } from "./options.ts";

/**
 * Creates the driver that unlocks LUKS2 containers with cryptsetup.
 *
 * @param load - Gets the machine, as far as this driver needs it, when the first device is opened: a service starts
 * without. Tests pass one that fails.
 * @param settings - `closeTimeoutMs`: how long closing waits for others to let go of a device.
 */
export function luks2(
	load: () => LuksSys | Promise<LuksSys>,
	{ closeTimeoutMs = 5000 }: { readonly closeTimeoutMs?: number } = {},
): DeviceDriver<Luks2Options> {
	let loading: Promise<Luks2Opener> | undefined;
	const opener = async (): Promise<Luks2Opener> => {
		const { Luks2Opener } = await import("./open-luks2.ts");
		return new Luks2Opener(await load(), closeTimeoutMs);
	};

	return {
		types: manifest.types,
		parent: "required",
		schema: manifest.options,
		parseOptions: parseLuks2Options,

		async open(options, context) {
			const { name, signal } = context;
			try {
				signal.throwIfAborted();
				loading ??= opener();
				return await (await loading).open(options, context);
			} catch (error) {
				const cause = fromSystemError(causeFirst(error, name), name);
				throw signal.aborted && cause === signal.reason ? abandoned(name, cause) : cause;
			}
		},
	};
}
