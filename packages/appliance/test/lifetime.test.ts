import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "vitest";
import type { BootOptions } from "../src/backend.ts";
import { bootGuest } from "../src/boot-guest.ts";
import { isApplianceError } from "../src/error.ts";
import type { Guest } from "../src/guest.ts";
import { guestProcesses, kernelProcess, processesLeft } from "./guest-processes.ts";
import { whyNoGuest } from "./machine.ts";

const timeout = 60_000;

/** Boots a guest in which a command runs until the guest ends. */
async function busyGuest(
	options?: BootOptions,
): Promise<{ guest: Guest; ended: Promise<unknown> }> {
	const guest = await bootGuest(options);
	const started = Promise.withResolvers<void>();
	const busy = "echo started; while :; do ls / >/dev/null; done";
	const ended = guest
		.run(["sh", "-c", busy], { onStdout: () => started.resolve() })
		.catch((error: unknown) => error);
	await started.promise;
	return { guest, ended };
}

function codeOf(error: unknown): unknown {
	return isApplianceError(error) ? error.code : error;
}

describe.skipIf(whyNoGuest !== undefined)(whyNoGuest ?? "the life of a guest", () => {
	test("ends with the process that booted it, by kill -9", { timeout }, async ({ expect }) => {
		const fixture = join(import.meta.dirname, "fixtures/hold.ts");
		// The names that User Mode Linux gives to what it makes; others' things come and go.
		const leftovers = (): string[] =>
			["/dev/shm", "/tmp"].flatMap((folder) =>
				readdirSync(folder).filter((name) => /^(vm_file|uml)/.test(name)),
			);
		const before = leftovers();
		const holder = spawn(process.execPath, [fixture], { stdio: ["ignore", "pipe", "inherit"] });
		const [pid] = (await once(holder.stdout, "data")) as [Buffer];
		const keeper = Number(pid.toString());
		expect(guestProcesses(keeper).length).toBeGreaterThan(4);

		holder.kill("SIGKILL");
		await once(holder, "exit");

		expect(await processesLeft(keeper)).toEqual([]);
		expect(leftovers()).toEqual(before);
	});

	test(
		"takes all its processes along when its kernel is killed",
		{ timeout },
		async ({ expect }) => {
			const { guest, ended } = await busyGuest();

			process.kill(kernelProcess(guest.pid), "SIGKILL");

			const { error } = await guest.exited;
			expect(guestProcesses(guest.pid)).toEqual([]);
			expect(codeOf(error)).toBe("ERR_APPLIANCE_KILLED");
			expect(codeOf(await ended)).toBe("ERR_APPLIANCE_KILLED");
			expect(codeOf(await guest.run(["true"]).catch((each: unknown) => each))).toBe(
				"ERR_APPLIANCE_KILLED",
			);
			await expect(guest.powerOff()).rejects.toBe(error);
		},
	);

	test("ends when its keeper is killed", { timeout }, async ({ expect }) => {
		const { guest, ended } = await busyGuest();

		process.kill(guest.pid, "SIGKILL");

		expect(codeOf((await guest.exited).error)).toBe("ERR_APPLIANCE_KILLED");
		expect(codeOf(await ended)).toBe("ERR_APPLIANCE_KILLED");
		expect(await processesLeft(guest.pid)).toEqual([]);
	});

	test("ends the commands that run when it is powered off", { timeout }, async ({ expect }) => {
		const { guest, ended } = await busyGuest();

		await guest.powerOff();

		expect(await guest.exited).toEqual({});
		expect(guestProcesses(guest.pid)).toEqual([]);
		const how = await ended;
		if (how instanceof Error) expect(codeOf(how)).toBe("ERR_APPLIANCE_CLOSED");
		else expect(how).toEqual({ signal: "SIGTERM" });
		expect(codeOf(await guest.run(["true"]).catch((each: unknown) => each))).toBe(
			"ERR_APPLIANCE_CLOSED",
		);
	});

	test("says what its kernel said when it panics", { timeout }, async ({ expect }) => {
		const { guest, ended } = await busyGuest();

		void guest.run(["sh", "-c", "echo c >/proc/sysrq-trigger"]).catch(() => undefined);

		const { error } = await guest.exited;
		expect(codeOf(error)).toBe("ERR_APPLIANCE_PANIC");
		expect(error?.message).toContain("sysrq triggered crash");
		expect(error?.consoleLines.join("\n")).toContain("Kernel panic");
		expect(codeOf(await ended)).toBe("ERR_APPLIANCE_PANIC");
		expect(await processesLeft(guest.pid)).toEqual([]);
	});

	test("that does not answer is killed", { timeout }, async ({ expect }) => {
		const { guest, ended } = await busyGuest({ hangTimeoutMs: 1000 });

		process.kill(kernelProcess(guest.pid), "SIGSTOP");

		expect(codeOf(await ended)).toBe("ERR_APPLIANCE_HANG");
		expect(codeOf((await guest.exited).error)).toBe("ERR_APPLIANCE_HANG");
		expect(await processesLeft(guest.pid)).toEqual([]);
	});

	test(
		"that does not power off is killed, and it is an error",
		{ timeout },
		async ({ expect }) => {
			const { guest } = await busyGuest({ powerOffTimeoutMs: 200 });
			process.kill(kernelProcess(guest.pid), "SIGSTOP");

			await expect(guest.powerOff()).rejects.toMatchObject({ code: "ERR_APPLIANCE_TIMEOUT" });

			expect(guestProcesses(guest.pid)).toEqual([]);
		},
	);

	test("that ends by itself is an error", { timeout }, async ({ expect }) => {
		const { guest, ended } = await busyGuest();

		void guest.run(["sh", "-c", "echo o >/proc/sysrq-trigger"]).catch(() => undefined);

		expect(codeOf((await guest.exited).error)).toBe("ERR_APPLIANCE_ENDED");
		expect(codeOf(await ended)).toBe("ERR_APPLIANCE_ENDED");
	});

	test("says that a command needed more memory than it has", { timeout }, async ({ expect }) => {
		await using guest = await bootGuest({ memoryBytes: 128 * 2 ** 20 });

		const hog = guest.run(["tail", "/dev/zero"]);

		await expect(hog).rejects.toMatchObject({
			code: "ERR_APPLIANCE_OUT_OF_MEMORY",
			consoleLines: expect.arrayContaining([
				expect.stringContaining("Out of memory"),
			]) as unknown,
		});
		expect(await guest.run(["true"])).toEqual({ code: 0 });
	});

	test("that is killed while it boots leaves nothing", { timeout }, async ({ expect }) => {
		const controller = new AbortController();
		const before = keepers();
		const booting = bootGuest({ signal: controller.signal });
		setTimeout(() => controller.abort(new Error("changed my mind")), 50);

		await expect(booting).rejects.toThrow("changed my mind");

		expect(keepers()).toEqual(before);
	});
});

/** Children of this process. */
function keepers(): string[] {
	return readdirSync("/proc").filter((name) => {
		if (!/^\d+$/.test(name)) return false;
		try {
			const stat = readFileSync(`/proc/${name}/stat`, "utf8");
			return stat.includes("(guest-keeper)") && stat.includes(` ${process.pid} `);
		} catch {
			return false;
		}
	});
}
