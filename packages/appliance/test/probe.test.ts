import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, onTestFinished, test } from "vitest";
import { bootGuest } from "../src/boot-guest.ts";
import { userCacheFolder } from "../src/cache-folder.ts";
import { installGuestKernel } from "../src/install-guest-kernel.ts";
import { uml } from "../src/uml.ts";
import { findKernel, findModules } from "../src/uml-files.ts";
import { whyNoGuest } from "./machine.ts";

const timeout = 120_000;

function folder(): string {
	const path = mkdtempSync(join(tmpdir(), "devhost-guest-cache-"));
	onTestFinished(() => rmSync(path, { recursive: true, force: true }));
	return path;
}

describe.skipIf(whyNoGuest !== undefined)(whyNoGuest ?? "a look at this machine", () => {
	test("boots a guest once, and then knows", { timeout }, async ({ expect }) => {
		const cacheFolder = folder();

		const first = await uml.probe({ cacheFolder });
		const second = await uml.probe({ cacheFolder });

		expect(first).toMatchObject({ works: true, isCached: false, canInstallWithoutRoot: false });
		expect(first.checks.map(({ name, passed }) => [name, passed])).toEqual([
			["kernel", true],
			["modprobe", true],
			["boot", true],
		]);
		expect(second).toMatchObject({ works: true, isCached: true });
		expect(readdirSync(cacheFolder)).toEqual(["guest-probe.json"]);
	});

	test("does without a folder to remember in", { timeout }, async ({ expect }) => {
		expect(await uml.probe({ cacheFolder: "/dev/null/cache" })).toMatchObject({ works: true });
	});

	test("says what is missing, and how to get it", async ({ expect }) => {
		const probe = await uml.probe({ kernel: "/no/such/kernel", cacheFolder: false });

		expect(probe.works).toBe(false);
		expect(probe.install).toEqual(["apt-get", "install", "--yes", "user-mode-linux", "kmod"]);
		expect(probe.checks[0]).toMatchObject({
			name: "kernel",
			passed: false,
			code: "ERR_APPLIANCE_NO_KERNEL",
		});
	});

	test(
		"says why a guest does not boot, and remembers nothing",
		{ timeout },
		async ({ expect }) => {
			const cacheFolder = folder();

			const probe = await uml.probe({ kernel: "/bin/true", cacheFolder });

			expect(probe).toMatchObject({ works: false, isCached: false });
			expect(probe.install).toBeUndefined();
			expect(probe.checks.at(-1)).toMatchObject({
				name: "boot",
				passed: false,
				code: "ERR_APPLIANCE_WRONG_KERNEL",
			});
			expect(readdirSync(cacheFolder)).toEqual([]);
		},
	);
});

const isDebian = whyNoGuest === undefined && findsAptGet();

function findsAptGet(): boolean {
	try {
		execFileSync("/usr/bin/apt-get", ["--version"], { stdio: "ignore" });
		return true;
	} catch {
		return false;
	}
}

describe.skipIf(!isDebian)(isDebian ? "getting the kernel" : "impossible here: no apt-get", () => {
	test("works without root, and such a kernel boots", { timeout }, async ({ expect }) => {
		const cacheFolder = folder();
		const commands: string[] = [];
		const onCommand = (argv: readonly string[]): void => void commands.push(argv.join(" "));

		const installed = await installGuestKernel({ cacheFolder, onCommand });

		expect(commands[0]).toMatch(/^\/usr\/bin\/apt-get -q download user-mode-linux/);
		expect(readdirSync(cacheFolder)).toEqual(["guest-kernel"]);
		const kernel = findKernel(undefined, {
			cacheFolder,
			searchPath: join(installed.folder, "usr/bin"),
		});
		await using guest = await bootGuest({ kernel });
		expect(await guest.run(["true"])).toEqual({ code: 0 });
		const modules = findModules(guest.kernelRelease, { kernel });
		expect(modules.folder.startsWith(`${installed.folder}/`)).toBe(true);
	});

	test("fails where nothing can be kept, and says so", async ({ expect }) => {
		await expect(installGuestKernel({ cacheFolder: "/dev/null/cache" })).rejects.toMatchObject({
			code: "ERR_APPLIANCE_INSTALL",
			message: "guest kernel: cannot write to /dev/null/cache",
		});
	});
});

test("the cache folder is as the XDG specification has it", ({ expect }) => {
	expect(userCacheFolder({ XDG_CACHE_HOME: "/c", HOME: "/home/me" })).toBe("/c/devhost");
	expect(userCacheFolder({ XDG_CACHE_HOME: "relative", HOME: "/home/me" })).toBe(
		"/home/me/.cache/devhost",
	);
	expect(userCacheFolder({})).toBeUndefined();
});
