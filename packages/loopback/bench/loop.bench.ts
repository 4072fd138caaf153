/**
 * Loop devices through the library against a C program that does the same, and what they leave in the process.
 *
 * One device is opened and closed on one CPU: a wake-up of another one costs more than much of what is measured. Eight
 * are opened at once, on what CPUs there are; the C program opens one after another.
 */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { detachedMount } from "@devhost/linux";
import {
	type Comparison,
	compare,
	compileC,
	run,
	runForNumber,
	sharedCpu,
	table,
} from "../../../tools/src/benchmark.ts";

const peer = compileC(join(import.meta.dirname, "loop-open-close.c"));
const script = (name: string): string[] => [process.execPath, join(import.meta.dirname, name)];

const folder = mkdtempSync(join(tmpdir(), "devhost-bench-"));
using devices = detachedMount("tmpfs", { mode: "0700" });
const directory = `/proc/${process.pid}/fd/${devices.fd}`;
try {
	const files = Array.from({ length: 8 }, (_, index) => {
		const file = join(folder, `${index}.img`);
		writeFileSync(file, "");
		truncateSync(file, 64 << 20);
		return file;
	});
	// Rounds enough for the compiler to have seen the code when the second half, which is measured, begins.
	const comparison = (
		count: number,
		{ rounds, atMost, cpu }: { rounds: number; atMost: number; cpu?: number },
	): Comparison => {
		const args = [String(rounds), directory, ...files.slice(0, count)];
		const options = cpu === undefined ? {} : { cpu };
		return {
			name: count === 1 ? "open and close 1 device" : `open and close ${count} devices`,
			unit: "µs",
			ours: () => runForNumber([...script("loop-burst.ts"), ...args], options),
			peer: () => runForNumber([peer, ...args], options),
			target: { atMost },
		};
	};
	const one = comparison(1, { rounds: 2000, atMost: 2.5, cpu: sharedCpu });
	const eight = comparison(8, { rounds: 400, atMost: 2 });
	const results = await compare([one, eight], 7);
	console.log(table("@devhost/loopback: loop devices in process", "C", results));
	report(files[0] ?? "");
} finally {
	rmSync(folder, { recursive: true });
}

interface State {
	readonly fds: number;
	readonly rssBytes: number;
}

function report(file: string): void {
	// V8's young generation grows by its own rules, which are not what is looked at.
	const [node = "", ...flatScript] = script("loop-flat.ts");
	const flat = [node, "--max-semi-space-size=1", ...flatScript, directory, file, "10000"];
	const { before, after } = JSON.parse(run(flat)) as { before: State; after: State };
	const many = [...script("loop-many.ts"), directory, file, "256"];
	const { openMs, closeMs, megabytes } = JSON.parse(run(many)) as Record<
		"openMs" | "closeMs" | "megabytes",
		number
	>;
	const megabytesOf = ({ rssBytes }: State): string => (rssBytes / 1e6).toFixed(0);
	const met = (isMet: boolean): string => (isMet ? "met" : "MISSED");
	const isFlat = after.fds === before.fds && after.rssBytes < before.rssBytes * 1.05;
	console.log(
		`10,000 cycles: descriptors ${before.fds} → ${after.fds}, ` +
			`resident ${megabytesOf(before)} → ${megabytesOf(after)} MB, flat: ${met(isFlat)}\n` +
			`256 devices open at once: ${megabytes.toFixed(2)} MB each, under 0.5: ${met(megabytes < 0.5)}; ` +
			`opening ${openMs.toFixed(2)} ms each, under 0.5: ${met(openMs < 0.5)}; closing ${closeMs.toFixed(2)} ms each\n`,
	);
}
