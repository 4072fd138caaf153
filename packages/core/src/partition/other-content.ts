/**
 * What is on a disk that has no partition table, where that is easily seen: mostly the disk has no partitions, or a layer
 * was forgotten.
 *
 * Source: util-linux, libblkid/src/superblocks.
 *
 * @packageDocumentation
 */
import type { Disk } from "./disk.ts";

/** `a LUKS container`. Undefined: nothing that this knows. */
export function otherContent(disk: Disk): string | undefined {
	const fat = fatSystem(disk);
	if (fat !== undefined) return fat;
	const found = magics.find(([, offset, magic]) => has(disk, offset, magic));
	return found?.[0];
}

/**
 * A file system of DOS begins with what may be taken for an MBR: its boot sector ends with the same magic number.
 *
 * @returns Its name.
 */
export function fatSystem(disk: Disk): string | undefined {
	const { head } = disk;
	if (head.length < 512) return undefined;
	if (has(disk, 3, "NTFS    ")) return "an NTFS file system";
	if (has(disk, 3, "EXFAT   ")) return "an exFAT file system";
	const isFat = has(disk, 54, "FAT") || has(disk, 82, "FAT32   ");
	const [sectorBytes, media] = [head.readUInt16LE(11), head.readUInt8(21)];
	const isBootSector =
		(head.readUInt8(0) === 0xeb || head.readUInt8(0) === 0xe9) &&
		[512, 1024, 2048, 4096].includes(sectorBytes) &&
		head.readUInt8(16) > 0 &&
		(media === 0xf0 || media >= 0xf8);
	return isFat && isBootSector ? "a FAT file system" : undefined;
}

/** Whether nothing at all is where a table would be. */
export function isBlank({ head }: Disk): boolean {
	return head.every((byte) => byte === 0);
}

function has(disk: Disk, offset: number, magic: string): boolean {
	return disk.read(offset, magic.length)?.toString("latin1") === magic;
}

const lvm = [0, 512, 1024, 1536].map(
	(offset) => ["a physical volume of LVM", offset, "LABELONE"] as const,
);
const magics: readonly (readonly [name: string, offset: number, magic: string])[] = [
	["a LUKS container", 0, "LUKS\xba\xbe"],
	...lvm,
	["an ext2, ext3 or ext4 file system", 1080, "\x53\xef"],
	["an XFS file system", 0, "XFSB"],
	["a Btrfs file system", 65600, "_BHRfS_M"],
	["an EROFS file system", 1024, "\xe2\xe1\xf5\xe0"],
	["a SquashFS file system", 0, "hsqs"],
	["an F2FS file system", 1024, "\x10\x20\xf5\xf2"],
	["an ISO 9660 file system", 32769, "CD001"],
	["swap space", 4086, "SWAPSPACE2"],
];
