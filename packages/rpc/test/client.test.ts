import { setImmediate as nextTurn } from "node:timers/promises";
import { closeFd } from "@devhost/linux";
import { describe, onTestFinished, test } from "vitest";
import { Client, type ClientOptions } from "../src/client.ts";
import type { Reply } from "../src/pending-call.ts";
import { isRemoteError, isRpcError, RpcError } from "../src/error.ts";
import {
	BYE,
	CALL,
	CANCEL,
	CREDIT,
	ERROR,
	flagAnswer,
	HELLO,
	type MessageType,
	PING,
	RESULT,
	ScriptedPeer,
	SIGNAL,
	WELCOME,
} from "../src/testing.ts";
import { minSignalCost, signalWindowBytes } from "../src/limits.ts";
import { descriptorCount, textFile, textOf } from "./descriptors.ts";

function connect(options: ClientOptions = {}): { client: Client; peer: ScriptedPeer } {
	const { peer, socket } = ScriptedPeer.pair();
	const client = new Client(socket, { name: "loopback", ...options });
	onTestFinished(() => {
		peer.close();
		client.disconnect();
	});
	return { client, peer };
}

async function greeted(
	options: ClientOptions = {},
): Promise<{ client: Client; peer: ScriptedPeer }> {
	const { client, peer } = connect(options);
	peer.hello();
	await peer.expect(WELCOME);
	return { client, peer };
}

const failure = (call: Promise<unknown>): Promise<RpcError> =>
	call.then(
		() => Promise.reject(new Error("it did not fail")),
		(error: RpcError) => error,
	);

describe("the greeting", () => {
	test("tells what the service is", async ({ expect }) => {
		const { client, peer } = connect();

		peer.hello({ schema: { type: "object" }, capabilities: ["close"] });

		expect(await client.hello).toEqual({
			protocol: [1, 1],
			module: "test.scripted",
			version: "1.0.0",
			pid: 1,
			schema: { type: "object" },
			capabilities: ["close"],
		});
		expect((await peer.expect(WELCOME)).value).toEqual({ protocol: 1 });
	});

	test("is waited for by calls, whose descriptors may be closed meanwhile", async ({
		expect,
	}) => {
		const { client, peer } = connect();
		const file = textFile("contents");

		const call = client.call("open", { a: 1 }, { fds: [file], blob: Buffer.from("raw") });
		file.close();
		peer.hello();
		await peer.expect(WELCOME);
		const { id, value, blob, fds } = await peer.expect(CALL);
		peer.send({ type: RESULT, id, value: "done" });

		expect(value).toEqual(["open", { a: 1 }]);
		expect(Buffer.from(blob as Uint8Array).toString()).toBe("raw");
		expect(textOf(fds.fd(0))).toBe("contents");
		fds.close();
		expect((await call).value).toBe("done");
	});

	test.for([
		[
			[2, 3],
			"service loopback: speaks protocol 2 to 3, this host 1 to 1: test.scripted 1.0.0 and this host are too far apart",
		],
		[[0, 0], /speaks protocol 0 to 0/],
	] as const)("of another protocol, %j, is refused", async ([protocol, message], { expect }) => {
		const { client, peer } = connect();
		const call = client.call("x");

		peer.hello({ protocol });

		await expect(call).rejects.toThrow(message);
		await expect(client.hello).rejects.toMatchObject({ code: "ERR_RPC_VERSION" });
		expect(await peer.end).toBeUndefined();
	});

	test("of a service that can do more is accepted", async ({ expect }) => {
		const { client, peer } = connect();

		peer.hello({ protocol: [1, 9] });

		expect((await peer.expect(WELCOME)).value).toEqual({ protocol: 1 });
		expect((await client.hello).protocol).toEqual([1, 9]);
	});

	test("has a deadline", async ({ expect }) => {
		const { client, peer } = connect({ helloTimeoutMs: 30 });

		await expect(client.call("x")).rejects.toMatchObject({
			code: "ERR_RPC_TIMEOUT",
			message: "service loopback: did not say HELLO within 30 ms",
		});
		await peer.end;
	});

	test.for([
		["no map", [1]],
		["no range", { protocol: 1, module: "m", version: "1", pid: 1 }],
		["no module", { protocol: [1, 1], version: "1", pid: 1 }],
		[
			"capabilities that are none",
			{ protocol: [1, 1], module: "m", version: "1", pid: 1, capabilities: [1] },
		],
	] as const)("with %s is refused", async ([, value], { expect }) => {
		const { client, peer } = connect();

		peer.send({ type: HELLO, value });

		await expect(client.hello).rejects.toMatchObject({ code: "ERR_RPC_PROTOCOL" });
	});
});

