import { isOpenFd } from "@devhost/linux";
import { describe, onTestFinished, test } from "vitest";
import type { Client, ClientOptions } from "../src/client.ts";
import { minSignalCost, signalWindowBytes } from "../src/limits.ts";
import { reply } from "../src/reply.ts";
import type { HandlerCall } from "../src/served-call.ts";
import {
	type Handler,
	ServiceConnection,
	type ServiceDefinition,
} from "../src/service-connection.ts";
import {
	BYE,
	CALL,
	CANCEL,
	CREDIT,
	ERROR,
	flagAnswer,
	HELLO,
	PING,
	RESULT,
	ScriptedPeer,
	serveInProcess,
	SIGNAL,
	WELCOME,
} from "../src/testing.ts";
import { descriptorCount, textFile, textOf, until } from "./descriptors.ts";

/** Signals that a call may send without credit. */
const ahead = signalWindowBytes / minSignalCost;

type Methods = ServiceDefinition["methods"];

function clientOf(methods: Methods, options: ClientOptions = {}): Client {
	const service = { module: "test", version: "1", methods };
	const { client, closed } = serveInProcess(service, options);
	onTestFinished(() => {
		client.disconnect();
		return closed;
	});
	return client;
}

interface Host {
	readonly peer: ScriptedPeer;
	readonly connection: ServiceConnection;
}

/** A service under test with a host that does what it is told. */
function hostOf(methods: Methods): Host {
	const { peer, socket } = ScriptedPeer.pair();
	const connection = new ServiceConnection(socket, { module: "test", version: "1", methods });
	onTestFinished(() => {
		peer.close();
		return connection.leave();
	});
	return { peer, connection };
}

async function greetedHostOf(methods: Methods): Promise<Host> {
	const host = hostOf(methods);
	await host.peer.expect(HELLO);
	host.peer.send({ type: WELCOME, value: { protocol: 1 } });
	return host;
}

const failure = (call: Promise<unknown>): Promise<Error & { code?: string }> =>
	call.then(
		() => Promise.reject(new Error("it did not fail")),
		(error: Error) => error,
	);

class DeviceError extends Error {
	override readonly name = "DeviceError";
	readonly code = "ERR_DEVICE_BUSY";
	readonly data: unknown;

	constructor(message: string, data?: unknown) {
		super(message);
		this.data = data;
	}
}

