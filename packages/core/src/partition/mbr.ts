/**
 * The partition table of MS-DOS: four entries in the first sector, and a chain of records for more.
 *
 * Nobody has written down what it is. The kernel's reading counts, for the numbers of partitions above all.
 *
 * Source: Linux, block/partitions/msdos.c; util-linux, libblkid/src/partitions/dos.c.
 *
 * @packageDocumentation
 */
import { type Disk, sectorSizes } from "./disk.ts";
import type { PartitionTable } from "./partition-table.ts";
import { partitionTypeName } from "./partition-types.ts";
import { Places } from "./places.ts";

/** What the first sector is, to those who look for partitions. */
export interface BootSector {
	/** `protective`: it says that there is a GPT. `none`: it is no partition table, perhaps a file system's first sector. */
	readonly kind: "mbr" | "protective" | "none";
	/** Whether other entries stand beside the one that protects a GPT. */
	readonly isHybrid: boolean;
	/** Whether the entry that protects a GPT begins where the kernel wants it to. */
	readonly isStandard: boolean;
	/** Of all four entries. */
	readonly isEmpty: boolean;
}

/** Looks at the first sector, as the kernel does: it is enough for a GPT that one entry says so. */
export function readBootSector({ head }: Disk): BootSector {
	const entries = entriesOf(head);
	const isTable =
		entries !== undefined &&
		// What a boot sector of a file system has there is mostly neither.
		entries.every(({ flag }) => flag === 0 || flag === ACTIVE) &&
		head.readUInt32BE(0) !== AIX_MAGIC;
	const protective = entries?.filter(({ type }) => type === GPT_PROTECTIVE) ?? [];
	const isEmpty = entries?.every(({ sectors }) => sectors === 0) ?? true;
	return {
		// The kernel looks for a GPT before it looks at the flags.
		kind: protective.length > 0 ? "protective" : isTable ? "mbr" : "none",
		isHybrid: entries?.some(({ type }) => type !== GPT_PROTECTIVE && type !== 0) ?? false,
		isStandard: protective.some(({ start }) => start === 1),
		isEmpty,
	};
}

/**
 * Reads the table.
 *
 * Nothing in it tells the size of its sectors. Where there is a chain of records it is the size by which the chain is found;
 * elsewhere it is that of the device, or 512 if only so the partitions are on the disk.
 *
 * @param sectorBytes - Of the device.
 */
export function readMbr(
	disk: Disk,
	sectorBytes: number | undefined,
	warnings: string[],
): PartitionTable {
	const entries = entriesOf(disk.head) ?? [];
	const size = sizeOfSectors(disk, entries, sectorBytes, warnings);
	const signature = disk.head.readUInt32LE(SIGNATURE_OFFSET).toString(16).padStart(8, "0");
	const reader = new MbrReader(disk, size, signature, warnings);
	for (const [index, entry] of entries.entries()) {
		// The kernel looks at the size only: one of type 0 is a partition, too.
		if (entry.sectors > 0) reader.add(index + 1, entry, { base: 0, what: "disk" });
	}
	for (const entry of entries) {
		if (entry.sectors > 0 && isExtended(entry)) reader.addLogical(entry);
	}
	const { name } = disk;
	return {
		name,
		type: "mbr",
		sectorBytes: size,
		id: signature,
		...reader.places.settle(),
		warnings,
	};
}

/** Numbers end with the kernel's `DISK_MAX_PARTS`, chains with so many records that hold no partition (Linux, msdos.c). */
const lastNumber = 255;
const maxEmptyRecords = 100;

interface MbrEntry {
	readonly flag: number;
	readonly type: number;
	/** In sectors, from what the table is of. */
	readonly start: number;
	readonly sectors: number;
}

/** The four entries of a sector that ends with the magic number. */
function entriesOf(sector: Buffer): MbrEntry[] | undefined {
	if (sector.length < 512 || sector.readUInt16LE(MAGIC_OFFSET) !== MAGIC) return undefined;
	return [0, 1, 2, 3].map((index) => {
		const at = ENTRIES_OFFSET + index * 16;
		return {
			flag: sector.readUInt8(at),
			type: sector.readUInt8(at + 4),
			start: sector.readUInt32LE(at + 8),
			sectors: sector.readUInt32LE(at + 12),
		};
	});
}

function isExtended({ type }: MbrEntry): boolean {
	return type === 0x05 || type === 0x0f || type === 0x85;
}

function sizeOfSectors(
	disk: Disk,
	entries: readonly MbrEntry[],
	sectorBytes: number | undefined,
	warnings: string[],
): number {
	const given = sectorBytes ?? 512;
	const used = entries.filter(({ sectors }) => sectors > 0);
	const chains = used.filter(isExtended);
	const fits = (size: number): boolean =>
		used.every(({ start, sectors }) => (start + sectors) * size <= disk.sizeBytes);
	const byChain = [...new Set([given, ...sectorSizes])].filter((size) =>
		chains.some(({ start }) => {
			const record = entriesOf(disk.read(start * size, 512) ?? Buffer.alloc(0));
			return record?.every(({ flag }) => flag === 0 || flag === ACTIVE) ?? false;
		}),
	);
	const size = byChain.find(fits) ?? byChain[0] ?? (!fits(given) && fits(512) ? 512 : given);
	if (sectorBytes !== undefined && size !== sectorBytes) {
		warnings.push(
			`${disk.name}: the partition table counts in sectors of ${size} bytes, and the device has sectors of ` +
				`${sectorBytes}; the kernel takes it at the device's word`,
		);
	}
	return size;
}