describe("a call", () => {
	test("gives value, blob and descriptors back", async ({ expect }) => {
		const before = descriptorCount();
		const { client, peer } = await greeted();
		const call = client.call("make", { size: 3 });
		using file = textFile("made");

		const { id } = await peer.expect(CALL);
		peer.send({ type: RESULT, id, value: { ok: true }, blob: Buffer.from("abc"), fds: [file] });
		const reply = await call;

		expect(reply.value).toEqual({ ok: true });
		expect([...(reply.blob as Uint8Array)]).toEqual([97, 98, 99]);
		expect(textOf(reply.fds.fd(0))).toBe("made");
		reply.close();
		client.disconnect();
		peer.close();
		file.close();
		expect(descriptorCount()).toBe(before);
	});

	test("tells no parameters from null, and no result from null", async ({ expect }) => {
		const { client, peer } = await greeted();

		const replies = [client.call("a"), client.call("b", null)];
		const calls = [await peer.expect(CALL), await peer.expect(CALL)];
		peer.send({ type: RESULT, id: calls[0]?.id as number });
		peer.send({ type: RESULT, id: calls[1]?.id as number, value: null });

		expect(calls.map(({ value }) => value)).toEqual([["a"], ["b", null]]);
		expect((await Promise.all(replies)).map(({ value }) => value)).toEqual([undefined, null]);
	});

	test("may be answered after a later one", async ({ expect }) => {
		const { client, peer } = await greeted();
		const calls = ["a", "b", "c"].map((method) => client.call(method));

		const ids = [await peer.expect(CALL), await peer.expect(CALL), await peer.expect(CALL)].map(
			({ id }) => id,
		);
		for (const id of ids.toReversed()) peer.send({ type: RESULT, id, value: id });

		expect((await Promise.all(calls)).map(({ value }) => value)).toEqual(ids);
	});

	test("fails with what the service answers", async ({ expect }) => {
		const { client, peer } = await greeted();
		const call = client.call("open");

		const { id } = await peer.expect(CALL);
		const value = {
			code: "ERR_DEVICE_BUSY",
			name: "DeviceError",
			message: "busy",
			data: { by: [1] },
			later: 1,
		};
		peer.send({ type: ERROR, id, value });
		const error = await failure(call);

		expect(isRemoteError(error, "ERR_DEVICE_BUSY")).toBe(true);
		expect(isRpcError(error)).toBe(false);
		expect(error).toMatchObject({
			name: "RemoteError",
			code: "ERR_DEVICE_BUSY",
			remoteCode: "ERR_DEVICE_BUSY",
			remoteName: "DeviceError",
			service: "loopback",
			message: "busy",
			data: { by: [1] },
		});
	});

	test("never makes an error of the class that the service names", async ({ expect }) => {
		const { client, peer } = await greeted();
		const call = client.call("open");

		const { id } = await peer.expect(CALL);
		peer.send({ type: ERROR, id, value: { code: "X", name: "TypeError", message: "no" } });

		expect(await failure(call)).not.toBeInstanceOf(TypeError);
	});

	test.for([
		["params that cannot travel", { when: new Date() }, {}, { name: "TypeError" }],
		["a descriptor that is closed", null, { fds: [9999] }, { name: "SysError", code: "EBADF" }],
		["too many descriptors", null, { fds: Array(254).fill(0) }, { code: "ERR_RPC_LIMIT" }],
	] as const)(
		"with %s fails, and the next one does not",
		async ([, params, options, error], { expect }) => {
			const { client, peer } = await greeted();

			await expect(client.call("x", params, options)).rejects.toMatchObject(error);
			const next = client.call("next");
			const { id, value } = await peer.expect(CALL);
			peer.send({ type: RESULT, id, value: 1 });

			expect(value).toEqual(["next"]);
			expect((await next).value).toBe(1);
		},
	);

	test("before the greeting with a descriptor that is closed fails at once", async ({
		expect,
	}) => {
		const { client } = connect();

		await expect(client.call("x", null, { fds: [9999] })).rejects.toMatchObject({
			code: "EBADF",
		});
	});
});

