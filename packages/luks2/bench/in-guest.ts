/**
 * in-guest.ts FOLDER ROUNDS: opens and closes containers by turns with the service and with cryptsetup, and prints the
 * milliseconds of each as JSON.
 *
 * Each round has a service of its own, whose first device is what most services open. It is opened when the service has
 * been idle for a while: a host opens what is beneath first.
 */
import { execFileSync } from "node:child_process";
import { constants, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv, execPath } from "node:process";
import { findTool } from "@devhost/core/command";
import { sealedMemory } from "@devhost/core/secret";
import { AT_FDCWD, detachedMount, mknodat, openat2, spawn } from "@devhost/linux";
import { ServiceManager } from "@devhost/rpc";

const [, , folder = "", rounds = "5"] = argv;
const environment = { ...process.env, DM_DISABLE_UDEV: "1" };
const passphrase = "secret";
const program = findTool("cryptsetup", { subject: "the benchmark", install: "cryptsetup-bin" });
const service = join(import.meta.dirname, "..", "dist", "service.cjs");
using tree = openat2(AT_FDCWD, folder, { flags: constants.O_RDONLY | constants.O_DIRECTORY });
using devices = detachedMount("tmpfs", { mode: "0700" });

function run(program: string, args: readonly string[], input = ""): string {
	const options = { encoding: "utf8", env: environment, input, stdio: "pipe" } as const;
	return execFileSync(program, args, options).trim();
}

async function timed(work: () => unknown): Promise<number> {
	const startMs = performance.now();
	await work();
	return performance.now() - startMs;
}

/** As quick as a process can be started: Node's own way would take 10 ms more here. */
async function cryptsetup(args: readonly string[]): Promise<void> {
	using secret = sealedMemory(Buffer.from(passphrase));
	const { exited } = spawn({
		file: program,
		argv: ["cryptsetup", "-q", ...args],
		environment: { PATH: process.env["PATH"] ?? "", DM_DISABLE_UDEV: "1" },
		fds: { 0: secret },
	});
	const { code } = await exited;
	if (code !== 0) throw new Error(`cryptsetup ended with ${code}`);
}

/** Makes a container, on a loop device. */
function makeContainer(name: string, derivation: string): string {
	const file = join(folder, name);
	writeFileSync(file, "");
	truncateSync(file, 32 << 20);
	const format = ["-q", "luksFormat", "--type", "luks2", "--force-password"];
	run("cryptsetup", [...format, ...derivation.split(" "), file], passphrase);
	return run("losetup", ["--find", "--show", file]);
}

async function measure(loop: string): Promise<Record<string, number[]>> {
	const node = { major: 7, minor: Number(loop.slice("/dev/loop".length)) };
	const path = `loop${node.minor}`;
	mknodat(devices, path, "block", node, 0o600);
	const figures = {
		first: [] as number[],
		again: [] as number[],
		close: [] as number[],
		peerOpen: [] as number[],
		peerClose: [] as number[],
	};
	for (let round = 0; round < Number(rounds); round++) {
		const manager = new ServiceManager();
		const { client } = manager.start({
			name: "luks2",
			file: execPath,
			argv: [execPath, service],
		});
		await client.hello;
		await client.call("begin", { run: "bench" }, { fds: [tree, devices] });
		await new Promise((resolve) => setTimeout(resolve, 250));
		const open = async (): Promise<void> => {
			using secret = sealedMemory(Buffer.from(passphrase));
			const request = {
				name: "root",
				type: "devhost.luks2",
				options: { passphrase: { fd: 0 } },
				secrets: [{ pointer: "/passphrase", fd: 0 }],
				parents: [{ path, node }],
			};
			await client.call("open", request, { fds: [secret] });
		};
		const close = async (): Promise<unknown> => await client.call("close", { name: "root" });
		figures.first.push(await timed(open));
		await close();
		figures.again.push(await timed(open));
		figures.close.push(await timed(close));
		await manager.stop();

		const openArguments = ["open", "--type", "luks2", loop, "bench"];
		figures.peerOpen.push(await timed(() => cryptsetup(openArguments)));
		figures.peerClose.push(await timed(() => cryptsetup(["close", "bench"])));
	}
	run("losetup", ["--detach", loop]);
	return figures;
}

const quick = makeContainer("quick.img", "--pbkdf pbkdf2 --pbkdf-force-iterations 1000");
const slow = makeContainer("slow.img", "--pbkdf argon2id --pbkdf-memory 65536 --iter-time 500");
console.log(JSON.stringify({ quick: await measure(quick), slow: await measure(slow) }));
