import { readFileSync } from "node:fs";
import { describe, onTestFinished, test } from "vitest";
import { type Service, ServiceManager } from "../src/service-manager.ts";
import { descriptorCount, textFile, textOf } from "./descriptors.ts";

const file = `${import.meta.dirname}/fixtures/service.py`;

function start(): Service {
	const lines: string[] = [];
	const manager = new ServiceManager({ log: ({ text }) => lines.push(text) });
	const before = descriptorCount();
	onTestFinished(async ({ task }) => {
		await manager.stop();
		if (lines.length > 0) throw new Error(`${task.name}: ${lines.join("\n")}`);
		if (descriptorCount() !== before) throw new Error("descriptors have leaked");
	});
	return manager.start({ name: "python", file, argv: [file] });
}

describe("a service in Python, with its standard library only", { timeout: 20_000 }, () => {
	test("needs less than 150 lines", ({ expect }) => {
		const source = readFileSync(file, "utf8");

		expect(source.trimEnd().split("\n").length).toBeLessThan(150);
		expect(source.match(/^import (.*)$/m)?.[1]).toBe(
			"array, os, socket, struct, sys, threading",
		);
	});

	test("says HELLO", async ({ expect }) => {
		expect(await start().client.hello).toMatchObject({
			protocol: [1, 1],
			module: "test.python",
		});
	});

	test.for([
		[
			"scalars",
			[null, true, false, "", "é💽", 0, 1, 127, 128, -1, -32, -33, 65_536, 0.5, -1e300],
		],
		["large integers", [2 ** 31, 2 ** 32 - 1, -(2 ** 31), 2n ** 64n - 1n, -(2n ** 63n)]],
		["nesting", { a: { b: [{ c: [[], {}] }] } }],
		[
			"long strings, arrays and maps",
			["x".repeat(70_000), Array(70_000 / 2).fill(1), members(100)],
		],
	] as const)("understands %s", async ([, value], { expect }) => {
		using reply = await start().call("echo", value);

		expect(reply.value).toEqual(value);
	});

	test("takes descriptors and gives others", async ({ expect }) => {
		const service = start();
		using one = textFile("this");

		using reply = await service.call("copy", null, { fds: [one, one, one] });

		expect(reply.value).toBe(3);
		expect(textOf(reply.fds.fd(0))).toBe("copy of this");
	});

	test("takes 253 descriptors and gives them back", async ({ expect }) => {
		const service = start();
		const files = Array.from({ length: 253 }, (_, i) => textFile(`file ${i}`));

		using reply = await service.call("echo", null, { fds: files });
		for (const each of files) each.close();

		expect(reply.fds.length).toBe(253);
		expect(textOf(reply.fds.fd(252))).toBe("file 252");
	});

	test("takes five megabytes and gives them back", async ({ expect }) => {
		const blob = new Uint8Array(5_000_000).map((_, i) => (i * 7) >> 5);

		using reply = await start().call("echo", "with a blob", { blob });

		expect(reply.value).toBe("with a blob");
		expect(Buffer.compare(reply.blob as Uint8Array, blob)).toBe(0);
	});

	test("tells of its progress, however far it is", async ({ expect }) => {
		const seen: unknown[] = [];

		await start().call("count", 1000, { onSignal: ({ value }) => void seen.push(value) });

		expect(seen).toEqual(Array.from({ length: 1000 }, (_, i) => i));
	});

	test("is told when a call is cancelled", async ({ expect }) => {
		const service = start();
		const controller = new AbortController();
		const call = service.call("wait", null, { signal: controller.signal });
		await service.call("echo");

		controller.abort();

		await expect(call).rejects.toMatchObject({ code: "ERR_RPC_CANCELLED" });
		expect((await service.call("echo", "goes on")).value).toBe("goes on");
	});

	test("answers with errors", async ({ expect }) => {
		const service = start();

		await expect(service.call("fail", "/nonexistent")).rejects.toMatchObject({
			name: "RemoteError",
			code: "ERR_PYTHON",
			remoteName: "FileNotFoundError",
			message: "[Errno 2] No such file or directory: '/nonexistent'",
		});
		await expect(service.call("nothing of the kind")).rejects.toMatchObject({
			remoteName: "KeyError",
		});
	});

	test("works on several calls at once", async ({ expect }) => {
		const service = start();

		const replies = await Promise.all(
			Array.from({ length: 200 }, (_, i) => service.call("echo", i)),
		);

		expect(replies.map(({ value }) => value)).toEqual(Array.from({ length: 200 }, (_, i) => i));
	});

	test("answers a ping", async ({ expect }) => {
		await expect(start().client.ping()).resolves.toBeUndefined();
	});
});

function members(count: number): Record<string, number> {
	return Object.fromEntries(Array.from({ length: count }, (_, i) => [`key ${i}`, i]));
}