describe("signals", () => {
	test("come in order, before the result, with what they carry", async ({ expect }) => {
		const before = descriptorCount();
		const { client, peer } = await greeted();
		const seen: unknown[] = [];
		const call = client.call("work", null, {
			onSignal: ({ name, value, blob, fds }) => {
				seen.push([
					name,
					value,
					blob?.byteLength,
					fds.length === 0 ? undefined : textOf(fds.fd(0)),
				]);
			},
		});
		using file = textFile("log");

		const { id } = await peer.expect(CALL);
		for (const i of [0, 1, 2]) peer.send({ type: SIGNAL, id, value: ["progress", i] });
		peer.send({ type: SIGNAL, id, value: ["file"], blob: new Uint8Array(5), fds: [file] });
		peer.send({ type: RESULT, id, value: "done" });
		await call;

		expect(seen).toEqual([
			["progress", 0, undefined, undefined],
			["progress", 1, undefined, undefined],
			["progress", 2, undefined, undefined],
			["file", undefined, 5, "log"],
		]);
		client.disconnect();
		peer.close();
		file.close();
		expect(descriptorCount()).toBe(before);
	});

	test("leave the descriptors that were taken", async ({ expect }) => {
		const { client, peer } = await greeted();
		using stack = new DisposableStack();
		const taken: number[] = [];
		const call = client.call("work", null, {
			onSignal: ({ fds }) => void taken.push(stack.use(fds.take(0)).fd),
		});
		using file = textFile("kept");

		const { id } = await peer.expect(CALL);
		peer.send({ type: SIGNAL, id, value: ["file"], fds: [file] });
		peer.send({ type: RESULT, id });
		await call;

		expect(textOf(taken[0] as number)).toBe("kept");
	});

	test("give their credit back, also when nobody looks at them", async ({ expect }) => {
		const { client, peer } = await greeted();
		void client.call("work").catch(() => {});

		const { id } = await peer.expect(CALL);
		const half = signalWindowBytes / minSignalCost / 2;
		for (let i = 0; i < half; i++) peer.send({ type: SIGNAL, id, value: ["x"] });
		const credit = await peer.expect(CREDIT);
		peer.send({ type: SIGNAL, id, value: ["x", "y".repeat(signalWindowBytes)] });
		const more = await peer.expect(CREDIT);

		expect([credit.id, credit.arg]).toEqual([id, half * minSignalCost]);
		expect(more.arg).toBeGreaterThan(signalWindowBytes);
	});

	test("fail the call when whoever listens throws", async ({ expect }) => {
		const { client, peer } = await greeted();
		const problem = new Error("listener");
		const call = client.call("work", null, {
			onSignal: () => {
				throw problem;
			},
		});

		const { id } = await peer.expect(CALL);
		peer.send({ type: SIGNAL, id, value: ["x"] });

		expect(await failure(call)).toBe(problem);
		expect((await peer.expect(CANCEL)).id).toBe(id);
	});

	test("fail the call when one of their descriptors cannot be closed", async ({ expect }) => {
		const { client, peer } = await greeted();
		using file = textFile("x");
		const call = client.call("work", null, { onSignal: ({ fds }) => closeFd(fds.fd(0)) });

		const { id } = await peer.expect(CALL);
		peer.send({ type: SIGNAL, id, value: ["x"], fds: [file] });

		expect(await failure(call)).toMatchObject({ code: "EBADF" });
		expect((await peer.expect(CANCEL)).id).toBe(id);
	});
});

