/**
 * The same image, made by osbuild's own stages: under osbuild, and under `devhost run`. Eight stages, six of them with devices; no inputs, so that
 * nothing is downloaded, and no build pipeline, so that both use this machine's programs. Needs root.
 *
 * The peer is osbuild itself: `OSBUILD_CHECKOUT=PATH` says where it is. Without it there is nothing to compare with.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env, execPath } from "node:process";
import { compare, run, table } from "../../../tools/src/benchmark.ts";

const rounds = 5;
const cli = join(import.meta.dirname, "..", "dist", "cli.cjs");

const uuid = (last: number): string => `aaaaaaaa-0000-4000-8000-00000000000${last}`;
const esp = { start: 2048, size: 20_480 };
const boot = { start: 22_528, size: 102_400 };
const root = { start: 124_928, size: 614_400 };
const loop = (options: object = {}): object => ({
	type: "org.osbuild.loopback",
	options: { filename: "disk.img", ...options },
});
const mkfs = (type: string, range: object, options: object): object => ({
	type: `org.osbuild.mkfs.${type}`,
	options,
	devices: { device: loop({ ...range, lock: true }) },
});
const copy = {
	type: "org.osbuild.copy",
	options: { paths: [{ from: "tree:///made", to: "mount://root/made" }] },
	devices: { root: loop(root), boot: loop(boot), esp: loop(esp) },
	mounts: [
		{ name: "root", type: "org.osbuild.xfs", source: "root", target: "/" },
		{ name: "boot", type: "org.osbuild.ext4", source: "boot", target: "/boot" },
	],
};

/** Stages that make an image of three file systems, and that write to it. */
const stages = [
	{ type: "org.osbuild.truncate", options: { filename: "disk.img", size: "400M" } },
	{
		type: "org.osbuild.sfdisk",
		options: {
			label: "gpt",
			uuid: "D209C89E-EA5E-4FBD-B161-B461CCE297E0",
			partitions: [esp, boot, root],
		},
		devices: { device: loop() },
	},
	mkfs("fat", esp, { volid: "7B7795E7" }),
	mkfs("ext4", boot, { uuid: uuid(1), label: "boot" }),
	mkfs("xfs", root, { uuid: uuid(2), label: "root" }),
	{ type: "org.osbuild.mkdir", options: { paths: [{ path: "/made" }] } },
	copy,
	{ ...copy, options: { paths: [{ from: "tree:///made", to: "mount://boot/made" }] } },
];

const checkout = env["OSBUILD_CHECKOUT"];
if (checkout === undefined) {
	console.log("devhost run of an osbuild manifest: nothing to compare with, no OSBUILD_CHECKOUT");
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
	const pipelines = [{ name: "image", stages }];
	const file = join(folder, "manifest.json");
	writeFileSync(file, JSON.stringify({ version: "2", pipelines }));
	let round = 0;

	const ours = (): number => {
		const tree = join(folder, `tree-${round++}`);
		mkdirSync(tree);
		const args = ["run", "--quiet", `--libdir=${libdir}`, `--tree=${tree}`, file];
		return timed(execPath, [cli, ...args], { PATH: env["PATH"] ?? "" });
	};
	// On its own path, where its jsonschema may be. Without the copy of its tree that it would export: ours stays where it is made.
	const program =
		"import sys, osbuild.main_cli as cli; cli.export = print; sys.exit(cli.osbuild_cli())";
	const peer = (): number => {
		const store = join(folder, `store-${round++}`);
		const args = ["--libdir", libdir, "--store", store, "--export", "image"];
		return timed(
			"python3",
			["-c", program, ...args, "--output-directory", `${store}/out`, file],
			{ PATH: env["PATH"] ?? "", PYTHONPATH: libdir },
		);
	};
	const name = `${stages.length} stages, ${stages.filter((each) => "devices" in each).length} with devices`;
	const results = await compare(
		[{ name, unit: "ms", ours, peer, target: { atMost: 0.5 } }],
		rounds,
	);
	console.log(table("devhost run, an image by osbuild's stages", "osbuild", results));
}

/** Milliseconds that a program takes, which has to succeed. */
function timed(program: string, args: readonly string[], environment: NodeJS.ProcessEnv): number {
	const startMs = performance.now();
	const { status, error, stdout, stderr } = spawnSync(program, args, {
		encoding: "utf8",
		env: environment,
	});
	const ms = performance.now() - startMs;
	if (error !== undefined) throw error;
	if (status !== 0) throw new Error(`${program} ended with ${status}: ${stdout}${stderr}`);
	return ms;
}
