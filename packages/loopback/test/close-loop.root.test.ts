import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, existsSync, readFileSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import {
	AT_FDCWD,
	detachedMount,
	type Fd,
	ioctl,
	LO_FLAGS_AUTOCLEAR,
	loopSetStatus,
	openat2,
} from "@devhost/linux";
import { afterEach, beforeEach, test } from "vitest";
import { attachLoop } from "../src/attach-loop.ts";
import { Folder, pattern } from "./machine.ts";
import { describeAsRoot, slowness } from "@devhost/tools/testing";

const megabyte = 1 << 20;
let folder: Folder;

beforeEach(() => {
	folder = new Folder();
});
afterEach(() => folder[Symbol.dispose]());

/** Starts a shell script in a session of its own and waits for its first line. */
async function shell(
	script: string,
	...args: readonly string[]
): Promise<AsyncDisposable & { pid: number }> {
	const child = spawn("sh", ["-c", script, "sh", ...args], {
		stdio: ["pipe", "pipe", "inherit"],
	});
	const ended = once(child, "close");
	await once(child.stdout, "data");
	return {
		pid: child.pid as number,
		async [Symbol.asyncDispose]() {
			child.stdin.end();
			await ended;
		},
	};
}

/** A file of 8 MiB on a file system of 1 MiB, which appears nowhere. */
function fileOnSmallDisk(): Disposable & { readonly file: Fd } {
	const disk = detachedMount("tmpfs", { size: "1M" });
	const flags = constants.O_RDWR | constants.O_CREAT;
	const file = openat2(disk, "disk.img", { flags, mode: 0o600 });
	execFileSync("truncate", ["--size=8M", `/proc/${process.pid}/fd/${file.fd}`]);
	return {
		file,
		[Symbol.dispose]() {
			file.close();
			disk.close();
		},
	};
}

describeAsRoot("closing", () => {
	test("waits for who lets go in time", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);
		const loop = await attachLoop({ file });
		await using _ = await shell('exec 9<"$1"; echo ready; sleep 0.25', loop.path);

		await loop.close();

		expect(folder.boundLoops()).toEqual([]);
	});

	test(
		"waits for a file system whose mount namespace is just ending, and has all of it",
		async ({ expect }) => {
			const file = folder.file("disk.img", 32 * megabyte);
			const content = folder.file("content", pattern(8 * megabyte, 6));
			const loop = await attachLoop({ file });
			execFileSync("mkfs.ext4", ["-q", loop.path]);

			// Ends without unmounting, as a stage that is killed.
			const script = 'mount "$1" /mnt && cp "$2" /mnt/content && kill -9 $$';
			const { promise, resolve } = Promise.withResolvers<void>();
			spawn("unshare", ["--mount", "sh", "-c", script, "sh", loop.path, content]).once(
				"exit",
				() => resolve(),
			);
			await promise;
			await loop.close();

			expect(folder.boundLoops()).toEqual([]);
			execFileSync("e2fsck", ["-fn", file], { stdio: "ignore" });
			const copy = join(folder.path, "copy");
			execFileSync("debugfs", ["-R", `dump /content ${copy}`, file], { stdio: "ignore" });
			expect(readFileSync(copy).equals(readFileSync(content))).toBe(true);
		},
		20_000 * slowness,
	);

	test("fails when what was written found no room, although nobody noticed", async ({
		expect,
	}) => {
		using disk = fileOnSmallDisk();
		const loop = await attachLoop({ file: disk.file, name: "full" });
		{
			await using device = await openFile(loop.path, "r+");
			await device.write(pattern(4 * megabyte, 1));
		}

		await expect(loop.close()).rejects.toMatchObject({
			code: "ERR_DEVICE_CLOSE",
			message: expect.stringMatching(
				/^descriptor \d+: loop\d+: part of what was written to the device is lost, the file system of the file is full\./,
			),
			details: { errno: "EIO", freeBytes: 0 },
		});
		expect(existsSync(`/sys/block/${loop.name}/loop`)).toBe(false);
	});

	test("fails when the writer was told of it and went on", async ({ expect }) => {
		using disk = fileOnSmallDisk();
		const loop = await attachLoop({ file: disk.file });
		{
			await using device = await openFile(loop.path, "r+");
			await device.write(pattern(4 * megabyte, 1));
			await expect(device.sync()).rejects.toMatchObject({ code: "EIO" });
		}

		await expect(loop.close()).rejects.toMatchObject({ code: "ERR_DEVICE_CLOSE" });
	});

	test(
		"fails when a file system that is still mounted loses what it writes back at last",
		async ({ expect }) => {
			using disk = fileOnSmallDisk();
			const loop = await attachLoop({ file: disk.file });
			execFileSync(
				"mkfs.ext4",
				["-q", "-E", "nodiscard,lazy_itable_init=1", "-O", "^has_journal", loop.path],
				{
					stdio: "ignore",
				},
			);
			await loop.flush();

			// Directories go through the device's page cache, as all of a file system does that is no file's content.
			const script =
				'mount "$1" /mnt && cd /mnt && echo ready && sleep 0.3 && mkdir $(seq 1500)';
			await using _ = await shell(
				`exec unshare --mount sh -c '${script}' sh "$1"`,
				loop.path,
			);

			await expect(loop.close()).rejects.toMatchObject({ code: "ERR_DEVICE_CLOSE" });
		},
		20_000 * slowness,
	);

	test("has flush fail too", async ({ expect }) => {
		using disk = fileOnSmallDisk();
		const loop = await attachLoop({ file: disk.file });
		{
			await using device = await openFile(loop.path, "r+");
			await device.write(pattern(4 * megabyte, 1));
		}

		await expect(loop.flush()).rejects.toMatchObject({ code: "ERR_DEVICE_CLOSE" });
		await loop.close();
	});

	test("does not take the next owner's device for its own", async ({ expect }) => {
		const first = await attachLoop({ file: folder.file("first.img", megabyte) });
		const name = first.name;
		await first.close();
		const again = await attachLoop({ file: folder.file("second.img", megabyte) });

		await first.close();

		expect(again.diskSequence).not.toBe(first.diskSequence);
		expect(folder.boundLoops()).toEqual([again.name]);
		expect(name).toMatch(/^loop\d+$/);
		await again.close();
	});
});

