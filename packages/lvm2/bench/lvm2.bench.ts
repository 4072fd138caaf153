/**
 * Opening and closing a linear volume in a guest kernel, by the service and by the lvm tools; and reading a large volume group
 * on this machine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare, median, run, table } from "../../../tools/src/benchmark.ts";

type Figures = Readonly<Record<"open" | "again" | "close" | "toolsOpen" | "toolsClose", number[]>>;

/** What is used of `@devhost/appliance`. */
interface Appliance {
	bootGuest(options: { writable: readonly string[] }): Promise<{
		run(
			argv: readonly string[],
			options: {
				environment: Readonly<Record<string, string>>;
				onStdout(bytes: Uint8Array): void;
				onStderr(bytes: Uint8Array): void;
			},
		): Promise<{ code?: number }>;
		powerOff(): Promise<unknown>;
	}>;
}

const rounds = 7;
const folder = mkdtempSync(join(tmpdir(), "devhost-bench-lvm2-"));
const script = (name: string): string => join(import.meta.dirname, name);
try {
	const { open, again, close, toolsOpen, toolsClose } = await inGuest();
	const comparison = (name: string, ours: readonly number[], peer: readonly number[]) => {
		const [nextOurs, nextPeer] = [ours.values(), peer.values()];
		return {
			name,
			unit: "ms",
			ours: () => Number(nextOurs.next().value),
			peer: () => Number(nextPeer.next().value),
			target: { atMost: 0.067 },
		};
	};
	const results = await compare(
		[
			comparison("open, the first of a service", open, toolsOpen),
			comparison("open, a further one", again, toolsOpen),
			comparison("close", close, toolsClose),
		],
		rounds - 1,
	);
	console.log(table("@devhost/lvm2: a linear volume, in a guest", "lvm tools", results));

	const readMs = median(
		Array.from({ length: 5 }, () =>
			Number(run([process.execPath, script("read-500.ts"), folder])),
		),
	);
	console.log(
		`reading the metadata of 500 volumes, first thing in a process: ${readMs.toFixed(1)} ms, ` +
			`under 20: ${readMs < 20 ? "met" : "MISSED"}\n`,
	);
} finally {
	rmSync(folder, { recursive: true, force: true });
}

async function inGuest(): Promise<Figures> {
	// By its path: a guest is no part of a driver.
	const file = script("../../appliance/dist/index.js");
	const { bootGuest } = (await import(file)) as Appliance;
	const guest = await bootGuest({ writable: [folder] });
	try {
		const output: Uint8Array[] = [];
		const command = [process.execPath, script("in-guest.ts"), folder, String(rounds)];
		const { code } = await guest.run(command, {
			environment: { PATH: process.env["PATH"] ?? "" },
			onStdout: (bytes) => void output.push(bytes),
			onStderr: (bytes) => void process.stderr.write(bytes),
		});
		if (code !== 0) throw new Error(`in-guest.ts ended with ${code}`);
		return JSON.parse(Buffer.concat(output).toString()) as Figures;
	} finally {
		await guest.powerOff();
	}
}
