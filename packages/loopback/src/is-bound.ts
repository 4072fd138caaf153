import { existsSync, readFileSync } from "node:fs";
import { isSysError, loopStatus } from "@devhost/linux";
import type { Binding, OpenedNode } from "./loop.ts";

/** Where loop devices are. In `/sys/block` are links to here, which take the kernel twice as long to follow. */
const loops = "/sys/devices/virtual/block";

/** What is there as long as `loopN` is bound. */
export function boundPath(number: number): string {
	return `${loops}/loop${number}/loop`;
}

/** Whether `loopN` is bound to anything. False too where sysfs is not mounted. */
export function isLoopBound(number: number): boolean {
	return existsSync(boundPath(number));
}

let wasSysfsSeen = false;

export function isSysfsMounted(): boolean {
	wasSysfsSeen ||= existsSync("/sys/block");
	return wasSysfsSeen;
}

/**
 * Whether a loop device is still bound as it was for us, by sysfs: looking opens nothing, so that it keeps nobody's
 * device busy.
 *
 * Shape: `loopN/loop` exists while `loopN` is bound, `diskseq` changes with every binding (Linux 5.15).
 *
 * @returns Undefined when sysfs cannot tell: it is not mounted, or the kernel has no sequence numbers.
 *
 * Source: drivers/block/loop.c, `loop_sysfs_init` and `loop_sysfs_exit`; Documentation/ABI/stable/sysfs-block.
 */
export function isBoundInSysfs({ number, diskSequence }: Binding): boolean | undefined {
	if (!isLoopBound(number)) return isSysfsMounted() ? false : undefined;
	if (diskSequence === undefined) return undefined;
	try {
		const current = readFileSync(`${loops}/loop${number}/diskseq`, "utf8");
		return BigInt(current.trim()) === diskSequence;
	} catch {
		// The device was removed between the two looks, or has no number after all.
		return isLoopBound(number) ? undefined : false;
	}
}

/** As {@link isBoundInSysfs}, where that cannot tell: opens the device for a moment. */
export function isBoundByStatus(open: () => OpenedNode, { tag }: Binding): boolean {
	try {
		const { loop } = open();
		using _ = loop;
		return loopStatus(loop.fd).tag === tag;
	} catch (error) {
		if (isSysError(error, "ENXIO") || isSysError(error, "ENODEV")) return false; // unbound, or removed
		throw error;
	}
}
