// loop-burst ROUNDS DIRECTORY FILE...: as loop-open-close.c, through the library, all files at once.
import { constants, writeSync } from "node:fs";
import { AT_FDCWD, openat2 } from "@devhost/linux";
import { attachLoop } from "@devhost/loopback";
import { median } from "../../../tools/src/benchmark.ts";

const [rounds = "1", directory = "", ...files] = process.argv.slice(2);
using devices = openat2(AT_FDCWD, directory, { flags: constants.O_RDONLY | constants.O_DIRECTORY });
const timesUs: number[] = [];
for (let round = 0; round < Number(rounds); round++) {
	const start = performance.now();
	const loops = await Promise.all(files.map((file) => attachLoop({ file, devices })));
	await Promise.all(loops.map((loop) => loop.close()));
	timesUs.push((performance.now() - start) * 1000);
}
writeSync(1, String(median(timesUs.slice(timesUs.length >> 1))));
