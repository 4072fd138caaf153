import { describeAsRoot, slowness } from "@devhost/tools/testing";
import { afterAll, afterEach, beforeAll, test, vi } from "vitest";
import { Machine, megabyte } from "./machine.ts";

let machine: Machine;

// A mkfs, two services, a mount.
vi.setConfig({ testTimeout: 10_000 * slowness });

describeAsRoot("hostile images", () => {
	beforeAll(async () => {
		machine = new Machine();
		machine.image("hostile.img", 16 * megabyte, "mkfs.ext4 -q");
		machine.image("inner.img", 16 * megabyte, "mkfs.ext4 -q");
		const options = { dev: true, suid: true };
		await using _ = await machine.mount({ type: "ext4", image: "hostile.img", options });
		await machine.run(`
			mkdir real
			ln -s /etc absolute
			ln -s ../../../etc upwards
			ln -s real inside
			ln -s /proc/1/root magic
			ln -s loop loop
			echo content > file
			mknod -m 666 zero c 1 5
			mkfifo fifo
			python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
			cp /usr/bin/id suid; chown 65534 suid; chmod 4755 suid
		`);
	});
	afterEach(async ({ expect }) => {
		expect(await machine.mounted()).toEqual([]);
		expect(machine.loops()).toEqual([]);
	});
	afterAll(() => machine[Symbol.asyncDispose]());

	test.for([
		["absolute", "a symbolic link"],
		["absolute/ssl", "a symbolic link"],
		["upwards", "a symbolic link"],
		["inside", "a symbolic link"],
		["inside/below", "a symbolic link"],
		["magic/etc", "a symbolic link"],
		["loop", "a symbolic link"],
		["file", "no directory"],
		["file/below", "no directory"],
		["zero", "no directory"],
		["fifo", "no directory"],
		["socket/below", "no directory"],
	] as const)("no target leads through /%s, which is %s", async ([target, what], { expect }) => {
		const before = await machine.run("ls -la /etc | wc -l");

		const error = await machine.refusalOf({
			root: { type: "ext4", image: "hostile.img" },
			inner: { type: "ext4", image: "inner.img", target: `/${target}` },
		});

		expect(error).toMatchObject({ code: "ERR_DEVICE_FILE" });
		expect(error.message).toContain(`target /${target.split("/")[0]} is`);
		expect(error.message).toContain(what);
		expect(await machine.run("ls -la /etc | wc -l")).toBe(before);
	});

	test("no target leaves by its own name", async ({ expect }) => {
		const image = "inner.img";
		for (const target of ["/../etc", "/real/../../etc", ".."]) {
			const error = await machine.refusal({ type: "ext4", image, target });
			expect(error).toMatchObject({ code: "ERR_DEVICE_FILE" });
		}
	});

	test("nothing that was made for a target stays when it fails", async ({ expect }) => {
		await machine.refusalOf({
			root: { type: "ext4", image: "hostile.img" },
			inner: { type: "xfs", image: "inner.img", target: "/new/directories/below" },
		});

		await using _ = await machine.mount({ type: "ext4", image: "hostile.img" });
		expect(await machine.run("ls -d new 2>&1 || true")).toContain("No such file");
	});

	test("what was made for one target stays when another needs it", async ({ expect }) => {
		const [good, bad] = await Promise.allSettled([
			machine.mount({ type: "ext4", image: "inner.img", target: "/shared/by/good" }),
			machine.mount({ type: "xfs", image: "hostile.img", target: "/shared/by/bad" }),
		]);

		expect(bad).toMatchObject({ reason: { code: "ERR_DEVICE_FORMAT", closeFailures: [] } });
		expect(await machine.run("ls shared/by; mountpoint -q shared/by/good")).toBe("good\n");
		if (good.status === "fulfilled") await good.value.close();
		await machine.run("rmdir shared/by/good shared/by shared");
	});

	test("directories that are missing are made, for all to enter", async ({ expect }) => {
		{
			await using opened = await machine.open({
				root: { type: "ext4", image: "hostile.img" },
				inner: { type: "ext4", image: "inner.img", target: "/made/for//it/" },
			});
			expect(opened.getMount("inner").path).toBe("made/for/it");
			expect(
				await machine.run(
					"stat -c %a made made/for; mountpoint -q made/for/it && echo yes",
				),
			).toBe("755\n755\nyes\n");
		}
		await using _ = await machine.mount({ type: "ext4", image: "hostile.img" });
		expect(await machine.run("rmdir -v made/for/it made/for made")).not.toBe("");
	});

	test("none can be made in what is read-only", async ({ expect }) => {
		const error = await machine.refusalOf({
			root: { type: "ext4", image: "hostile.img", options: { "read-only": true } },
			inner: { type: "ext4", image: "inner.img", target: "/boot/efi" },
		});

		expect(error).toMatchObject({
			code: "ERR_DEVICE_FILE",
			details: { target: "/boot", errno: "EROFS" },
		});
		expect(error.message).toContain(
			"target /boot is missing, and cannot be made: what it would be in is read-only",
		);
	});

	test("its device nodes and set-user-id bits mean nothing, unless asked", async ({ expect }) => {
		const look = "head -c 1 zero 2>&1 | od -An -tx1 || true; ./suid -u";
		{
			await using _ = await machine.mount({ type: "ext4", image: "hostile.img" });
			expect(await machine.run("head -c 1 zero 2>&1 || true; ./suid -u")).toMatch(
				/Permission denied\n0\n$/,
			);
		}
		{
			const options = { dev: true, suid: true };
			await using _ = await machine.mount({ type: "ext4", image: "hostile.img", options });
			expect(await machine.run(look)).toBe(" 00\n65534\n");
		}
		const options = { exec: false };
		await using _ = await machine.mount({ type: "ext4", image: "hostile.img", options });
		expect(await machine.run("./suid -u 2>&1 || true")).toContain("Permission denied");
	});

	test("a bind mount's path does not leave what it is in", async ({ expect }) => {
		const root = { type: "ext4", image: "hostile.img" };
		for (const path of ["absolute", "upwards", "magic", "loop", "../..", "file", "none"]) {
			const options = { from: `mount://root/${path}` };
			const opening = machine.open({
				root,
				bound: { type: "bind", target: "/real", options },
			});
			if (path === "../..") {
				await using _ = await opening; // the image's own root: it is its own parent
				expect(await machine.run("ls real/file")).toBe("real/file\n");
				continue;
			}
			// /etc of the image, which has none; not of this machine.
			await expect(opening).rejects.toMatchObject({ code: "ERR_DEVICE_FILE" });
		}
	});
});
