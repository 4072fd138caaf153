import { spawn } from "node:child_process";
import { once } from "node:events";
import {
	chmodSync,
	constants,
	copyFileSync,
	mkdirSync,
	mkdtempSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AT_FDCWD, lockFileRange, openat2 } from "@devhost/linux";
import { describe, onTestFinished, test } from "vitest";
import type { BootOptions } from "../src/backend.ts";
import { bootGuest } from "../src/boot-guest.ts";
import { type ApplianceError, isApplianceError } from "../src/error.ts";
import { findMemoryFolder } from "../src/memory-folder.ts";
import { findKernel, findModprobe, findModules } from "../src/uml-files.ts";
import { whyNoGuest } from "./machine.ts";

const timeout = 30_000;
const nowhere = { searchPath: "", cacheFolder: "/nowhere" } as const;

/** The error of a guest that does not boot. */
async function refusal(options: BootOptions): Promise<ApplianceError> {
	try {
		await using _guest = await bootGuest(options);
	} catch (error) {
		if (isApplianceError(error)) return error;
		throw error;
	}
	throw new Error("it booted");
}

function folder(): string {
	const path = mkdtempSync(join(tmpdir(), "devhost-guest-bad-"));
	onTestFinished(() => rmSync(path, { recursive: true, force: true }));
	return path;
}

function script(text: string): string {
	const file = join(folder(), "kernel");
	writeFileSync(file, text);
	chmodSync(file, 0o755);
	return file;
}

