import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { describeAsRoot, slowness } from "@devhost/tools/testing";
import { type DeviceError, type Holder, isDeviceError } from "@devhost/core";
import { afterEach, beforeEach, test, vi } from "vitest";
import { Machine, megabyte, noise } from "./machine.ts";

let machine: Machine;

// A mkfs, two services, a mount; and five seconds until a mount counts as busy.
vi.setConfig({ testTimeout: 20_000 * slowness });

/** What closing throws. */
async function failureOf(closing: Promise<unknown>): Promise<DeviceError> {
	try {
		await closing;
	} catch (error) {
		if (isDeviceError(error)) return error;
		throw error;
	}
	throw new Error("it was closed");
}

function holdersOf(error: DeviceError): readonly Holder[] {
	return isDeviceError(error, "ERR_DEVICE_BUSY") ? error.holders : [];
}

describeAsRoot("closing", () => {
	beforeEach(() => {
		machine = new Machine({ impatient: true });
		machine.image("ext4.img", 16 * megabyte, "mkfs.ext4 -q");
		machine.image("boot.img", 16 * megabyte, "mkfs.ext4 -q");
	});
	afterEach(async ({ expect }) => {
		const left = [...(await machine.mounted()), ...machine.loops()];
		await machine[Symbol.asyncDispose]();
		expect(left).toEqual([]);
	});

	test("what is mounted in another goes before it, and all of it is written", async ({
		expect,
	}) => {
		const content = Buffer.from(noise(megabyte / 2)).toString("base64");
		writeFileSync(machine.path("content"), content);
		{
			await using _ = await machine.open({
				root: { type: "ext4", image: "ext4.img" },
				boot: { type: "ext4", image: "boot.img", target: "/boot" },
			});
			expect(await machine.mounted()).toEqual(["/dev/.mounts", "/dev/.mounts/boot"]);
			await machine.run('cp "$1" boot/content; echo 1 > root-file', machine.path("content"));
		}
		await using _ = await machine.open({
			boot: { type: "ext4", image: "boot.img", target: "/b", options: { "read-only": true } },
			root: { type: "ext4", image: "ext4.img", target: "/r", options: { "read-only": true } },
		});
		expect(await machine.run("cat b/content")).toBe(content);
		expect(await machine.run("ls -A r/boot; cat r/root-file")).toBe("1\n");
	});

	test("waits for who lets go in time", async ({ expect }) => {
		const opened = await machine.open({ root: { type: "ext4", image: "ext4.img" } });
		const user = await machine.background("cd /dev/.mounts");
		setTimeout(() => void user[Symbol.asyncDispose](), 100);

		await opened.close();

		expect(await machine.mounted()).toEqual([]);
	});

	test("names who is in it, and deletes nothing", async ({ expect }) => {
		await using _disk = await machine.loop("disk", "ext4.img");
		const opened = await machine.open({ root: { type: "ext4", on: "disk" } });
		await machine.run("mkdir -p keep; echo kept > keep/file");
		let error: DeviceError;
		let pid: number;
		{
			await using user = await machine.background("cd keep; exec 7< file");
			pid = user.pid;
			error = await failureOf(opened.close());
		}
		expect(error.message).toMatch(
			new RegExp(
				String.raw`^root: /dev/\.mounts: still in use by pid ${pid} \(sh\) working in /dev/\.mounts/keep`,
			),
		);
		expect(holdersOf(error)).toEqual([
			{ kind: "process", pid, command: "sh", path: "/dev/.mounts/keep", use: "cwd" },
			{ kind: "process", pid, command: "sh", path: "/dev/.mounts/keep/file" },
		]);
		expect(await machine.run("cat keep/file; cd /; umount /dev/.mounts")).toBe("kept\n");
		await using _ = await machine.open({ again: { type: "ext4", on: "disk" } });
		expect(await machine.run("cat keep/file")).toBe("kept\n");
	});

	test("names a mount of another namespace, and waits for it", async ({ expect }) => {
		await using _disk = await machine.loop("disk", "ext4.img");
		const opened = await machine.open({ root: { type: "ext4", on: "disk" } });
		let error: DeviceError;
		{
			await using _ = await machine.background(
				"exec unshare --mount sh -c 'echo ready; read -r _ <&3 || true'",
			);
			error = await failureOf(opened.close());
			expect(await machine.mounted()).toEqual([]); // here it is gone
		}
		expect(error).toMatchObject({ code: "ERR_DEVICE_BUSY" });
		expect(error.message).toMatch(
			/still in use by .*a mount at \/dev\/\.mounts in mnt:\[\d+\] \(of pid \d+, sh\)/,
		);
	});

	test("finds it where it is by now, when a directory above was renamed", async ({ expect }) => {
		await using opened = await machine.open({
			root: { type: "ext4", image: "ext4.img" },
			boot: { type: "ext4", image: "boot.img", target: "/one/two" },
		});
		await machine.run("mv one other; mkdir -p one/two; echo bystander > one/two/file");

		await opened.close();

		await using _ = await machine.mount({ type: "ext4", image: "ext4.img" });
		expect(await machine.run("cat one/two/file; ls -A other/two; rm -r one other")).toBe(
			"bystander\n",
		);
	});

	test("leaves alone what somebody has mounted over it", async ({ expect }) => {
		await using _disk = await machine.loop("disk", "ext4.img");
		const opened = await machine.open({ root: { type: "ext4", on: "disk" } });
		await machine.run("mount -t tmpfs above /dev/.mounts; touch /dev/.mounts/theirs");

		const error = await failureOf(opened.close());

		expect(error).toMatchObject({ code: "ERR_DEVICE_BUSY" });
		expect(error.message).toContain("another mount stands on it");
		expect(
			await machine.run("cd /; ls /dev/.mounts; umount /dev/.mounts; umount /dev/.mounts"),
		).toBe("theirs\n");
	});

	test("takes it as done when somebody has unmounted it", async ({ expect }) => {
		const opened = await machine.open({ root: { type: "ext4", image: "ext4.img" } });
		await machine.run("cd /; umount --lazy /dev/.mounts");
		await opened.close();

		expect(machine.loops()).toEqual([]);
	});

	test("tells of writes that were lost", async ({ expect }) => {
		// A file system on a file that has no room on its own.
		await using _ = await machine.open({ small: { type: "tmpfs", options: { size: "4m" } } });
		await machine.run("truncate -s 16M disk.img; mkfs.ext4 -q -F -E nodiscard disk.img; ls");
		const error = await failureOf(
			(async () => {
				await using _inner = await machine.open({
					inner: { type: "ext4", image: "disk.img", in: "small", target: "/on-it" },
				});
				await machine.run("head -c 8M /dev/urandom > on-it/file");
			})(),
		);

		expect(error).toMatchObject({ code: "ERR_DEVICE_CLOSE" });
		expect(error.message).toMatch(
			/part of what was written to the file system is lost \(syncfs: E(IO|NOSPC)\)/,
		);
	});

	test("read-only writes nothing, whatever the file system would like", async ({ expect }) => {
		machine.image("xfs.img", 300 * megabyte, "mkfs.xfs -q");
		machine.image("btrfs.img", 120 * megabyte, "mkfs.btrfs -q");
		for (const type of ["ext4", "xfs", "btrfs"]) {
			const image = `${type}.img`;
			const before = hashOf(image);
			const options = { "read-only": true };
			{
				await using _ = await machine.mount({ type, image, options });
				await machine.run("ls -lR >/dev/null; ! touch file 2>/dev/null");
			}
			expect(hashOf(image), type).toBe(before);
			await using _ = await machine.mount({ type, image, options, deviceReadOnly: true });
		}
	});

	test("several mounts of one device go one by one", async ({ expect }) => {
		machine.image("subvolumes.img", 120 * megabyte, "mkfs.btrfs -q");
		{
			await using _ = await machine.mount({ type: "btrfs", image: "subvolumes.img" });
			await machine.run(
				"btrfs subvolume create -q a 2>/dev/null || btrfs subvolume create a; btrfs subvolume create b",
			);
		}
		await using _ = await machine.open({
			a: {
				type: "btrfs",
				image: "subvolumes.img",
				target: "/a",
				options: { subvol: "a", compress: "zstd:1" },
			},
			b: { type: "btrfs", on: "a", target: "/b", options: { subvol: "b" } },
		});
		expect(await machine.run("echo 1 > a/in-a; echo 2 > b/in-b; ls a b")).toBe(
			"a:\nin-a\n\nb:\nin-b\n",
		);
	});

	test("a killed service leaves nothing mounted", async ({ expect }) => {
		const opened = await machine.open({
			root: { type: "ext4", image: "ext4.img" },
			boot: { type: "ext4", image: "boot.img", target: "/boot" },
		});
		await machine.run("echo before > before-kill; sync");

		await machine.killService();
		await opened.close().catch(() => {});

		await machine.loopsGone();
		await using _ = await machine.mount({ type: "ext4", image: "ext4.img" });
		expect(await machine.run("cat before-kill")).toBe("before\n");
	});
});

function hashOf(image: string): string {
	return createHash("sha256")
		.update(readFileSync(machine.path(image)))
		.digest("hex");
}
