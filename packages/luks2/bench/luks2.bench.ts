/**
 * Unlocking a container in a guest kernel, by the service and by `cryptsetup open` alone.
 *
 * Two containers: one whose key slot takes no time, so that all that is measured is what stands around the unlocking; and one
 * whose key slot takes half a second, a quarter of what cryptsetup gives it where nobody says otherwise.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Comparison, compare, table } from "../../../tools/src/benchmark.ts";

/** Milliseconds of each round, for each container. */
type Figures = Readonly<Record<"quick" | "slow", Readonly<Record<Step, readonly number[]>>>>;
type Step = "first" | "again" | "close" | "peerOpen" | "peerClose";

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
const folder = mkdtempSync(join(tmpdir(), "devhost-bench-luks2-"));
const script = (name: string): string => join(import.meta.dirname, name);
try {
	const { quick, slow } = await inGuest();
	const comparisons = [
		comparison("open, the first of a service", slow.first, slow.peerOpen, 1.1),
		comparison("open, a further one", slow.again, slow.peerOpen, 1.1),
		comparison("close", slow.close, slow.peerClose, 1.1),
		// Nothing was promised for it. Unlocked in no time at all, what is left is the starting of processes.
		comparison("open without Argon2, the first", quick.first, quick.peerOpen, 2),
		comparison("open without Argon2, a further one", quick.again, quick.peerOpen, 2),
	];
	const results = await compare(comparisons, rounds - 1);
	console.log(table("@devhost/luks2: a container, in a guest", "cryptsetup", results));
} finally {
	rmSync(folder, { recursive: true, force: true });
}

function comparison(
	name: string,
	ours: readonly number[],
	peer: readonly number[],
	atMost: number,
): Comparison {
	const [nextOurs, nextPeer] = [ours.values(), peer.values()];
	return {
		name,
		unit: "ms",
		ours: () => Number(nextOurs.next().value),
		peer: () => Number(nextPeer.next().value),
		target: { atMost },
	};
}

async function inGuest(): Promise<Figures> {
	// By its path: a guest is no part of a driver.
	const { bootGuest } = (await import(script("../../appliance/dist/index.js"))) as Appliance;
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
