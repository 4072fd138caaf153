import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { text } from "node:stream/consumers";
import { test } from "vitest";
import { describeAsRoot, slowness } from "@devhost/tools/testing";
import { attachLoop } from "../src/attach-loop.ts";
import { Folder } from "./machine.ts";

const megabyte = 1 << 20;
const partitionCount = 32;

/** `DEVHOST_PARTSCAN_CYCLES=200` is what is promised, and takes minutes. */
const isInGuest = slowness > 1;
const cycles = Number(process.env["DEVHOST_PARTSCAN_CYCLES"] ?? (isInGuest ? 1 : 4));
const isWhole = cycles >= 200;
const workers = isWhole ? 8 : isInGuest ? 2 : 3;

function start(fixture: string, ...args: readonly string[]) {
	const program = new URL(`fixtures/${fixture}`, import.meta.url).pathname;
	const child = spawn(process.execPath, [program, ...args], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	return { child, ended: once(child, "exit"), output: child.stdout };
}

describeAsRoot("partscan by several processes at once", () => {
	test(
		"misses no node and fails never, while somebody opens each as soon as it is there",
		async ({ expect }) => {
			using folder = new Folder();
			const disk = folder.file("disk.img", (partitionCount + 2) * megabyte);
			{
				await using loop = await attachLoop({ file: disk });
				const lines = Array.from({ length: partitionCount }, () => "size=1MiB\n").join("");
				execFileSync("sfdisk", ["--quiet", "--no-reread", "--no-tell-kernel", loop.path], {
					input: `label: gpt\n${lines}`,
				});
			}
			const hostile = start("open-everything.ts", folder.path);
			await once(hostile.output, "data");

			const reports = await Promise.all(
				Array.from({ length: workers }, async (_, index) => {
					const file = `${folder.path}/disk${index}.img`;
					copyFileSync(disk, file);
					return await text(start("partscan-cycles.ts", file, `${cycles}`).output);
				}),
			);

			const hostileReport = text(hostile.output);
			hostile.child.kill("SIGTERM");
			await hostile.ended;
			const { opened, looked } = JSON.parse(await hostileReport) as Record<string, number>;
			const all = reports.map((report) => JSON.parse(report) as Report);
			const durationsMs = all.flatMap((each) => each.durationsMs).toSorted((a, b) => a - b);
			if (isWhole) {
				const at = (share: number): string =>
					(durationsMs[Math.floor((durationsMs.length - 1) * share)] ?? 0).toFixed(0);
				process.stderr.write(
					`${durationsMs.length} cycles of ${partitionCount} partitions: median ${at(0.5)} ms, 99 % ${at(0.99)} ms, ` +
						`most ${at(1)} ms; opened by somebody else ${opened} times, looked for partitions ${looked} times\n`,
				);
			}
			expect(all.flatMap(({ errors }) => errors)).toEqual([]);
			expect(all.map(({ missing }) => missing)).toEqual(all.map(() => 0));
			expect(all.map(({ partitions }) => partitions)).toEqual(
				all.map(() => cycles * partitionCount),
			);
			expect(opened).toBeGreaterThan(0);
			expect(folder.boundLoops()).toEqual([]);
			expect(all.flatMap(({ loops }) => loops.flatMap(leftPartitions))).toEqual([]);
		},
		(isWhole ? 1_800_000 : 30_000) * slowness,
	);
});

interface Report {
	readonly partitions: number;
	readonly missing: number;
	readonly errors: readonly string[];
	readonly durationsMs: readonly number[];
	/** The loop devices that it had, by name. */
	readonly loops: readonly string[];
}

/** The partitions of a loop device that outlived it. */
function leftPartitions(loop: string): string[] {
	if (existsSync(`/sys/block/${loop}/loop`)) return []; // it is somebody else's by now
	return readdirSync(`/sys/block/${loop}`).filter((name) => name.startsWith(`${loop}p`));
}
