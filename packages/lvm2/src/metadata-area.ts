import { Bytes } from "./bytes.ts";
import { lvmCrc } from "./crc.ts";
import type { DiskArea } from "./label.ts";
import { metadataError } from "./metadata-error.ts";

/** Bytes of the header of a metadata area. Source: lvm2, lib/format_text/layout.h, `MDA_HEADER_SIZE`. */
export const metadataHeaderBytes = 512;

/**
 * The longest text that is read. An area has 1 MiB where nothing else is asked for, and holds two texts; 4 MiB is more than
 * 5,000 volumes.
 */
export const maxTextBytes: number = 4 << 20;

/** Where the text of a volume group is. */
export interface MetadataLocation {
	/** Parts of the device, in order: two where the text goes round the end of its ring. */
	readonly parts: readonly DiskArea[];
	/** Of the text. */
	readonly sizeBytes: number;
	/** What {@link lvmCrc} of the text is. */
	readonly checksum: number;
}

/** The header of a metadata area. */
export interface MetadataHeader {
	/** Undefined: no volume group, or this area is not to be read. */
	readonly location: MetadataLocation | undefined;
	/** `pvchange --metadataignore y`: the text is in other areas. */
	readonly isIgnored: boolean;
}

/**
 * Reads the header of a metadata area, which is a ring: texts are written behind each other, each one whole, and at the end
 * go on behind the header.
 *
 * Shape: `struct mda_header` of 512 bytes, `u32 checksum` of the rest, `char magic[16]`, `u32 version`, `u64 start` of
 * itself on the device, `u64 size` of the area with it, then `struct raw_locn`: `u64 offset` in the area, `u64 size`,
 * `u32 checksum`, `u32 flags`. The first of those is the text that counts; the second one is written while it is changed.
 *
 * @param sector - {@link metadataHeaderBytes} of the device.
 * @param area - As the label has it.
 * @throws {@link DeviceError} `ERR_DEVICE_METADATA`, `ERR_DEVICE_VERSION`.
 *
 * Source: lvm2, lib/format_text/layout.h; format-text.c, `raw_parse_mda_header`, `_vg_read_raw_area`.
 */
export function parseMetadataHeader(sector: Uint8Array, area: DiskArea): MetadataHeader {
	const bytes = new Bytes(sector);
	if (bytes.length < metadataHeaderBytes) throw wrong("it leaves the device");
	if (bytes.text(4, 16) !== FMTT_MAGIC) throw wrong("its header is none");
	if (lvmCrc(bytes.bytes.subarray(4, metadataHeaderBytes)) !== bytes.u32(0)) {
		throw wrong("its header has a wrong checksum");
	}
	const version = bytes.u32(20);
	if (version !== FMTT_VERSION) {
		throw metadataError(
			"ERR_DEVICE_VERSION",
			`it is of version ${version}; this reads ${FMTT_VERSION}`,
		);
	}
	const startBytes = bytes.u64(24);
	if (startBytes !== area.startBytes) throw wrong(`its header belongs at byte ${startBytes}`);
	const areaBytes = bytes.u64(32);
	const offset = bytes.u64(40);
	const sizeBytes = bytes.u64(48);
	const checksum = bytes.u32(56);
	const isIgnored = (bytes.u32(60) & RAW_LOCN_IGNORED) !== 0;
	if (offset === 0 || isIgnored) return { location: undefined, isIgnored };

	const isInside =
		areaBytes !== Infinity &&
		offset >= metadataHeaderBytes &&
		offset < areaBytes &&
		sizeBytes > 0 &&
		sizeBytes <= areaBytes - metadataHeaderBytes;
	if (!isInside) throw wrong(`its text, ${sizeBytes} bytes at ${offset}, leaves the area`);
	if (sizeBytes > maxTextBytes) {
		throw metadataError(
			"ERR_DEVICE_REQUIREMENT",
			`its text has ${sizeBytes} bytes, and no more than ${maxTextBytes} are read`,
		);
	}
	const beforeEnd = Math.min(sizeBytes, areaBytes - offset);
	const parts = [
		{ startBytes: startBytes + offset, sizeBytes: beforeEnd },
		{ startBytes: startBytes + metadataHeaderBytes, sizeBytes: sizeBytes - beforeEnd },
	].filter((part) => part.sizeBytes > 0);
	return { location: { parts, sizeBytes, checksum }, isIgnored };
}

/**
 * Checks a text that was read, and decodes it: a character for each byte, so that positions in it are positions on the disk.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_METADATA` the checksum is wrong.
 */
export function decodeText(parts: readonly Uint8Array[], location: MetadataLocation): string {
	const text = Buffer.concat(parts);
	if (text.length !== location.sizeBytes) throw wrong("its text leaves the device");
	if (lvmCrc(text) !== location.checksum) throw wrong("its text has a wrong checksum");
	return text.toString("latin1");
}

function wrong(message: string): Error {
	return metadataError("ERR_DEVICE_METADATA", message);
}

// Source: lvm2, lib/format_text/layout.h.
const FMTT_MAGIC = " LVM2 x[5A%r0N*>";
const FMTT_VERSION = 1;
const RAW_LOCN_IGNORED = 1;
