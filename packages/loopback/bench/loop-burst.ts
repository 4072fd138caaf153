// loop-burst ROUNDS DIRECTORY FILE...: as loop-open-close.c, through the library, all files at once.
import { writeSync } from "node:fs";
import { attachLoop } from "@devhost/loopback";
import { median } from "../../../tools/src/benchmark.ts";

const [rounds = "1", devices = "", ...files] = process.argv.slice(2);
const timesUs: number[] = [];
for (let round = 0; round < Number(rounds); round++) {
	const start = performance.now();
	const loops = await Promise.all(files.map((file) => attachLoop({ file, devices })));
	await Promise.all(loops.map((loop) => loop.close()));
	timesUs.push((performance.now() - start) * 1000);
}
writeSync(1, String(median(timesUs.slice(timesUs.length >> 1))));
