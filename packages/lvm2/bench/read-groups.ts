/** read-groups.ts FILE: the first thing in a process, reads the volume groups of a disk, and prints how many milliseconds that took. */
import { openSync } from "node:fs";
import { argv } from "node:process";
import { readVolumeGroups } from "@devhost/lvm2";

const fd = openSync(argv[2] ?? "", "r");
const startMs = performance.now();
const { groups } = await readVolumeGroups([fd]);
const readMs = performance.now() - startMs;
if (groups[0]?.group.volumes.size !== 500) throw new Error("not 500 volumes");
console.log(readMs);
