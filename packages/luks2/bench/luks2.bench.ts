/**
 * Unlocking a container in a guest kernel, by the service and by `cryptsetup open` alone.
 *
 * Two containers: one whose key slot takes no time, so that all that is measured is what stands around the unlocking; and one
 * as osbuild's manifests make them.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare, table } from "../../../tools/src/benchmark.ts";

/** Milliseconds of each round, for each container. */
type Figures = Readonly<
	Record<
		string,
		Readonly<Record<"first" | "again" | "close" | "peerOpen" | "peerClose", number[]>>
	>
>;

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
	const comparisons = Object.entries(await inGuest()).flatMap(([name, figures]) => {
		const { first, again, close, peerOpen, peerClose } = figures;
		return [
			comparison(`open ${name}, the first of a service`, first, peerOpen),
			comparison(`open ${name}, a further one`, again, peerOpen),
			comparison(`close ${name}`, close, peerClose),
		];
	});
	const results = await compare(comparisons, rounds - 1);
	console.log(table("@devhost/luks2: a container, in a guest", "cryptsetup", results));
} finally {
	rmSync(folder, { recursive: true, force: true });
}

function comparison(name: string, ours: readonly number[], peer: readonly number[]) {
	const [nextOurs, nextPeer] = [ours.values(), peer.values()];
	return {
		name,
		unit: "ms",
		ours: () => Number(nextOurs.next().value),
		peer: () => Number(nextPeer.next().value),
		target: { atMost: 1.1 },
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
