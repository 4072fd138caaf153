import { Bytes } from "./bytes.ts";
import { lvmCrc } from "./crc.ts";
import { metadataError } from "./metadata-error.ts";
import { formatUuid } from "./uuid.ts";

/** Bytes at the beginning of a device in which the label is: one of four sectors of 512 bytes. */
export const labelScanBytes = 2048;

/** A part of a physical volume. */
export interface DiskArea {
	readonly startBytes: number;
	/** 0: up to the end of the device. */
	readonly sizeBytes: number;
}

/** What the label of a physical volume says. */
export interface PhysicalVolumeLabel {
	readonly uuid: string;
	/** Sector of 512 bytes in which the label is. */
	readonly sector: number;
	/** Of the device, when the label was written. */
	readonly deviceBytes: number;
	/** Where the extents are; which of it, the volume group says. */
	readonly dataAreas: readonly DiskArea[];
	readonly metadataAreas: readonly DiskArea[];
	readonly bootloaderAreas: readonly DiskArea[];
	/** 0: the label has no extension. */
	readonly extensionVersion: number;
	/** Whether it says that a volume group uses it. Only from extension version 2 on. */
	readonly isUsed: boolean;
}

/**
 * Finds the label of a physical volume.
 *
 * Shape: `struct label_header` of 32 bytes, `char id[8]`, `u64 sector`, `u32 crc`, `u32 offset` of the following
 * `struct pv_header`, `char type[8]`; that one is `char uuid[32]`, `u64 device_size`, two lists of `u64 offset, u64 size`
 * each ended by an offset of 0 (data, metadata), and possibly `u32 version, u32 flags` and a third list (bootloader). All
 * in one sector.
 *
 * @param head - The first {@link labelScanBytes} of the device, or fewer if it has no more.
 * @throws {@link DeviceError} `ERR_DEVICE_FORMAT` there is none; `ERR_DEVICE_VERSION` it is of another format;
 * `ERR_DEVICE_METADATA` it is damaged.
 *
 * Source: lvm2, lib/label/label.h, lib/label/label.c (`_find_lvm_header`), lib/format_text/layout.h and text_label.c.
 */
export function findLabel(head: Uint8Array): PhysicalVolumeLabel {
	const problems: string[] = [];
	for (let sector = 0; (sector + 1) * 512 <= Math.min(head.length, labelScanBytes); sector++) {
		const bytes = new Bytes(head.subarray(sector * 512, (sector + 1) * 512));
		if (bytes.text(0, 8) !== LABEL_ID) continue;
		const at = `the label in sector ${sector}`;
		if (bytes.u64(8) !== sector) {
			// Of another volume, such as one in a file system that has been copied here.
			problems.push(`${at} says that it belongs in sector ${bytes.u64(8)}`);
		} else if (lvmCrc(bytes.bytes.subarray(20)) !== bytes.u32(16)) {
			problems.push(`${at} has a wrong checksum`);
		} else {
			const type = bytes.text(24, 8);
			if (type === LVM2_LABEL) return readPhysicalVolumeHeader(bytes, sector);
			throw metadataError(
				"ERR_DEVICE_VERSION",
				`an LVM label of the unknown format ${JSON.stringify(type)}; this reads ${JSON.stringify(LVM2_LABEL)}`,
			);
		}
	}
	if (problems.length > 0) {
		throw metadataError(
			"ERR_DEVICE_METADATA",
			`a damaged physical volume: ${problems.join("; ")}`,
		);
	}
	throw noLabel(head);
}

function readPhysicalVolumeHeader(bytes: Bytes, sector: number): PhysicalVolumeLabel {
	const incomplete = metadataError(
		"ERR_DEVICE_METADATA",
		"a damaged physical volume: its header leaves the sector of its label",
	);
	let at = bytes.u32(20);
	if (at > 512 - 40) throw incomplete;
	const uuid = formatUuid(bytes.text(at, 32));
	if (uuid === undefined) {
		throw metadataError("ERR_DEVICE_METADATA", "a damaged physical volume: its uuid is none");
	}
	const deviceBytes = bytes.u64(at + 32);
	at += 40;

	const takeList = (): DiskArea[] => {
		const areas: DiskArea[] = [];
		for (;;) {
			if (at + 16 > 512) throw incomplete;
			const startBytes = bytes.u64(at);
			const sizeBytes = bytes.u64(at + 8);
			at += 16;
			if (startBytes === 0) return areas;
			areas.push({ startBytes, sizeBytes });
		}
	};
	const dataAreas = takeList();
	const metadataAreas = takeList();
	const extensionVersion = at + 8 <= 512 ? bytes.u32(at) : 0;
	const isUsed = extensionVersion >= 2 && (bytes.u32(at + 4) & PV_EXT_USED) !== 0;
	at += 8;
	const bootloaderAreas = extensionVersion > 0 ? takeList() : [];
	return {
		uuid,
		sector,
		deviceBytes,
		dataAreas,
		metadataAreas,
		bootloaderAreas,
		extensionVersion,
		isUsed,
	};
}

/** What is there instead, where that is easily seen: mostly a layer was forgotten. */
function noLabel(head: Uint8Array): Error {
	const bytes = new Bytes(head);
	const begins = (text: string, at = 0): boolean => bytes.text(at, text.length) === text;
	if (begins("HM\u0001\u0000") || begins("HM\u0002\u0000")) {
		return metadataError(
			"ERR_DEVICE_VERSION",
			"a physical volume of LVM1, which nothing reads any more: convert it with vgconvert of lvm2 2.02",
		);
	}
	const instead = begins("LUKS\u00ba\u00be")
		? "it is a LUKS container: open that first, with a device between the two"
		: begins("\u0055\u00aa", 510)
			? "it begins with a partition table or boot sector: vg_partnum, or a range of the file, chooses a partition"
			: undefined;
	return metadataError(
		"ERR_DEVICE_FORMAT",
		`not a physical volume of LVM2${instead === undefined ? "" : `; ${instead}`}`,
	);
}

// Source: lvm2, lib/label/label.h, lib/format_text/layout.h, lib/metadata/metadata-exported.h.
const LABEL_ID = "LABELONE";
const LVM2_LABEL = "LVM2 001";
const PV_EXT_USED = 1;
