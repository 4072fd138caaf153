import { readFileSync } from "node:fs";

/** Whether the kernel counts the requests of `loopN`, as far as we have asked. Somebody may switch it off, for speed. */
const isCounted = new Map<number, boolean>();

/**
 * How many write requests a device has completed, well or badly, since it exists.
 *
 * @returns Undefined where the kernel does not say.
 *
 * Source: Documentation/block/stat.rst, the fifth number of `stat`; Documentation/ABI/stable/sysfs-block, `iostats`.
 */
export function writeCount(number: number): string | undefined {
	const device = `/sys/block/loop${number}`;
	try {
		let counted = isCounted.get(number);
		if (counted === undefined) {
			counted = readFileSync(`${device}/queue/iostats`, "utf8").trim() === "1";
			isCounted.set(number, counted);
		}
		return counted ? readFileSync(`${device}/stat`, "utf8").trim().split(/\s+/)[4] : undefined;
	} catch {
		return undefined;
	}
}
