/** Tables that something has happened to: the same ones for the same seed. */
import { isDeviceError } from "../../src/error.ts";
import { findPartition, type PartitionTable, readPartitions } from "../../src/partition/index.ts";
import {
	type GptLayout,
	gptImage,
	gptPlaces,
	logicalLayout,
	mbrEntry,
	mbrImage,
	seal,
	source,
} from "./partition-image.ts";

interface Region {
	readonly start: number;
	readonly end: number;
	/** Which copy of a GPT it is of. */
	readonly of?: "primary" | "backup";
}

interface Original {
	readonly image: Buffer;
	readonly regions: readonly Region[];
	/** Headers, whose checksums can be made right. */
	readonly headers: readonly number[];
	readonly sectorBytes: number;
	readonly expected: string;
}

/** What came of the mutated tables. */
export interface Outcome {
	/** Read as if nothing had happened. */
	same: number;
	/** Read as something else, all of it on the disk and nothing twice. */
	other: number;
	/** Refused. */
	refused: number;
	/** Bytes read for one table, at most. */
	mostBytes: number;
}

/** Numbers from 0 to 2³² - 1. Source: mulberry32, in the public domain. */
function random(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return (t ^ (t >>> 14)) >>> 0;
	};
}

/**
 * Mutates tables and reads them.
 *
 * @throws Error Something else than a {@link DeviceError} was thrown, an answer leaves the disk or has bytes twice, too much
 * was read, or one copy of a GPT was hit and the answer is not that of the other one.
 */
export function readMutated(count: number, seed: number): Outcome {
	const next = random(seed);
	const below = (limit: number): number => next() % limit;
	const originals = makeOriginals();
	const scratch = originals.map(({ image }) => Buffer.from(image));
	const outcome: Outcome = { same: 0, other: 0, refused: 0, mostBytes: 0 };
	for (let round = 0; round < count; round++) {
		const index = below(originals.length);
		const original = originals[index] as Original;
		const image = scratch[index] as Buffer;
		const hit = new Set<Region["of"]>();
		for (let changes = 1 + below(6); changes > 0; changes--) {
			const region = original.regions[below(original.regions.length)] as Region;
			hit.add(region.of);
			change(image, region, next);
		}
		const isSealed = below(2) === 0;
		if (isSealed) for (const at of original.headers) seal(image, at, original.sectorBytes);
		const isCut = below(16) === 0;
		const sizeBytes = isCut ? below(image.length + 1) : image.length;
		const oneCopy = hit.size === 1 && !hit.has(undefined) && !isSealed && !isCut;

		const disk = source(image, sizeBytes);
		const result = read(disk);
		outcome.mostBytes = Math.max(outcome.mostBytes, disk.bytes);
		const isSame = result !== undefined && fingerprint(result) === original.expected;
		const fail = (what: string): Error => new Error(`seed ${seed}, round ${round}: ${what}`);
		if (result !== undefined) checkPlaces(result, sizeBytes, fail);
		if (oneCopy && !isSame) throw fail(`another answer although one copy is whole`);
		if (disk.bytes > 16 << 20) throw fail(`${disk.bytes} bytes were read`);
		outcome[result === undefined ? "refused" : isSame ? "same" : "other"]++;

		for (const { start, end } of original.regions)
			original.image.copy(image, start, start, end);
	}
	return outcome;
}

function read(disk: ReturnType<typeof source>): PartitionTable | undefined {
	try {
		const table = readPartitions(disk);
		for (const { number } of [...table.partitions.slice(0, 2), ...table.refused.slice(0, 2)]) {
			try {
				findPartition(table, { number });
			} catch (error) {
				if (!isDeviceError(error)) throw error;
			}
		}
		return table;
	} catch (error) {
		if (!isDeviceError(error)) throw error;
		return undefined;
	}
}

function fingerprint({ type, sectorBytes, id, partitions }: PartitionTable): string {
	const facts = partitions.map(
		({ number, startBytes, sizeBytes, type: own, uuid, label }) =>
			`${number} ${startBytes} ${sizeBytes} ${own} ${uuid} ${label}`,
	);
	return [type, sectorBytes, id, ...facts].join("\n");
}

