import { execFileSync } from "node:child_process";
import { constants, readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, test } from "vitest";
import { descriptorCount } from "@devhost/tools/testing";
import { AT_FDCWD, keepCommand, MappingKeeper, openat2 } from "../src/index.ts";

// Without device-mapper: what is no control device refuses every request.
const control = openat2(AT_FDCWD, "/dev/null", { flags: constants.O_RDWR });
const directory = openat2(AT_FDCWD, "/", { flags: constants.O_DIRECTORY });
const ENOTTY = 25;

const request = {
	name: "name",
	uuid: "uuid",
	table: [{ startSectors: 0, lengthSectors: 8, type: "zero", parameters: "" }],
	directory,
};

/** Keepers of this process. */
function keepers(): string[] {
	return readdirSync("/proc").filter((pid) => {
		try {
			const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
			return (
				stat.includes("(keep-mapping) ") &&
				stat.split(") ")[1]?.split(" ")[1] === `${process.pid}`
			);
		} catch {
			return false; // no process, or one that has ended
		}
	});
}

describe("a keeper", () => {
	beforeEach(async () => {
		// One that was closed ends a moment later, and so does its descriptor here.
		while (keepers().length > 0) await delay(5);
	});

	test("answers every request, also of several at once", async ({ expect }) => {
		using keeper = MappingKeeper.start({ control });

		const results = await Promise.all([1, 2, 3].map(() => keeper.keepTable(request)));

		for (const result of results)
			expect(result).toMatchObject({ ok: false, step: "create", errno: ENOTTY });
		expect(keeper.isRunning).toBe(true);
	});

	test("goes on after what it was never asked", async ({ expect }) => {
		using keeper = MappingKeeper.start({ control });

		await expect(keeper.keepTable({ ...request, name: "n".repeat(128) })).rejects.toThrow(
			RangeError,
		);
		await expect(keeper.keepTable({ ...request, uuid: "a\0b" })).rejects.toThrow(TypeError);
		const aborted = await keeper.keepTable({ ...request, signal: AbortSignal.abort() });

		expect(aborted).toMatchObject({ ok: false, step: "service" });
		expect(await keeper.keepTable(request)).toMatchObject({ step: "create", errno: ENOTTY });
	});

	test("says that it was killed, then and from then on", async ({ expect }) => {
		using keeper = MappingKeeper.start({ control });
		const [pid] = keepers();
		process.kill(Number(pid), "SIGSTOP");
		const making = keeper.keepTable(request);

		process.kill(Number(pid), "SIGKILL");

		expect(await making).toMatchObject({ ok: false, step: "keeper" });
		expect(keeper.isRunning).toBe(false);
		expect(await keeper.keepTable(request)).toMatchObject({ ok: false, step: "keeper" });
	});

	test("ends when it is closed, and leaves no descriptor", async ({ expect }) => {
		const before = descriptorCount();
		const keeper = MappingKeeper.start({ control });

		keeper.close();

		for (let look = 0; look < 200 && descriptorCount() > before; look++) await delay(5);
		expect(descriptorCount()).toBe(before);
		expect(keepers()).toEqual([]);
		expect(await keeper.keepTable(request)).toMatchObject({ ok: false, step: "keeper" });
	});

	test("lets a process end that has started it, and ends with it", ({ expect }) => {
		const script = `
			const { MappingKeeper } = await import("@devhost/linux");
			const keeper = MappingKeeper.start({ control: 0 });
			const { errno } = await keeper.keepTable({
				name: "n", uuid: "u", directory: 0,
				table: [{ startSectors: 0, lengthSectors: 8, type: "zero", parameters: "" }],
			});
			console.log(errno);
		`;

		// Its outputs are read to their end, which is when the keeper, which has none of them, cannot hold them either.
		const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
			cwd: import.meta.dirname,
			stdio: ["ignore", "pipe", "inherit"],
			encoding: "utf8",
		});

		expect(output).toBe(`${ENOTTY}\n`);
	});
});

describe("a command that makes a mapping", () => {
	const command = { file: "/bin/true", argv: ["true"], environment: {} };

	test("is not even started where there is no device-mapper", async ({ expect }) => {
		const result = await keepCommand({ control, directory, top: "top", command });

		expect(result).toMatchObject({ ok: false, step: "list", errno: ENOTTY });
	});

	test.for([1, 2, 63, 66])("cannot have descriptor %d for itself", async (number, { expect }) => {
		const fds = { [number]: control };

		await expect(
			keepCommand({ control, directory, top: "top", command: { ...command, fds } }),
		).rejects.toThrow(`a command's descriptor ${number}, expected 0 or 3 to 62`);
	});
});
