import {
	type BlockIdentity,
	busyMessage,
	DeviceBusy,
	DeviceError,
	findHolders,
	waitForAbsence,
} from "@devhost/core";
import { isSysError } from "@devhost/linux";
import { describeDevice } from "./describe-device.ts";
import type { ListedDevice } from "./list-devices.ts";
import { LoopNodes } from "./loop-nodes.ts";
import { unbindLoop } from "./remove-loop.ts";
import { removeTaggedMapping } from "./tagged-mappings.ts";

/** udev, or another collector, may have a device open for a moment. */
const patienceMs = 5_000;
const pauseMs = 50;

/**
 * Removes a device that nobody owns and on which nothing stands any more, and waits until it is gone.
 *
 * @returns False when somebody else was quicker, or it went by itself: another device of its name is not it.
 * @throws {@link DeviceBusy} somebody uses it after all.
 * @throws {@link DeviceError} `ERR_DEVICE_SYSTEM` the kernel refuses.
 */
export async function removeOrphan(
	device: ListedDevice,
	{ timeoutMs = patienceMs }: { readonly timeoutMs?: number } = {},
): Promise<boolean> {
	const subject = describeDevice(device);
	// What is armed goes with what stood on it.
	if (device.isArmed !== true) {
		const endMs = performance.now() + timeoutMs;
		let result = await tryRemove(device, subject);
		while (result === "busy") {
			if (performance.now() > endMs) {
				const holders = await findHolders(device.node);
				throw new DeviceBusy(busyMessage(subject, holders), holders);
			}
			await new Promise((resolve) => setTimeout(resolve, pauseMs));
			result = await tryRemove(device, subject);
		}
		if (result === "gone") return false;
	}
	await waitForAbsence(identityOf(device), { subject, timeoutMs });
	return true;
}

async function tryRemove(
	device: ListedDevice,
	subject: string,
): Promise<"removed" | "gone" | "busy"> {
	try {
		if (device.kind === "mapping") return await removeTaggedMapping(device);
		// The kernel lets go of it as soon as they do who have it open: nobody is to lose it that way.
		const holders = await findHolders(device.node);
		if (holders.some((holder) => holder.kind !== "process" || holder.pid !== process.pid))
			return "busy";
		using nodes = new LoopNodes();
		const result = unbindLoop(nodes, device);
		return result === "unbound" ? "removed" : result;
	} catch (error) {
		if (!isSysError(error)) throw error;
		const message = `${subject}: could not be removed, ${error.message}`;
		throw new DeviceError("ERR_DEVICE_SYSTEM", message, { cause: error });
	}
}

function identityOf({ kind, node, diskSequence, mapping }: ListedDevice): BlockIdentity {
	return {
		node,
		attributes: {
			dev: `${node.major}:${node.minor}`,
			...(diskSequence !== undefined && { diskseq: diskSequence }),
			...(mapping !== undefined && { "dm/name": mapping.name, "dm/uuid": mapping.uuid }),
		},
		exists: kind === "loop" ? ["loop/backing_file"] : [],
	};
}
