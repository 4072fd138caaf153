/** read-500.ts FOLDER: reads a volume group with 500 volumes, and prints how many milliseconds that took. */
import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { readVolumeGroups } from "@devhost/lvm2";
import { fixture, smallText, writeText } from "../test/metadata-image.ts";

const [, , folder = ""] = argv;
const file = join(folder, "500.img");
const one = smallText.slice(smallText.indexOf("\t\troot {"), smallText.indexOf("\t}\n}"));
const volumes = Array.from({ length: 500 }, (_, index) =>
	one.replace("root", `volume-${index}`).replace('"pv0", 10', `"pv0", ${index * 4}`),
);
const text = smallText.replace(one, volumes.join("")).replace("pe_count = 99", "pe_count = 2000");
writeFileSync(file, writeText(fixture(0), text));

const fd = openSync(file, "r");
const startMs = performance.now();
const { groups } = await readVolumeGroups([fd]);
const readMs = performance.now() - startMs;
if (groups[0]?.group.volumes.size !== 500) throw new Error("not 500 volumes");
console.log(readMs);
