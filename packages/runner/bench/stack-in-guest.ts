/**
 * stack-in-guest.ts FOLDER ROUNDS: opens and closes a volume in a container on a file by turns with the library and with
 * osbuild's services, each time by a program started for it, and prints the milliseconds as JSON.
 *
 * @throws when either side leaves a mapping, a loop device or a process behind.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv, env, execPath } from "node:process";
import { DeviceMapper } from "@devhost/linux";
import { stacks } from "../test/kill-matrix/stacks.ts";
import { boundLoops, processesIn } from "../test/leftovers.ts";

const [, , folder = "", rounds = "5"] = argv;
const script = (name: string): string => join(import.meta.dirname, name);

/** For the tools: no udev to wait for, no copies of metadata in /etc. */
const environment = {
	PATH: env["PATH"] ?? "",
	LC_ALL: "C.UTF-8",
	DM_DISABLE_UDEV: "1",
	LVM_SUPPRESS_FD_WARNINGS: "1",
	LVM_SYSTEM_DIR: join(folder, "lvm"),
	...(env["OSBUILD_CHECKOUT"] !== undefined && { OSBUILD_CHECKOUT: env["OSBUILD_CHECKOUT"] }),
};

/** A program's own figure, and how long it took from start to exit. */
interface Burst {
	readonly ownMs: number;
	readonly wallMs: number;
}

function burst(program: string, args: readonly string[], input = ""): Burst {
	const startMs = performance.now();
	const ownMs = Number(run(program, args, input));
	const wallMs = performance.now() - startMs;
	const leftovers = {
		mappings: mappings(),
		loops: boundLoops(folder),
		processes: processesIn(folder),
	};
	if (Object.values(leftovers).some((found) => found.length > 0)) {
		throw new Error(`${program} left behind: ${JSON.stringify(leftovers)}`);
	}
	return { ownMs, wallMs };
}

function mappings(): string[] {
	using mapper = DeviceMapper.open();
	return mapper.list().map(({ name }) => name);
}

function run(program: string, args: readonly string[], input = ""): string {
	const { error, status, stdout } = spawnSync(program, args, {
		encoding: "utf8",
		env: environment,
		input,
		stdio: ["pipe", "pipe", "inherit"],
	});
	if (error !== undefined) throw error;
	if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}`);
	return stdout;
}

const dev = join(folder, "dev");
mkdirSync(dev);
mkdirSync(environment.LVM_SYSTEM_DIR);
writeFileSync(
	join(environment.LVM_SYSTEM_DIR, "lvm.conf"),
	`activation { udev_sync=0 udev_rules=0 monitoring=0 }\nbackup { backup=0 archive=0 }\nglobal { locking_dir="${folder}/lvm" }\n`,
);
stacks["a volume in a container on a loop device"]?.(folder);
const passphrase = readFileSync(join(folder, "passphrase"), "utf8");

const ours: Burst[] = [];
const peer: Burst[] = [];
for (let round = 0; round < Number(rounds); round++) {
	ours.push(burst(execPath, [script("open-stack.mjs"), folder]));

	// What osbuild makes and removes with the sandbox of its stage, in which its nodes are.
	run("mount", ["-t", "tmpfs", "bench", dev]);
	const place = JSON.stringify({ tree: folder, dev, passphrase });
	peer.push(burst("/usr/bin/python3", [script("osbuild-services.py")], place));
	run("umount", ["--recursive", dev]);
}
console.log(JSON.stringify({ ours, peer }));
