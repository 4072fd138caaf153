import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { hostname, release } from "node:os";
import { join } from "node:path";
import type { Probe, ProbeCheck, ProbeOptions } from "./backend.ts";
import { userCacheFolder } from "./cache-folder.ts";
import { isApplianceError } from "./error.ts";
import { canUnpackPackages } from "./install-guest-kernel.ts";
import { uml } from "./uml.ts";
import { findKernel, findModprobe, installCommand } from "./uml-files.ts";

/** What the distribution's packages would help with. */
const missingCodes: ReadonlySet<string> = new Set([
	"ERR_APPLIANCE_NO_KERNEL",
	"ERR_APPLIANCE_NO_KMOD",
	"ERR_APPLIANCE_NO_MODULES",
]);

/** As {@link GuestBackend.probe} of {@link uml}. */
export async function probeUml(options: ProbeOptions): Promise<Probe> {
	const { fresh = false, cacheFolder = userCacheFolder() ?? false } = options;
	const checks: ProbeCheck[] = [];
	const places = { cacheFolder };
	const kernel = look(checks, "kernel", () => findKernel(options.kernel, places));
	const modprobe = look(checks, "modprobe", () => findModprobe(options.modprobe, places).program);
	if (kernel === undefined || modprobe === undefined) return failed(checks);

	const known = cacheFolder === false ? undefined : join(cacheFolder, "guest-probe.json");
	const key = await probeKey(kernel, options);
	if (!fresh && known !== undefined && (await readKnown(known)) === key) {
		checks.push({
			name: "boot",
			passed: true,
			detail: `a guest has booted before; known from ${known}`,
		});
		return { works: true, checks, canInstallWithoutRoot: false, isCached: true };
	}
	const startMs = performance.now();
	try {
		await using guest = await uml.boot({ ...options, kernel, modprobe });
		const exit = await guest.run(["true"]);
		const ms = Math.round(performance.now() - startMs);
		const passed = exit.code === 0;
		const detail = passed
			? `a guest of Linux ${guest.kernelRelease} booted and ran a command in ${ms} ms`
			: `a guest booted, but "true" ended with ${exit.signal ?? `status ${exit.code}`} in it`;
		checks.push({ name: "boot", passed, detail });
		if (!passed) return failed(checks);
	} catch (error) {
		options.signal?.throwIfAborted();
		checks.push(failure("boot", error));
		return failed(checks);
	}
	if (known !== undefined) await writeKnown(known, key);
	return { works: true, checks, canInstallWithoutRoot: false, isCached: false };
}

function look(checks: ProbeCheck[], name: string, find: () => string): string | undefined {
	try {
		const detail = find();
		checks.push({ name, passed: true, detail });
		return detail;
	} catch (error) {
		checks.push(failure(name, error));
		return undefined;
	}
}

function failure(name: string, error: unknown): ProbeCheck {
	if (!isApplianceError(error)) throw error;
	return { name, passed: false, detail: error.message, code: error.code };
}

function failed(checks: readonly ProbeCheck[]): Probe {
	const isMissing = checks.some(({ code }) => code !== undefined && missingCodes.has(code));
	return {
		works: false,
		checks,
		...(isMissing && { install: installCommand }),
		canInstallWithoutRoot: isMissing && canUnpackPackages(),
		isCached: false,
	};
}

/** Everything that, when it changes, makes it worth looking again. */
async function probeKey(kernel: string, { memoryFolder, modules }: ProbeOptions): Promise<string> {
	const { size, mtimeMs } = await stat(kernel);
	const machine = [hostname(), release(), process.getuid?.()];
	return JSON.stringify([1, ...machine, kernel, size, mtimeMs, modules, memoryFolder]);
}

async function readKnown(file: string): Promise<string | undefined> {
	try {
		return await readFile(file, "utf8");
	} catch {
		return undefined; // then it is found out again
	}
}

/** What cannot be kept is found out again next time. */
async function writeKnown(file: string, key: string): Promise<void> {
	const temporary = `${file}.${process.pid}`;
	try {
		await mkdir(join(file, ".."), { recursive: true, mode: 0o700 });
		await writeFile(temporary, key, { mode: 0o600 });
		await rename(temporary, file);
	} catch {
		// A user without a home, or a full disk.
	}
}
