/**
 * in-guest.ts FOLDER ROUNDS: opens and closes containers by turns with the service and with cryptsetup, and prints the
 * milliseconds of each as JSON.
 *
 * Each round has a service of its own, which is open once it has said hello: its first device is what most services open.
 */
import { execFileSync } from "node:child_process";
import { constants, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv, execPath } from "node:process";
import { sealedMemory } from "@devhost/core/secret";
import { AT_FDCWD, detachedMount, mknodat, openat2 } from "@devhost/linux";
import { ServiceManager } from "@devhost/rpc";

const [, , folder = "", rounds = "5"] = argv;
const environment = { ...process.env, DM_DISABLE_UDEV: "1" };
const passphrase = "secret";
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

		const openArguments = ["-q", "open", "--type", "luks2", loop, "bench"];
		figures.peerOpen.push(await timed(() => run("cryptsetup", openArguments, passphrase)));
		figures.peerClose.push(await timed(() => run("cryptsetup", ["-q", "close", "bench"])));
	}
	run("losetup", ["--detach", loop]);
	return figures;
}

const quick = makeContainer("quick.img", "--pbkdf pbkdf2 --pbkdf-force-iterations 1000");
const osbuild = makeContainer(
	"osbuild.img",
	"--pbkdf argon2id --pbkdf-force-iterations 4 --pbkdf-memory 32 --pbkdf-parallel 1",
);
console.log(
	JSON.stringify({
		"without key derivation": await measure(quick),
		"as osbuild makes it": await measure(osbuild),
	}),
);
