/** A disk with an MBR: the first sector of it, and nothing else. Sectors of 512 bytes. */
export function mbrDisk(
	sizeBytes: number,
	partitions: readonly { startSectors: number; lengthSectors: number; type?: number }[],
): Buffer {
	const disk = Buffer.alloc(sizeBytes);
	disk.writeUInt32LE(0x1a2b3c4d, 440);
	for (const [index, { startSectors, lengthSectors, type = 0x83 }] of partitions.entries()) {
		const at = 446 + 16 * index;
		disk[at + 4] = type;
		disk.writeUInt32LE(startSectors, at + 8);
		disk.writeUInt32LE(lengthSectors, at + 12);
	}
	disk.writeUInt16LE(0xaa55, 510);
	return disk;
}
