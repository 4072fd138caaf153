import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { Machine, megabyte, noise } from "./machine.ts";

let machine: Machine;

const images: Readonly<Record<string, readonly [mkfs: string, sizeBytes: number]>> = {
	vfat: ["mkfs.vfat", 32 * megabyte],
	f2fs: ["mkfs.f2fs -q", 64 * megabyte],
	btrfs: ["mkfs.btrfs -q", 120 * megabyte],
	xfs: ["mkfs.xfs -q", 300 * megabyte],
	ext4: ["mkfs.ext4 -q", 32 * megabyte],
};

describe("file systems of modules", () => {
	beforeAll(() => {
		machine = new Machine();
	});
	afterEach(async ({ expect }) => {
		expect([...(await machine.mounted()), ...machine.loops()]).toEqual([]);
	});
	afterAll(() => machine[Symbol.asyncDispose]());

	test.for(Object.entries(images))(
		"%s has what was written, each time",
		async ([type, [mkfs, sizeBytes]], { expect }) => {
			const image = machine.image(`${type}.img`, sizeBytes, mkfs);
			for (const round of [1, 2, 3]) {
				const content = noise(megabyte);
				writeFileSync(machine.path("content"), content);
				{
					await using _ = await machine.mount({ type, image });
					await machine.run('cp "$1" "round$2"', machine.path("content"), String(round));
				}
				await using _ = await machine.mount({
					type: "auto",
					image,
					options: { "read-only": true },
				});
				const [hash] = (await machine.run(`sha256sum round${round}`)).split(" ");
				expect(hash, `${type}, round ${round}`).toBe(
					createHash("sha256").update(content).digest("hex"),
				);
			}
		},
	);

	test("iso9660", async ({ expect }) => {
		mkdirSync(machine.path("files"));
		writeFileSync(machine.path("files/hello"), "hello\n");
		const argv = [
			"-as",
			"mkisofs",
			"-quiet",
			"-R",
			"-o",
			machine.path("cd.iso"),
			machine.path("files"),
		];
		execFileSync("xorriso", argv, { stdio: "pipe" });

		await using opened = await machine.open({ root: { type: "auto", image: "cd.iso" } });
		expect(opened.getMount("root").details).toMatchObject({ type: "iso9660", readOnly: true });
		expect(await machine.run("cat hello")).toBe("hello\n");
	});

	test("osbuild's fat has its options", async ({ expect }) => {
		const image = machine.image("fat.img", 32 * megabyte, "mkfs.vfat");
		const options = { uid: 12, gid: 34, umask: "077", shortname: "winnt" };
		await using opened = await machine.open({
			root: { type: "org.osbuild.fat", image, options },
		});

		expect(opened.getMount("root").details).toMatchObject({ type: "vfat", readOnly: false });
		expect(
			await machine.run("stat -c %a:%u:%g .; grep shortname=winnt /proc/self/mounts | wc -l"),
		).toBe("700:12:34\n1\n");
	});

	test("a btrfs whose uuid is mounted already", async ({ expect }) => {
		machine.image("one.img", 120 * megabyte, "mkfs.btrfs -q");
		machine.copy("one.img", "other.img");
		await using _ = await machine.mount({ type: "btrfs", image: "one.img", target: "/one" });

		const error = await machine.refusal({
			type: "btrfs",
			image: "other.img",
			target: "/other",
		});

		expect(error).toMatchObject({ code: "ERR_DEVICE_BUSY" });
		expect(error.message).toMatch(/same uuid is mounted.*btrfstune/);
	});
});