function checkPlaces(
	{ partitions }: PartitionTable,
	diskBytes: number,
	fail: (what: string) => Error,
): void {
	const sorted = partitions
		.filter(({ extended }) => !extended)
		.toSorted((a, b) => a.startBytes - b.startBytes);
	let before = 512;
	for (const { number, startBytes, sizeBytes } of sorted) {
		if (startBytes < before) throw fail(`partition ${number} begins in what is before it`);
		if (!(sizeBytes > 0)) throw fail(`partition ${number} has ${sizeBytes} bytes`);
		before = startBytes + sizeBytes;
		if (before > diskBytes) throw fail(`partition ${number} leaves the disk`);
	}
}

const interesting = [
	0n,
	1n,
	2n,
	33n,
	34n,
	92n,
	127n,
	128n,
	129n,
	255n,
	256n,
	4096n,
	0x7fffffffn,
	0xffffffffn,
	1n << 32n,
	(1n << 53n) - 1n,
	1n << 53n,
	1n << 63n,
	(1n << 64n) - 1n,
];

function change(image: Buffer, { start, end }: Region, next: () => number): void {
	const kind = next() % 4;
	const at = start + (next() % (end - start));
	if (kind === 0) {
		image.writeUInt8(image.readUInt8(at) ^ (1 << (next() % 8)), at);
	} else if (kind === 1) {
		image.writeUInt8(next() & 255, at);
	} else {
		// A field: of the header's and the entries' numbers all are at multiples of four, those of an MBR of two.
		const field = at - ((at - start) % (kind === 2 ? 4 : 2));
		const value = interesting[next() % interesting.length] as bigint;
		if (kind === 2 && field + 8 <= end) image.writeBigUInt64LE(value, field);
		else if (field + 4 <= end) image.writeUInt32LE(Number(value & 0xffffffffn), field);
	}
}

function makeOriginals(): readonly Original[] {
	const gpt = (layout: GptLayout, adapt: (image: Buffer) => void = () => {}): Original => {
		const image = gptImage(layout);
		adapt(image);
		const { sectorBytes = 512 } = layout;
		const { header, entries, backup, backupEntries, entriesBytes } = gptPlaces(layout);
		// Of the entries mostly those that say something.
		const used = Math.min(entriesBytes, 6 * (layout.entryBytes ?? 128));
		return original(
			image,
			sectorBytes,
			[header, backup],
			[
				{ start: 446, end: 512 },
				{ start: header, end: header + 92, of: "primary" },
				{ start: header, end: header + sectorBytes, of: "primary" },
				{ start: entries, end: entries + used, of: "primary" },
				{ start: entries, end: entries + entriesBytes, of: "primary" },
				{ start: backup, end: backup + 92, of: "backup" },
				{ start: backup, end: backup + sectorBytes, of: "backup" },
				{ start: backupEntries, end: backupEntries + used, of: "backup" },
			],
		);
	};
	const mbr = (sectorBytes: number): Original => {
		const image = mbrImage({ ...logicalLayout, sectorBytes });
		return original(
			image,
			sectorBytes,
			[],
			[
				{ start: 0, end: 512 },
				{ start: 440, end: 512 },
				...[64, 96, 128].map((sector) => ({
					start: sector * sectorBytes + 440,
					end: sector * sectorBytes + 512,
				})),
			],
		);
	};
	return [
		gpt({}),
		gpt({ sectorBytes: 4096, sectors: 100 }),
		gpt({ entryCount: 16 }, (image) =>
			mbrEntry(image, 1, { type: 0x83, start: 48, sectors: 32 }),
		),
		gpt({ entryCount: 24, entryBytes: 256 }),
		mbr(512),
		mbr(4096),
	];
}

function original(
	image: Buffer,
	sectorBytes: number,
	headers: readonly number[],
	regions: readonly Region[],
): Original {
	const expected = fingerprint(readPartitions(source(image)));
	return { image, regions, headers, sectorBytes, expected };
}