describe("a service", () => {
	test("that cannot say HELLO leaves no socket open", ({ expect }) => {
		const before = descriptorCount();
		const { peer, socket } = ScriptedPeer.pair();
		const service = { module: "test", version: "1", schema: new Date(0), methods: {} };

		expect(() => new ServiceConnection(socket, service)).toThrow(
			"an object of class Date cannot be sent (at .schema)",
		);

		peer.close();
		expect(descriptorCount()).toBe(before);
	});

	test("says HELLO first, with all that it is", async ({ expect }) => {
		const { peer, socket } = ScriptedPeer.pair();
		using _ = peer;

		const schema = { type: "object" };
		const about = { module: "devhost.loopback", version: "1.2.3", schema, capabilities: ["x"] };
		const connection = new ServiceConnection(socket, { ...about, methods: {} });

		expect((await peer.expect(HELLO)).value).toEqual({
			...about,
			protocol: [1, 1],
			pid: process.pid,
		});
		await connection.leave();
	});

	test.for<[string, Handler, unknown]>([
		["a value", () => ({ a: 1 }), { a: 1 }],
		["a promise of one", async () => [1], [1]],
		["nothing", () => {}, undefined],
		["null", () => null, null],
	])("answers with %s", async ([, handler, expected], { expect }) => {
		expect((await clientOf({ m: handler }).call("m")).value).toEqual(expected);
	});

	test("is given the parameters, the blob and the descriptors", async ({ expect }) => {
		const client = clientOf({
			m: (params, { blob, fds }) => [params, blob?.byteLength ?? null, textOf(fds.fd(0))],
		});
		using file = textFile("sent");

		const reply = await client.call("m", { a: 1 }, { fds: [file], blob: new Uint8Array(9) });

		expect(reply.value).toEqual([{ a: 1 }, 9, "sent"]);
	});

	test("closes the descriptors of a call when it has ended, but not what the handler took", async ({
		expect,
	}) => {
		const numbers: number[] = [];
		const client = clientOf({
			m: (_, { fds }) => {
				numbers.push(fds.fd(0), fds.fd(1));
				using taken = fds.take(1);
				numbers.push(taken.dup().take());
			},
		});
		using file = textFile("x");

		await client.call("m", null, { fds: [file, file] });

		expect(numbers.map(isOpenFd)).toEqual([false, false, true]);
		const [, , kept] = numbers as [number, number, number];
		expect(textOf(kept)).toBe("x");
	});

	test("moves the descriptors and the blob of a reply", async ({ expect }) => {
		const mine = textFile("made here");
		const client = clientOf({ m: () => reply("v", { fds: [mine], blob: Buffer.from("raw") }) });

		using result = await client.call("m");

		expect(mine.isOpen).toBe(false);
		expect([result.value, textOf(result.fds.fd(0))]).toEqual(["v", "made here"]);
		expect(Buffer.from(result.blob as Uint8Array).toString()).toBe("raw");
	});

	test("sends back what it was sent", async ({ expect }) => {
		const client = clientOf({
			echo: (_, { blob, fds }) => reply(null, { blob, fds: [fds.take(1), fds.take(0)] }),
		});
		using a = textFile("a");
		using b = textFile("b");
		const blob = new Uint8Array(300_000).map((_, i) => i);

		using result = await client.call("echo", null, { fds: [a, b], blob });

		expect([0, 1].map((i) => textOf(result.fds.fd(i)))).toEqual(["b", "a"]);
		expect(Buffer.compare(result.blob as Uint8Array, blob)).toBe(0);
	});

	test("answers a reply that has a closed descriptor with an error, and closes the others", async ({
		expect,
	}) => {
		const before = descriptorCount();
		const { client } = serveInProcess({
			module: "m",
			version: "1",
			methods: {
				bad: () => reply(null, { fds: [textFile("valid"), 9999] }),
				good: () => "still here",
			},
		});

		expect(await failure(client.call("bad"))).toMatchObject({
			remoteCode: "EBADF",
			remoteName: "SysError",
		});
		expect((await client.call("good")).value).toBe("still here");

		await client.close();
		expect(descriptorCount()).toBe(before);
	});

	test("answers a reply that cannot travel with an error", async ({ expect }) => {
		const client = clientOf({ m: () => ({ when: new Date() }) });

		expect(await failure(client.call("m"))).toMatchObject({
			remoteName: "TypeError",
			message: "an object of class Date cannot be sent (at .when)",
		});
	});

	test.for([
		[
			"thrown",
			() => {
				throw new DeviceError("busy", { by: ["pid 1"] });
			},
		],
		[
			"of a promise",
			async () => {
				throw new DeviceError("busy", { by: ["pid 1"] });
			},
		],
	] as const)(
		"answers with the error %s: code, name, message and data",
		async ([, handler], { expect }) => {
			expect(await failure(clientOf({ m: handler }).call("m"))).toMatchObject({
				code: "ERR_DEVICE_BUSY",
				remoteName: "DeviceError",
				message: "busy",
				data: { by: ["pid 1"] },
				remoteStack: undefined,
			});
		},
	);

	test("sends stacks when it is asked to", async ({ expect }) => {
		const client = clientOf(
			{
				m: () => {
					throw new Error("x");
				},
			},
			{ stacks: true },
		);

		expect(await failure(client.call("m"))).toMatchObject({
			remoteStack: expect.stringContaining("service-connection.test.ts"),
		});
	});

	test.for([
		["a string", "oops", { code: "ERR_UNCODED", remoteName: "string", message: "oops" }],
		["undefined", undefined, { remoteName: "undefined", message: "undefined" }],
		[
			"an object without text",
			Object.create(null),
			{ remoteName: "object", message: "object" },
		],
		["half a character", new Error("\ud800"), { message: "\ufffd" }],
		[
			"data that cannot travel",
			new DeviceError("x", { f: () => {} }),
			{ message: "x", data: undefined },
		],
		[
			"data that are too large",
			new DeviceError("x", ["y".repeat(2 ** 20)]),
			{ message: "x", data: undefined },
		],
	] as const)(
		"answers although what was thrown is %s",
		async ([, thrown, expected], { expect }) => {
			const client = clientOf({
				m: () => {
					throw thrown;
				},
			});

			expect(await failure(client.call("m"))).toMatchObject(expected);
		},
	);

	test("shortens a message of megabytes", async ({ expect }) => {
		const client = clientOf({
			m: () => {
				throw new Error("x".repeat(3 * 2 ** 20));
			},
		});

		expect((await failure(client.call("m"))).message.length).toBe(16_384);
	});

	test.for(["nope", "toString", "__proto__", "constructor"])(
		"has no method %s",
		async (name, { expect }) => {
			expect(await failure(clientOf({ a: () => 1, b: () => 2 }).call(name))).toMatchObject({
				code: "ERR_RPC_METHOD",
				message: `no method "${name}"; there are: a, b`,
			});
		},
	);

	test("answers once, also when a thenable that is no promise calls back twice", async ({
		expect,
	}) => {
		const { peer } = await greetedHostOf({
			twice: () => ({
				// oxlint-disable-next-line unicorn/no-thenable -- this is what it is about
				then: (resolve: (value: number) => void) => {
					resolve(1);
					resolve(2);
				},
			}),
		});

		peer.send({ type: CALL, id: 1, value: ["twice"] });
		peer.send({ type: PING });

		expect((await peer.expect(RESULT)).value).toBe(1);
		await peer.expect(PING);
	});

	test("works on several calls at once", async ({ expect }) => {
		const gates = new Map<unknown, PromiseWithResolvers<unknown>>();
		const client = clientOf({
			wait: (name) => {
				const gate = Promise.withResolvers<unknown>();
				gates.set(name, gate);
				return gate.promise;
			},
		});

		const calls = ["a", "b"].map((name) => client.call("wait", name));
		await until(() => gates.size === 2);
		for (const name of ["b", "a"]) gates.get(name)?.resolve(`${name} done`);

		expect((await Promise.all(calls)).map(({ value }) => value)).toEqual(["a done", "b done"]);
	});

	test("answers the first of many calls that come together before it begins the last", async ({
		expect,
	}) => {
		const log: string[] = [];
		const { peer } = await greetedHostOf({
			work: async (id) => {
				log.push(`begin ${String(id)}`);
				await Promise.resolve();
				log.push(`end ${String(id)}`);
			},
		});
		const ids = Array.from({ length: 20 }, (_, index) => index + 1);

		for (const id of ids) peer.send({ type: CALL, id, value: ["work", id] });
		for (const id of ids) expect(await peer.expect(RESULT)).toMatchObject({ id });

		expect(log.indexOf("end 1")).toBeLessThan(log.indexOf("begin 5"));
		expect(log.indexOf("end 5")).toBeLessThan(log.indexOf("begin 13"));
		expect(log.filter((entry) => entry.startsWith("begin"))).toHaveLength(20);
	});

	test("begins all calls that came before the host was gone", async ({ expect }) => {
		let begun = 0;
		const { peer, connection } = await greetedHostOf({
			work: () => {
				begun++;
				return new Promise(() => {});
			},
		});

		for (let id = 1; id <= 100; id++) peer.send({ type: CALL, id, value: ["work"] });
		await Promise.resolve(); // All are sent.
		peer.close();

		expect(await connection.ended).toEqual({ isOrderly: false, error: undefined });
		expect(begun).toBe(100);
	});
});

