import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { bundleExecutables } from "./bundle-executables.ts";

/**
 * What every benchmark shares: C peers compiled here, bursts in fresh processes, interleaved rounds, ratios.
 *
 * A figure of one side alone says little on a shared machine; the ratio of two bursts of the same round does.
 */

/** A comparison of ours with a peer. */
export interface Comparison {
	/** What is measured: "64 B round trip". */
	readonly name: string;
	/** The unit of both sides: "µs", "ms", "calls/s". */
	readonly unit: string;
	/** One burst in a fresh process; returns the figure. */
	readonly ours: () => number | Promise<number>;
	/** One burst of what we compare with. */
	readonly peer: () => number | Promise<number>;
	/** What the ratio ours / peer is held to. */
	readonly target: { readonly atMost: number } | { readonly atLeast: number };
}

/** One row of the report. */
export interface ComparisonResult {
	readonly name: string;
	readonly unit: string;
	readonly ours: number;
	readonly peer: number;
	/** Median over the rounds of ours / peer. */
	readonly ratio: number;
	/** Lowest and highest ratio of a round. */
	readonly spread: readonly [number, number];
	readonly target: Comparison["target"];
}

/** The middle value; of an even number, the lower of the two. */
export function median(values: readonly number[]): number {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = sorted[(sorted.length - 1) >> 1];
	if (middle === undefined) throw new RangeError("median of nothing");
	return middle;
}

/** Runs the comparisons, all of them in every round, after one round that does not count. */
export async function compare(
	comparisons: readonly Comparison[],
	rounds: number,
): Promise<ComparisonResult[]> {
	const figures = comparisons.map(() => ({ ours: [] as number[], peer: [] as number[] }));
	for (let round = -1; round < rounds; round++) {
		for (const [index, { ours, peer }] of comparisons.entries()) {
			const mine = await ours();
			const theirs = await peer();
			if (round < 0) continue;
			figures[index]?.ours.push(mine);
			figures[index]?.peer.push(theirs);
		}
	}
	return comparisons.map(({ name, unit, target }, index) => {
		const { ours, peer } = figures[index] as (typeof figures)[number];
		const ratios = ours.map((value, round) => value / (peer[round] as number));
		const spread = [Math.min(...ratios), Math.max(...ratios)] as const;
		return {
			name,
			unit,
			ours: median(ours),
			peer: median(peer),
			ratio: median(ratios),
			spread,
			target,
		};
	});
}

/** The report: a line each, with the target and whether the median ratio meets it. */
export function table(
	title: string,
	peerName: string,
	results: readonly ComparisonResult[],
): string {
	const rows = results.map(({ name, unit, ours, peer, ratio, spread, target }) => {
		const met = "atMost" in target ? ratio <= target.atMost : ratio >= target.atLeast;
		const bound = "atMost" in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`;
		return [
			name,
			`${digits(ours)} ${unit}`,
			`${digits(peer)} ${unit}`,
			`${ratio.toFixed(2)}×`,
			`${spread[0].toFixed(2)}–${spread[1].toFixed(2)}`,
			`${bound} ${met ? "met" : "MISSED"}`,
		];
	});
	const head = ["", "devhost", peerName, "ratio", "lowest–highest", "target"];
	const widths = head.map((cell, column) =>
		Math.max(cell.length, ...rows.map((row) => (row[column] as string).length)),
	);
	const line = (row: readonly string[]): string =>
		row
			.map((cell, column) =>
				column === 0
					? cell.padEnd(widths[0] as number)
					: cell.padStart(widths[column] as number),
			)
			.join("  ")
			.trimEnd();
	return [`\n${title}`, line(head), ...rows.map(line), ""].join("\n");
}

function digits(value: number): string {
	if (value >= 1000) return Math.round(value).toLocaleString("en");
	return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Compiles a C program (once for each content) and returns its path. */
export function compileC(source: string): string {
	const folder = join(import.meta.dirname, "..", "node_modules", ".cache", "bench");
	const hash = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 16);
	const program = join(folder, hash);
	if (!existsSync(program)) {
		mkdirSync(folder, { recursive: true });
		run(["cc", "-O2", "-Wall", "-o", program, source]);
	}
	return program;
}

/**
 * Bundles a service as those that ship are, beside its package's `dist`, and returns its path.
 *
 * @param source - Relative to the package.
 */
export async function bundleService(packageFolder: string, source: string): Promise<string> {
	const outFolder = "build";
	await bundleExecutables({ packageFolder, entries: [source], outFolder });
	return join(packageFolder, outFolder, basename(source).replace(/\.ts$/, ".cjs"));
}

/** The CPU that both processes of a round trip share: a wake-up of another one costs more than what is measured. */
export const sharedCpu: number = availableParallelism() - 1;

/**
 * Runs a program to its end and returns what it printed.
 *
 * The environment is clean: certificates for Node, options for Node and settings of Python would be measured too.
 *
 * @param options - `cpu` keeps the program and its children on one CPU.
 */
export function run(argv: readonly string[], options: { readonly cpu?: number } = {}): string {
	const command =
		options.cpu === undefined ? argv : ["taskset", "-c", String(options.cpu), ...argv];
	const { PATH = "" } = process.env;
	const result = spawnSync(command[0] as string, command.slice(1), {
		encoding: "utf8",
		env: { PATH, HOME: "/nonexistent" },
		stdio: ["ignore", "pipe", "inherit"],
		maxBuffer: 1 << 26,
	});
	if (result.error !== undefined) throw result.error;
	if (result.status !== 0) {
		throw new Error(`${command.join(" ")}: ended with ${result.status ?? result.signal}`);
	}
	return result.stdout;
}

/** As {@link run}, for a program that prints one number. */
export function runForNumber(
	argv: readonly string[],
	options: { readonly cpu?: number } = {},
): number {
	const value = Number(run(argv, options));
	if (!Number.isFinite(value)) throw new Error(`${argv.join(" ")}: printed no number`);
	return value;
}

/** Milliseconds from start to exit of a program. */
export function wallMs(argv: readonly string[], options: { readonly cpu?: number } = {}): number {
	const start = performance.now();
	run(argv, options);
	return performance.now() - start;
}
