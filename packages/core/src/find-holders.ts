import type { DeviceNumber } from "@devhost/linux";
import type { Holder } from "./holder.ts";

/** Where {@link findHolders} looks. */
export interface FindHoldersOptions {
	/** @default "/proc" */
	readonly procfs?: string;
	/** @default "/sys" */
	readonly sysfs?: string;
}

/**
 * Who uses a block device or one of its partitions: processes that have it open, mounts in any process's namespace,
 * swap, and devices on top of it.
 *
 * A look at a moving system: who came or went meanwhile may be missing or too much. It sees what this process may see,
 * so without root only its own user's processes; and no mount of a namespace that no process is in.
 *
 * Never throws for what it cannot read.
 *
 * Source: proc(5) for `fd`, `mountinfo`, `ns/mnt` and `swaps`; Documentation/ABI/stable/sysfs-block for `holders`;
 * drivers/block/loop.c for `loop/backing_file`.
 */
export async function findHolders(
	node: DeviceNumber,
	options: FindHoldersOptions = {},
): Promise<Holder[]> {
	const [holders = []] = await findHoldersOfEach([node], options);
	return holders;
}

/**
 * As {@link findHolders} for several devices, with one look at every process.
 *
 * @returns Those of each device, in the order of the devices.
 */
export async function findHoldersOfEach(
	nodes: readonly DeviceNumber[],
	options: FindHoldersOptions = {},
): Promise<Holder[][]> {
	const { scanHolders } = await import("./scan-holders.ts");
	return scanHolders(nodes, options);
}
