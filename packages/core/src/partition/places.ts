/**
 * Which entries of a table may be opened, by where they are.
 *
 * The kernel clamps what leaves the disk, in an MBR, and makes devices that share bytes; both have cost people their data.
 *
 * @packageDocumentation
 */
import type { Partition, PartitionIdentity, RefusedPartition } from "./partition-table.ts";

/** Bytes of a disk. */
export interface Place {
	readonly startBytes: number;
	/** Exclusive. */
	readonly endBytes: number;
}

/** Collects the entries of a table. */
export class Places {
	readonly #partitions: Partition[] = [];
	readonly #refused = new Map<number, RefusedPartition>();
	readonly #tables: Place[] = [];

	/** A place where the table itself is. */
	reserve(startBytes: number, lengthBytes: number): void {
		this.#tables.push({ startBytes, endBytes: startBytes + lengthBytes });
	}

	add(partition: Partition): void {
		this.#partitions.push(partition);
	}

	refuse(identity: PartitionIdentity, code: RefusedPartition["code"], reason: string): void {
		this.#refused.set(identity.number, { ...identity, code, reason });
	}

	/** Looks for what shares bytes; both lists come in the order of numbers. */
	settle(): { readonly partitions: Partition[]; readonly refused: RefusedPartition[] } {
		const [extended, others] = [true, false].map((wanted) =>
			this.#partitions.filter((partition) => partition.extended === wanted),
		) as [Partition[], Partition[]];
		// Logical partitions and their records are where the extended one is.
		const overlaps = new Map<number, Partition | undefined>();
		findOverlaps(others, this.#tables, overlaps);
		if (extended.length > 0) {
			const primary = this.#partitions.filter(({ number }) => number <= 4);
			findOverlaps(primary, this.#tables.slice(0, 1), overlaps);
		}
		if (overlaps.size > 0) {
			for (const partition of this.#partitions) {
				const { number } = partition;
				if (!overlaps.has(number)) continue;
				const other = overlaps.get(number);
				const what =
					other === undefined
						? "the partition table itself"
						: `partition ${other.number}`;
				this.refuse(identityOf(partition), "ERR_DEVICE_METADATA", `overlaps ${what}`);
			}
		}
		const byNumber = (a: PartitionIdentity, b: PartitionIdentity): number =>
			a.number - b.number;
		return {
			partitions: this.#partitions
				.filter(({ number }) => !this.#refused.has(number))
				.toSorted(byNumber),
			refused: [...this.#refused.values()].toSorted(byNumber),
		};
	}
}

function identityOf(partition: Partition): PartitionIdentity {
	const { number, type, typeName, uuid, label } = partition;
	return {
		number,
		type,
		...(typeName !== undefined && { typeName }),
		...(uuid !== undefined && { uuid }),
		...(label !== undefined && { label }),
	};
}

/**
 * Finds every partition that shares bytes with another one or with the table.
 *
 * @param overlaps - Gets number → one that it shares bytes with; undefined: the table.
 */
function findOverlaps(
	partitions: readonly Partition[],
	tables: readonly Place[],
	overlaps: Map<number, Partition | undefined>,
): void {
	const all: (Place & { readonly owner: Partition | undefined })[] = tables.map((place) => ({
		...place,
		owner: undefined,
	}));
	for (const owner of partitions) {
		const { startBytes, sizeBytes } = owner;
		all.push({ startBytes, endBytes: startBytes + sizeBytes, owner });
	}
	all.sort((a, b) => a.startBytes - b.startBytes);
	// The one that reaches furthest of those that begin earlier: who shares bytes with any of them does so with it.
	let furthest = all[0];
	for (const place of all.slice(1)) {
		if (furthest === undefined) break;
		if (place.startBytes < furthest.endBytes) {
			if (place.owner !== undefined) overlaps.set(place.owner.number, furthest.owner);
			if (furthest.owner !== undefined) overlaps.set(furthest.owner.number, place.owner);
		}
		if (place.endBytes > furthest.endBytes) furthest = place;
	}
}
