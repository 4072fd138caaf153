/**
 * The binary part of a LUKS2 header, which stands twice on a device: at its beginning, and behind the first one.
 *
 * Source: LUKS2 On-Disk Format Specification 1.1.3, section 2; `struct luks2_hdr_disk` of cryptsetup 2.6.1
 * (lib/luks2/luks2.h). All numbers are big-endian.
 *
 * @packageDocumentation
 */

/** Bytes of the binary part; the JSON area follows. */
export const binaryHeaderBytes = 4096;

/** Where the second copy may be: the size of the first one, of which there are nine. */
export const secondaryOffsets: readonly number[] = [
	0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000,
];

/** One of the two copies. */
export type HeaderCopy = "primary" | "secondary";

/** What the binary part says. */
export interface BinaryHeader {
	/** Of the format: 2. 1 is LUKS1, of which no other field is read. */
	readonly version: number;
	/** Bytes of binary part and JSON area. */
	readonly sizeBytes: number;
	/** The copy with the higher one is the newer. */
	readonly sequence: bigint;
	/** Where this copy is, in bytes from the beginning of the device. */
	readonly offsetBytes: number;
	readonly label: string;
	readonly subsystem: string;
	readonly uuid: string;
	/** Of the checksum: `sha256`. */
	readonly checksumAlgorithm: string;
	readonly checksum: Uint8Array;
}

/** Where the checksum is in the binary part; it counts as zeros when the checksum is calculated. */
export const checksumRange: { readonly start: number; readonly end: number } = {
	start: 448,
	end: 512,
};

/**
 * Decodes the binary part.
 *
 * @param bytes - At least 512 of them.
 * @returns `undefined` where no magic number stands: this is no copy of a header.
 */
export function decodeBinaryHeader(bytes: Buffer, copy: HeaderCopy): BinaryHeader | undefined {
	const magic = copy === "primary" ? "LUKS\xba\xbe" : "SKUL\xba\xbe";
	if (bytes.toString("latin1", 0, 6) !== magic) return undefined;
	return {
		version: bytes.readUInt16BE(6),
		sizeBytes: Number(bytes.readBigUInt64BE(8)),
		sequence: bytes.readBigUInt64BE(16),
		label: text(bytes, 24, 48),
		checksumAlgorithm: text(bytes, 72, 32),
		uuid: text(bytes, 168, 40),
		subsystem: text(bytes, 208, 48),
		offsetBytes: Number(bytes.readBigUInt64BE(256)),
		checksum: bytes.subarray(checksumRange.start, checksumRange.end),
	};
}

/** A field of text: to its first NUL, or whole. */
function text(bytes: Buffer, start: number, length: number): string {
	const field = bytes.subarray(start, start + length);
	const end = field.indexOf(0);
	return field.toString("utf8", 0, end < 0 ? length : end);
}
