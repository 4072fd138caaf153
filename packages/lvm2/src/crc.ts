/**
 * Where every checksum of LVM2 begins.
 *
 * Source: lvm2, lib/misc/crc.h, `INITIAL_CRC`.
 */
export const initialCrc = 0xf597a6cf;

/**
 * The checksum of LVM2: CRC-32 with the polynomial of zlib, but with a start of its own and nothing inverted.
 *
 * Not by zlib: Node takes longer to load that than this takes for the largest volume group.
 *
 * Source: lvm2, lib/misc/crc.c.
 */
export function lvmCrc(bytes: Uint8Array): number {
	const table = (crcTable ??= makeTable());
	let crc = initialCrc | 0;
	for (let at = 0; at < bytes.length; at++) {
		crc = (table[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
	}
	return crc >>> 0;
}

// Signed: what has 32 bits is then a small number to V8 until it is compiled.
let crcTable: Int32Array | undefined;

function makeTable(): Int32Array {
	return Int32Array.from({ length: 256 }, (_, byte) => {
		let crc = byte;
		for (let bit = 0; bit < 8; bit++) {
			crc = (crc & 1) !== 0 ? (crc >>> 1) ^ polynomial : crc >>> 1;
		}
		return crc;
	});
}

const polynomial = 0xedb88320;
