/** A disk's first sector with an MBR; sectors are those of the disk. */
export function mbr(
	partitions: readonly { startSectors: number; lengthSectors: number; type?: number }[],
): Buffer {
	const sector = Buffer.alloc(512);
	sector.writeUInt32LE(0x1a2b3c4d, 440);
	for (const [index, { startSectors, lengthSectors, type = 0x83 }] of partitions.entries()) {
		const at = 446 + 16 * index;
		sector[at + 4] = type;
		sector.writeUInt32LE(startSectors, at + 8);
		sector.writeUInt32LE(lengthSectors, at + 12);
	}
	sector.writeUInt16LE(0xaa55, 510);
	return sector;
}
