/**
 * `devhost run` from start to exit, with 1, 8 and 64 loop devices and `true` in the sandbox, against an empty Node script
 * on the same Node. Needs root.
 */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Comparison, compare, table, wallMs } from "../../../tools/src/benchmark.ts";

const folder = mkdtempSync(join(tmpdir(), "devhost-bench-"));
const empty = join(folder, "empty.cjs");
writeFileSync(empty, "");
const cli = join(import.meta.dirname, "..", "dist", "cli.cjs");

/** A manifest with so many devices, each on a file of its own; returns its path. */
function manifest(count: number): string {
	const place = join(folder, String(count));
	mkdirSync(join(place, "tree"), { recursive: true });
	const names = Array.from({ length: count }, (_, index) => `disk${index}`);
	for (const name of names) {
		const file = join(place, "tree", `${name}.img`);
		writeFileSync(file, "");
		truncateSync(file, 64 << 20);
	}
	const devices = names.map(
		(name) => `  ${name}: { type: devhost.loopback, options: { filename: ${name}.img } }\n`,
	);
	const file = join(place, "manifest.yaml");
	writeFileSync(
		file,
		`version: 1\ntree: ./tree\ndevices:\n${devices.join("")}stages:\n  - { name: nothing, run: ["true"] }\n`,
	);
	return file;
}

const node = (): number => wallMs([process.execPath, empty]);
const run = (file: string) => (): number => wallMs([process.execPath, cli, "run", file]);
const [one, eight, sixtyFour] = [manifest(1), manifest(8), manifest(64)] as const;

try {
	const against = async (peer: string, comparisons: readonly Comparison[]): Promise<void> =>
		console.log(table("devhost run, start to exit", peer, await compare(comparisons, 31)));
	await against("empty Node script", [
		{ name: "1 loop device", unit: "ms", ours: run(one), peer: node, target: { atMost: 3.5 } },
	]);
	await against("1 loop device", [
		{
			name: "8 loop devices",
			unit: "ms",
			ours: run(eight),
			peer: run(one),
			target: { atMost: 1.1 },
		},
		{
			name: "64 loop devices",
			unit: "ms",
			ours: run(sixtyFour),
			peer: run(one),
			target: { atMost: 1.5 },
		},
	]);
} finally {
	rmSync(folder, { recursive: true });
}
