import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { osbuildPeer } from "@devhost/tools/testing";
import { describe, onTestFinished, test } from "vitest";
import type { Fd } from "@devhost/linux";
import { speakOsbuild } from "../src/osbuild.ts";
import { type Service, ServiceManager } from "../src/service-manager.ts";
import { descriptorCount, textFile, textOf, until } from "./descriptors.ts";

speakOsbuild();

const wmemMax = Number(readFileSync("/proc/sys/net/core/wmem_max", "utf8"));
const frameOfEnds = '{"type": "method", "data": {"name": "ends", "args": ""}}'.length;

interface House {
	readonly service: Service;
	readonly manager: ServiceManager;
	readonly lines: string[];
}

function start(): House {
	const lines: string[] = [];
	const manager = new ServiceManager({
		log: ({ text }) => lines.push(text),
		graceMs: 2000,
		termMs: 200,
	});
	const before = descriptorCount();
	onTestFinished(async () => {
		await manager.stop().catch(() => {});
		await until(() => descriptorCount() === before);
	});
	const service = manager.start({
		name: "device/disk",
		file: osbuildPeer,
		argv: [osbuildPeer],
		dialect: "osbuild",
	});
	return { service, manager, lines };
}

describe("a service of osbuild's kind at our host", { timeout: 30_000 }, () => {
	test("answers, and stops when it is told to", async ({ expect }) => {
		const { service, manager, lines } = start();

		expect((await service.call("identify")).value).toBe("device/disk");
		expect((await service.call("echo")).value).toEqual([]);
		expect((await service.call("echo", { a: null })).value).toEqual({ a: null });
		await manager.stop();

		expect(lines).toEqual(["stopped"]);
		expect(await service.exited).toMatchObject({ code: 0 });
	});

	test("gives back what JSON has, and what Python has beyond it", async ({ expect }) => {
		const { service } = start();

		for (const value of [
			[null, 0, "", [], {}, false],
			{ z: { a: [] }, "": "é\u007f\u2028😀 \ud800" },
			[NaN, Infinity, -Infinity, "NaN", 1e-7, 1e21],
			[2n ** 53n + 1n, -(2n ** 70n), 1e300],
		]) {
			expect((await service.call("echo", value)).value).toEqual(value);
		}
	});

	test("works on calls one after the other", async ({ expect }) => {
		const { service } = start();

		const replies = await Promise.all(
			Array.from({ length: 300 }, (_, i) => service.call("echo", i)),
		);

		expect(replies.map(({ value }) => value)).toEqual(Array.from({ length: 300 }, (_, i) => i));
	});

	test("answers with exceptions", async ({ expect }) => {
		const { service } = start();

		await expect(service.call("fail", "/nowhere")).rejects.toMatchObject({
			name: "RemoteError",
			code: "ERR_UNCODED",
			remoteName: "FileNotFoundError",
			message: "/nowhere",
			remoteStack: expect.stringContaining("in do_fail") as string,
		});
		expect((await service.call("echo", "alive")).value).toBe("alive");
	});

	test("an error of ours has its own code", async ({ expect }) => {
		const { service } = start();
		const data = {
			name: "DeviceError",
			value: "ERR_DEVICE_BUSY: loop3 is busy",
			backtrace: "",
		};

		await expect(service.call("say", [{ type: "exception", data }])).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			remoteName: "DeviceError",
			message: "loop3 is busy",
		});
		const unknown = { name: "ProtocolError", value: "Unknown method", backtrace: "" };
		await expect(
			service.call("say", [{ type: "exception", data: unknown }]),
		).rejects.toMatchObject({ code: "ERR_RPC_METHOD" });
	});

	test("takes descriptors and gives others", async ({ expect }) => {
		const { service } = start();
		using one = textFile("one");
		using two = textFile("two");

		using reply = await service.call("copy", null, { fds: [one, two] });

		expect(reply.value).toEqual(["one", "two"]);
		expect(textOf(reply.fds.fd(1))).toBe("copy of two");
	});

	test("takes and gives 253 descriptors; we send no more", async ({ expect }) => {
		const { service } = start();
		const files = Array.from({ length: 254 }, (_, i) => textFile(`file ${i}`));
		onTestFinished(() => files.forEach((each: Fd) => each.close()));

		using reply = await service.call("echo", null, { fds: files.slice(1) });

		expect(reply.fds.length).toBe(253);
		expect(textOf(reply.fds.fd(252))).toBe("file 253");
		await expect(service.call("echo", null, { fds: files })).rejects.toMatchObject({
			code: "ERR_RPC_LIMIT",
			message: "254 descriptors, 253 are allowed",
		});
		const long = "x".repeat(wmemMax);
		await expect(service.call("ends", long, { fds: files.slice(1) })).rejects.toMatchObject({
			message: "253 descriptors, 252 are allowed",
		});
		const ends = await service.call("ends", long, { fds: files.slice(2) });
		expect(ends.value).toEqual([wmemMax, "xxxxxxxxxx"]);
	});

	test("gets documents in packets and files, strictly", async ({ expect }) => {
		const { service } = start();
		const most = wmemMax - frameOfEnds;
		const how = async (size: number) => (await service.call("how", "x".repeat(size + 1))).value; // its name is one shorter

		expect((await service.call("ends", "x".repeat(most))).value).toMatchObject([most, {}]);
		expect(await how(most)).toBe("inline");
		expect(await how(most + 1)).toBe("file");
		for (const size of [1, 70_000, wmemMax, 16 * 2 ** 20]) {
			expect((await service.call("long", size)).value).toHaveLength(size);
		}
	});

	test("signals, with descriptors", async ({ expect }) => {
		const { service } = start();
		const seen: unknown[] = [];

		const reply = await service.call("count", 3, {
			onSignal: ({ value }) => void seen.push(value),
		});
		await service
			.call("signal_file", "text", {
				onSignal: ({ value, fds }) => void seen.push(value, textOf(fds.fd(0))),
				timeoutMs: 500,
			})
			.catch(() => {});

		expect(reply.value).toBe("counted");
		expect(seen).toEqual([0, 1, 2, "here", "text"]);
	});

	test("what nobody knows is skipped", async ({ expect }) => {
		const { service } = start();
		const documents = [
			{ type: "greeting", data: { reply: 1 } },
			{ type: 7, data: 1 },
			{ type: "reply", data: { reply: "known" } },
		];

		expect((await service.call("say", documents)).value).toBe("known");
	});

	test("pings a service that does not know pings", async ({ expect }) => {
		const { service } = start();

		await service.client.ping();

		expect((await service.call("echo", "alive")).value).toBe("alive");
	});

	test.for([
		["no JSON", { text: "{" }, "no JSON"],
		["the marker without a descriptor", { text: "<args-via-fd>" }, "without a descriptor"],
		["a file that is empty", { text: "<args-via-fd>", fds: 1 }, "no JSON"],
	] as const)("breaks the protocol with %s", async ([, args, text], { expect }) => {
		const { service } = start();

		await expect(service.call("send_text", args)).rejects.toMatchObject({
			code: "ERR_RPC_PROTOCOL",
			message: expect.stringContaining(text) as string,
		});
	});

	test("ends with an empty document", async ({ expect }) => {
		const { service } = start();

		await expect(service.call("say", [{}])).rejects.toMatchObject({
			code: "ERR_RPC_SERVICE_ENDED",
			message: expect.stringContaining('while "say" was running') as string,
		});
	});

	test("answers twice: the second answer is nobody's", async ({ expect }) => {
		const { service } = start();

		expect((await service.call("reply_then", [0.1, reply("second")])).value).toBe("first");
		await delay(300);

		await expect(service.call("echo", "mine")).rejects.toMatchObject({
			code: "ERR_RPC_PROTOCOL",
			message: expect.stringContaining("a reply answers nothing") as string,
		});
	});

	test("signals late: nobody hears it", async ({ expect }) => {
		const { service } = start();
		const late = { type: "signal", data: { reply: 1 } };

		expect((await service.call("reply_then", [0.1, late])).value).toBe("first");
		await delay(300);

		const onSignal = () => expect.unreachable();
		expect((await service.call("echo", "mine", { onSignal })).value).toBe("mine");
	});

	test("never answers: the call's deadline ends it", async ({ expect }) => {
		const { service, manager } = start();
		await service.call("echo");
		const waiting = service.call("never", null, { timeoutMs: 100 });
		const behind = service.call("echo", null, { timeoutMs: 100 });

		await expect(waiting).rejects.toMatchObject({ code: "ERR_RPC_TIMEOUT" });
		await expect(behind).rejects.toMatchObject({ code: "ERR_RPC_TIMEOUT" });
		await expect(manager.stop()).resolves.toBeUndefined();
	});

	test("a call that waits behind another can be cancelled", async ({ expect }) => {
		const { service } = start();
		const controller = new AbortController();
		await service.call("echo");
		const slow = service.call("sleep", 0.2);
		const waiting = service.call("exit", 1, { signal: controller.signal });

		controller.abort();

		await expect(waiting).rejects.toMatchObject({ code: "ERR_RPC_CANCELLED" });
		expect((await slow).value).toBe("slept");
		expect((await service.call("echo", "alive")).value).toBe("alive");
	});

	test("exits in a call", async ({ expect }) => {
		const { service } = start();
		const running = service.call("exit", 3);
		const waiting = service.call("echo", null);

		await expect(running).rejects.toMatchObject({
			code: "ERR_RPC_SERVICE_ENDED",
			exitCode: 3,
			lastLines: ["last words"],
		});
		await expect(waiting).rejects.toMatchObject({ exitCode: 3 });
	});

	test("closes its end in a call, and stays", async ({ expect }) => {
		const { service } = start();

		await expect(service.call("end", 10)).rejects.toMatchObject({
			code: "ERR_RPC_SERVICE_ENDED",
			message: expect.stringContaining("still running") as string,
		});
	});

	test("is busy when it is told to stop: it is waited for", async ({ expect }) => {
		const { service, manager, lines } = start();
		await service.call("echo");
		const busy = service.call("sleep", 0.3);
		busy.catch(() => {});

		await manager.stop();

		expect(lines).toEqual(["stopped"]);
		await expect(busy).rejects.toMatchObject({ code: "ERR_RPC_CLOSED" });
	});
});

function reply(value: unknown): object {
	return { type: "reply", data: { reply: value } };
}
