import { spawn as spawnNode } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { pipe, socketpair, spawn } from "@devhost/linux";
import { describe, onTestFinished, test } from "vitest";
import { Client } from "../src/client.ts";
import type { RpcError, ServiceError } from "../src/error.ts";
import { serve } from "../src/serve.ts";
import {
	type Service,
	ServiceManager,
	type ServiceManagerOptions,
} from "../src/service-manager.ts";
import { serviceEnvironment, type ServiceOptions } from "../src/service-process.ts";
import { descriptorCount, textFile, textOf, until } from "./descriptors.ts";

const fixtures = `${import.meta.dirname}/fixtures`;
const timeout = 20_000;

interface House {
	readonly manager: ServiceManager;
	readonly lines: string[];
	/** A correct service. */
	start(name?: string, args?: readonly string[], options?: Partial<ServiceOptions>): Service;
	/** A service that does one wrong thing. */
	misbehave(how: string, options?: Partial<ServiceOptions>): Service;
}

/** Counts our descriptors before, and again when everything is stopped. */
function house(options: ServiceManagerOptions = {}): House {
	const lines: string[] = [];
	const log = ({ service, text }: { service: string; text: string }): void =>
		void lines.push(`${service}: ${text}`);
	const manager = new ServiceManager({ log, graceMs: 2000, termMs: 300, ...options });
	const before = descriptorCount();
	onTestFinished(async () => {
		await manager.stop().catch(() => {});
		await until(() => descriptorCount() === before);
	});
	return {
		manager,
		lines,
		start: (name = "good", args = [], more = {}) =>
			manager.start({
				name,
				file: process.execPath,
				argv: [process.execPath, `${fixtures}/service.ts`, ...args],
				...more,
			}),
		misbehave: (how, more = {}) =>
			manager.start({
				name: "bad",
				file: `${fixtures}/misbehave.py`,
				argv: ["misbehave.py", how],
				...more,
			}),
	};
}

const failure = <E = ServiceError>(promise: Promise<unknown>): Promise<E> =>
	promise.then(
		() => Promise.reject(new Error("it did not fail")),
		(error: E) => error,
	);

const pidOf = async (service: Service): Promise<number> => (await service.client.hello).pid;

function isRunning(pid: number): boolean {
	try {
		return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
	} catch {
		return false;
	}
}

