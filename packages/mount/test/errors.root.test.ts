import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { describeAsRoot, slowness } from "@devhost/tools/testing";
import { afterAll, afterEach, beforeAll, test, vi } from "vitest";
import { hasFileSystem, Machine, megabyte } from "./machine.ts";

let machine: Machine;

// A mkfs, two services, a mount.
vi.setConfig({ testTimeout: 10_000 * slowness });

/** Writes bytes into an image. */
function patch(image: string, offset: number, bytes: Uint8Array): void {
	const fd = openSync(machine.path(image), "r+");
	writeSync(fd, bytes, 0, bytes.length, offset);
	closeSync(fd);
}

function byteAt(image: string, offset: number): number {
	const fd = openSync(machine.path(image), "r");
	const into = new Uint8Array(1);
	readSync(fd, into, 0, 1, offset);
	closeSync(fd);
	return into[0] ?? 0;
}

describeAsRoot("mounting what cannot be mounted", () => {
	beforeAll(() => {
		machine = new Machine();
		machine.image("ext4.img", 16 * megabyte, "mkfs.ext4 -q -O ^metadata_csum");
	});
	afterEach(async ({ expect }) => {
		expect(await machine.mounted()).toEqual([]);
		expect(machine.loops()).toEqual([]);
	});
	afterAll(() => machine[Symbol.asyncDispose]());

	test("nothing on it", async ({ expect }) => {
		const image = machine.image("empty.img", 16 * megabyte);

		const named = await machine.refusal({ type: "ext4", image });
		expect(named).toMatchObject({ code: "ERR_DEVICE_FORMAT", details: { errno: "EINVAL" } });
		expect(named.message).toMatch(
			/: ext4 on \/dev\/loop\d+: there is no ext4 on it, but nothing that blkid knows\. .*mkfs/,
		);

		const any = await machine.refusal({ type: "auto", image });
		expect(any).toMatchObject({ code: "ERR_DEVICE_FORMAT" });
		expect(any.message).toMatch(/: auto on \/dev\/loop\d+: there is nothing that blkid knows/);
	});

	test("another file system", async ({ expect }) => {
		for (const type of ["xfs", "btrfs", "squashfs", "erofs"]) {
			const wrong = await machine.refusal({ type, image: "ext4.img" });
			expect(wrong).toMatchObject({ code: "ERR_DEVICE_FORMAT" });
			expect(wrong.message).toContain(`there is no ${type} on it, but ext4`);
		}
	});

	test("what is no file system", async ({ expect }) => {
		const swap = machine.image("swap.img", 16 * megabyte, "mkswap -q");
		expect((await machine.refusal({ type: "auto", image: swap })).message).toContain(
			"it has swap. Swap space is not mounted",
		);
		const disk = machine.image("gpt.img", 16 * megabyte, "echo 'label: gpt' | sfdisk -q");
		expect((await machine.refusal({ type: "ext4", image: disk })).message).toContain(
			"but gpt. Name a partition",
		);
	});

	test("two things at once: it says which", async ({ expect }) => {
		const image = machine.image("two.img", 300 * megabyte, "mkfs.xfs -q");
		execFileSync("mkfs.ext4", [
			"-q",
			"-F",
			"-b",
			"4096",
			machine.path("ext4-later.img"),
			"64M",
		]);
		// The superblock of an ext4, behind that of an XFS.
		const fd = openSync(machine.path("ext4-later.img"), "r");
		const block = new Uint8Array(1024);
		readSync(fd, block, 0, 1024, 1024);
		closeSync(fd);
		patch(image, 1024, block);

		const error = await machine.refusal({ type: "auto", image });

		expect(error).toMatchObject({ code: "ERR_DEVICE_FORMAT" });
		expect(error.message).toMatch(
			/more than one thing is on it: (xfs, ext4|ext4, xfs)\. Name the type/,
		);
	});

	test("a device that can only be read, for writing", async ({ expect }) => {
		const error = await machine.refusal({
			type: "ext4",
			image: "ext4.img",
			deviceReadOnly: true,
		});

		expect(error).toMatchObject({ code: "ERR_DEVICE_READ_ONLY_FILE" });
		expect(error.message).toContain("the device can only be read. Set `read-only: true`");
	});

	test("a journal that would have to be replayed", async ({ expect }) => {
		const image = machine.copy("ext4.img", "dirty.img");
		patch(image, 1024 + 0x60, Uint8Array.of(byteAt(image, 1024 + 0x60) | 4));

		for (const deviceReadOnly of [false, true]) {
			const error = await machine.refusal({
				type: "ext4",
				image,
				deviceReadOnly,
				options: { "read-only": true },
			});
			expect(error).toMatchObject({ code: "ERR_DEVICE_REQUIREMENT" });
			expect(error.message).toContain("`norecovery: true`");
		}
		const options = { "read-only": true, norecovery: true };
		await using _ = await machine.mount({ type: "ext4", image, deviceReadOnly: true, options });
	});

	test.for([
		["ext4", "mkfs.ext4 -q", 16],
		["xfs", "mkfs.xfs -q", 300],
		["btrfs", "mkfs.btrfs -q", 120],
	] as const)(
		"a journal of %s as a crash leaves it",
		async ([type, mkfs, sizeMegabytes], { expect }) => {
			const image = machine.image(`${type}-open.img`, sizeMegabytes * megabyte, mkfs);
			const dirty = `${type}-crashed.img`;
			{
				await using _ = await machine.mount({ type, image });
				await machine.run("echo before > before");
			}
			{
				await using _ = await machine.mount({ type, image });
				await machine.run("echo new > new; sync new .");
				machine.copy(image, dirty);
			}
			const onReadOnly = { type, image: dirty, deviceReadOnly: true };
			const error = await machine.refusal({ ...onReadOnly, options: { "read-only": true } });
			expect(error).toMatchObject({ code: "ERR_DEVICE_REQUIREMENT" });
			expect(error.message).toContain("was not unmounted properly");
			{
				const options = { "read-only": true, norecovery: true };
				await using _ = await machine.mount({ ...onReadOnly, options });
				expect(await machine.run("cat before")).toBe("before\n");
			}
			await using _ = await machine.mount({ type, image: dirty });
			expect(await machine.run("cat before new")).toBe("before\nnew\n");
		},
	);

	test("a file system that the kernel has not", async ({ expect, skip }) => {
		const type = ["vfat", "f2fs", "iso9660"].find((each) => !hasFileSystem(each));
		if (type === undefined) return skip("impossible here: the kernel has them all");

		const error = await machine.refusal({ type, image: "ext4.img" });

		expect(error).toMatchObject({
			code: "ERR_DEVICE_UNSUPPORTED",
			details: { errno: "ENODEV" },
		});
		expect(error.message).toMatch(
			/this machine's kernel has no \w+\. Load its module \(modprobe \w+\).*CONFIG_.*--backend uml/,
		);
	});

	test("a damaged one", async ({ expect }) => {
		const image = machine.copy("ext4.img", "damaged.img");
		patch(image, 2048, new Uint8Array(1024).fill(0xff)); // group descriptors

		const error = await machine.refusal({ type: "ext4", image });

		expect(error).toMatchObject({ code: "ERR_DEVICE_METADATA" });
		expect(error.message).toMatch(/damaged.*e2fsck/);
	});

	test("one with a feature that this kernel does not know", async ({ expect }) => {
		const image = machine.copy("ext4.img", "future.img");
		patch(image, 1024 + 0x60 + 3, Uint8Array.of(0x40)); // an incompatible feature that nobody has taken yet

		const error = await machine.refusal({ type: "ext4", image });

		expect(error).toMatchObject({ code: "ERR_DEVICE_UNSUPPORTED" });
		expect(error.message).toMatch(
			/kernel does not know.*--backend uml.*The kernel says: .*unsupported/,
		);
	});

	test("one that is cut off", async ({ expect }) => {
		const image = machine.copy("ext4.img", "short.img");
		execFileSync("truncate", ["--size=4M", machine.path(image)]);

		expect(await machine.refusal({ type: "ext4", image })).toMatchObject({
			code: "ERR_DEVICE_METADATA",
		});
	});

	test("an XFS whose uuid is mounted already", async ({ expect }) => {
		machine.image("one.img", 300 * megabyte, "mkfs.xfs -q");
		machine.copy("one.img", "other.img");
		await using _ = await machine.mount({ type: "xfs", image: "one.img", target: "/one" });

		const error = await machine.refusal({ type: "xfs", image: "other.img", target: "/other" });
		expect(error).toMatchObject({ code: "ERR_DEVICE_BUSY" });
		expect(error.message).toMatch(/same uuid is mounted.*`nouuid: true`/);

		const options = { nouuid: true };
		await using _other = await machine.mount({
			type: "xfs",
			image: "other.img",
			target: "/other",
			options,
		});
	});

	test("a subvolume that is not there", async ({ expect }) => {
		const image = machine.image("btrfs.img", 120 * megabyte, "mkfs.btrfs -q");

		const error = await machine.refusal({ type: "btrfs", image, options: { subvol: "home" } });

		expect(error).toMatchObject({ code: "ERR_DEVICE_OPTIONS", pointer: "/subvol" });
		expect(error.message).toContain("there is no subvolume home");
	});

	test("options that no type, or not this one, has", async ({ expect }) => {
		const image = "ext4.img";
		const refused = async (type: string, options: Readonly<Record<string, unknown>>) => {
			const { code, message } = await machine.refusal({ type, image, options });
			expect(code).toBe("ERR_DEVICE_OPTIONS");
			return message;
		};
		expect(await refused("ext4", { subvol: "home" })).toMatch(/^subvol: unknown option/);
		expect(await refused("ext4", { readonly: true })).toMatch(/did you mean read-only\?/);
		expect(await refused("org.osbuild.ext4", { "read-only": true })).toMatch(
			/did you mean readonly\?/,
		);
		expect(await refused("org.osbuild.erofs", { readonly: true })).toMatch(/unknown option/);
		expect(await refused("xfs", { norecovery: true })).toMatch(/set read-only: true, too/);
		expect(await refused("vfat", { umask: 22, shortname: "upper" })).toMatch(
			/umask: 22, expected .*shortname: "upper", expected/,
		);
		expect(await refused("btrfs", { compress: "zstd,ro" })).toMatch(
			/^compress: "zstd,ro", expected/,
		);
	});

	test("a device that somebody else uses", async ({ expect }) => {
		// In another way: a superblock is for reading only, or it is not.
		const options = { "read-only": true, norecovery: true };
		const error = await machine.refusalOf({
			first: { type: "ext4", image: "ext4.img", target: "/first" },
			second: { type: "ext4", on: "first", target: "/second", options },
		});

		expect(error).toMatchObject({ code: "ERR_DEVICE_BUSY" });
		expect(error.message).toMatch(/still in use by .*a mount at \/dev\/\.mounts\/first/);
	});

	test("a partition that has no node", async ({ expect }) => {
		const error = await machine.refusal({ type: "ext4", image: "ext4.img", partition: 2 });

		expect(error).toMatchObject({ code: "ERR_DEVICE_PARENT" });
		expect(error.message).toMatch(/has no partition 2 .*`partscan: true`/);
	});
});