class MbrReader {
	readonly places = new Places();
	readonly #disk: Disk;
	readonly #sectorBytes: number;
	readonly #signature: string;
	readonly #warnings: string[];
	#next = 5;

	constructor(disk: Disk, sectorBytes: number, signature: string, warnings: string[]) {
		this.#disk = disk;
		this.#sectorBytes = sectorBytes;
		this.#signature = signature;
		this.#warnings = warnings;
		this.places.reserve(0, sectorBytes);
	}

	/** @param within - The sector that the entry counts from, and where it has to be. */
	add(number: number, entry: MbrEntry, within: Within): void {
		const { base, what, container } = within;
		const sectorBytes = this.#sectorBytes;
		const type = hexByte(entry.type);
		const typeName = partitionTypeName(type);
		const identity = {
			number,
			type,
			...(typeName !== undefined && { typeName }),
			uuid: `${this.#signature}-${hexByte(number)}`,
		};
		const start = base + entry.start;
		const end = start + entry.sectors;
		const isOnDisk = end * sectorBytes <= this.#disk.sizeBytes;
		const isWithin =
			container === undefined ||
			(start >= container.start && end <= container.start + container.sectors);
		if (isOnDisk && isWithin) {
			this.places.add({
				...identity,
				startBytes: start * sectorBytes,
				sizeBytes: entry.sectors * sectorBytes,
				attributes: 0n,
				bootable: entry.flag === ACTIVE,
				extended: container === undefined && isExtended(entry),
			});
			return;
		}
		// The kernel clamps what leaves the disk, and has what leaves its extended partition; blkid passes that over.
		const code = isOnDisk ? "ERR_DEVICE_METADATA" : "ERR_DEVICE_OUT_OF_RANGE";
		const left = isOnDisk ? what : "disk";
		const reason = `leaves the ${left} (sectors ${start} to ${end - 1} of ${sectorBytes} bytes)`;
		this.places.refuse(identity, code, reason);
	}

	/**
	 * Follows the chain of records of an extended partition.
	 *
	 * A record has the entry of a partition, relative to the record, and that of the next record, relative to the extended
	 * partition. The chain may go backwards: fdisk appends, wherever the gap is.
	 */
	addLogical(container: MbrEntry): void {
		const seen = new Set<number>();
		let record = container.start;
		let sectors = container.sectors;
		for (let emptyRecords = 0; emptyRecords < maxEmptyRecords; emptyRecords++) {
			const entries = this.#readRecord(container, record, seen);
			if (entries === undefined) return;
			seen.add(record);
			this.places.reserve(record * this.#sectorBytes, this.#sectorBytes);
			for (const [index, entry] of entries.entries()) {
				if (entry.sectors === 0 || isExtended(entry)) continue;
				// OS/2 uses all four; others leave there what comes (Linux, msdos.c).
				if (index >= 2 && !isPlausible(entry, { record, sectors, container })) continue;
				if (this.#next > lastNumber) {
					this.#warn(`no more than ${lastNumber} partitions are read, as in the kernel`);
					return;
				}
				this.add(this.#next++, entry, {
					base: record,
					what: "extended partition",
					container,
				});
				emptyRecords = -1;
			}
			const next = entries.find((entry) => entry.sectors > 0 && isExtended(entry));
			if (next === undefined) return;
			record = container.start + next.start;
			sectors = next.sectors;
		}
		this.#warn(`${maxEmptyRecords} records in a row without a partition; the rest is not read`);
	}

	#readRecord(
		container: MbrEntry,
		record: number,
		seen: ReadonlySet<number>,
	): MbrEntry[] | undefined {
		const at = `at byte ${record * this.#sectorBytes}`;
		if (record === 0 || record >= container.start + container.sectors) {
			this.#warn(`a record ${at}, which is outside of it; the rest is not read`);
		} else if (seen.has(record)) {
			this.#warn(`a chain of records that leads back to the one ${at}; the rest is not read`);
		} else {
			const entries = entriesOf(
				this.#disk.read(record * this.#sectorBytes, 512) ?? Buffer.alloc(0),
			);
			if (entries === undefined) this.#warn(`no record ${at}; the rest is not read`);
			return entries;
		}
		return undefined;
	}

	#warn(what: string): void {
		this.#warnings.push(`${this.#disk.name}: the extended partition has ${what}`);
	}
}

interface Within {
	readonly base: number;
	readonly what: string;
	readonly container?: MbrEntry;
}

/** The kernel's test of an entry that may be garbage. */
function isPlausible(
	{ start, sectors }: MbrEntry,
	of: { readonly record: number; readonly sectors: number; readonly container: MbrEntry },
): boolean {
	const end = of.record + start + sectors;
	return start + sectors <= of.sectors && end <= of.container.start + of.container.sectors;
}

function hexByte(byte: number): string {
	return byte.toString(16).padStart(2, "0");
}

const SIGNATURE_OFFSET = 440;
const ENTRIES_OFFSET = 446;
const MAGIC_OFFSET = 510;
const MAGIC = 0xaa55;
const ACTIVE = 0x80;
const GPT_PROTECTIVE = 0xee;
const AIX_MAGIC = 0xc9c2d4c1;
