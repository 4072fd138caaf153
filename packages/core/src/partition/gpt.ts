/**
 * The GUID partition table: a header in the second sector, its entries, and a copy of both at the end of the disk.
 *
 * Source: UEFI specification 2.10, section 5.3; Linux, block/partitions/efi.c; util-linux, libblkid/src/partitions/gpt.c.
 *
 * @packageDocumentation
 */
import { crc32 } from "node:zlib";
import { DeviceError, isDeviceError } from "../error.ts";
import { type Disk, sectorSizes } from "./disk.ts";
import type { PartitionTable } from "./partition-table.ts";
import { partitionTypeName } from "./partition-types.ts";
import { Places } from "./places.ts";

/**
 * Bytes of all entries, at most: 32768 of the usual ones, 256 times as many as there are in an ordinary table. It is what
 * the kernel takes (`KMALLOC_MAX_SIZE`, 4 MiB on x86), and what an image may make this program hold in memory, twice.
 */
export const maxEntriesBytes: number = 4 << 20;

/** A copy of the table whose checksums are right. */
interface GptCopy {
	readonly sectorBytes: number;
	/** Sector of the header. */
	readonly lba: number;
	readonly alternateLba: number;
	readonly firstUsableLba: number;
	readonly lastUsableLba: number;
	readonly diskGuid: string;
	readonly entriesLba: number;
	readonly entryBytes: number;
	readonly entriesCrc: number;
	readonly entries: Buffer;
}

/** Why there is no copy of the table somewhere. */
interface NoCopy {
	readonly sectorBytes: number;
	readonly lba: number;
	/** Whether there is anything of a header. */
	readonly isDamaged: boolean;
	/** A clause: `its checksum is wrong`. */
	readonly why: string;
	/** Where the other copy is, if the header can be trusted and only the entries are damaged. */
	readonly alternateLba?: number;
}

/** Whether a GPT's header is there, whatever is in it. */
export function hasGptHeader({ head }: Disk): boolean {
	return sectorSizes.some((sectorBytes) => isSignature(head, sectorBytes));
}

/**
 * Reads the table.
 *
 * @param sectorBytes - Of the device: it decides where there are tables of several sector sizes.
 * @throws {@link DeviceError} `ERR_DEVICE_METADATA` both copies are damaged, or there are several tables.
 */
export function readGpt(
	disk: Disk,
	sectorBytes: number | undefined,
	warnings: string[],
): PartitionTable {
	const primaries = sectorSizes.map((size) => readCopy(disk, size, 1));
	let copy = choose(disk, primaries.filter(isCopy), sectorBytes, warnings);
	let backup: GptCopy | undefined;
	if (copy === undefined) {
		copy = useBackup(disk, primaries.filter(isMissing), sectorBytes, warnings);
	} else {
		backup = checkBackup(disk, copy, warnings);
	}
	if (copy.entryBytes !== usualEntryBytes) {
		warnings.push(
			`${disk.name}: entries of ${copy.entryBytes} bytes in the partition table; the kernel and blkid read ` +
				`${usualEntryBytes} only, and do not see the partitions`,
		);
	}
	return listPartitions(disk, copy, backup, warnings);
}

function isCopy(copy: GptCopy | NoCopy): copy is GptCopy {
	return "entries" in copy;
}

function isMissing(copy: GptCopy | NoCopy): copy is NoCopy {
	return !isCopy(copy);
}

/** Of tables of several sector sizes one can be a remnant of an earlier use, and nothing in them says which. */
function choose(
	disk: Disk,
	copies: readonly GptCopy[],
	sectorBytes: number | undefined,
	warnings: string[],
): GptCopy | undefined {
	if (copies.length <= 1) return copies[0];
	const sizes = copies.map((copy) => copy.sectorBytes).join(", ");
	const chosen = copies.find((copy) => copy.sectorBytes === sectorBytes);
	if (chosen === undefined) {
		throw new DeviceError(
			"ERR_DEVICE_METADATA",
			`${disk.name}: partition tables for sectors of ${sizes} bytes, all of them whole. The sector size of the device ` +
				"decides: attach it with the one that is meant, and erase the header of the other one",
		);
	}
	warnings.push(
		`${disk.name}: partition tables for sectors of ${sizes} bytes; the one for ${chosen.sectorBytes}, which are ` +
			"the device's, is used. The header of the other one should be erased",
	);
	return chosen;
}

