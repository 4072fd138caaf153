import { busyMessage, DeviceBusy, type Holder } from "@devhost/core";
import type { LoopSys } from "./loop.ts";

/**
 * A device that is still used, and by whom.
 *
 * @param only - Those of them who matter.
 */
export async function busy(
	sys: LoopSys,
	number: number,
	subject: string,
	only: (holders: readonly Holder[]) => readonly Holder[] = (holders) => holders,
): Promise<DeviceBusy> {
	const holders = only(await sys.holders(number));
	return new DeviceBusy(busyMessage(subject, holders), holders);
}
