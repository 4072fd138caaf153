#!/usr/bin/env node
/**
 * Runs the benchmarks of all packages, one after the other: `bench [PART OF A NAME...]`.
 *
 * Each is a script `packages/PACKAGE/bench/NAME.bench.ts` that prints a table of ratios.
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const wanted = process.argv.slice(2);
const scripts = globSync("packages/*/bench/*.bench.ts", { cwd: root })
	.toSorted()
	.filter((script) => wanted.length === 0 || wanted.some((part) => script.includes(part)));
if (scripts.length === 0) {
	console.error(`bench: no benchmark's name contains ${wanted.join(" or ")}`);
	process.exit(2);
}
let failed = 0;
for (const script of scripts) {
	const { status } = spawnSync(process.execPath, [join(root, script)], {
		stdio: "inherit",
		cwd: root,
	});
	if (status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