describe("a handler's signals", () => {
	test("come before its result, with descriptors that stay its own", async ({ expect }) => {
		using file = textFile("log");
		const client = clientOf({
			m: (_, call) => {
				for (const i of [0, 1, 2]) call.signalHost("progress", i);
				call.signalHost("file", null, { fds: [file], blob: Buffer.from("raw") });
				call.signalHost("bare");
				return "done";
			},
		});
		const seen: unknown[] = [];

		const onSignal = (signal: {
			name: string;
			value: unknown;
			fds: { length: number; fd(i: number): number };
		}): void => {
			seen.push([
				signal.name,
				signal.value,
				...(signal.fds.length > 0 ? [textOf(signal.fds.fd(0))] : []),
			]);
		};
		const { value } = await client.call("m", null, { onSignal });

		expect(value).toBe("done");
		expect(seen).toEqual([
			["progress", 0],
			["progress", 1],
			["progress", 2],
			["file", null, "log"],
			["bare", undefined],
		]);
		expect(file.isOpen).toBe(true);
	});

	test("all arrive, however many there are", async ({ expect }) => {
		const client = clientOf({
			m: async (_, call) => {
				for (let i = 0; i < 20_000; i++) {
					call.signalHost("n", i);
					if (i % 100 === 0) await call.ready();
				}
			},
		});
		const seen: unknown[] = [];

		await client.call("m", null, { onSignal: ({ value }) => void seen.push(value) });

		expect(seen).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
	});

	test("named progress are coalesced to the newest when the host does not read", async ({
		expect,
	}) => {
		const { peer } = await greetedHostOf({
			m: (_, call) => {
				for (let i = 0; i <= 2 * ahead; i++) call.signalHost("progress", i);
				call.signalHost("other");
				for (let i = 0; i <= 1000; i++) call.signalHost("progress", -i);
			},
		});
		peer.send({ type: CALL, id: 1, value: ["m"] });
		for (let i = 0; i < ahead; i++)
			expect((await peer.expect(SIGNAL)).value).toEqual(["progress", i]);

		peer.send({ type: CREDIT, id: 1, arg: 2 ** 20 });

		const rest = [
			await peer.expect(SIGNAL),
			await peer.expect(SIGNAL),
			await peer.expect(SIGNAL),
		];
		expect(rest.map(({ value }) => value)).toEqual([
			["progress", 2 * ahead],
			["other"],
			["progress", -1000],
		]);
		await peer.expect(RESULT);
	});

	test("that wait have descriptors of their own", async ({ expect }) => {
		const before = descriptorCount();
		const { peer } = await greetedHostOf({
			m: (_, call) => {
				for (let i = 0; i < ahead; i++) call.signalHost("x");
				using file = textFile("closed by now");
				call.signalHost("file", null, { fds: [file] });
			},
		});
		peer.send({ type: CALL, id: 1, value: ["m"] });
		for (let i = 0; i < ahead; i++) await peer.expect(SIGNAL);

		peer.send({ type: CREDIT, id: 1, arg: 1 });
		const { fds } = await peer.expect(SIGNAL);

		expect(textOf(fds.fd(0))).toBe("closed by now");
		fds.close();
		await peer.expect(RESULT);
		expect(descriptorCount()).toBe(before + 2);
	});

	test("do not keep those of other calls waiting", async ({ expect }) => {
		const { peer } = await greetedHostOf({
			chatty: (_, call) => {
				for (let i = 0; i < 3 * ahead; i++) call.signalHost("x", i);
			},
			quick: () => "here",
		});
		peer.send({ type: CALL, id: 1, value: ["chatty"] });
		peer.send({ type: CALL, id: 2, value: ["quick"] });

		for (let i = 0; i < ahead; i++) await peer.expect(SIGNAL);

		expect(await peer.expect(RESULT)).toMatchObject({ id: 2, value: "here" });
	});

	test("that cannot travel are the handler's mistake", async ({ expect }) => {
		const client = clientOf({ m: (_, call) => call.signalHost("x", new Date()) });

		expect(await failure(client.call("m"))).toMatchObject({ remoteName: "TypeError" });
	});

	test("that are too large are the handler's mistake, also when they would have to wait", async ({
		expect,
	}) => {
		const { peer } = await greetedHostOf({
			m: (_, call) => {
				for (let i = 0; i < ahead; i++) call.signalHost("x");
				call.signalHost("large", "x".repeat(2 ** 20));
				return reply(null, { fds: [textFile("x")] });
			},
		});
		peer.send({ type: CALL, id: 1, value: ["m"] });
		for (let i = 0; i < ahead; i++) await peer.expect(SIGNAL);

		peer.send({ type: CREDIT, id: 1, arg: 2 ** 20 });

		expect((await peer.expect(ERROR)).value).toMatchObject({ code: "ERR_RPC_LIMIT" });
	});

	test("after its end do nothing", async ({ expect }) => {
		let kept: HandlerCall | undefined;
		const { peer } = await greetedHostOf({ m: (_, call) => void (kept = call) });
		peer.send({ type: CALL, id: 1, value: ["m"] });
		await peer.expect(RESULT);

		kept?.signalHost("late");
		await kept?.ready();
		peer.send({ type: PING });

		expect((await peer.next()).type).toBe(PING);
	});
});

