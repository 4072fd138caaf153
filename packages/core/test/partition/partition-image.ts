/** Disks of a few KiB with partition tables, byte by byte, as the specifications have them. */
import { crc32 } from "node:zlib";
import type { PartitionSource } from "../../src/partition/index.ts";

export const linuxType = "0fc63daf-8483-4772-8e79-3d69d8477de4";
export const espType = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
export const diskGuid = "12345678-9abc-4def-8123-456789abcdef";

/** An entry of a GPT; sectors. */
export interface GptEntry {
	readonly first: number | bigint;
	readonly last: number | bigint;
	readonly type?: string;
	readonly guid?: string;
	readonly name?: string | Buffer;
	readonly attributes?: bigint;
}

export interface GptLayout {
	readonly sectorBytes?: number;
	readonly sectors?: number;
	readonly entryCount?: number;
	readonly entryBytes?: number;
	/** Number → entry. */
	readonly entries?: Readonly<Record<number, GptEntry>>;
}

/** Where the parts of an image are, in bytes. */
export interface GptPlaces {
	readonly header: number;
	readonly entries: number;
	readonly backup: number;
	readonly backupEntries: number;
	readonly entriesBytes: number;
}

export const defaultEntries: Readonly<Record<number, GptEntry>> = {
	1: { first: 40, last: 47, type: espType, name: "EFI System", attributes: 1n },
	2: { first: 48, last: 79, name: "root" },
	5: { first: 90, last: 90, type: "21686148-6449-6e6f-744e-656564454649", attributes: 4n },
};