/** Another file behind a loop device: LOOP_CHANGE_FD. Source: linux/loop.h. */
const LOOP_CHANGE_FD = 0x4c06;

describeAsRoot("a device that somebody changes behind our back", () => {
	const asked = { startBytes: megabyte, sizeBytes: megabyte };
	const kept = { offsetBytes: megabyte, sizeBytes: megabyte, tag: "another", flags: 0 };

	test.for([
		[
			"begins elsewhere",
			{ ...kept, offsetBytes: 0, flags: LO_FLAGS_AUTOCLEAR },
			"begins at byte 0",
		],
		["goes on", { ...kept, sizeBytes: 0, flags: LO_FLAGS_AUTOCLEAR }, "has no end of its own"],
		["would have stayed", kept, "would have stayed bound"],
	] as const)("is gone, and closing fails, when it %s", async ([, change, what], { expect }) => {
		const file = folder.file("disk.img", 4 * megabyte);
		const loop = await attachLoop({ file, ...asked, closeTimeoutMs: 1000 });
		{
			using other = openat2(AT_FDCWD, loop.path, { flags: constants.O_RDWR });
			await loopSetStatus(other, change);
		}

		await expect(loop.close()).rejects.toMatchObject({
			code: "ERR_DEVICE_NOT_OURS",
			message: expect.stringContaining(what),
		});

		expect(folder.boundLoops()).toEqual([]);
	});

	test("is gone, and closing fails, when it is read-only and would have stayed", async ({
		expect,
	}) => {
		const file = folder.file("disk.img", 4 * megabyte);
		const loop = await attachLoop({ file, ...asked, readOnly: true, closeTimeoutMs: 1000 });
		{
			using other = openat2(AT_FDCWD, loop.path, { flags: constants.O_RDONLY });
			await loopSetStatus(other, kept);
		}

		await expect(loop.close()).rejects.toMatchObject({ code: "ERR_DEVICE_NOT_OURS" });

		expect(folder.boundLoops()).toEqual([]);
	});

	test("is gone, and closing fails, when it shows another file", async ({ expect }) => {
		const loop = await attachLoop({ file: folder.file("one.img", megabyte), readOnly: true });
		{
			using another = openat2(AT_FDCWD, folder.file("another.img", megabyte), {
				flags: constants.O_RDONLY,
			});
			using device = openat2(AT_FDCWD, loop.path, { flags: constants.O_RDONLY });
			ioctl(device, {
				request: LOOP_CHANGE_FD,
				name: "LOOP_CHANGE_FD",
				argument: another.fd,
			});
		}

		await expect(loop.close()).rejects.toMatchObject({
			code: "ERR_DEVICE_NOT_OURS",
			message: expect.stringContaining("shows another file"),
		});

		expect(folder.boundLoops()).toEqual([]);
	});
});

describeAsRoot("a device that another process unbinds behind our back", () => {
	test("closes all the same", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);
		const loop = await attachLoop({ file });
		using _ = openat2(AT_FDCWD, file, { flags: constants.O_RDONLY });

		execFileSync("losetup", ["--detach", loop.path]);
		await loop.close();

		expect(folder.boundLoops()).toEqual([]);
	});
});
