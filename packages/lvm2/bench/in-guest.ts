/**
 * in-guest.ts FOLDER ROUNDS: opens and closes a linear volume by turns with the service and with the lvm tools, and prints the
 * milliseconds of each as JSON.
 *
 * The tools do what osbuild has them do: activate, ask for the node's number, deactivate. They are told the one device that
 * counts, which spares them all others, and are started as quickly as a process can be. Each round has a service of its own.
 */
import { execFileSync } from "node:child_process";
import { constants, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv, execPath } from "node:process";
import { findTool } from "@devhost/core/command";
import { AT_FDCWD, detachedMount, mknodat, openat2, spawn } from "@devhost/linux";
import { ServiceManager } from "@devhost/rpc";

const [, , folder = "", rounds = "5"] = argv;
const file = join(folder, "disk.img");
const program = findTool("lvm", { subject: "the benchmark", install: "apt-get install lvm2" });
const settings = join(folder, "lvm");
const environment = {
	...process.env,
	LVM_SYSTEM_DIR: settings,
	LVM_SUPPRESS_FD_WARNINGS: "1",
	DM_DISABLE_UDEV: "1",
};

function run(program: string, ...args: readonly string[]): string {
	return execFileSync(program, args, {
		encoding: "utf8",
		env: environment,
		stdio: "pipe",
	}).trim();
}

/** As quick as a process can be started: Node's own way would take 10 ms more here. */
async function lvm(...args: readonly string[]): Promise<void> {
	const { exited } = spawn({
		file: program,
		argv: ["lvm", ...args],
		environment: {
			PATH: process.env["PATH"] ?? "",
			LVM_SYSTEM_DIR: settings,
			LVM_SUPPRESS_FD_WARNINGS: "1",
			DM_DISABLE_UDEV: "1",
		},
	});
	const { code } = await exited;
	if (code !== 0) throw new Error(`lvm ${args.join(" ")}: ended with ${code}`);
}

async function timed(work: () => unknown): Promise<number> {
	const startMs = performance.now();
	await work();
	return performance.now() - startMs;
}

mkdirSync(settings, { recursive: true });
writeFileSync(
	join(settings, "lvm.conf"),
	`activation { udev_sync=0 udev_rules=0 monitoring=0 }\nbackup { backup=0 archive=0 }\nglobal { locking_dir="${settings}" }\n`,
);
writeFileSync(file, "");
truncateSync(file, 64 << 20);
const loop = run("losetup", "--find", "--show", file);
const numbers = ["-C", "--noheadings", "-o", "lv_kernel_major,lv_kernel_minor"];
const only = ["--devices", loop];
run("lvm", "vgcreate", ...only, "bench", loop);
run("lvm", "lvcreate", ...only, "-an", "-Wn", "-Zn", "-L", "8M", "-n", "root", "bench");

using devices = detachedMount("tmpfs", { mode: "0700" });
const node = { major: 7, minor: Number(loop.slice("/dev/loop".length)) };
const path = `loop${node.minor}`;
mknodat(devices, path, "block", node, 0o600);
using tree = openat2(AT_FDCWD, folder, { flags: constants.O_RDONLY | constants.O_DIRECTORY });
const service = join(import.meta.dirname, "..", "dist", "service.cjs");

const figures = {
	open: [] as number[],
	again: [] as number[],
	close: [] as number[],
	toolsOpen: [] as number[],
	toolsClose: [] as number[],
};
for (let round = 0; round < Number(rounds); round++) {
	const manager = new ServiceManager();
	const { client } = manager.start({ name: "lvm2", file: execPath, argv: [execPath, service] });
	await client.hello;
	await client.call("begin", { run: "bench" }, { fds: [tree, devices] });
	const open = async (): Promise<unknown> =>
		await client.call("open", {
			name: "root",
			type: "devhost.lvm2.lv",
			options: { volume: "root" },
			parents: [{ path, node }],
		});
	const close = async (): Promise<unknown> => await client.call("close", { name: "root" });
	figures.open.push(await timed(open));
	await close();
	figures.again.push(await timed(open));
	figures.close.push(await timed(close));
	await manager.stop();

	figures.toolsOpen.push(
		await timed(async () => {
			await lvm("lvchange", ...only, "--activate", "y", "bench/root");
			await lvm("lvdisplay", ...only, ...numbers, "-S", "lv_name=root", "bench");
		}),
	);
	figures.toolsClose.push(
		await timed(() => lvm("lvchange", ...only, "--activate", "n", "bench/root")),
	);
}
run("losetup", "--detach", loop);
console.log(JSON.stringify(figures));