/** As libblkid does. The kernel takes a backup only where it is told to (`gpt` on its command line). */
function useBackup(
	disk: Disk,
	primaries: readonly NoCopy[],
	sectorBytes: number | undefined,
	warnings: string[],
): GptCopy {
	const backups = primaries.flatMap(({ sectorBytes: size, alternateLba }) => {
		const last = lastLba(disk, size);
		const places = [...new Set([alternateLba ?? last, last])].filter((lba) => lba > 1);
		const copies = places.map((lba) => readCopy(disk, size, lba));
		return copies.find(isCopy) ?? copies;
	});
	const damaged = primaries.find(({ isDamaged }) => isDamaged);
	const usable = backups.filter(isCopy);
	// What the primary says of the sector size is still the best guess.
	const same = usable.filter((copy) => copy.sectorBytes === damaged?.sectorBytes);
	const copy = choose(disk, same.length > 0 ? same : usable, sectorBytes, warnings);
	const why = damaged?.why ?? "there is none";
	if (copy !== undefined) {
		warnings.push(
			`${disk.name}: the primary partition table is damaged (${why}); its backup at byte ${at(copy)} is used. ` +
				repair("the kernel sees no partitions before that"),
		);
		return copy;
	}
	const other = backups.filter(isMissing).find(({ isDamaged }) => isDamaged);
	if (damaged === undefined && other === undefined) {
		throw new DeviceError(
			"ERR_DEVICE_METADATA",
			`${disk.name}: a protective MBR, and neither the GPT that it protects nor its backup at the end of the disk`,
		);
	}
	const backupIs = other === undefined ? "there is none" : `at byte ${at(other)}: ${other.why}`;
	const primaryIs = damaged === undefined ? why : `at byte ${at(damaged)}: ${why}`;
	throw new DeviceError(
		"ERR_DEVICE_METADATA",
		`${disk.name}: a GPT of which both copies are damaged (primary ${primaryIs}; backup ${backupIs})`,
	);
}

/** Says what is wrong with the backup of a table that is used. */
function checkBackup(disk: Disk, copy: GptCopy, warnings: string[]): GptCopy | undefined {
	const { sectorBytes, alternateLba } = copy;
	const last = lastLba(disk, sectorBytes);
	const warn = (what: string): void => void warnings.push(`${disk.name}: ${what}. ${repair()}`);
	if (alternateLba === copy.lba || alternateLba > last) {
		const where = alternateLba > last ? "not on the disk, which has been cut" : "nowhere";
		warn(`the backup of the partition table is ${where}`);
		return undefined;
	}
	// Entries and header of a backup mostly stand together: one read.
	const sectors = Math.ceil(copy.entries.length / sectorBytes);
	const start = Math.max(0, alternateLba - sectors);
	const backup = readCopy(disk, sectorBytes, alternateLba, start);
	if (isMissing(backup)) {
		warn(`the backup of the partition table at byte ${at(backup)} is damaged (${backup.why})`);
		return undefined;
	}
	if (
		backup.entriesCrc !== copy.entriesCrc ||
		backup.entries.length !== copy.entries.length ||
		backup.entryBytes !== copy.entryBytes ||
		backup.diskGuid !== copy.diskGuid
	) {
		warn(
			`the backup of the partition table at byte ${at(backup)} says something else than the primary, which is used`,
		);
		return backup;
	}
	if (alternateLba !== last) {
		warnings.push(
			`${disk.name}: the backup of the partition table is at byte ${at(backup)}, not at the end of the disk, which has ` +
				'grown. "sfdisk --relocate gpt-bak-std" moves it there',
		);
	}
	return backup;
}

function repair(until?: string): string {
	return `Writing the table again repairs it ("w" in fdisk)${until === undefined ? "" : `; ${until}`}`;
}

function at({ lba, sectorBytes }: { lba: number; sectorBytes: number }): number {
	return lba * sectorBytes;
}

function lastLba({ sizeBytes }: Disk, sectorBytes: number): number {
	return Math.floor(sizeBytes / sectorBytes) - 1;
}