describe("services", { timeout }, () => {
	test("are called by name, each with its own process", async ({ expect }) => {
		const { manager, start } = house();
		const services = ["one", "two", "three"].map((name) => start(name));

		const names = await Promise.all(
			services.map(async (each) => (await each.call("identify")).value),
		);
		const pids = await Promise.all(services.map(pidOf));
		const echoed = await services[1]?.call("echo", [1, "two", null]);

		expect(names).toEqual(["one", "two", "three"]);
		expect(new Set(pids).size).toBe(3);
		expect(echoed?.value).toEqual([1, "two", null]);
		await manager.stop();
		expect(pids.filter(isRunning)).toEqual([]);
	});

	test("are given descriptors and give others back", async ({ expect }) => {
		const { start } = house();
		const service = start();
		using file = textFile("some contents");

		using reply = await service.call("copy", null, { fds: [file] });
		const there = (await service.call("descriptors")).value as string[];

		expect(textOf(reply.fds.fd(0))).toBe("some contents");
		expect(there.some((each) => each.startsWith(`${String(reply.value)} /memfd`))).toBe(false);
	});

	test("inherit nothing but their socket and their log", async ({ expect }) => {
		const { start } = house();
		using _file = textFile("not theirs");

		const there = (await start().call("descriptors")).value as string[];

		expect(there.filter((each) => /memfd|\.ts/.test(each))).toEqual([]);
		expect(there.filter((each) => each.includes("socket:")).length).toBe(1);
		expect(there.find((each) => each.startsWith("0 "))).toBe("0 /dev/null");
		expect(there.find((each) => each.startsWith("1 "))).toMatch(/^1 pipe:/);
	});

	test("have room for many descriptors before they have threads", async ({ expect }) => {
		const { start } = house();

		const pid = await pidOf(start());

		expect(readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/^FDSize:\t1024$/m);
	});

	test("have a session of their own, and an environment without Node's variables", async ({
		expect,
	}) => {
		const { start } = house();
		process.env["NODE_TEST_VARIABLE"] = "x";
		onTestFinished(() => void delete process.env["NODE_TEST_VARIABLE"]);
		const service = start();

		expect((await service.call("session")).value).toBe(await pidOf(service));
		const environment = (await service.call("environment")).value as Record<string, string>;
		expect(Object.keys(environment).filter((key) => key.startsWith("NODE_"))).toEqual([]);
		expect(environment["PATH"]).toBe(process.env["PATH"]);
		expect(serviceEnvironment({ A: "1", NODE_OPTIONS: "-x", B: undefined })).toEqual({
			A: "1",
		});
	});

	test("have the environment that they are given, and no other", async ({ expect }) => {
		const { start } = house();

		const { value } = await start("good", [], { environment: { ONLY: "this" } }).call(
			"environment",
		);

		expect(value).toEqual({ ONLY: "this" });
	});

	test("answer with errors and signals, and go on", async ({ expect }) => {
		const { start } = house();
		const service = start();
		const seen: unknown[] = [];

		expect(await failure(service.call("fail"))).toMatchObject({
			name: "RemoteError",
			code: "ERR_TEST",
			message: "it failed",
			service: "good",
		});
		await service.call("thrice", null, {
			onSignal: ({ name, value }) => void seen.push([name, value]),
		});

		expect(seen).toEqual([
			["count", 0],
			["count", 1],
			["count", 2],
		]);
	});

	test("may not have the name of one that runs, but of one that was stopped", async ({
		expect,
	}) => {
		const { start } = house();
		const first = start("same");

		expect(() => start("same")).toThrow("service same: is running already");
		await first.stop();

		expect((await start("same").call("identify")).value).toBe("same");
	});

	test("are stopped last started first", async ({ expect }) => {
		const { manager, start } = house();
		const order: string[] = [];
		for (const name of ["a", "b", "c"]) {
			const service = start(name, ["--close", "slow"]);
			void service.exited.then(() => order.push(name));
			await service.client.hello;
		}

		await manager.stop();

		expect(order).toEqual(["c", "b", "a"]);
		expect(() => start("late")).toThrow("the manager has been stopped");
	});

	test("can be stopped twice, alone and with the others", async ({ expect }) => {
		const { manager, start } = house();
		const service = start();

		await Promise.all([service.stop(), service.stop()]);
		await service.stop();
		await manager.stop();
		await manager.stop();

		expect(await service.exited).toEqual({ code: 0 });
	});

	test("can be stopped before they have said HELLO", async ({ expect }) => {
		const { start } = house();
		const service = start();
		const call = failure<RpcError>(service.call("echo", 1));

		await service.stop();

		expect(await call).toMatchObject({ code: "ERR_RPC_CLOSED" });
		expect(await service.exited).toEqual({ code: 0 });
	});

	test("leave SIGINT, SIGTERM and SIGHUP to the host", async ({ expect }) => {
		const { start } = house();
		const service = start();
		const pid = await pidOf(service);

		for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(pid, signal);

		expect((await service.call("echo", "still here")).value).toBe("still here");
	});
});

