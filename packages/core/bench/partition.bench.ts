/** Reading partition tables: a million that something has happened to, and an ordinary one of a file. */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "../../../tools/src/benchmark.ts";
import { readPartitions } from "../src/partition/index.ts";
import { readMutated } from "../test/partition/mutations.ts";
import { gptImage } from "../test/partition/partition-image.ts";

const count = 1_000_000;
const startMs = performance.now();
const { same, other, refused, mostBytes } = readMutated(count, 2);
const seconds = (performance.now() - startMs) / 1000;
console.log(
	`@devhost/core: ${count} mutated partition tables in ${seconds.toFixed(1)} s, ${Math.round(count / seconds)} a second\n` +
		`${same} read as the original, ${other} read otherwise (on the disk, nothing twice), ${refused} refused; ` +
		`at most ${(mostBytes / 1024).toFixed(0)} KiB read for one\n`,
);

const folder = mkdtempSync(join(tmpdir(), "devhost-bench-partition-"));
try {
	const file = join(folder, "disk.img");
	writeFileSync(file, gptImage({ sectors: 2048 }));
	const fd = openSync(file, "r");
	const times = Array.from({ length: 200 }, () => {
		const readMs = performance.now();
		readPartitions(fd);
		return performance.now() - readMs;
	});
	closeSync(fd);
	const readMs = median(times);
	console.log(
		`@devhost/core: a GPT of a file, the first time ${(times[0] ?? 0).toFixed(2)} ms, then ${readMs.toFixed(3)} ms, ` +
			`under 0.5: ${readMs < 0.5 ? "met" : "MISSED"}\n`,
	);
} finally {
	rmSync(folder, { recursive: true });
}