describe("a call that nobody waits for any more", () => {
	const waits = (_: unknown, { signal }: HandlerCall): Promise<never> =>
		new Promise((_resolve, reject) => {
			signal.addEventListener("abort", () => reject(signal.reason as Error));
		});

	test("tells its handler, and is answered all the same", async ({ expect }) => {
		const { peer } = await greetedHostOf({ waits });
		peer.send({ type: CALL, id: 5, value: ["waits"] });

		peer.send({ type: CANCEL, id: 5 });

		expect(await peer.expect(ERROR)).toMatchObject({
			id: 5,
			value: { code: "ERR_RPC_CANCELLED" },
		});
	});

	test("tells a listener, also one that comes later", async ({ expect }) => {
		const reasons: unknown[] = [];
		const { peer } = await greetedHostOf({
			m: async (_, call) => {
				await new Promise<void>((resolve) => {
					call.onAbort((reason) => resolve(void reasons.push(reason)));
				});
				call.onAbort((reason) => reasons.push(reason));
			},
		});
		peer.send({ type: CALL, id: 5, value: ["m"] });

		peer.send({ type: CANCEL, id: 5 });
		await peer.expect(RESULT);

		expect(reasons).toHaveLength(2);
		expect(reasons[0]).toMatchObject({ code: "ERR_RPC_CANCELLED" });
		expect(reasons[1]).toBe(reasons[0]);
	});

	test("passes its deadline in the service too", async ({ expect }) => {
		const { peer } = await greetedHostOf({ waits });

		peer.send({ type: CALL, id: 5, arg: 20, value: ["waits"] });

		expect(await peer.expect(ERROR)).toMatchObject({
			id: 5,
			value: { code: "ERR_RPC_TIMEOUT" },
		});
	});

	test("may end well", async ({ expect }) => {
		const gate = Promise.withResolvers<string>();
		const { peer } = await greetedHostOf({ m: () => gate.promise });
		peer.send({ type: CALL, id: 5, value: ["m"] });

		peer.send({ type: CANCEL, id: 5 });
		peer.send({ type: PING });
		await peer.expect(PING);
		gate.resolve("well");

		expect(await peer.expect(RESULT)).toMatchObject({ id: 5, value: "well" });
	});

	test("drops the signals that wait, and sends no more", async ({ expect }) => {
		const before = descriptorCount();
		const gate = Promise.withResolvers<void>();
		const { peer } = await greetedHostOf({
			m: async (_, call) => {
				using file = textFile("x");
				for (let i = 0; i < ahead + 36; i++) call.signalHost("x", i, { fds: [file] });
				await call.ready();
				call.signalHost("y");
				await gate.promise;
			},
		});
		peer.send({ type: CALL, id: 1, value: ["m"] });
		for (let i = 0; i < ahead; i++) (await peer.expect(SIGNAL)).fds.close();

		peer.send({ type: CANCEL, id: 1 });
		peer.send({ type: CREDIT, id: 1, arg: 2 ** 20 });
		gate.resolve();

		await peer.expect(RESULT);
		expect(descriptorCount()).toBe(before + 2);
	});

	test("has ended already: nothing happens", async ({ expect }) => {
		const { peer } = await greetedHostOf({ m: () => 1 });
		peer.send({ type: CALL, id: 1, value: ["m"] });
		await peer.expect(RESULT);

		peer.send({ type: CANCEL, id: 1 });
		peer.send({ type: CREDIT, id: 1, arg: 1 });
		peer.send({ type: PING, id: 3, arg: 4 });

		expect(await peer.expect(PING)).toMatchObject({ id: 3, arg: 4, flags: flagAnswer });
	});

	test("a signal that is asked for afterwards is aborted already", async ({ expect }) => {
		const gate = Promise.withResolvers<void>();
		const { peer } = await greetedHostOf({
			m: async (_, call) => {
				await gate.promise;
				return call.signal.aborted;
			},
		});
		peer.send({ type: CALL, id: 1, value: ["m"] });
		peer.send({ type: CANCEL, id: 1 });
		peer.send({ type: PING });
		await peer.expect(PING);

		gate.resolve();

		expect((await peer.expect(RESULT)).value).toBe(true);
	});
});

