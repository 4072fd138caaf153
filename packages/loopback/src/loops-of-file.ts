import { readdirSync, readFileSync, statSync } from "node:fs";
import type { ByteRange } from "./byte-range.ts";
import type { FileFacts } from "./loop.ts";

const loops = "/sys/devices/virtual/block";

/**
 * The loop devices that show some of these bytes of a file, as far as their files have a name in this mount namespace. Opens none.
 *
 * Source: drivers/block/loop.c, `loop_attribute_group`.
 */
export function loopsOfFile({ device, inode }: FileFacts, range: ByteRange): number[] {
	const found: number[] = [];
	for (const entry of list()) {
		const number = Number(/^loop(\d+)$/.exec(entry)?.[1]);
		const read = (name: string): string => readFileSync(`${loops}/${entry}/${name}`, "utf8");
		try {
			if (Number.isNaN(number)) continue;
			const { dev, ino } = statSync(read("loop/backing_file").trimEnd(), { bigint: true });
			const startBytes = Number(read("loop/offset"));
			const endBytes = startBytes + Number(read("size")) * 512;
			const isSame = ino === inode && dev === numberOf(device);
			const overlaps =
				startBytes < range.offsetBytes + range.sizeBytes && range.offsetBytes < endBytes;
			if (isSame && overlaps) found.push(number);
		} catch {
			// It is not bound, not any more, or to a file that is nowhere to be seen.
		}
	}
	return found.toSorted((a, b) => a - b);
}

function list(): string[] {
	try {
		return readdirSync(loops);
	} catch {
		return []; // no sysfs
	}
}

/** As stat(2) packs it. Source: `gnu_dev_makedev`, sys/sysmacros.h. */
function numberOf({ major, minor }: FileFacts["device"]): bigint {
	const [high, low] = [BigInt(major), BigInt(minor)];
	return (
		((high & 0xfffff000n) << 32n) |
		((high & 0xfffn) << 8n) |
		((low & 0xffffff00n) << 12n) |
		(low & 0xffn)
	);
}