describe("cancelling", () => {
	test("rejects at once with the reason, tells the service, and swallows the late result", async ({
		expect,
	}) => {
		const before = descriptorCount();
		const { client, peer } = await greeted();
		const controller = new AbortController();
		const call = client.call("open", null, { signal: controller.signal });
		const { id } = await peer.expect(CALL);
		const reason = new Error("enough");

		controller.abort(reason);
		const error = await failure(call);
		expect((await peer.expect(CANCEL)).id).toBe(id);
		using file = textFile("late");
		peer.send({ type: SIGNAL, id, value: ["late"], fds: [file] });
		peer.send({ type: RESULT, id, value: "late", fds: [file], blob: new Uint8Array(10) });
		await roundTrip(client, peer);

		expect(error).toMatchObject({ code: "ERR_RPC_CANCELLED", cause: reason });
		expect(error.message).toBe('service loopback: call "open" was cancelled');
		client.disconnect();
		peer.close();
		file.close();
		expect(descriptorCount()).toBe(before);
	});

	test("swallows a late error too", async ({ expect }) => {
		const { client, peer } = await greeted();
		const controller = new AbortController();
		const call = client.call("open", null, { signal: controller.signal });
		const { id } = await peer.expect(CALL);

		controller.abort();
		await failure(call);
		await peer.expect(CANCEL);
		peer.send({ type: ERROR, id, value: { code: "X", name: "Error", message: "late" } });

		await expect(roundTrip(client, peer)).resolves.toBeUndefined();
	});

	test("before the call sends nothing", async ({ expect }) => {
		const { client, peer } = await greeted();

		await expect(
			client.call("x", null, { signal: AbortSignal.abort("no") }),
		).rejects.toMatchObject({
			code: "ERR_RPC_CANCELLED",
			cause: "no",
		});
		await roundTrip(client, peer);
	});

	test("a call that waits for the greeting sends nothing, and closes its descriptors", async ({
		expect,
	}) => {
		const { client, peer } = connect();
		const before = descriptorCount();
		const controller = new AbortController();
		using file = textFile("x");
		const call = client.call("x", null, { signal: controller.signal, fds: [file] });

		controller.abort();
		await failure(call);
		peer.hello();
		await peer.expect(WELCOME);
		await roundTrip(client, peer);

		file.close();
		expect(descriptorCount()).toBe(before);
	});

	test("after the result does nothing, and no listener stays behind", async ({ expect }) => {
		const { client, peer } = await greeted();
		const { signal, count } = countingSignal();
		const call = client.call("x", null, { signal });
		const { id } = await peer.expect(CALL);
		expect(count()).toBe(1);

		peer.send({ type: RESULT, id });
		await call;

		expect(count()).toBe(0);
	});

	test("of many calls ends those that were not answered, with one listener for all", async ({
		expect,
	}) => {
		const { client, peer } = await greeted();
		const { controller, signal, count } = countingSignal();
		const calls = ["a", "b", "c"].map((method) => client.call(method, null, { signal }));
		const [first] = [await peer.expect(CALL), await peer.expect(CALL), await peer.expect(CALL)];
		expect(count()).toBe(1);
		peer.send({ type: RESULT, id: first.id });
		await calls[0];

		controller.abort("enough");
		const results = await Promise.allSettled(calls);

		expect(results).toMatchObject([
			{ status: "fulfilled" },
			{ reason: { code: "ERR_RPC_CANCELLED", cause: "enough" } },
			{ reason: { code: "ERR_RPC_CANCELLED", cause: "enough" } },
		]);
		expect(count()).toBe(0);
	});

	test("does not free the id before the service has answered", async ({ expect }) => {
		const { client, peer } = await greeted();
		const controller = new AbortController();
		const first = client.call("a", null, { signal: controller.signal });
		const { id } = await peer.expect(CALL);
		controller.abort();
		await failure(first);
		await peer.expect(CANCEL);

		void client.call("b").catch(() => {});

		expect((await peer.expect(CALL)).id).not.toBe(id);
	});
});

describe("a deadline", () => {
	test("rejects the call and is told to the service", async ({ expect }) => {
		const { client, peer } = await greeted();
		const call = client.call("slow", null, { timeoutMs: 40 });

		const { id, arg } = await peer.expect(CALL);
		const error = await failure(call);

		expect(arg).toBeGreaterThan(0);
		expect(arg).toBeLessThanOrEqual(40);
		expect(error).toMatchObject({
			code: "ERR_RPC_TIMEOUT",
			message: 'service loopback: call "slow" did not end within its deadline',
		});
		expect((await peer.expect(CANCEL)).id).toBe(id);
	});

	test("of each call is its own", async ({ expect }) => {
		const { client } = await greeted();
		const order: number[] = [];

		await Promise.all(
			[90, 30, 60].map((timeoutMs) =>
				failure(client.call("slow", null, { timeoutMs })).then(() => order.push(timeoutMs)),
			),
		);

		expect(order).toEqual([30, 60, 90]);
	});

	test("is two minutes unless the client or the call has another; Infinity is none", async ({
		expect,
	}) => {
		const { client, peer } = await greeted();
		const other = await greeted({ callTimeoutMs: 5000 });
		for (const call of [
			client.call("a"),
			client.call("b", null, { timeoutMs: Infinity }),
			other.client.call("c"),
		]) {
			call.catch(() => {});
		}

		const [first, second] = [await peer.expect(CALL), await peer.expect(CALL)];

		expect(first.arg).toBeGreaterThan(119_000);
		expect(second.arg).toBe(0);
		expect((await other.peer.expect(CALL)).arg).toBeLessThanOrEqual(5000);
	});
});