/**
 * Reads one copy and checks all of it.
 *
 * Shape of the header, little-endian: `char signature[8]`, `u32 revision, size, crc, reserved`, `u64 my_lba, alternate_lba,
 * first_usable_lba, last_usable_lba`, `u8 disk_guid[16]`, `u64 entries_lba`, `u32 entries, entry_size, entries_crc`.
 *
 * @param fromLba - Where to begin reading, to have the entries with the header.
 */
function readCopy(
	disk: Disk,
	sectorBytes: number,
	lba: number,
	fromLba: number = lba,
): GptCopy | NoCopy {
	const no = (why: string, more: Partial<NoCopy> = {}): NoCopy => ({
		sectorBytes,
		lba,
		isDamaged: true,
		why,
		...more,
	});
	try {
		const from = fromLba * sectorBytes;
		const around = disk.read(from, (lba - fromLba + 1) * sectorBytes);
		const header = around?.subarray((lba - fromLba) * sectorBytes);
		if (around === undefined || header === undefined || !isSignature(header, 0)) {
			return no("there is none", { isDamaged: false });
		}
		const sizeBytes = header.readUInt32LE(12);
		if (sizeBytes < headerBytes || sizeBytes > sectorBytes) {
			return no(`the size of its header is ${sizeBytes}`);
		}
		if (headerCrc(header, sizeBytes) !== header.readUInt32LE(16)) {
			return no("the checksum of its header is wrong");
		}
		const [minor, major] = [header.readUInt16LE(8), header.readUInt16LE(10)];
		if (major !== 1) return no(`it is of the unknown revision ${major}.${minor}`);
		if (u64(header, 24) !== lba) {
			return no(`it says that it belongs in sector ${header.readBigUInt64LE(24)}`);
		}
		const [firstUsableLba, lastUsableLba] = [u64(header, 40), u64(header, 48)];
		const last = lastLba(disk, sectorBytes);
		if (lastUsableLba > last || firstUsableLba > last) {
			return no(
				`it is for a disk of more than ${header.readBigUInt64LE(48)} sectors, and this one has ${last + 1}: ` +
					"has it been cut?",
			);
		}
		if (firstUsableLba > lastUsableLba || (firstUsableLba < lba && lba < lastUsableLba)) {
			return no(`its area for partitions is sectors ${firstUsableLba} to ${lastUsableLba}`);
		}
		const entryBytes = header.readUInt32LE(84);
		const entryCount = header.readUInt32LE(80);
		const entriesBytes = entryCount * entryBytes;
		// 128 times a power of two (UEFI).
		if (entryBytes < usualEntryBytes || (entryBytes & (entryBytes - 1)) !== 0) {
			return no(`the size of its entries is ${entryBytes}`);
		}
		if (entryCount === 0 || entriesBytes > maxEntriesBytes) {
			return no(
				`it has ${entryCount} entries of ${entryBytes} bytes; 1 to ${maxEntriesBytes} bytes are read`,
			);
		}
		const alternateLba = u64(header, 32);
		const entriesLba = u64(header, 72);
		const start = entriesLba * sectorBytes;
		const entries =
			start >= from && start + entriesBytes <= from + around.length
				? around.subarray(start - from, start - from + entriesBytes)
				: disk.read(start, entriesBytes);
		if (entries === undefined) {
			return no("its entries are not on the disk", { alternateLba });
		}
		const entriesCrc = header.readUInt32LE(88);
		if (crc32(entries) !== entriesCrc) {
			return no("the checksum of its entries is wrong", { alternateLba });
		}
		const diskGuid = guid(header, 56);
		const where = { sectorBytes, lba, alternateLba, firstUsableLba, lastUsableLba, entriesLba };
		return { ...where, diskGuid, entryBytes, entriesCrc, entries };
	} catch (error) {
		// The other copy may be where the disk can be read.
		if (isDeviceError(error, "ERR_DEVICE_SYSTEM")) return no("it cannot be read");
		throw error;
	}
}

function isSignature(bytes: Buffer, offset: number): boolean {
	return (
		bytes.length >= offset + headerBytes &&
		bytes.readUInt32LE(offset) === 0x20494645 &&
		bytes.readUInt32LE(offset + 4) === 0x54524150
	);
}

/** The checksum's own field counts as zeros. */
function headerCrc(header: Buffer, sizeBytes: number): number {
	const before = crc32(header.subarray(0, 16));
	return crc32(header.subarray(20, sizeBytes), crc32(fourZeros, before));
}