describe("a host that breaks the protocol ends the connection:", () => {
	test.for([
		["a call before WELCOME", false, { type: CALL, id: 1, value: ["m"] }],
		[
			"WELCOME with another protocol",
			false,
			{ type: WELCOME, value: { protocol: 2 } },
			"ERR_RPC_VERSION",
		],
		["WELCOME without one", false, { type: WELCOME, value: {} }],
		["a second WELCOME", true, { type: WELCOME, value: { protocol: 1 } }],
		["a call with id 0", true, { type: CALL, id: 0, value: ["m"] }],
		["a call without a method", true, { type: CALL, id: 1, value: [] }],
		["a call with a method that is no text", true, { type: CALL, id: 1, value: [1] }],
		["a call with too much", true, { type: CALL, id: 1, value: ["m", 1, 2] }],
		["a call without a body", true, { type: CALL, id: 1 }],
		["a result", true, { type: RESULT, id: 1 }],
		["HELLO", true, { type: HELLO }],
		["an answer to no ping", true, { type: PING, flags: flagAnswer }],
	] as const)("%s", async ([, isGreeted, message, code = "ERR_RPC_PROTOCOL"], { expect }) => {
		const before = descriptorCount();
		const { peer, connection } = isGreeted ? await greetedHostOf({}) : hostOf({});
		using file = textFile("x");
		const carries = message.type === CALL || message.type === RESULT;

		peer.send({ ...message, ...(carries ? { fds: [file] } : {}) });
		const end = await connection.ended;

		expect(end).toMatchObject({ isOrderly: false, error: { code } });
		expect(end.error?.message).toMatch(/^host: /);
		peer.close();
		file.close();
		expect(descriptorCount()).toBe(before);
	});

	test("a call with the id of one that is open", async ({ expect }) => {
		const { peer, connection } = await greetedHostOf({ m: () => new Promise(() => {}) });

		peer.send({ type: CALL, id: 1, value: ["m"] });
		peer.send({ type: CALL, id: 1, value: ["m"] });

		expect(await connection.ended).toMatchObject({
			error: { message: "host: CALL has an id that is not free (1)" },
		});
	});
});

