import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { afterEach, beforeEach, test } from "vitest";
import { describeAsRoot, descriptorCount, slowness } from "@devhost/tools/testing";
import { attachLoop } from "../src/attach-loop.ts";
import { deviceDirectory, Folder, pattern, until } from "./machine.ts";

const megabyte = 1 << 20;
let folder: Folder;

beforeEach(() => {
	folder = new Folder();
});
afterEach(() => folder[Symbol.dispose]());

/** A disk of 64 MiB with a table as sfdisk makes it: an ESP and a root partition. */
async function disk(label: "gpt" | "dos", sectorBytes: number = 512): Promise<string> {
	const file = folder.file("disk.img", 64 * megabyte);
	const script =
		label === "gpt"
			? 'label: gpt\nsize=8MiB, type=uefi, name="esp"\nsize=16MiB, type=linux, name="root"\n'
			: "label: dos\nsize=8MiB, type=c\nsize=32MiB, type=5\n5 : size=16MiB, type=83\n";
	// On a device: it asks that for its sectors.
	await using loop = await attachLoop({ file, sectorBytes });
	partition(loop.path, script);
	return file;
}

function partition(path: string, script: string): void {
	execFileSync("sfdisk", ["--quiet", "--no-reread", "--no-tell-kernel", path], { input: script });
}

function partitionsOf(loop: string): string[] {
	return readdirSync(`/sys/block/${loop}`).filter((name) =>
		existsSync(`/sys/block/${loop}/${name}/partition`),
	);
}

describeAsRoot("partscan", () => {
	test.for([
		["gpt", 512, [1, 2]],
		["gpt", 4096, [1, 2]],
		["dos", 512, [1, 5]],
	] as const)(
		"gives every partition of a %s table with sectors of %d bytes a node",
		async ([label, sectorBytes, numbers], { expect }) => {
			const file = await disk(label, sectorBytes);
			using devices = deviceDirectory();
			// Descriptors that the process keeps from now on.
			await (await attachLoop({ file, devices: devices.fd }))[Symbol.asyncDispose]();
			const before = descriptorCount();
			{
				await using loop = await attachLoop({
					file,
					sectorBytes,
					partscan: true,
					devices: devices.fd,
				});

				const names = numbers.map((number) => `${loop.name}p${number}`);
				expect(loop.partitions.map(({ path }) => path)).toEqual(names);
				// A kernel with parsers shows extended partitions, too.
				expect(partitionsOf(loop.name)).toEqual(expect.arrayContaining(names));
				for (const { path, node, sectorBytes: ofPartition } of loop.partitions) {
					const { rdev } = statSync(`${devices.path}/${path}`);
					expect(rdev & 0xff).toBe(node.minor & 0xff);
					expect(ofPartition).toBe(sectorBytes);
				}
			}

			expect(folder.boundLoops()).toEqual([]);
			expect(readdirSync(devices.path)).toEqual([]);
			expect(descriptorCount()).toBe(before);
		},
	);

	test("what was written to a partition is in the file when the device is closed", async ({
		expect,
	}) => {
		const file = await disk("gpt");
		const written = pattern(4 * megabyte, 9);
		const loop = await attachLoop({ file, partscan: true });
		const root = loop.partitions.find(({ label }) => label === "root");
		{
			await using device = await openFile(root?.path as string, "r+");
			await device.write(written);
		}

		await loop.close();

		const start = root?.startBytes as number;
		const content = readFileSync(file).subarray(start, start + written.length);
		expect(content.equals(written)).toBe(true);
	});

	test("a device without a table opens, and with one has it the next time", async ({
		expect,
	}) => {
		const file = folder.file("disk.img", 64 * megabyte);
		{
			await using blank = await attachLoop({ file, partscan: true });
			expect(blank.partitions).toEqual([]);
			partition(blank.path, "label: gpt\nsize=8MiB\n");
		}

		await using loop = await attachLoop({ file, partscan: true });

		expect(loop.partitions).toMatchObject([{ number: 1, sizeBytes: 8 * megabyte }]);
	});

	test("a table that is damaged is told of, and the device opens", async ({ expect }) => {
		const file = await disk("gpt");
		await using image = await openFile(file, "r+");
		await image.write(Buffer.alloc(512, 1), 0, 512, 512);
		await image.write(Buffer.alloc(512, 1), 0, 512, 64 * megabyte - 512);
		const told: string[] = [];

		await using loop = await attachLoop({
			file,
			partscan: true,
			log: (text) => told.push(text),
		});

		expect(loop.partitions).toEqual([]);
		expect(told).toHaveLength(1);
		expect(told[0]).toContain(`${file}: ${loop.name}: `);
	});

	test("a read-only device has partitions that can be read only", async ({ expect }) => {
		const file = await disk("gpt");

		await using loop = await attachLoop({ file, partscan: true, readOnly: true });

		const [esp] = loop.partitions;
		expect(esp).toMatchObject({ readOnly: true, label: "esp" });
		expect(() => writeFileSync(esp?.path as string, "x")).toThrow();
	});

	test(
		"who has a partition mounted is named",
		async ({ expect }) => {
			const file = await disk("gpt");
			const loop = await attachLoop({ file, partscan: true, closeTimeoutMs: 200 });
			const path = loop.partitions[1]?.path as string;
			execFileSync("mkfs.ext4", ["-q", path]);
			const child = spawn(
				"unshare",
				["--mount", "sh", "-c", 'mount "$1" /mnt && echo ready && read _', "sh", path],
				{ stdio: ["pipe", "pipe", "inherit"] },
			);
			await once(child.stdout, "data");

			await expect(loop.close()).rejects.toMatchObject({
				code: "ERR_DEVICE_BUSY",
				message: expect.stringMatching(/: loop\d+p2: still in use by a mount at \/mnt in /),
			});

			child.stdin.end();
			await once(child, "exit");
			expect(await until(() => folder.boundLoops().length === 0, 5_000)).toBe(true);
			expect(partitionsOf(loop.name)).toEqual([]);
		},
		10_000 * slowness,
	);

	test(
		"partitions are gone with their service by kill -9, and the next device has none of them",
		async ({ expect }) => {
			const file = await disk("gpt");
			const program = new URL("fixtures/hold.ts", import.meta.url).pathname;
			const child = spawn(
				process.execPath,
				[program, JSON.stringify({ file, partscan: true })],
				{
					stdio: ["ignore", "pipe", "inherit"],
				},
			);
			await once(child.stdout, "data");
			const [name = ""] = folder.boundLoops();
			const before = partitionsOf(name);

			child.kill("SIGKILL");
			await once(child, "exit");

			expect(await until(() => folder.boundLoops().length === 0, 5_000)).toBe(true);
			expect(before).toHaveLength(2);
			expect(partitionsOf(name)).toEqual([]);
		},
		10_000 * slowness,
	);
});