export function guidOf(number: number): string {
	return `aaaaaaaa-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
}

export function guidBytes(guid: string): Buffer {
	const hex = guid.replaceAll("-", "");
	const bytes = Buffer.from(hex, "hex");
	bytes.subarray(0, 4).reverse();
	bytes.subarray(4, 6).reverse();
	bytes.subarray(6, 8).reverse();
	return bytes;
}

export function gptPlaces(layout: GptLayout = {}): GptPlaces {
	const { sectorBytes = 512, sectors = 256, entryCount = 128, entryBytes = 128 } = layout;
	const entriesBytes = entryCount * entryBytes;
	const entrySectors = Math.ceil(entriesBytes / sectorBytes);
	return {
		header: sectorBytes,
		entries: 2 * sectorBytes,
		backup: (sectors - 1) * sectorBytes,
		backupEntries: (sectors - 1 - entrySectors) * sectorBytes,
		entriesBytes,
	};
}

/** A disk with a protective MBR and both copies of a GPT. */
export function gptImage(layout: GptLayout = {}): Buffer {
	const { sectorBytes = 512, sectors = 256, entryCount = 128, entryBytes = 128 } = layout;
	const { entries = defaultEntries } = layout;
	const places = gptPlaces(layout);
	const image = Buffer.alloc(sectors * sectorBytes);
	mbrEntry(image, 0, { type: 0xee, start: 1, sectors: sectors - 1 });
	image.writeUInt16LE(0xaa55, 510);
	const last = sectors - 1;
	const entrySectors = Math.ceil(places.entriesBytes / sectorBytes);
	for (const [number, entry] of Object.entries(entries)) {
		writeEntry(
			image,
			places.entries + (Number(number) - 1) * entryBytes,
			Number(number),
			entry,
		);
	}
	image.copy(image, places.backupEntries, places.entries, places.entries + places.entriesBytes);
	for (const isPrimary of [true, false]) {
		const at = isPrimary ? places.header : places.backup;
		image.write("EFI PART", at, "latin1");
		image.writeUInt32LE(0x10000, at + 8);
		image.writeUInt32LE(92, at + 12);
		image.writeBigUInt64LE(BigInt(isPrimary ? 1 : last), at + 24);
		image.writeBigUInt64LE(BigInt(isPrimary ? last : 1), at + 32);
		image.writeBigUInt64LE(BigInt(2 + entrySectors), at + 40);
		image.writeBigUInt64LE(BigInt(last - entrySectors - 1), at + 48);
		guidBytes(diskGuid).copy(image, at + 56);
		const entriesAt = isPrimary ? places.entries : places.backupEntries;
		image.writeBigUInt64LE(BigInt(entriesAt / sectorBytes), at + 72);
		image.writeUInt32LE(entryCount, at + 80);
		image.writeUInt32LE(entryBytes, at + 84);
		seal(image, at, sectorBytes);
	}
	return image;
}

export function writeEntry(image: Buffer, at: number, number: number, entry: GptEntry): void {
	const {
		first,
		last,
		type = linuxType,
		guid = guidOf(number),
		name = "",
		attributes = 0n,
	} = entry;
	guidBytes(type).copy(image, at);
	guidBytes(guid).copy(image, at + 16);
	image.writeBigUInt64LE(BigInt(first), at + 32);
	image.writeBigUInt64LE(BigInt(last), at + 40);
	image.writeBigUInt64LE(attributes, at + 48);
	(typeof name === "string" ? Buffer.from(name, "utf16le") : name).copy(image, at + 56, 0, 72);
}

/** Makes the checksums of a copy right, if its entries are on the disk and the header in its sector. */
export function seal(image: Buffer, headerAt: number, sectorBytes: number): void {
	const entriesAt = Number(image.readBigUInt64LE(headerAt + 72)) * sectorBytes;
	const entriesBytes = image.readUInt32LE(headerAt + 80) * image.readUInt32LE(headerAt + 84);
	if (entriesAt + entriesBytes <= image.length) {
		const entries = image.subarray(entriesAt, entriesAt + entriesBytes);
		image.writeUInt32LE(crc32(entries), headerAt + 88);
	}
	const sizeBytes = image.readUInt32LE(headerAt + 12);
	image.writeUInt32LE(0, headerAt + 16);
	const header = image.subarray(headerAt, headerAt + Math.min(sizeBytes, sectorBytes));
	image.writeUInt32LE(crc32(header), headerAt + 16);
}

export interface MbrEntry {
	readonly type: number;
	readonly start: number;
	readonly sectors: number;
	readonly flag?: number;
}

/** Writes an entry, 0 to 3, of the MBR or of the record that begins at a byte. */
export function mbrEntry(image: Buffer, index: number, entry: MbrEntry, sectorAt = 0): void {
	const at = sectorAt + 446 + index * 16;
	image.writeUInt8(entry.flag ?? 0, at);
	image.writeUInt8(entry.type, at + 4);
	image.writeUInt32LE(entry.start, at + 8);
	image.writeUInt32LE(entry.sectors, at + 12);
}

export interface MbrLayout {
	readonly sectorBytes?: number;
	readonly sectors?: number;
	readonly entries: readonly (MbrEntry | undefined)[];
	/** Sector of the disk → entries of the record there. */
	readonly records?: Readonly<Record<number, readonly (MbrEntry | undefined)[]>>;
}

/** A disk with an MBR, signature 1a2b3c4d. */
export function mbrImage(layout: MbrLayout): Buffer {
	const { sectorBytes = 512, sectors = 256, entries, records = {} } = layout;
	const image = Buffer.alloc(sectorBytes * sectors);
	image.writeUInt32LE(0x1a2b3c4d, 440);
	for (const [sector, own] of [["0", entries] as const, ...Object.entries(records)]) {
		const at = Number(sector) * sectorBytes;
		image.writeUInt16LE(0xaa55, at + 510);
		for (const [index, entry] of own.entries()) {
			if (entry !== undefined) mbrEntry(image, index, entry, at);
		}
	}
	return image;
}

/** An extended partition with three logical ones; the second one's record is behind the third one's. */
export const logicalLayout: MbrLayout = {
	entries: [
		{ type: 0x83, start: 8, sectors: 32, flag: 0x80 },
		undefined,
		{ type: 0x05, start: 64, sectors: 128 },
	],
	records: {
		64: [
			{ type: 0x83, start: 1, sectors: 7 },
			{ type: 0x05, start: 64, sectors: 32 },
		],
		128: [
			{ type: 0x82, start: 8, sectors: 8 },
			{ type: 0x05, start: 32, sectors: 16 },
		],
		96: [{ type: 0x8e, start: 1, sectors: 15 }],
	},
};

/** What is read of a disk in memory. */
export interface Reading extends PartitionSource {
	/** Calls of `read`. */
	reads: number;
	/** Bytes read. */
	bytes: number;
}

/** A disk of these bytes, and zeros to its size. Whoever reads outside of it fails, by no {@link DeviceError}. */
export function source(image: Buffer, sizeBytes: number = image.length): Reading {
	return {
		sizeBytes,
		reads: 0,
		bytes: 0,
		read(buffer, offset) {
			const end = offset + buffer.length;
			if (
				!Number.isSafeInteger(offset) ||
				offset < 0 ||
				end > sizeBytes ||
				buffer.length === 0
			) {
				throw new Error(`read of ${buffer.length} bytes at ${offset} of ${sizeBytes}`);
			}
			this.reads++;
			this.bytes += buffer.length;
			if (end > image.length) buffer.fill(0);
			if (offset < image.length) image.copy(buffer, 0, offset, end);
			return buffer.length;
		},
	};
}
