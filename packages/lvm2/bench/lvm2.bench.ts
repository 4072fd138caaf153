/**
 * Opening and closing a linear volume in a guest kernel, by the service and by the lvm tools; and reading a large volume group
 * on this machine.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	bundleService,
	compare,
	median,
	runForNumber,
	table,
} from "../../../tools/src/benchmark.ts";
import { fixture, smallText, writeText } from "../test/metadata-image.ts";

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
		[comparison("open", again, toolsOpen), comparison("close", close, toolsClose)],
		rounds - 1,
	);
	console.log(table("@devhost/lvm2: a linear volume, in a guest", "lvm tools", results));
	console.log(
		`the first volume of a service, which runs its code for the first time: ${median(open).toFixed(1)} ms\n`,
	);

	const reader = await bundleService(join(import.meta.dirname, ".."), "bench/read-groups.ts");
	const disk = makeLargeGroup(join(folder, "500.img"));
	const readMs = median(
		Array.from({ length: 9 }, () => runForNumber([process.execPath, reader, disk])),
	);
	console.log(
		`reading the metadata of 500 volumes, first thing in a process: ${readMs.toFixed(1)} ms, ` +
			`under 20: ${readMs < 20 ? "met" : "MISSED"}\n`,
	);
} finally {
	rmSync(folder, { recursive: true, force: true });
}

/** A disk with a volume group of 500 volumes. */
function makeLargeGroup(file: string): string {
	const one = smallText.slice(smallText.indexOf("\t\troot {"), smallText.indexOf("\t}\n}"));
	const volumes = Array.from({ length: 500 }, (_, index) =>
		one.replace("root", `volume-${index}`).replace('"pv0", 10', `"pv0", ${index * 4}`),
	);
	const text = smallText.replace(one, volumes.join(""));
	const image = writeText(fixture(0), text.replace("pe_count = 99", "pe_count = 2000"));
	writeFileSync(file, image);
	return file;
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
