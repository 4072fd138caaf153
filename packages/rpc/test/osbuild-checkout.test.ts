import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, onTestFinished, test } from "vitest";
import { speakOsbuild } from "../src/osbuild.ts";
import { ServiceManager } from "../src/service-manager.ts";
import { serviceEnvironment } from "../src/service-process.ts";
import { textFile, textOf } from "./descriptors.ts";

const checkout = process.env["OSBUILD_CHECKOUT"];
const fixtures = `${import.meta.dirname}/fixtures`;
const itself = `${fixtures}/osbuild_itself.py`;

speakOsbuild();

const environment = { ...serviceEnvironment(), PYTHONPATH: checkout ?? "" };

describe("osbuild itself", { timeout: 60_000 }, () => {
	beforeEach(({ skip }) => skip(!checkout, "impossible here: no OSBUILD_CHECKOUT"));

	test("as the host of our service", async ({ expect }) => {
		const folder = await mkdtemp(join(tmpdir(), "osbuild-host-"));
		onTestFinished(() => rm(folder, { recursive: true }));
		const wrapper = join(folder, "service");
		const command = `exec '${process.execPath}' '${fixtures}/osbuild-service.ts' "$@"`;
		await writeFile(wrapper, `#!/bin/sh\n${command}\n`, { mode: 0o755 });

		const run = promisify(execFile)("python3", [itself, "host", wrapper], {
			env: environment,
			maxBuffer: 2 ** 26,
		});
		const lines = (await run).stdout.trimEnd().split("\n");

		expect(JSON.parse(lines.at(-1) as string)).toEqual([
			"device/disk",
			...Array.from({ length: 6 }, () => true),
			["files", 253, "252"],
			[["here", "here"]],
			["Error", "ERR_TEST: it failed"],
			["ProtocolError", "Unknown method"],
			["SysError", expect.stringContaining("EBADF")],
			["TypeError", "an object of class Date cannot travel as JSON"],
			[100, 100],
			[300_000, 300_000],
			[5_000_000, 5_000_000],
			0,
		]);
	});

	test("as a service of our host", async ({ expect }) => {
		const lines: string[] = [];
		const manager = new ServiceManager({ log: ({ text }) => lines.push(text) });
		onTestFinished(() => manager.stop());
		const service = manager.start({
			name: "device/disk",
			file: itself,
			argv: [itself],
			environment,
			dialect: "osbuild",
		});
		const value = { é: ["\ud800", null, Infinity, 2n ** 70n] };
		const files = Array.from({ length: 253 }, (_, i) => textFile(`${i}`));
		const signals: unknown[] = [];

		expect((await service.call("echo", value)).value).toEqual(value);
		using reply = await service.call("echo", "files", { fds: files });
		expect([reply.fds.length, textOf(reply.fds.fd(252))]).toEqual([253, "252"]);
		for (const size of [100, 300_000, 5_000_000]) {
			expect((await service.call("length", "x".repeat(size))).value).toBe(size);
			expect((await service.call("long", size)).value).toHaveLength(size);
		}
		await service.call("signals", null, {
			onSignal: ({ value: number, fds }) => void signals.push([number, textOf(fds.fd(0))]),
		});
		expect(signals).toEqual([
			[0, "0"],
			[1, "1"],
			[2, "2"],
		]);
		await expect(service.call("none")).rejects.toMatchObject({ remoteName: "TypeError" });
		await expect(service.call("else")).rejects.toMatchObject({ code: "ERR_RPC_METHOD" });
		await service.client.ping();
		await manager.stop();
		expect(lines).toEqual(["stopped"]);
		for (const file of files) file.close();
	});
});