describe.skipIf(whyNoGuest !== undefined)(whyNoGuest ?? "what a guest cannot be made of", () => {
	test("no kernel", async ({ expect }) => {
		const error = await refusal({ kernel: "/no/such/kernel" });

		expect(error.code).toBe("ERR_APPLIANCE_NO_KERNEL");
		expect(error.message).toBe(
			"guest kernel: there is none. Tried: /no/such/kernel. " +
				"Install it: apt-get install --yes user-mode-linux kmod (Debian, Ubuntu)",
		);
		expect((await refusal({ kernel: "/etc/passwd" })).message).toBe(
			"guest kernel: /etc/passwd may not be executed",
		);
	});

	test.for([
		["a program that does something else", "/bin/true"],
		["a program that fails", "/bin/false"],
		["a script that says nothing", "#!/bin/sh\nexit 0\n"],
		["what is no program", "\u{7f}ELF and nothing else"],
		["a program that waits", "#!/bin/sh\nexec sleep 1000\n"],
	] as const)("a wrong kernel: %s", { timeout }, async ([, kernel], { expect }) => {
		const file = kernel.startsWith("/") ? kernel : script(kernel);

		const error = await refusal({ kernel: file, timeoutMs: 500 });

		expect(error.code).toBe("ERR_APPLIANCE_WRONG_KERNEL");
		expect(error.message).toContain(`${file}: not a User Mode Linux kernel`);
	});

	test("no modules, or those of another kernel", { timeout }, async ({ expect }) => {
		const missing = await refusal({ modules: "/no/such/folder" });
		expect(missing.code).toBe("ERR_APPLIANCE_NO_MODULES");
		expect(missing.message).toContain("Tried: /no/such/folder");

		const foreign = folder();
		mkdirSync(join(foreign, "kernel"));
		writeFileSync(join(foreign, "modules.dep"), "kernel/loop.ko:\n");
		copyFileSync("/bin/true", join(foreign, "kernel/loop.ko"));
		const wrong = await refusal({ modules: foreign });
		expect(wrong.code).toBe("ERR_APPLIANCE_NO_MODULES");
		expect(wrong.message).toMatch(/loop\.ko does not load into the guest's kernel.*, ENOEXEC$/);
	});

	test("no modprobe", async ({ expect }) => {
		const error = await refusal({ modprobe: "/no/such/modprobe" });

		expect(error.code).toBe("ERR_APPLIANCE_NO_KMOD");
		expect(error.message).toContain("apt-get install --yes user-mode-linux kmod");
	});

	test("a machine that has none of it says where it was looked for", ({ expect }) => {
		const places = { searchPath: "/a:/b", cacheFolder: "/home/me/.cache/devhost" };
		const isThere = (): unknown => findModules("0.0.0", places);
		expect(isThere).toThrow("/usr/lib/uml/modules/0.0.0, /lib/modules/0.0.0");
		expect(isThere).toThrow("/home/me/.cache/devhost/guest-kernel/usr/lib/uml/modules/0.0.0");
		// Here the system has them; a name that no folder has stands in for a machine without.
		expect(() => findKernel("/nowhere/linux.uml", nowhere)).toThrow("/nowhere/linux.uml");
		expect(() => findModprobe("/nowhere/modprobe", nowhere)).toThrow("/nowhere/modprobe");
	});

	test("no room for the guest's memory", async ({ expect }) => {
		const error = await refusal({ memoryBytes: 2 ** 50 });

		expect(error.code).toBe("ERR_APPLIANCE_NO_SPACE");
		expect(error.message).toContain("no folder has room for 1,073,741,824 MiB");
		expect(error.message).toMatch(/\/dev\/shm: [\d,]+ MiB are free/);
		expect(() => findMemoryFolder(2 ** 20, "/proc/self")).toThrow("/proc/self: E");
		expect(() => findMemoryFolder(2 ** 20, "/no/such/folder")).toThrow(
			"/no/such/folder: ENOENT",
		);
	});

	test("a folder that is not there, or is none", async ({ expect }) => {
		const error = await refusal({ writable: ["/no/such/tree"] });
		expect(error.code).toBe("ERR_APPLIANCE_UNREADABLE");
		expect(error.message).toBe("/no/such/tree: does not exist, ENOENT");
		const file = join(folder(), "file");
		writeFileSync(file, "");
		expect((await refusal({ writable: [file] })).message).toContain("is no folder, ENOTDIR");
	});

	test("impossible numbers", async ({ expect }) => {
		await expect(bootGuest({ memoryBytes: 4096 })).rejects.toThrow(RangeError);
		await expect(bootGuest({ memoryBytes: 1.5e9 + 0.5 })).rejects.toThrow(RangeError);
	});

	test("a file that another guest has", { timeout }, async ({ expect }) => {
		const image = join(folder(), "disk.img");
		writeFileSync(image, "");
		{
			await using _first = await bootGuest({ exclusive: [image] });

			const error = await refusal({ exclusive: [image] });

			expect(error.code).toBe("ERR_APPLIANCE_BUSY");
			expect(error.holders).toEqual([process.pid]);
			expect(error.message).toBe(
				`${image}: in use by the guest of process ${process.pid}. Wait until that ends`,
			);
		}
		await using second = await bootGuest({ exclusive: [image] });
		expect(await second.run(["true"])).toEqual({ code: 0 });
		expect((await refusal({ exclusive: [`${image}.missing`] })).code).toBe(
			"ERR_APPLIANCE_UNREADABLE",
		);
	});

	test("a file of which a loop device has claimed a part", { timeout }, async ({ expect }) => {
		const image = join(folder(), "disk.img");
		writeFileSync(image, "x".repeat(1024));
		const device = openat2(AT_FDCWD, image, { flags: constants.O_RDWR });
		lockFileRange(device, { mode: "shared", startBytes: 512, sizeBytes: 512 });

		const error = await refusal({ exclusive: [image] });

		expect(error.code).toBe("ERR_APPLIANCE_BUSY");
		expect(error.message).toContain(`${image}: in use by a loop device of this machine`);
		device.close();
		await using _guest = await bootGuest({ exclusive: [image] });
		using other = openat2(AT_FDCWD, image, { flags: constants.O_RDWR });
		expect(lockFileRange(other, { mode: "shared", startBytes: 0, sizeBytes: 1 })).toBe(false);
	});

	test("too little time", { timeout }, async ({ expect }) => {
		const error = await refusal({ timeoutMs: 100 });

		expect(error.code).toBe("ERR_APPLIANCE_TIMEOUT");
		expect(error.message).toContain("not up after 100 ms");
	});

	test("a kernel that panics while it boots", { timeout }, async ({ expect }) => {
		const error = await refusal({ kernelArguments: ["rootfstype=no-such-file-system"] });

		expect(error.code).toBe("ERR_APPLIANCE_PANIC");
		expect(error.message).toContain("Unable to mount root fs");
		expect(error.consoleLines.length).toBeGreaterThan(0);
	});

	test("a machine that forbids ptrace", { timeout }, async ({ expect }) => {
		// struct sock_filter: load the call's number; ptrace (101) fails with EPERM, all else is allowed.
		const filter = [
			[0x20, 0, 0, 0],
			[0x15, 0, 1, 101],
			[0x06, 0, 0, 0x0005_0001],
			[0x06, 0, 0, 0x7fff_0000],
		].map(([code = 0, yes = 0, no = 0, k = 0]) => {
			const bytes = Buffer.alloc(8);
			bytes.writeUInt16LE(code, 0);
			bytes[2] = yes;
			bytes[3] = no;
			bytes.writeUInt32LE(k, 4);
			return bytes;
		});
		const fixture = join(import.meta.dirname, "fixtures/boot-error.ts");
		const argv = ["--dev-bind", "/", "/", "--seccomp", "3", process.execPath, fixture];
		const child = spawn("bwrap", argv, { stdio: ["ignore", "pipe", "inherit", "pipe"] });
		let said = "";
		child.stdout?.on("data", (bytes: Buffer) => (said += bytes.toString()));
		(child.stdio[3] as NodeJS.WritableStream).end(Buffer.concat(filter));
		await once(child, "close");

		const error = JSON.parse(said) as { code: string; message: string };
		expect(error.code).toBe("ERR_APPLIANCE_PTRACE");
		expect(error.message).toContain("docker run --cap-add=SYS_PTRACE");
	});
});