describe("a service that cannot be started", { timeout }, () => {
	test.for([
		["is missing", "missing", /missing: does not exist, or the interpreter/, "ENOENT"],
		[
			"is not executable",
			"not-executable.sh",
			/not-executable\.sh: is not executable/,
			"EACCES",
		],
		[
			"lacks its interpreter",
			"no-interpreter",
			/or the interpreter that its first line names does not/,
			"ENOENT",
		],
		["is no program", "no-program", /it has no #! line/, "ENOEXEC"],
		["is a directory", ".", /is not executable/, "EACCES"],
	] as const)("because it %s", async ([, name, message, code], { expect }) => {
		const { manager, start } = house();
		const broken = (): Service =>
			manager.start({ name: "good", file: `${fixtures}/${name}`, argv: [name] });
		const before = descriptorCount();

		expect(broken).toThrow(
			expect.objectContaining({
				code: "ERR_RPC_SERVICE_START",
				cause: expect.objectContaining({ code }),
			}),
		);
		expect(broken).toThrow(message);

		expect(descriptorCount()).toBe(before);
		expect((await start("good").call("identify")).value).toBe("good");
	});
});

describe("a service that ends", { timeout }, () => {
	test.for([
		[
			"by SIGKILL",
			"kill",
			"SIGKILL",
			'service good ended by SIGKILL while "kill" was running',
			undefined,
			"SIGKILL",
		],
		[
			"by SIGABRT",
			"kill",
			"SIGABRT",
			'service good ended by SIGABRT while "kill" was running',
			undefined,
			"SIGABRT",
		],
		[
			"with a code",
			"exit",
			3,
			'service good exited with code 3 while "exit" was running',
			3,
			undefined,
		],
		[
			"with code 0",
			"exit",
			0,
			'service good exited with code 0 while "exit" was running',
			0,
			undefined,
		],
	] as const)(
		"%s in the middle of a call is one error",
		async ([, method, params, message, exitCode, signal], { expect }) => {
			const { manager, start } = house();
			const service = start();
			await service.client.hello;

			const error = await failure(service.call(method, params));

			expect(error).toMatchObject({
				code: "ERR_RPC_SERVICE_ENDED",
				message,
				exitCode,
				signal,
				service: "good",
			});
			expect(await failure(service.call("echo"))).toBe(error);
			await manager.stop();
		},
	);

	test("fails all its calls with the same error, which has its last lines", async ({
		expect,
	}) => {
		const { start, lines } = house();
		const service = start();
		await service.client.hello;

		const calls = [
			service.call("wait"),
			service.call("wait"),
			service.call("log-and-exit", "one\ntwo\nthree"),
		];
		const [first, ...others] = await Promise.all(calls.map((call) => failure(call)));

		expect(others.every((error) => error === first)).toBe(true);
		expect(first).toMatchObject({
			message: 'service good exited with code 7 while "wait", "log-and-exit" was running',
			lastLines: ["one", "two", "three"],
		});
		expect(lines).toEqual(["good: one", "good: two", "good: three"]);
	});

	test("with an uncaught exception leaves its stack", async ({ expect }) => {
		const { start } = house();

		const error = await failure(start().call("crash"));

		expect(error.message).toBe('service good exited with code 1 while "crash" was running');
		expect(error.lastLines.join("\n")).toMatch(/Error: a bug\n.*service\.ts/);
	});

	test("at once, before HELLO", async ({ expect }) => {
		const { manager } = house();
		const service = manager.start({
			name: "brief",
			file: `${fixtures}/exits.sh`,
			argv: ["exits.sh"],
		});

		expect(await failure(service.call("echo"))).toMatchObject({
			code: "ERR_RPC_SERVICE_ENDED",
			message: 'service brief exited with code 3 while "echo" was running',
			exitCode: 3,
		});
		expect(await failure(service.client.hello)).toMatchObject({ exitCode: 3 });
	});

	test("while nobody calls it is told by whoever stops it, once", async ({ expect }) => {
		const { manager, start } = house();
		const service = start();
		process.kill(await pidOf(service), "SIGKILL");
		await service.client.over;

		expect(await failure(manager.stop())).toMatchObject({
			code: "ERR_RPC_SERVICE_ENDED",
			message: "service good ended by SIGKILL",
		});
	});

	test("while nobody calls is told by the next call, and not by whoever stops it", async ({
		expect,
	}) => {
		const { manager, start } = house();
		const [early, late] = [start("early"), start("late")];
		process.kill(await pidOf(early), "SIGKILL");
		process.kill(await pidOf(late), "SIGKILL");
		await Promise.all([early.client.over, late.client.over]);

		// While it is found out how it ended, and afterwards.
		const error = await failure(early.call("echo"));
		await delay(100);
		const lateError = await failure(late.call("echo"));

		expect(error).toMatchObject({ message: "service early ended by SIGKILL" });
		expect(lateError).toMatchObject({ message: "service late ended by SIGKILL" });
		await expect(manager.stop()).resolves.toBeUndefined();
	});

	test("with calls unread in its socket", async ({ expect }) => {
		const { misbehave } = house();
		const service = misbehave("exit-unread");
		await service.client.hello;

		expect(await failure(service.call("echo"))).toMatchObject({
			code: "ERR_RPC_SERVICE_ENDED",
			exitCode: 5,
		});
	});

	test("in the middle of a frame", async ({ expect }) => {
		const { misbehave } = house();

		expect(await failure(misbehave("half-hello").call("echo"))).toMatchObject({
			code: "ERR_RPC_SERVICE_ENDED",
			message: 'service bad exited with code 0 while "echo" was running',
			cause: { code: "ERR_RPC_CLOSED" },
		});
	});

	test("only its connection, and then has to be killed", async ({ expect }) => {
		const { misbehave } = house({ termMs: 100 });
		const service = misbehave("close-socket");
		await service.client.hello;

		expect(await failure(service.call("echo"))).toMatchObject({
			code: "ERR_RPC_SERVICE_ENDED",
			message:
				'service bad closed its connection but is still running while "echo" was running',
		});
		expect(await service.exited).toEqual({ signal: "SIGTERM" });
	});

	test("and has left somebody behind who keeps its log open", async ({ expect }) => {
		const { manager, start } = house();
		const service = start();
		await service.call("daemon");

		const begin = performance.now();
		await manager.stop();

		expect(performance.now() - begin).toBeLessThan(1500);
	});
});

describe("a service that breaks the protocol", { timeout }, () => {
	test.for([
		[
			"speaks garbage",
			"garbage",
			"ERR_RPC_PROTOCOL",
			/^service bad broke the protocol: frame 0 has sequence number/,
		],
		[
			"announces a gigabyte",
			"gigabyte",
			"ERR_RPC_LIMIT",
			/broke the protocol: frame 0 \(HELLO\) has a body of 1073741824 bytes/,
		],
		[
			"sends 300 descriptors",
			"300-descriptors",
			"ERR_RPC_LIMIT",
			/frame 0 \(HELLO\) has 300 descriptors, 253 are allowed/,
		],
		[
			"sends descriptors that belong to nothing",
			"unclaimed-descriptors",
			"ERR_RPC_PROTOCOL",
			/10 descriptors arrived/,
		],
		[
			"answers what nobody asked",
			"unknown-result",
			"ERR_RPC_PROTOCOL",
			/RESULT belongs to no call \(id 77\)/,
		],
		[
			"speaks another protocol",
			"old-protocol",
			"ERR_RPC_VERSION",
			/^service bad speaks protocol 8 to 9, this host 1 to 1/,
		],
	] as const)("%s", async ([, how, code, message], { expect }) => {
		const { manager, misbehave } = house();
		const service = misbehave(how);

		const error = await failure(service.call("open"));

		expect(error).toMatchObject({ code, service: "bad" });
		expect(error.message).toMatch(message);
		expect(error.message).toMatch(/ while "open" was running$/);
		expect(error.lastLines).toEqual([`this is ${how}`]);
		await manager.stop();
		expect(service.client.isOver).toBe(true);
	});

	test("or says nothing at all", async ({ expect }) => {
		const { misbehave } = house();

		expect(
			await failure(misbehave("no-hello", { helloTimeoutMs: 500 }).call("open")),
		).toMatchObject({
			code: "ERR_RPC_TIMEOUT",
			message: 'service bad did not say HELLO within 500 ms while "open" was running',
			lastLines: ["this is no-hello"],
		});
	});
});

describe("stopping", { timeout }, () => {
	test("reports what the service could not close", async ({ expect }) => {
		const { manager, start } = house();
		const service = start("good", ["--close", "fail"]);
		await service.client.hello;

		expect(await failure(manager.stop())).toMatchObject({
			code: "ERR_RPC_SERVICE_ENDED",
			message: "service good could not close: loop3 is busy",
			exitCode: 1,
			cause: { name: "RemoteError", code: "ERR_DEVICE_BUSY" },
			lastLines: expect.arrayContaining([expect.stringContaining("loop3 is busy")]),
		});
	});

	test("reports an exit status that is not 0", async ({ expect }) => {
		const { start } = house();
		const service = start("good", ["--close", "exit"]);
		await service.client.hello;

		expect(await failure(service.stop())).toMatchObject({
			code: "ERR_RPC_SERVICE_ENDED",
			message: "service good exited with code 9 when it was to stop",
		});
	});

	test("reports all of several failures, in the order in which they happened", async ({
		expect,
	}) => {
		const { manager, start } = house();
		const services = [
			start("a", ["--close", "fail"]),
			start("b"),
			start("c", ["--close", "exit"]),
		];
		await Promise.all(services.map(({ client }) => client.hello));

		const error = await failure<AggregateError>(manager.stop());

		expect(error).toBeInstanceOf(AggregateError);
		expect(error.errors.map(({ service }: ServiceError) => service)).toEqual(["c", "a"]);
	});

	test.for([
		["closes its socket, then", "only-eof", undefined],
		["then sends SIGTERM", "only-term", "SIGTERM"],
		["then SIGKILL", "stubborn", "SIGKILL"],
	] as const)("gives a service time, %s", async ([, how, signal], { expect }) => {
		const termMs = signal === undefined ? 10_000 : 100; // whatever the machine is doing
		const { misbehave } = house({ graceMs: 100, termMs });
		const service = misbehave(how);
		await service.client.hello;

		const stopping = signal === undefined ? service.stop() : failure(service.stop());

		expect(await stopping).toEqual(
			signal === undefined
				? undefined
				: expect.objectContaining({
						code: "ERR_RPC_SERVICE_ENDED",
						message: `service bad did not stop within 200 ms and was sent ${signal}`,
						signal,
					}),
		);
		expect(await service.exited).toEqual(signal === undefined ? { code: 0 } : { signal });
	});

	test("does not wait for a service that hangs while it closes", async ({ expect }) => {
		const { manager, start } = house({ graceMs: 200, termMs: 200 });
		await start("good", ["--close", "hang"]).client.hello;

		expect(await failure(manager.stop())).toMatchObject({ signal: "SIGKILL" });
	});

	test("cancels what is running", async ({ expect }) => {
		const { start } = house();
		const service = start();
		const call = failure<RpcError>(service.call("wait"));
		await service.client.hello;

		await service.stop();

		expect(await call).toMatchObject({ code: "ERR_RPC_CLOSED" });
	});
});

describe("logs", { timeout }, () => {
	test("come line by line with the service's name, and as they are written", async ({
		expect,
	}) => {
		const { start, lines } = house();
		const service = start();

		await service.call("log", "first\nsec");
		await until(() => lines.length === 1);
		expect(lines).toEqual(["good: first"]);
		await service.call("log", "ond\n");
		await until(() => lines.length === 2);
		await service.call("log", "no newline");
		await service.stop();

		expect(lines).toEqual(["good: first", "good: second", "good: no newline"]);
	});

	test("of a service whose line has not ended do not keep those of others waiting", async ({
		expect,
	}) => {
		const { start, lines } = house();
		const [a, b] = [start("a"), start("b")];

		await a.call("log", "not ended");
		await b.call("log", "ended\n");

		await until(() => lines.includes("b: ended"));
		expect(lines).toEqual(["b: ended"]);
	});

	test("of a megabyte at the end lose nothing, and the error has the last lines", async ({
		expect,
	}) => {
		const { misbehave, lines } = house();
		const service = misbehave("burst");
		await service.client.hello;

		const error = await failure(service.call("open"));

		const expected = Array.from({ length: 50_000 }, (_, i) => `bad: line ${i} \\xff é`);
		expect(lines.slice(0, 1)).toEqual(["bad: this is burst"]);
		expect(lines.slice(1, -1)).toEqual(expected);
		expect(lines.at(-1)).toBe("bad: the end");
		expect(error.lastLines.length).toBe(20);
		expect(error.lastLines.at(-1)).toBe("the end");
		expect(error.signal).toBe("SIGKILL");
	});

	test("without any newline come in pieces", async ({ expect }) => {
		const { misbehave, lines } = house();
		const service = misbehave("no-newline");
		await service.exited;
		await service.client.over;

		await failure(service.stop());

		expect(lines.slice(1).map((line) => line.length - "bad: ".length)).toEqual(
			Array(16).fill(65_536),
		);
	});
});

describe("when the host is killed", { timeout }, () => {
	test("its services close, although nobody reads what they print", async ({ expect }) => {
		const folder = mkdtempSync(`${tmpdir()}/rpc-`);
		onTestFinished(() => rmSync(folder, { recursive: true }));
		const file = `${folder}/closed`;
		const host = spawnNode(process.execPath, [`${fixtures}/host.ts`, file], {
			stdio: ["ignore", "pipe", "inherit"],
		});
		let output = "";
		host.stdout.on("data", (text: Buffer) => (output += text.toString()));
		await until(() => output.includes("\n"), 10_000);
		const pids = JSON.parse(output) as number[];
		expect(pids.every(isRunning)).toBe(true);

		host.kill("SIGKILL");

		await until(
			() => existsSync(file) && readFileSync(file, "utf8").split("\n").length === 3,
			5000,
		);
		await until(() => !pids.some(isRunning), 5000);
		expect(readFileSync(file, "utf8").split("\n").toSorted()).toEqual([
			"",
			"first closed",
			"second closed",
		]);
	});

	test("a service closes, although what it prints has filled its log", async ({ expect }) => {
		const folder = mkdtempSync(`${tmpdir()}/rpc-`);
		onTestFinished(() => rmSync(folder, { recursive: true }));
		const file = `${folder}/closed`;
		const [log, logEnd] = pipe();
		const [socket, theirs] = socketpair("stream");
		const child = spawn({
			file: process.execPath,
			argv: [
				"node",
				`${fixtures}/service.ts`,
				"--close",
				file,
				"--fill-log",
				"--service-fd",
				"3",
			],
			environment: serviceEnvironment(),
			fds: { 1: logEnd, 2: logEnd, 3: theirs },
		});
		logEnd.close();
		theirs.close();
		const client = new Client(socket);
		await client.hello;

		client.disconnect();
		log.close();

		expect(await child.exited).toEqual({ code: 0 });
		expect(existsSync(file)).toBe(true);
	});

	test.for(["SIGINT", "SIGHUP", "SIGTERM"] as const)(
		"by %s to its process group, they close too: after it, not with it",
		async (signal, { expect }) => {
			const folder = mkdtempSync(`${tmpdir()}/rpc-`);
			onTestFinished(() => rmSync(folder, { recursive: true }));
			const file = `${folder}/closed`;
			const host = spawnNode(process.execPath, [`${fixtures}/host.ts`, file], {
				stdio: ["ignore", "pipe", "inherit"],
				detached: true,
			});
			let output = "";
			host.stdout.on("data", (text: Buffer) => (output += text.toString()));
			await until(() => output.includes("\n"), 10_000);

			process.kill(-(host.pid as number), signal);

			await until(
				() => existsSync(file) && readFileSync(file, "utf8").split("\n").length === 3,
				5000,
			);
			expect(host.signalCode ?? (await delay(100), host.signalCode)).toBe(signal);
		},
	);
});

describe("a host's process", { timeout }, () => {
	test.for([
		["ends although its service runs, when it waits for nothing", "idle", ""],
		["stays as long as it waits for a reply", "pending", "later\n"],
		[
			"learns how its service ended, though it waits for nothing else",
			"dead",
			/exited with code 3/,
		],
	] as const)("%s", async ([, how, output], { expect }) => {
		const begin = performance.now();
		const host = spawnNode(process.execPath, [`${fixtures}/idle-host.ts`, how], {
			stdio: ["ignore", "pipe", "inherit"],
		});
		let printed = "";
		host.stdout.on("data", (text: Buffer) => (printed += text.toString()));

		const code = await new Promise((resolve) => host.on("close", resolve));

		expect(code).toBe(0);
		expect(printed).toEqual(
			typeof output === "string" ? output : expect.stringMatching(output),
		);
		expect(performance.now() - begin).toBeLessThan(9000);
	});
});

describe("a program that is not started by a host", { timeout }, () => {
	test("says so", async ({ expect }) => {
		const child = spawnNode(process.execPath, [`${fixtures}/service.ts`], {
			stdio: ["ignore", "ignore", "pipe"],
		});
		let output = "";
		child.stderr.on("data", (text: Buffer) => (output += text.toString()));

		const code = await new Promise((resolve) => child.on("exit", resolve));

		expect(code).toBe(1);
		expect(output).toContain(
			"this program is a service: a host starts it, with --service-fd NUMBER",
		);
	});

	test.for(["99", "-1", "1e99"])("says so for --service-fd %s", async (number, { expect }) => {
		const service = { module: "test", version: "1", methods: {} };

		await expect(
			serve(service, { argv: ["service", "--service-fd", number] }),
		).rejects.toMatchObject({ code: "ERR_RPC_DIALECT" });
	});
});
