// loop-flat DIRECTORY FILE CYCLES: opens and closes; says as JSON what that leaves in this process.
import { readdirSync, writeSync } from "node:fs";
import { attachLoop } from "@devhost/loopback";

const [devices = "", file = "", cycles = "1"] = process.argv.slice(2);
async function run(count: number): Promise<void> {
	for (let cycle = 0; cycle < count; cycle++) {
		const loop = await attachLoop({ file, devices });
		await loop.close();
	}
}
const state = (): { fds: number; rssBytes: number } => {
	return { fds: readdirSync("/proc/self/fd").length, rssBytes: process.memoryUsage.rss() };
};
// Twice as many before: the heap grows until it is collected as a whole for the first time, after some 12,500.
await run(2 * Number(cycles));
const before = state();
await run(Number(cycles));
writeSync(1, JSON.stringify({ before, after: state() }));
