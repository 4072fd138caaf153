/**
 * The same images, made by osbuild's own stages under osbuild and under `devhost run`, from start to exit: one of partitions, on this kernel, and one
 * with a volume in a container, in a guest. Needs root.
 *
 * The peer is osbuild itself: `OSBUILD_CHECKOUT=PATH` says where it is. Without it there is nothing to compare with.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env, execPath } from "node:process";
import { bootGuest } from "@devhost/appliance";
import { type Comparison, compare, run, table } from "../../../tools/src/benchmark.ts";
import {
	encryptedImage,
	partitionedImage,
	runByDevhost,
	runByOsbuild,
} from "./osbuild-manifests.ts";

const rounds = 3;
const target = { atMost: 0.5 };

const checkout = env["OSBUILD_CHECKOUT"];
if (checkout === undefined) {
	console.log("devhost run of osbuild's manifests: no OSBUILD_CHECKOUT to compare with");
} else {
	const folder = mkdtempSync(join(tmpdir(), "devhost-bench-osbuild-"));
	try {
		await benchmark(folder, checkout);
	} finally {
		rmSync(folder, { recursive: true });
	}
}

async function benchmark(folder: string, libdir: string): Promise<void> {
	// As an installed osbuild is. The stages import it, on both sides.
	run(["/usr/bin/python3", "-m", "compileall", "-q", join(libdir, "osbuild")]);
	const manifest = (name: string, stages: readonly object[]): string => {
		const file = join(folder, `${name}.json`);
		const pipelines = [{ name: "image", stages }];
		writeFileSync(file, JSON.stringify({ version: "2", pipelines }));
		return file;
	};

	const partitions = partitionedImage();
	const file = manifest("partitions", partitions);
	let count = 0;
	const next = (): string => join(folder, String(count++));
	const here: Comparison = {
		name: nameOf("partitions", partitions),
		unit: "ms",
		ours: () => runByDevhost({ folder: next(), file, libdir }),
		peer: () => runByOsbuild({ folder: next(), file, libdir }),
		target,
	};

	const encrypted = encryptedImage();
	const figures = await inGuest(folder, manifest("encrypted", encrypted), libdir);
	const [ours, peer] = [figures.ours.values(), figures.peer.values()];
	const there: Comparison = {
		name: nameOf("volume in a container, in a guest", encrypted),
		unit: "ms",
		ours: () => Number(ours.next().value),
		peer: () => Number(peer.next().value),
		target,
	};
	const results = await compare([here, there], rounds);
	console.log(table("devhost run, images by osbuild's stages", "osbuild", results));
}

function nameOf(what: string, stages: readonly object[]): string {
	const count = stages.filter((stage) => "devices" in stage).length;
	return `${what}: ${stages.length} stages, ${count} with devices`;
}

interface Figures {
	readonly ours: readonly number[];
	readonly peer: readonly number[];
}

async function inGuest(folder: string, file: string, libdir: string): Promise<Figures> {
	await using guest = await bootGuest({ writable: [folder] });
	const output: Uint8Array[] = [];
	const script = join(import.meta.dirname, "osbuild-in-guest.ts");
	const argv = [execPath, script, folder, file, libdir, String(rounds + 1)];
	const { code } = await guest.run(argv, {
		environment: { PATH: env["PATH"] ?? "" },
		onStdout: (bytes) => void output.push(bytes),
		onStderr: (bytes) => void process.stderr.write(bytes),
	});
	if (code !== 0) throw new Error(`osbuild-in-guest.ts ended with ${code}`);
	return JSON.parse(Buffer.concat(output).toString()) as Figures;
}
