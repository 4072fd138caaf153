import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { lvmCrc } from "../src/crc.ts";
import type { Source } from "../src/source.ts";

/** Bytes of the disks that the fixtures are the beginnings of. */
export const diskBytes: number = 400 << 20;

/** A beginning of a physical volume that the real tools made; every call has one of its own. */
export function fixture(disk: 0 | 1 | 2 | 3): Buffer {
	const file = join(import.meta.dirname, `fixtures/lvm-2.03.16-kinds-${disk}.gz`);
	return gunzipSync(readFileSync(file));
}

/** An image as a device. Behind its end there are zeros. */
export function imageSource(
	image: Uint8Array,
	{ name = "disk", sizeBytes = diskBytes }: { name?: string; sizeBytes?: number } = {},
): Source {
	return {
		name,
		sizeBytes,
		read: (start, length) => {
			const bytes = Buffer.alloc(Math.max(0, Math.min(length, sizeBytes - start)));
			bytes.set(image.subarray(start, start + bytes.length));
			return Promise.resolve(bytes);
		},
	};
}

/** Where the tools put the metadata area, and how long it is. */
export const areaStart = 4096;
export const areaBytes: number = (1 << 20) - areaStart;

/** The text that counts. */
export function textOf(image: Buffer, start: number = areaStart): string {
	const offset = Number(image.readBigUInt64LE(start + 40));
	const size = Number(image.readBigUInt64LE(start + 48));
	return image.toString("latin1", start + offset, start + offset + size);
}

/**
 * Writes a text with right checksums.
 *
 * @param offset - Where it begins in the area; it goes on behind the header where it comes to the end.
 */
export function writeText(
	image: Buffer,
	text: string,
	offset: number = 512,
	start: number = areaStart,
): Buffer {
	const bytes = Buffer.from(text, "latin1");
	for (const [index, byte] of bytes.entries()) {
		const at = offset + index;
		image[start + (at < areaBytes ? at : at - areaBytes + 512)] = byte;
	}
	image.writeBigUInt64LE(BigInt(offset), start + 40);
	image.writeBigUInt64LE(BigInt(bytes.length), start + 48);
	image.writeUInt32LE(lvmCrc(bytes), start + 56);
	return sealHeader(image, start);
}

/** Makes the checksum of a metadata area's header right. */
export function sealHeader(image: Buffer, start: number = areaStart): Buffer {
	image.writeUInt32LE(lvmCrc(image.subarray(start + 4, start + 512)), start);
	return image;
}

/** Makes the checksum of a label right, and that of the number of its sector. */
export function sealLabel(image: Buffer, sector: number = 1): Buffer {
	const label = image.subarray(sector * 512, (sector + 1) * 512);
	label.writeBigUInt64LE(BigInt(sector), 8);
	label.writeUInt32LE(lvmCrc(label.subarray(20)), 16);
	return image;
}

/** A small volume group: `root` of 4 extents on one physical volume. */
export const smallText = `small {
	id = "0MH8Zs-Vg6j-zwSS-NxoZ-5oJE-vuYG-254sZL"
	seqno = 7
	format = "lvm2"
	status = ["RESIZEABLE", "READ", "WRITE"]
	flags = []
	extent_size = 8192
	max_lv = 0
	max_pv = 0
	metadata_copies = 0

	physical_volumes {
		pv0 {
			id = "Ww9F20-xG4Z-3rEK-tmrb-vRK7-kE2l-2BjMC1"
			device = "/dev/loop0"
			status = ["ALLOCATABLE"]
			flags = []
			dev_size = 819200
			pe_start = 2048
			pe_count = 99
		}
	}

	logical_volumes {
		root {
			id = "yGduma-vmDJ-DR9F-G2lT-9YBI-2fD7-Sfq6CK"
			status = ["READ", "WRITE", "VISIBLE"]
			flags = []
			creation_time = 1795413009
			creation_host = "build"
			segment_count = 1

			segment1 {
				start_extent = 0
				extent_count = 4
				type = "striped"
				stripe_count = 1	# linear
				stripes = [
					"pv0", 10
				]
			}
		}
	}
}
contents = "Text Format Volume Group"
version = 1
description = "a \\"test\\""
creation_host = "build"	# Linux
creation_time = 1795413009	# now
`;
