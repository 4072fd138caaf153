import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "vitest";
import { acquireLock } from "../setup/lock.mjs";
import { temporaryFolder } from "./temporary-folder.ts";

const module = JSON.stringify(join(import.meta.dirname, "../setup/lock.mjs"));

test("one after the other holds a lock", async ({ expect }) => {
	const file = join(temporaryFolder(), "sub/.lock");
	const order: string[] = [];

	const first = await acquireLock(file);
	const second = acquireLock(file).then(async (lock) => {
		order.push("second holds");
		await lock.release();
	});
	await new Promise((resolve) => setTimeout(resolve, 50));
	order.push("first releases");
	await first.release();
	await second;

	expect(order).toEqual(["first releases", "second holds"]);
});

test("a lock ends with the process that holds it, even one that is killed", async ({ expect }) => {
	const file = join(temporaryFolder(), ".lock");
	const script = `await (await import(${module})).acquireLock(${JSON.stringify(file)}); console.log("held"); setInterval(() => {}, 1000);`;
	const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	await once(holder.stdout, "data");

	holder.kill("SIGKILL");
	await using lock = await acquireLock(file);

	expect(lock.release).toBeTypeOf("function");
});

test("a lock keeps no process alive", async ({ expect }) => {
	const file = join(temporaryFolder(), ".lock");
	const script = `await (await import(${module})).acquireLock(${JSON.stringify(file)});`;
	const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
		stdio: "inherit",
	});

	expect(await once(child, "exit")).toEqual([0, null]);
});