describe("the end of the connection", () => {
	test("fails all calls with one error", async ({ expect }) => {
		const { client, peer } = await greeted();
		const calls = [client.call("open"), client.call("close")].map(failure);
		await peer.expect(CALL);

		peer.close();
		const [first, second] = await Promise.all(calls);

		expect(first).toBe(second);
		expect(first).toMatchObject({
			code: "ERR_RPC_CLOSED",
			message: 'service loopback: the service went away while "open", "close" was running',
		});
		expect(await failure(client.call("next"))).toBe(first);
	});

	test("is explained by whoever knows more", async ({ expect }) => {
		const explained = new RpcError("ERR_RPC_SERVICE_ENDED", "it was killed");
		const asked: unknown[] = [];
		const { client, peer } = await greeted({
			explainEnd: async (error, methods) => {
				asked.push([error, methods]);
				await nextTurn();
				return explained;
			},
		});
		const call = failure(client.call("open"));
		await peer.expect(CALL);

		peer.close();
		await client.over;
		const late = failure(client.call("late"));

		expect(await call).toBe(explained);
		expect(await late).toBe(explained);
		expect(asked).toEqual([[undefined, ["open"]]]);
	});

	test.for([
		["a result of no call", { type: RESULT, id: 99 }],
		[
			"an error of no call",
			{ type: ERROR, id: 99, value: { code: "X", name: "E", message: "m" } },
		],
		[
			"an error with id 0",
			{ type: ERROR, id: 0, value: { code: "X", name: "E", message: "m" } },
		],
		["a signal of no call", { type: SIGNAL, id: 99, value: ["x"] }],
		[
			"a second HELLO",
			{ type: HELLO, value: { protocol: [1, 1], module: "m", version: "1", pid: 1 } },
		],
		["a call, which is not for hosts", { type: CALL, id: 1, value: ["x"] }],
		["an answer to no ping", { type: PING, flags: flagAnswer }],
	] as const)("comes with %s", async ([, message], { expect }) => {
		const before = descriptorCount();
		const { client, peer } = await greeted();
		using file = textFile("x");
		const carries = ([RESULT, SIGNAL, CALL] as MessageType[]).includes(message.type);

		peer.send({ ...message, ...(carries ? { fds: [file] } : {}) });

		await expect(client.call("x")).rejects.toMatchObject({ code: "ERR_RPC_PROTOCOL" });
		peer.close();
		file.close();
		expect(descriptorCount()).toBe(before);
	});

	test.for([
		["signal", SIGNAL, { a: 1 }],
		["signal", SIGNAL, [1]],
		["error", ERROR, { code: 1, name: "E", message: "m" }],
		["error", ERROR, undefined],
	] as const)("comes with a malformed %s", async ([, type, value], { expect }) => {
		const { client, peer } = await greeted();
		const call = client.call("x", null, { onSignal: () => {} });
		const { id } = await peer.expect(CALL);

		peer.send({ type, id, value });

		await expect(call).rejects.toMatchObject({ code: "ERR_RPC_PROTOCOL" });
	});

	test("comes with a result before HELLO", async ({ expect }) => {
		const { client, peer } = connect();

		peer.send({ type: RESULT, id: 1 });

		await expect(client.hello).rejects.toMatchObject({ code: "ERR_RPC_PROTOCOL" });
	});
});

