// loop-many DIRECTORY FILE COUNT: has COUNT devices open at once; says as JSON what each of them costs.
import { writeSync } from "node:fs";
import { type AttachedLoop, attachLoop } from "@devhost/loopback";

const [devices = "", file = "", count = "1"] = process.argv.slice(2);
const open = (): Promise<AttachedLoop[]> =>
	Promise.all(Array.from({ length: Number(count) }, () => attachLoop({ file, devices })));
const close = (loops: readonly AttachedLoop[]): Promise<void[]> =>
	Promise.all(loops.map((loop) => loop.close()));

// Once before: the kernel makes the devices, and keeps them.
await close(await open());
const rssBytes = process.memoryUsage.rss();
const start = performance.now();
const loops = await open();
const opened = performance.now();
const openRssBytes = process.memoryUsage.rss();
await close(loops);
const closed = performance.now();
const each = (value: number): number => value / Number(count);
writeSync(
	1,
	JSON.stringify({
		openMs: each(opened - start),
		closeMs: each(closed - opened),
		megabytes: each(openRssBytes - rssBytes) / 1e6,
	}),
);
