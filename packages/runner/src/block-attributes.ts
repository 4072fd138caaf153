import { readFileSync } from "node:fs";
import type { DeviceNumber } from "@devhost/linux";

/**
 * A text of sysfs.
 *
 * @returns Undefined where there is none, or not any more.
 */
export function blockAttribute(name: string, attribute: string): string | undefined {
	try {
		return readFileSync(`/sys/block/${name}/${attribute}`, "utf8").trimEnd();
	} catch {
		return undefined;
	}
}

/**
 * Number and size of a block device, by sysfs: nothing is opened.
 *
 * @returns Undefined where it is gone meanwhile.
 *
 * Source: Documentation/ABI/stable/sysfs-block; `size` is in sectors of 512 bytes, whatever the device's are.
 */
export function blockFacts(
	name: string,
): { node: DeviceNumber; sizeBytes: number; diskSequence: string | undefined } | undefined {
	const [major, minor] = (blockAttribute(name, "dev") ?? "").split(":").map(Number);
	if (major === undefined || minor === undefined) return undefined;
	return {
		node: { major, minor },
		sizeBytes: Number(blockAttribute(name, "size") ?? 0) * 512,
		diskSequence: blockAttribute(name, "diskseq"),
	};
}
