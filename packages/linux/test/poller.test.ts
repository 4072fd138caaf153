import { openSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { describe, test } from "vitest";
import { Fd, Poller, READABLE, WRITABLE, sendmsg, socketpair, spawn } from "../src/index.ts";

const nothing = new Uint8Array([1]);

describe("Poller", () => {
	test("tells when there is something to read", async ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _a = a;
		using _b = b;
		const { promise, resolve } = Promise.withResolvers<number>();
		using poller = new Poller(b.fd, (events) => resolve(events));

		poller.set(READABLE);
		sendmsg(a.fd, nothing, 0, 1, undefined, 0, undefined, 0);

		expect(await promise).toBe(READABLE);
	});

	test("tells when there is room, and changes what it waits for", async ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _a = a;
		using _b = b;
		const seen: number[] = [];
		const { promise, resolve } = Promise.withResolvers<void>();
		using poller = new Poller(b.fd, (events) => {
			seen.push(events);
			poller.set(READABLE);
			if (seen.length === 1) sendmsg(a.fd, nothing, 0, 1, undefined, 0, undefined, 0);
			else resolve();
		});

		poller.set(WRITABLE);
		await promise;

		expect(seen).toEqual([WRITABLE, READABLE]);
	});

	test("tells the end of the other side", async ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _b = b;
		const { promise, resolve } = Promise.withResolvers<number>();
		using poller = new Poller(b.fd, (events) => resolve(events));

		poller.set(READABLE);
		a.close();

		expect((await promise) & READABLE).toBe(READABLE);
	});

	test("is silent after close, also when its number is used again", async ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _a = a;
		let calls = 0;
		const poller = new Poller(b.fd, () => calls++);
		poller.set(READABLE);
		sendmsg(a.fd, nothing, 0, 1, undefined, 0, undefined, 0);

		poller.close();
		const number = b.fd;
		b.close();
		const [c, d] = socketpair("stream");
		using _c = c;
		using _d = d;
		sendmsg(c.fd, nothing, 0, 1, undefined, 0, undefined, 0);
		sendmsg(d.fd, nothing, 0, 1, undefined, 0, undefined, 0);
		await new Promise((resolve) => setTimeout(resolve, 20));

		expect([c.fd, d.fd]).toContain(number);
		expect(calls).toBe(0);
	});

	test("refuses what cannot be polled", ({ expect }) => {
		using file = Fd.adopt(openSync(import.meta.filename, "r"));

		expect(() => new Poller(file.fd, () => {}).set(READABLE)).toThrow(
			expect.objectContaining({ code: "EPERM" }),
		);
	});

	test("lets a worker end that has one open", async ({ expect }) => {
		const source = `
			import { Poller, READABLE, socketpair } from ${JSON.stringify(import.meta.resolve("@devhost/linux"))};
			import { parentPort } from "node:worker_threads";
			const [a, b] = socketpair("stream");
			const poller = new Poller(b.fd, () => {});
			poller.set(READABLE);
			parentPort.postMessage("ready");
		`;
		const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
		await new Promise((resolve) => worker.once("message", resolve));

		expect(await worker.terminate()).toBe(1);
	});

	test("hands an exception of the callback to the process", async ({ expect }) => {
		const source = `
			import { Poller, READABLE, socketpair } from ${JSON.stringify(import.meta.resolve("@devhost/linux"))};
			const [a, b] = socketpair("stream");
			new Poller(b.fd, () => { throw new Error("from the callback"); }).set(READABLE);
			process.on("uncaughtException", (error) => process.exit(error.message === "from the callback" ? 42 : 1));
			a.close();
		`;
		const child = spawn({
			file: process.execPath,
			argv: ["node", "--input-type=module", "--eval", source],
			environment: {},
			fds: { 2: 2 },
		});

		expect(await child.exited).toEqual({ code: 42 });
	});
});
