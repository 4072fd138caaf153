import { busyMessage, DeviceBusy } from "@devhost/core";
import type { LoopSys } from "./loop.ts";

/** A device that is still used, and by whom. */
export async function busy(sys: LoopSys, number: number, subject: string): Promise<DeviceBusy> {
	const holders = await sys.holders(number);
	return new DeviceBusy(busyMessage(subject, holders), holders);
}
