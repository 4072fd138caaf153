/** Disks, and what sfdisk makes of them. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PartitionTable, readPartitions } from "../../src/partition/index.ts";

/** A table as both say it; sectors. */
export interface ComparedTable {
	readonly type: "gpt" | "mbr";
	readonly id: string;
	readonly sectorBytes: number;
	readonly partitions: readonly {
		readonly number: number;
		readonly start: number;
		readonly size: number;
		readonly type: string;
		readonly bootable: boolean;
		readonly uuid?: string;
		readonly label?: string;
	}[];
}

/** A folder of a test, gone after it. */
export class DiskFolder implements Disposable {
	readonly path: string = mkdtempSync(join(tmpdir(), "devhost-core-partition-"));

	/** An empty disk; there is only one. */
	disk(sizeBytes: number): string {
		const file = join(this.path, "disk.img");
		writeFileSync(file, "");
		truncateSync(file, sizeBytes);
		return file;
	}

	[Symbol.dispose](): void {
		rmSync(this.path, { recursive: true });
	}
}

/** Writes a table. */
export function sfdisk(disk: string, script: string, ...options: readonly string[]): void {
	const argv = ["--quiet", "--no-reread", "--no-tell-kernel", ...options, disk];
	execFileSync("sfdisk", argv, { input: script });
}

/** Reads a disk's table. */
export function readOf(disk: string): PartitionTable {
	const fd = openSync(disk, "r");
	try {
		return readPartitions(fd, { name: "disk" });
	} finally {
		closeSync(fd);
	}
}

/** What was read. */
export function ourTable({ type, id, sectorBytes, partitions }: PartitionTable): ComparedTable {
	return {
		type,
		id,
		sectorBytes,
		partitions: partitions.map((partition) => ({
			number: partition.number,
			start: partition.startBytes / sectorBytes,
			size: partition.sizeBytes / sectorBytes,
			type: partition.type,
			bootable: partition.bootable,
			...(type === "gpt" && { uuid: partition.uuid ?? "" }),
			...(partition.label !== undefined && { label: partition.label }),
		})),
	};
}

interface SfdiskJson {
	readonly partitiontable: {
		readonly label: string;
		readonly id: string;
		readonly sectorsize: number;
		readonly partitions?: readonly {
			readonly node: string;
			readonly start: number;
			readonly size: number;
			readonly type: string;
			readonly uuid?: string;
			readonly name?: string;
			readonly attrs?: string;
			readonly bootable?: boolean;
		}[];
	};
}

/** What sfdisk reads. */
export function sfdiskTable(disk: string): ComparedTable {
	const text = execFileSync("sfdisk", ["--json", disk], {
		encoding: "utf8",
		stdio: ["ignore", "pipe", "ignore"],
	});
	const { partitiontable: table } = JSON.parse(text) as SfdiskJson;
	const type = table.label === "gpt" ? "gpt" : "mbr";
	return {
		type,
		id: table.id.toLowerCase().replace(/^0x/, ""),
		sectorBytes: table.sectorsize,
		partitions: (table.partitions ?? []).map((partition) => ({
			number: Number(/\d+$/.exec(partition.node)?.[0]),
			start: partition.start,
			size: partition.size,
			type: partition.type.toLowerCase().padStart(2, "0"),
			bootable: partition.bootable ?? /LegacyBIOSBootable/.test(partition.attrs ?? ""),
			...(partition.uuid !== undefined && { uuid: partition.uuid.toLowerCase() }),
			...(partition.name !== undefined && { label: partition.name }),
		})),
	};
}