describe("closing", () => {
	test("says BYE, fails what runs, and waits for the service", async ({ expect }) => {
		const { client, peer } = await greeted();
		const call = failure(client.call("slow"));
		const { id } = await peer.expect(CALL);

		const closing = client.close();
		expect((await peer.expect(CANCEL)).id).toBe(id);
		await peer.expect(BYE);
		let isClosed = false;
		void closing.then(() => (isClosed = true));
		await nextTurn();
		expect(isClosed).toBe(false);
		peer.send({ type: ERROR, id, value: { code: "X", name: "E", message: "cancelled" } });
		peer.send({ type: BYE });
		await closing;

		expect(await call).toMatchObject({ code: "ERR_RPC_CLOSED" });
		expect(await failure(client.call("x"))).toMatchObject({ code: "ERR_RPC_CLOSED" });
		expect(await peer.end).toBeUndefined();
	});

	test("fails with what the service says that closing failed with", async ({ expect }) => {
		const { client, peer } = await greeted();

		const closing = failure(client.close());
		await peer.expect(BYE);
		peer.send({
			type: ERROR,
			value: { code: "ERR_DEVICE_BUSY", name: "DeviceError", message: "loop3 is busy" },
		});
		peer.send({ type: BYE });

		expect(await closing).toMatchObject({ name: "RemoteError", code: "ERR_DEVICE_BUSY" });
	});

	test("gives up after a while, and closes the socket all the same", async ({ expect }) => {
		const { client, peer } = await greeted();

		await expect(client.close(30)).rejects.toMatchObject({
			code: "ERR_RPC_TIMEOUT",
			message: "service loopback: did not close within 30 ms",
		});

		expect(await peer.end).toBeUndefined();
	});

	test("twice is once", async ({ expect }) => {
		const { client, peer } = await greeted();

		const [first, second] = [client.close(), client.close()];
		peer.send({ type: BYE });

		expect(first).toBe(second);
		await first;
	});

	test("before the greeting ends the connection", async ({ expect }) => {
		const { client, peer } = connect();

		const closing = client.close();
		await peer.expect(BYE);
		peer.close();

		await expect(closing).resolves.toBeUndefined();
		await expect(client.hello).rejects.toMatchObject({ code: "ERR_RPC_CLOSED" });
	});

	test("is what the end of a scope does", async ({ expect }) => {
		const { client, peer } = await greeted();
		{
			await using scoped = client;
			void peer.expect(BYE).then(() => peer.send({ type: BYE }));
			expect(scoped.isOver).toBe(false);
		}
		expect(client.isOver).toBe(true);
	});
});

describe("ping", () => {
	test("is answered", async ({ expect }) => {
		const { client, peer } = await greeted();

		const ping = client.ping();
		const { id, arg } = await peer.expect(PING);
		peer.send({ type: PING, id, arg, flags: flagAnswer });
		peer.send({ type: PING, id: 7, arg: 8 });

		await ping;
		expect(await peer.expect(PING)).toMatchObject({ id: 7, arg: 8, flags: flagAnswer });
	});

	test("waits for the greeting: WELCOME is a host's first frame", async ({ expect }) => {
		const { client, peer } = connect();

		const ping = client.ping();
		await nextTurn();
		peer.hello();
		await peer.expect(WELCOME);
		await peer.expect(PING);
		peer.send({ type: PING, flags: flagAnswer });

		await expect(ping).resolves.toBeUndefined();
	});

	test("fails when the service goes away", async ({ expect }) => {
		const { client, peer } = await greeted();
		const ping = failure(client.ping());

		peer.close();

		expect(await ping).toMatchObject({ code: "ERR_RPC_CLOSED" });
		expect(await failure(client.ping())).toMatchObject({ code: "ERR_RPC_CLOSED" });
	});
});

/** Everything sent before has arrived on both sides afterwards. */
async function roundTrip(client: Client, peer: ScriptedPeer): Promise<void> {
	const call: Promise<Reply> = client.call("round trip");
	const { id } = await peer.expect(CALL);
	peer.send({ type: RESULT, id });
	await call;
}

function countingSignal(): {
	controller: AbortController;
	signal: AbortSignal;
	count: () => number;
} {
	const controller = new AbortController();
	const { signal } = controller;
	let listeners = 0;
	const { addEventListener, removeEventListener } = signal;
	signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
		listeners++;
		addEventListener.apply(signal, args);
	};
	signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
		listeners--;
		removeEventListener.apply(signal, args);
	};
	return { controller, signal, count: () => listeners };
}
