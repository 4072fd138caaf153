/**
 * read-groups.ts FILE: the first thing in a process, reads the volume groups of a disk, and prints how many milliseconds that
 * took. Bundled, as the service that does the same.
 */
import { openSync } from "node:fs";
import { argv } from "node:process";
import { readVolumeGroups } from "@devhost/lvm2";

async function read(file: string): Promise<void> {
	const fd = openSync(file, "r");
	const startMs = performance.now();
	const { groups } = await readVolumeGroups([fd]);
	const readMs = performance.now() - startMs;
	if (groups[0]?.group.volumes.size !== 500) throw new Error("not 500 volumes");
	console.log(readMs);
}

void read(argv[2] ?? "");
