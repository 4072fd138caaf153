import type { FdLike } from "@devhost/linux";
import { DeviceError } from "../error.ts";
import { type Disk, type DiskOptions, openDisk } from "./disk.ts";
import { hasGptHeader, readGpt } from "./gpt.ts";
import { readBootSector, readMbr } from "./mbr.ts";
import { fatSystem, isBlank, otherContent } from "./other-content.ts";
import type { PartitionSource, PartitionTable } from "./partition-table.ts";

/** What {@link readPartitions} may be told about the disk. */
export interface ReadPartitionsOptions extends DiskOptions {
	/**
	 * Bytes of the device's sectors. Only for tables that do not tell their own: an MBR without logical partitions, and tables
	 * for several sector sizes on one disk.
	 */
	readonly sectorBytes?: number | undefined;
}

/**
 * Reads a disk's partition table: GPT, or MBR with logical partitions. Nothing is written, and the kernel is not asked.
 *
 * All of it is checked, as the kernel and libblkid do, and more: what may be opened shares no byte with anything else.
 * Whatever is on the disk, this reads at most a few MiB, and ends.
 *
 * @param source - A block device or file that is open for reading, lent; or whatever can be read.
 * @throws {@link DeviceError} `ERR_DEVICE_FORMAT` there is no partition table; `ERR_DEVICE_METADATA` there is one, damaged in
 * every copy; `ERR_DEVICE_SYSTEM` the disk could not be read; `ERR_DEVICE_UNSUPPORTED` it is larger than 8 PiB.
 *
 * @example
 * ```ts
 * import { openSync } from "node:fs";
 * import { findPartition, readPartitions } from "@devhost/core/partition";
 *
 * const table = readPartitions(openSync("disk.img", "r"), { name: "disk.img" });
 * const { startBytes, sizeBytes } = findPartition(table, { type: "esp" });
 * console.log(startBytes, sizeBytes, table.warnings);
 * ```
 */
export function readPartitions(
	source: FdLike | PartitionSource,
	options: ReadPartitionsOptions = {},
): PartitionTable {
	const disk = openDisk(source, options);
	const { name } = disk;
	const { kind, isHybrid, isStandard, isEmpty } = readBootSector(disk);
	const warnings: string[] = [];
	if (kind === "protective") {
		if (isHybrid) {
			warnings.push(
				`${name}: a hybrid MBR, which has partitions beside the GPT; only those of the GPT are used, as the kernel does`,
			);
		}
		if (!isStandard) {
			warnings.push(
				`${name}: the entry that protects the GPT does not begin at sector 1, so that the kernel sees no partitions`,
			);
		}
		return checked(readGpt(disk, options.sectorBytes, warnings));
	}
	const instead =
		fatSystem(disk) ?? (kind === "mbr" && !isEmpty ? undefined : otherContent(disk));
	if (kind === "none" || instead !== undefined || (isEmpty && hasGptHeader(disk))) {
		throw noTable(disk, instead);
	}
	if (hasGptHeader(disk)) {
		warnings.push(
			`${name}: the header of a GPT behind an MBR that does not protect it; the MBR is used, as the kernel and blkid do`,
		);
	}
	return checked(readMbr(disk, options.sectorBytes, warnings));
}

/** Adds what is to be said of the entries. */
function checked(table: PartitionTable): PartitionTable {
	const { name, refused } = table;
	if (refused.length === 0) return table;
	const shown = refused
		.slice(0, maxWarnings)
		.map(({ number, reason }) => `${name}: partition ${number} ${reason}; it is not opened`);
	if (refused.length > shown.length) {
		shown.push(`${name}: ${refused.length - shown.length} more partitions are not opened`);
	}
	return { ...table, warnings: [...table.warnings, ...shown] };
}

function noTable(disk: Disk, instead: string | undefined): DeviceError {
	const why = hasGptHeader(disk)
		? "there is the header of a GPT, but no protective MBR, without which neither the kernel nor blkid takes it for one. " +
			'Writing the table again adds it ("w" in gdisk)'
		: instead !== undefined
			? `it is ${instead}, without partitions`
			: isBlank(disk)
				? "it is blank"
				: "nothing that is known is there";
	return new DeviceError("ERR_DEVICE_FORMAT", `${disk.name}: no partition table; ${why}`);
}

const maxWarnings = 16;
