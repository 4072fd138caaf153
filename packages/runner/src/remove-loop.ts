import { constants, readdirSync } from "node:fs";
import { deletePartition, diskSequence, isSysError, loopClear, loopStatus } from "@devhost/linux";
import { blockAttribute } from "./block-attributes.ts";
import type { LoopNodes } from "./loop-nodes.ts";
import type { TaggedDevice } from "./tagged-device.ts";
import { tagOf } from "./tagged-loops.ts";

/**
 * Unbinds a loop device, if it is still the one that was found. All on this thread, and with the device open, so that it cannot
 * become another one between the look and the deed.
 *
 * The kernel does not unbind what others have open; it goes with them then. Partitions would outlive it, and stand in the
 * way of the next one who binds the device.
 *
 * @returns `busy`: a file system, swap or another device uses it, or another process that looks at it right now.
 */
export function unbindLoop(nodes: LoopNodes, device: TaggedDevice): "unbound" | "gone" | "busy" {
	try {
		// Refused where something stands on it, wherever that is mounted.
		using loop = nodes.open(device.name, device.node, constants.O_EXCL);
		const tag = tagOf(device.name, loopStatus(loop));
		const isIt =
			tag?.run === device.run &&
			tag.name === device.device &&
			diskSequence(loop)?.toString() === device.diskSequence;
		if (!isIt) return "gone";
		for (const number of partitionNumbers(device.name)) deletePartition(loop, number);
		loopClear(loop);
		return "unbound";
	} catch (error) {
		if (isSysError(error, "EBUSY")) return "busy";
		if (isSysError(error, "ENXIO") || isSysError(error, "ENODEV")) return "gone";
		throw error;
	}
}

function partitionNumbers(name: string): number[] {
	return readdirSync(`/sys/block/${name}`)
		.map((child) => Number(blockAttribute(name, `${child}/partition`)))
		.filter((number) => number > 0);
}