/**
 * Shape of an entry, little-endian: `u8 type[16], guid[16]`, `u64 first_lba, last_lba, attributes`, `u16 name[36]` in UTF-16,
 * ended by zero where it is shorter.
 */
function listPartitions(
	disk: Disk,
	copy: GptCopy,
	backup: GptCopy | undefined,
	warnings: string[],
): PartitionTable {
	const { sectorBytes, firstUsableLba, lastUsableLba, entries, entryBytes } = copy;
	const last = lastLba(disk, sectorBytes);
	const places = new Places();
	places.reserve(0, 2 * sectorBytes);
	for (const each of backup === undefined ? [copy] : [copy, backup]) {
		places.reserve(at(each), sectorBytes);
		places.reserve(each.entriesLba * sectorBytes, each.entries.length);
	}
	for (let offset = 0, number = 1; offset < entries.length; offset += entryBytes, number++) {
		if (isUnused(entries, offset)) continue;
		const type = guid(entries, offset);
		const typeName = partitionTypeName(type);
		const label = nameOf(entries, offset + 56);
		const identity = {
			number,
			type,
			...(typeName !== undefined && { typeName }),
			uuid: guid(entries, offset + 16),
			...(label !== "" && { label }),
		};
		const [start, end] = [u64(entries, offset + 32), u64(entries, offset + 40)];
		if (start <= end && start >= firstUsableLba && end <= lastUsableLba) {
			const attributes = entries.readBigUInt64LE(offset + 48);
			places.add({
				...identity,
				startBytes: start * sectorBytes,
				sizeBytes: (end - start + 1) * sectorBytes,
				attributes,
				bootable: (attributes & LEGACY_BIOS_BOOTABLE) !== 0n,
				extended: false,
			});
			continue;
		}
		const where = `sectors ${entries.readBigUInt64LE(offset + 32)} to ${entries.readBigUInt64LE(offset + 40)}`;
		if (start > end) {
			// For the kernel and blkid it has some 2^64 sectors.
			places.refuse(identity, "ERR_DEVICE_METADATA", `ends before it begins (${where})`);
		} else if (end > last) {
			// The kernel passes it over, and so does blkid.
			const reason = `leaves the disk (${where}, of ${last + 1})`;
			places.refuse(identity, "ERR_DEVICE_OUT_OF_RANGE", reason);
		} else {
			// The kernel has it, blkid passes it over.
			const reason = `leaves the area for partitions (${where}, of ${firstUsableLba} to ${lastUsableLba})`;
			places.refuse(identity, "ERR_DEVICE_METADATA", reason);
		}
	}
	const { name } = disk;
	return { name, type: "gpt", sectorBytes, id: copy.diskGuid, ...places.settle(), warnings };
}

function isUnused(entries: Buffer, offset: number): boolean {
	return (
		entries.readUInt32LE(offset) === 0 &&
		entries.readUInt32LE(offset + 4) === 0 &&
		entries.readUInt32LE(offset + 8) === 0 &&
		entries.readUInt32LE(offset + 12) === 0
	);
}

/** As text that is Unicode: what is none, such as half of a pair, becomes U+FFFD. */
function nameOf(entries: Buffer, offset: number): string {
	let end = offset;
	while (end < offset + 72 && entries.readUInt16LE(end) !== 0) end += 2;
	return entries.toString("utf16le", offset, end).toWellFormed();
}

/** The first three fields are little-endian (UEFI, appendix A). */
function guid(bytes: Buffer, offset: number): string {
	const hex = bytes.toString("hex", offset, offset + 16);
	const swapped = (from: number, to: number): string => {
		let text = "";
		for (let end = to; end > from; end -= 2) text += hex.slice(end - 2, end);
		return text;
	};
	return `${swapped(0, 8)}-${swapped(8, 12)}-${swapped(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Infinity where the number is larger than JavaScript counts exactly: such a sector is on no disk that is read here. */
function u64(bytes: Buffer, offset: number): number {
	const high = bytes.readUInt32LE(offset + 4);
	return high < 0x200000 ? high * 2 ** 32 + bytes.readUInt32LE(offset) : Infinity;
}

const headerBytes = 92;
const usualEntryBytes = 128;
const fourZeros = Buffer.alloc(4);
const LEGACY_BIOS_BOOTABLE = 1n << 2n;