describe("the end", () => {
	test("comes with BYE: handlers are told, and their answers still go out", async ({
		expect,
	}) => {
		const { peer, connection } = await greetedHostOf({
			m: (_, { signal }) =>
				new Promise((_resolve, reject) => {
					signal.addEventListener("abort", () => reject(signal.reason as Error));
				}),
		});
		peer.send({ type: CALL, id: 1, value: ["m"] });

		peer.send({ type: BYE });

		expect(await connection.ended).toEqual({ isOrderly: true, error: undefined });
		expect(await peer.expect(ERROR)).toMatchObject({
			id: 1,
			value: { code: "ERR_RPC_CLOSED" },
		});
		await connection.untilIdle(1000);
		await connection.leave({ error: new DeviceError("loop3 is busy") });
		expect(await peer.expect(ERROR)).toMatchObject({
			id: 0,
			value: { code: "ERR_DEVICE_BUSY" },
		});
		await peer.expect(BYE);
		expect(await peer.end).toBeUndefined();
	});

	test("comes when the host is gone: handlers are told", async ({ expect }) => {
		const reasons: unknown[] = [];
		const { peer, connection } = await greetedHostOf({
			m: (_, { signal }) =>
				new Promise<void>((resolve) => {
					signal.addEventListener("abort", () => {
						reasons.push(signal.reason);
						resolve();
					});
				}),
		});
		peer.send({ type: CALL, id: 1, value: ["m"] });
		peer.send({ type: PING });
		await peer.expect(PING);

		peer.close();

		expect(await connection.ended).toEqual({ isOrderly: false, error: undefined });
		await connection.untilIdle(1000);
		expect(reasons).toMatchObject([{ code: "ERR_RPC_CLOSED" }]);
	});

	test("does not wait longer than it is told for a handler that goes on", async ({ expect }) => {
		const { peer, connection } = await greetedHostOf({ m: () => new Promise(() => {}) });
		peer.send({ type: CALL, id: 1, value: ["m"] });
		peer.send({ type: BYE });
		await connection.ended;

		const begin = performance.now();
		await connection.untilIdle(30);

		expect(performance.now() - begin).toBeLessThan(1000);
	});

	test("in one process, close runs once and its failure reaches the host", async ({ expect }) => {
		let closes = 0;
		const { client } = serveInProcess({
			module: "m",
			version: "1",
			methods: {},
			close() {
				closes++;
				throw new DeviceError("still mounted");
			},
		});

		expect(await failure(client.close())).toMatchObject({
			code: "ERR_DEVICE_BUSY",
			message: "still mounted",
		});
		expect(closes).toBe(1);
	});
});
