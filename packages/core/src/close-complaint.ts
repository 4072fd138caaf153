import { type DeviceNumber, isSysError } from "@devhost/linux";
import { busyMessage, DeviceBusy, DeviceError } from "./error.ts";
import type { Holder } from "./holder.ts";

/** Who finds whoever uses a device. */
export interface HolderFinder {
	holders(node: DeviceNumber): Promise<readonly Holder[]>;
}

/**
 * A device that is still used, and by whom.
 *
 * @param only - Those of them who matter.
 */
export async function busy(
	sys: HolderFinder,
	node: DeviceNumber,
	subject: string,
	only: (holders: readonly Holder[]) => readonly Holder[] = (holders) => holders,
): Promise<DeviceBusy> {
	const holders = only(await sys.holders(node));
	return new DeviceBusy(busyMessage(subject, holders), holders, { details: { node } });
}

/** What somebody is told when writing back failed: part of what was written is lost. */
export function lost(subject: string, cause: unknown): unknown {
	if (!isSysError(cause)) return cause;
	return new DeviceError(
		"ERR_DEVICE_CLOSE",
		`${subject}: part of what was written to the device is lost (${cause.syscall}: ${cause.code}). ` +
			"Do not use what is beneath",
		{ cause, details: { errno: cause.code } },
	);
}
