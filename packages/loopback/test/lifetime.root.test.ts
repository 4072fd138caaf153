import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DeviceManager } from "@devhost/core";
import { AT_FDCWD, flock, loopConfigure, loopStatus, openat2 } from "@devhost/linux";
import { ServiceManager } from "@devhost/rpc";
import { afterEach, beforeEach, test } from "vitest";
import { attachLoop } from "../src/attach-loop.ts";
import { attribute, deviceDirectory, Folder, pattern, until } from "./machine.ts";
import { describeAsRoot, slowness } from "@devhost/tools/testing";

const megabyte = 1 << 20;
const fixtures = join(import.meta.dirname, "fixtures");
const service = join(import.meta.dirname, "..", "dist", "service.cjs");
let folder: Folder;

beforeEach(() => {
	folder = new Folder();
});
afterEach(() => folder[Symbol.dispose]());

function start(fixture: string, ...args: readonly string[]): ChildProcess {
	const argv = [join(fixtures, fixture), ...args];
	return spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
}

/** What a process writes first. */
async function firstOutput(child: ChildProcess): Promise<string> {
	const { promise, resolve, reject } = Promise.withResolvers<string>();
	child.stdout?.once("data", (chunk: Buffer) => resolve(chunk.toString()));
	// Not the empty text: as a number of a process it would be this one's group.
	child.once("close", () => reject(new Error("ended without a word")));
	return await promise;
}

/** A process that nobody has waited for yet is not running any more. */
function isRunning(pid: number): boolean {
	const status = attribute(`/proc/${pid}/status`);
	return status !== "" && !/^State:\s+Z/m.test(status);
}

describeAsRoot("many processes at once", () => {
	test(
		"12 of them open and close 60 times each without an error (H-7)",
		async ({ expect }) => {
			const files = Array.from({ length: 12 }, (_, i) =>
				folder.file(`${i}.img`, pattern(65536, i)),
			);

			const results = await Promise.all(
				files.map(async (file) => {
					const child = start("cycle.ts", file, "60");
					const output = firstOutput(child);
					const [code] = (await once(child, "close")) as [number];
					return { code, attempts: Number(await output) };
				}),
			);

			expect(results.map(({ code }) => code)).toEqual(files.map(() => 0));
			expect(Math.max(...results.map(({ attempts }) => attempts))).toBeLessThan(30);
			expect(folder.boundLoops()).toEqual([]);
		},
		60_000 * slowness,
	);

	test(
		"a device directory that they share ends empty",
		async ({ expect }) => {
			using devices = deviceDirectory();
			const files = Array.from({ length: 40 }, (_, i) =>
				folder.file(`${i}.img`, pattern(4096, i)),
			);

			const contents = await Promise.all(
				files.map(async (file) => {
					await using loop = await attachLoop({ file, devices: devices.path });
					return readFileSync(loop.path);
				}),
			);

			for (const [i, content] of contents.entries())
				expect(content.equals(pattern(4096, i))).toBe(true);
			expect(readdirSync(devices.path)).toEqual([]);
		},
		20_000 * slowness,
	);
});

describeAsRoot("kill -9", () => {
	test(
		"of a process that holds devices leaves none bound",
		async ({ expect }) => {
			const files = [1, 2, 3, 4].map((i) => folder.file(`${i}.img`, megabyte));
			const child = start("hold.ts", ...files.map((file) => JSON.stringify({ file })));
			const held = await firstOutput(child);

			const bound = folder.boundLoops();
			child.kill("SIGKILL");

			expect(bound.toSorted()).toEqual(held.split(" ").toSorted());
			expect(await until(() => folder.boundLoops().length === 0, 1_000 * slowness)).toBe(
				true,
			);
		},
		10_000 * slowness,
	);

	test.for(["service", "host", "both"])(
		"of the %s leaves no device bound",
		{ timeout: 10_000 * slowness },
		async (who, { expect }) => {
			const names = ["a.img", "b.img", "c.img"];
			for (const name of names) folder.file(name, megabyte);
			mkdirSync(join(folder.path, "dev"));
			const host = start("host.ts", service, folder.path, join(folder.path, "dev"), ...names);
			const servicePid = Number(await firstOutput(host));

			const bound = folder.boundLoops();
			// It would end by itself, perhaps before we come to it.
			if (who === "both") process.kill(servicePid, "SIGSTOP");
			if (who !== "service") host.kill("SIGKILL");
			if (who !== "host") process.kill(servicePid, "SIGKILL");
			const areGone = await until(() => folder.boundLoops().length === 0, 1_000 * slowness);
			const isServiceGone = await until(() => !isRunning(servicePid), 1_000 * slowness);
			host.kill("SIGKILL");

			expect(bound).toHaveLength(3);
			expect(areGone).toBe(true);
			expect(isServiceGone).toBe(true);
		},
	);
});

describeAsRoot("a private /dev", () => {
	test(
		"has the lock where udev sees it, outside",
		async ({ expect }) => {
			const file = folder.file("disk.img", megabyte);
			const script =
				"mount -t tmpfs none /dev && mknod /dev/loop-control c 10 237 && mknod /dev/null c 1 3 && " +
				'mknod /dev/urandom c 1 9 && exec "$@"';
			const options = JSON.stringify({ file, devices: "/dev", lock: true });
			const hold = [process.execPath, join(fixtures, "hold.ts"), options];
			const child = spawn("unshare", ["--mount", "sh", "-c", script, "sh", ...hold], {
				stdio: ["ignore", "pipe", "inherit"],
			});
			const name = await firstOutput(child);

			using node = openat2(AT_FDCWD, `/dev/${name}`, { flags: constants.O_RDONLY });
			const isFree = flock(node, "exclusive");
			node.close();
			child.kill("SIGKILL");

			expect(isFree).toBe(false);
			expect(await until(() => folder.boundLoops().length === 0, 1_000 * slowness)).toBe(
				true,
			);
		},
		10_000 * slowness,
	);
});

