import { DeviceBusy, timeoutMsOf, waitUntil } from "@devhost/core";
import type { BackingFile } from "./backing-file.ts";
import type { ByteRange } from "./byte-range.ts";
import type { LoopSys } from "./loop.ts";
import type { LoopRequest } from "./loop-request.ts";

/**
 * Makes sure that no other loop device of this machine shows the same bytes of a file, if one of the two can be written: the kernel
 * would take them for two devices and mount the same file system twice, each with a cache of its own, and destroy it.
 *
 * The lock belongs to the open file, which the loop device keeps open, and so it goes with the device, however that ends. Waits a
 * while for one that is just being closed. A file that the caller has opened is the caller's to lock.
 *
 * @throws {@link DeviceBusy} somebody has them.
 */
export async function claimRange(
	sys: LoopSys,
	request: LoopRequest,
	backing: BackingFile,
	range: ByteRange,
): Promise<void> {
	const { file, filename, readOnly, closeTimeoutMs, signal } = request;
	if (typeof file !== "string" || backing.facts.type !== "file") return;
	const isOurs = (): boolean => sys.lockRange(backing.file, range, readOnly);
	if (isOurs()) return;
	const clock = {
		nowMs: () => sys.nowMs(),
		delay: (waitMs: number) => sys.delay(waitMs, signal),
	};
	if (await waitUntil(clock, sys.nowMs() + timeoutMsOf(closeTimeoutMs), isOurs)) return;
	const loops = await sys.loopsOf(backing.facts, range);
	const names = loops.map((number) => `loop${number}`);
	const who = names.length === 0 ? "somebody" : names.join(", ");
	const last = range.offsetBytes + range.sizeBytes - 1;
	throw new DeviceBusy(
		`${filename}: its bytes ${range.offsetBytes} to ${last} are in use by ${who}, and one of the two can write them. ` +
			"Wait until that is closed, or use a copy",
		names.map((device) => ({ kind: "device", device })),
	);
}
