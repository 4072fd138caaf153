/** Manifests of osbuild whose stages have devices, and no inputs: nothing is downloaded, and both sides use this machine's programs. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { env, execPath } from "node:process";

const uuid = (last: number): string => `aaaaaaaa-0000-4000-8000-00000000000${last}`;
const loop = (options: object = {}): object => ({
	type: "org.osbuild.loopback",
	options: { filename: "disk.img", ...options },
});
const truncate = (size: string): object => ({
	type: "org.osbuild.truncate",
	options: { filename: "disk.img", size },
});
const mkdir = { type: "org.osbuild.mkdir", options: { paths: [{ path: "/made" }] } };
const copy = (mount: string): object => ({
	type: "org.osbuild.copy",
	options: { paths: [{ from: "tree:///made", to: `mount://${mount}/made` }] },
});

/** Stages that make an image of three file systems on partitions, and write to it. */
export function partitionedImage(): object[] {
	const esp = { start: 2048, size: 20_480 };
	const boot = { start: 22_528, size: 102_400 };
	const root = { start: 124_928, size: 614_400 };
	const mkfs = (type: string, range: object, options: object): object => ({
		type: `org.osbuild.mkfs.${type}`,
		options,
		devices: { device: loop({ ...range, lock: true }) },
	});
	const mounted = {
		devices: { root: loop(root), boot: loop(boot) },
		mounts: [
			{ name: "root", type: "org.osbuild.xfs", source: "root", target: "/" },
			{ name: "boot", type: "org.osbuild.ext4", source: "boot", target: "/boot" },
		],
	};
	return [
		truncate("400M"),
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
		mkdir,
		{ ...copy("root"), ...mounted },
		{ ...copy("boot"), ...mounted },
	];
}

/** Stages that make a volume in a container, and write to it. */
export function encryptedImage(): object[] {
	const range = { start: 2048, size: 300_000 };
	const crypt = {
		loop: loop(range),
		crypt: { type: "org.osbuild.luks2", parent: "loop", options: { passphrase: "osbuild" } },
	};
	const { crypt: device, ...beneath } = crypt;
	const volume = {
		...crypt,
		device: { type: "org.osbuild.lvm2.lv", parent: "crypt", options: { volume: "root" } },
	};
	return [
		truncate("200M"),
		{
			type: "org.osbuild.luks2.format",
			options: {
				passphrase: "osbuild",
				uuid: uuid(3),
				pbkdf: { method: "pbkdf2", iterations: 1000 },
			},
			devices: { device: loop({ ...range, lock: true }) },
		},
		{
			type: "org.osbuild.lvm2.create",
			options: { volumes: [{ name: "root", size: "64M" }] },
			devices: { ...beneath, device },
		},
		{
			type: "org.osbuild.mkfs.ext4",
			options: { uuid: uuid(4), label: "root" },
			devices: volume,
		},
		mkdir,
		{
			...copy("root"),
			devices: volume,
			mounts: [{ name: "root", type: "org.osbuild.ext4", source: "device", target: "/" }],
		},
	];
}

/** Where an image is made, of what, and by whose stages. */
export interface Build {
	/** A new folder. */
	readonly folder: string;
	/** The manifest. */
	readonly file: string;
	/** A checkout of osbuild. */
	readonly libdir: string;
}

/** Milliseconds that `devhost run` takes. */
export function runByDevhost({ folder, file, libdir }: Build): number {
	const cli = join(import.meta.dirname, "..", "dist", "cli.cjs");
	mkdirSync(join(folder, "tree"), { recursive: true });
	const args = ["run", "--backend=native", "--quiet", `--libdir=${libdir}`];
	return timed(execPath, [cli, ...args, `--tree=${join(folder, "tree")}`, file], {});
}

/**
 * Milliseconds that osbuild takes, which is started from its own path, where its jsonschema may be. Without the copy of its tree that it would
 * export: ours stays where it is made.
 */
export function runByOsbuild({ folder, file, libdir }: Build): number {
	const program =
		"import sys, osbuild.main_cli as cli; cli.export = print; sys.exit(cli.osbuild_cli())";
	const places = { "--store": "store", "--rundir": "run", "--output-directory": "out" };
	const args = Object.entries(places).flatMap(([option, name]) => [option, join(folder, name)]);
	mkdirSync(folder, { recursive: true });
	return timed(
		"python3",
		["-c", program, "--libdir", libdir, ...args, "--export", "image", file],
		{ PYTHONPATH: libdir },
	);
}

/** Of a program from start to exit, which has to succeed. */
function timed(program: string, args: readonly string[], environment: NodeJS.ProcessEnv): number {
	const startMs = performance.now();
	const { status, error, stdout, stderr } = spawnSync(program, args, {
		encoding: "utf8",
		env: { PATH: env["PATH"] ?? "", ...environment },
	});
	const ms = performance.now() - startMs;
	if (error !== undefined) throw error;
	if (status !== 0) throw new Error(`${program} ended with ${status}: ${stdout}${stderr}`);
	return ms;
}