describeAsRoot("the service", () => {
	const type = "org.osbuild.loopback";

	/** A service process, and a manager of devices that uses it. */
	async function withManager(
		use: (manager: DeviceManager, devices: string) => Promise<void>,
	): Promise<void> {
		const flags = constants.O_RDONLY | constants.O_DIRECTORY;
		using devices = deviceDirectory();
		using tree = openat2(AT_FDCWD, folder.path, { flags });
		await using services = new ServiceManager();
		const argv = [process.execPath, service];
		const process_ = services.start({ name: "loopback", file: process.execPath, argv });
		await using manager = new DeviceManager({
			service: () => process_,
			run: "service-test",
			tree,
			devices: devices.fd,
		});
		await use(manager, devices.path);
	}

	test(
		"opens, is in use, closes, and lives on (osbuild's test_devices.py)",
		async ({ expect }) => {
			const file = folder.file("disk.img", megabyte);
			using other = openat2(AT_FDCWD, folder.file("other.img", megabyte), {
				flags: constants.O_RDWR,
			});

			await withManager(async (manager, devices) => {
				const options = { filename: "disk.img", start: 0, size: megabyte / 512 };
				const opened = await manager.open({ device: { type, options } });
				const device = opened.get("device");
				const path = join(devices, device.path);
				using loop = openat2(AT_FDCWD, path, { flags: constants.O_RDWR });
				const config = {
					file: other,
					offsetBytes: 0,
					sizeBytes: 0,
					sectorBytes: 512,
					flags: 0,
					tag: "",
				};

				expect(statSync(path).isBlockDevice()).toBe(true);
				expect(device.path).toBe(`loop${device.node.minor}`);
				expect(loopStatus(loop)).toMatchObject({
					offsetBytes: 0n,
					sizeBytes: BigInt(megabyte),
					inode: BigInt(statSync(file).ino),
					tag: "devhost:service-test:device",
				});
				await expect(loopConfigure(loop, config)).rejects.toMatchObject({ code: "EBUSY" });
				loop.close();
				await opened.close();
				expect(folder.boundLoops()).toEqual([]);
				expect(readdirSync(devices)).toEqual([]);

				await using again = await manager.open({ device: { type, options } });
				expect(again.get("device").details).toMatchObject({
					sizeBytes: megabyte,
					sectorBytes: 512,
				});
			});
			expect(folder.boundLoops()).toEqual([]);
		},
		10_000 * slowness,
	);

	test(
		"has a partition table written through it",
		async ({ expect }) => {
			const file = folder.file("disk.img", 4 * megabyte);
			writeFileSync(
				join(folder.path, "table"),
				"label: gpt\nstart=2048, size=2048, type=linux\n",
			);

			await withManager(async (manager, devices) => {
				await using opened = await manager.open({
					disk: { type: "devhost.loopback", options: { filename: "disk.img" } },
				});
				const path = join(devices, opened.get("disk").path);
				execFileSync("sh", [
					"-c",
					'sfdisk --no-reread --no-tell-kernel -q "$1" < "$2"',
					"sh",
					path,
					join(folder.path, "table"),
				]);
			});

			expect(execFileSync("sfdisk", ["--verify", file], { encoding: "utf8" })).toContain(
				"No errors",
			);
		},
		10_000 * slowness,
	);

	test(
		"says across the wire what is wrong, and with which device",
		async ({ expect }) => {
			folder.file("small.img", 100);

			await withManager(async (manager) => {
				const options = { filename: "small.img" };

				await expect(manager.open({ root: { type, options } })).rejects.toMatchObject({
					code: "ERR_DEVICE_FILE",
					device: "root",
					message: expect.stringContaining("small.img: has 100 bytes"),
				});
				await expect(
					manager.open({ root: { type, options: { ...options, start: -1 } } }),
				).rejects.toMatchObject({
					code: "ERR_DEVICE_OPTIONS",
					device: "root",
					pointer: "/start",
				});
			});
		},
		10_000 * slowness,
	);

	test(
		"names across the wire who keeps a device busy",
		async ({ expect }) => {
			folder.file("disk.img", megabyte);

			await withManager(async (manager, devices) => {
				const opened = await manager.open({
					disk: { type, options: { filename: "disk.img" } },
				});
				const path = join(devices, opened.get("disk").path);
				const holder = spawn(
					"sh",
					["-c", 'exec 9<"$1"; echo ready; read -r _', "sh", path],
					{
						stdio: ["pipe", "pipe", "inherit"],
					},
				);
				await once(holder.stdout, "data");

				await expect(opened.close()).rejects.toMatchObject({
					code: "ERR_DEVICE_BUSY",
					holders: [expect.objectContaining({ pid: holder.pid, command: "sh" })],
				});
				holder.stdin.end();
				expect(await until(() => folder.boundLoops().length === 0, 1_000 * slowness)).toBe(
					true,
				);
			});
		},
		20_000 * slowness,
	);
});
