import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, test } from "vitest";
import {
	DeviceManager,
	type DeviceEvent,
	type DeviceManagerOptions,
} from "../src/device-manager.ts";
import { parseJson } from "../src/json.ts";
import {
	failureOf,
	fails,
	FakeService,
	remoteError,
	rpcError,
	turns,
	untilCancelled,
	type Behaviour,
} from "./fake-service.ts";

const run = { run: "r1", tree: 10, devices: 11 };
const spec = { type: "t" };

function managerOf(
	behaviours: Record<string, Behaviour> = {},
	options: Partial<DeviceManagerOptions> = {},
): { manager: DeviceManager; service: FakeService; events: DeviceEvent[] } {
	const service = new FakeService(behaviours);
	const events: DeviceEvent[] = [];
	const onEvent = (event: DeviceEvent): void => void events.push(event);
	const manager = new DeviceManager({ service: () => service, ...run, onEvent, ...options });
	return { manager, service, events };
}

/** a; b on a; c on b; d; e on d. */
const forest = {
	a: spec,
	b: { ...spec, parent: "a" },
	c: { ...spec, parent: "b" },
	d: spec,
	e: { ...spec, parent: "d" },
};

describe("opening", () => {
	test("begins once, with the run and its directories, before anything else", async ({
		expect,
	}) => {
		const begins: unknown[] = [];
		const { manager, service } = managerOf({ begin: ({ fds }) => void begins.push(fds) });

		await manager.open({ a: spec, b: spec });
		await manager.open({ c: spec });

		expect(begins).toEqual([[10, 11]]);
		const calls = service.log.filter((line) => !line.endsWith(" done"));
		expect(calls).toEqual(["begin", "open a", "open b", "open c"]);
	});

	test("returns what the service answered, under the device's name", async ({ expect }) => {
		const details = { tag: "x" };
		const node = { major: 7, minor: 3 };
		const { manager } = managerOf({ "open a": () => ({ path: "loop3", node, details }) });

		const opened = await manager.open({ a: { type: "devhost.loopback" } });

		expect(opened.get("a")).toMatchObject({
			name: "a",
			type: "devhost.loopback",
			path: "loop3",
			node,
			details,
		});
		expect([...opened].map(({ name }) => name)).toEqual(["a"]);
		expect(() => opened.get("b")).toThrow("b: no such device, only a");
	});

	test("sends options as plain values, and the parent's path and node", async ({ expect }) => {
		const { manager, service } = managerOf();
		const options = parseJson('{"start":2048.0,"filename":"disk.img"}');

		await manager.open({ a: { ...spec, options }, b: { ...spec, parent: "a" } });

		expect(service.requests.get("a")).toEqual({
			name: "a",
			type: "t",
			options: { start: 2048, filename: "disk.img" },
		});
		expect(service.requests.get("b")).toEqual({
			name: "b",
			type: "t",
			parents: [{ path: "dev-a", node: { major: 7, minor: 0 } }],
		});
	});

	test("opens a device when all of its parents are open, and sends them in order", async ({
		expect,
	}) => {
		const { manager, service } = managerOf({ "open a": () => turns(5) });

		const opened = await manager.open({
			c: { ...spec, parents: ["b", "a"] },
			a: spec,
			b: spec,
		});

		expect(service.log.join(", ")).toBe(
			"begin, begin done, open a, open b, open b done, open a done, open c, open c done",
		);
		expect(service.requests.get("c")?.parents?.map(({ path }) => path)).toEqual([
			"dev-b",
			"dev-a",
		]);
		expect(opened.get("c").parents).toEqual(["b", "a"]);
		expect(opened.get("a").parents).toEqual([]);
	});

	test("opens nothing on a device of which one parent fails, and closes the other", async ({
		expect,
	}) => {
		const { manager, service } = managerOf({
			"open a": fails(remoteError("ERR_DEVICE_FILE", "a: no such file")),
		});
		const devices = { a: spec, b: spec, c: { ...spec, parents: ["b", "a"] } };

		const error = await failureOf(manager.open(devices));

		expect(error).toMatchObject({ code: "ERR_DEVICE_FILE", device: "a", alsoFailed: [] });
		expect(service.requests.has("c")).toBe(false);
		expect(service.left).toEqual([]);
	});

	test("opens parents first and everything else at once", async ({ expect }) => {
		const { manager, service } = managerOf({ "open a": () => turns(5) });

		await manager.open(forest);

		expect(service.log.join(", ")).toBe(
			"begin, begin done, open a, open d, open d done, open e, open e done, " +
				"open a done, open b, open b done, open c, open c done",
		);
	});

	test("takes devices of an earlier call for parents", async ({ expect }) => {
		const { manager, service } = managerOf();
		await manager.open({ a: spec });

		await manager.open({ b: { ...spec, parent: "a" } });

		expect(service.requests.get("b")?.parents?.[0]?.path).toBe("dev-a");
	});

	test("asks for the service of each type", async ({ expect }) => {
		const services = { x: new FakeService(), y: new FakeService() };
		const manager = new DeviceManager({
			...run,
			service: async (type) => (type === "x" ? services.x : services.y),
		});

		await manager.open({ a: { type: "x" }, b: { type: "y", parent: "a" } });

		expect(services.x.log).toContain("open a done");
		expect(services.y.log).toContain("open b done");
	});

	test("never has more calls under way than a service takes", async ({ expect }) => {
		let running = 0;
		let most = 0;
		const names = Array.from({ length: 500 }, (_, index) => `d${index}`);
		const slow = async (): Promise<void> => {
			running += 1;
			most = Math.max(most, running);
			await turns(1);
			running -= 1;
		};
		const { manager } = managerOf(
			Object.fromEntries(names.map((name) => [`open ${name}`, slow])),
		);

		await manager.open(new Map(names.map((name) => [name, spec])));

		expect(most).toBe(32);
		expect(manager.opened).toHaveLength(500);
	});

	test("tells what happens, with durations", async ({ expect }) => {
		const { manager, events } = managerOf({
			"open a": ({ onSignal }) => onSignal?.({ name: "log", value: "bound loop3" }),
		});

		await manager.open({ a: spec });
		await manager.close();

		expect(events.map(({ type, name }) => `${type} ${name}`)).toEqual([
			"opening a",
			"log a",
			"open a",
			"closing a",
			"closed a",
		]);
		expect(events[1]).toMatchObject({ text: "bound loop3" });
		expect(events[2]).toMatchObject({ ms: expect.any(Number), device: { path: "dev-a" } });
	});

	test("passes the limits on: the device's own to the service", async ({ expect }) => {
		const seen: unknown[] = [];
		const note: Behaviour = ({ timeoutMs }) => void seen.push(timeoutMs);
		const options = { openTimeoutMs: 5, closeTimeoutMs: 7 };
		const { manager } = managerOf({ "open a": note, "close a": note }, options);

		await manager.open({ a: spec });
		await manager.close();

		expect(seen).toEqual([5, 7]);
	});
});

describe("refusing", () => {
	test("opens nothing when something is wrong with the graph, and says everything", async ({
		expect,
	}) => {
		const types = new Map([["t", { parent: "none" as const }]]);
		const { manager, service } = managerOf({}, { types });

		const error = await failureOf(
			manager.open({ "-": spec, a: { type: "u" }, b: { ...spec, parent: "b" } }),
		);

		expect(error.code).toBe("ERR_DEVICE_NAME");
		expect(error.device).toBe("-");
		expect(error.problems.map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
			"ERR_DEVICE_NAME /devices/-",
			"ERR_DEVICE_TYPE /devices/a/type",
			"ERR_DEVICE_PARENT /devices/b/parent",
			"ERR_DEVICE_CYCLE /devices/b/parent",
		]);
		expect(service.log).toEqual([]);
	});

	test("refuses names that are open or being opened", async ({ expect }) => {
		const { manager } = managerOf({ "open b": () => turns(3) });
		await manager.open({ a: spec });
		const opening = manager.open({ b: spec });

		expect(await failureOf(manager.open({ a: spec }))).toMatchObject({
			code: "ERR_DEVICE_NAME",
		});
		expect(await failureOf(manager.open({ b: spec }))).toMatchObject({
			code: "ERR_DEVICE_NAME",
		});
		await opening;
	});

	test("opens nothing once closed", async ({ expect }) => {
		const { manager, service } = managerOf();
		await manager.close();

		expect(await failureOf(manager.open({ a: spec }))).toMatchObject({
			code: "ERR_DEVICE_CLOSED",
		});
		expect(service.log).toEqual([]);
	});

	test.for([
		["nothing", null],
		["no node", { path: "loop3" }],
		["a path that leaves the directory", { path: "../sda", node: { major: 8, minor: 0 } }],
		["an absolute path", { path: "/dev/sda", node: { major: 8, minor: 0 } }],
		["an empty path", { path: "", node: { major: 8, minor: 0 } }],
		["half a number", { path: "loop3", node: { major: 7, minor: 0.5 } }],
	])("refuses %s as an answer, and has the device closed", async ([, answer], { expect }) => {
		const { manager, service } = managerOf();
		service.call = async (method, params) => {
			service.log.push(`${method} ${(params as { name?: string }).name ?? ""}`.trim());
			return { value: method === "open" ? answer : null, [Symbol.dispose]() {} };
		};

		const error = await failureOf(manager.open({ a: spec }));

		expect(error).toMatchObject({ code: "ERR_DEVICE_SERVICE", device: "a" });
		expect(service.log).toEqual(["begin", "open a", "close a"]);
	});
});

describe("failing", () => {
	test("keeps what the service said", async ({ expect }) => {
		const cause = remoteError("ERR_DEVICE_OPTIONS", "a: start: 1.5, expected a whole number", {
			device: "a",
			pointer: "/start",
			problems: [{ code: "ERR_DEVICE_OPTIONS", pointer: "/start", message: "start: 1.5" }],
			details: { limit: 3 },
		});
		const { manager } = managerOf({ "open a": fails(cause) });

		const error = await failureOf(manager.open({ a: spec }));

		expect(error).toMatchObject({
			code: "ERR_DEVICE_OPTIONS",
			message: "a: start: 1.5, expected a whole number",
			device: "a",
			pointer: "/start",
			problems: [{ pointer: "/start" }],
			details: { limit: 3 },
			cause,
		});
	});

	test("keeps the holders of a busy device and drops what is none", async ({ expect }) => {
		const holder = { kind: "process", pid: 1, command: "init", path: "/dev/loop3" };
		const cause = remoteError("ERR_DEVICE_BUSY", "a: still in use", {
			holders: [holder, { kind: "x" }],
		});
		const { manager } = managerOf({ "open a": fails(cause) });

		const error = await failureOf(manager.open({ a: spec }));

		expect(error).toMatchObject({ code: "ERR_DEVICE_BUSY", holders: [holder] });
	});

	test.for([
		[remoteError("EWHAT", "boom"), "ERR_DEVICE_SERVICE", "a: DeviceError: boom"],
		[rpcError("ERR_RPC_TIMEOUT"), "ERR_DEVICE_TIMEOUT", "a: rpc: ERR_RPC_TIMEOUT"],
		[rpcError("ERR_RPC_SERVICE_ENDED"), "ERR_DEVICE_SERVICE", "a: rpc: ERR_RPC_SERVICE_ENDED"],
		[new Error("no"), "ERR_DEVICE_SERVICE", "a: no"],
		[new TypeError("cannot be sent"), "ERR_DEVICE_OPTIONS", "a: cannot be sent"],
	] as const)("turns %s into %s", async ([cause, code, message], { expect }) => {
		const { manager } = managerOf({ "open a": fails(cause) });

		const error = await failureOf(manager.open({ a: spec }));

		expect(error).toMatchObject({ name: "DeviceError", code, message, device: "a", cause });
	});

	test("reports a service that cannot be had, and opens nothing else", async ({ expect }) => {
		const cause = rpcError("ERR_RPC_SERVICE_START");
		const { manager, events } = managerOf({}, { service: () => Promise.reject(cause) });

		const error = await failureOf(manager.open({ a: spec, b: { ...spec, parent: "a" } }));

		expect(error).toMatchObject({ code: "ERR_DEVICE_SERVICE", device: "a", cause });
		expect(events.map(({ type, name }) => `${type} ${name}`)).toEqual([
			"opening a",
			"failed a",
		]);
	});

	test("reports a failing begin as the cause, once", async ({ expect }) => {
		const { manager, service } = managerOf({
			begin: fails(remoteError("ERR_DEVICE_SERVICE", "begin: no")),
			"open a": fails(remoteError("ERR_DEVICE_SERVICE", "open was called before begin")),
		});

		const error = await failureOf(manager.open({ a: spec }));

		expect(error).toMatchObject({ message: "begin: no", alsoFailed: [], closeFailures: [] });
		expect(service.left).toEqual([]);
	});

	test("closes what was opened, last completed first, and reports the first cause first", async ({
		expect,
	}) => {
		const { manager, service, events } = managerOf({
			"open a": () => turns(2),
			"open c": fails(remoteError("ERR_DEVICE_FILE", "c: no such file")),
		});

		const error = await failureOf(manager.open(forest));

		expect(error).toMatchObject({
			code: "ERR_DEVICE_FILE",
			message: "c: no such file",
			device: "c",
		});
		expect(
			service.log.filter((line) => line.startsWith("close") && !line.endsWith("done")),
		).toEqual(["close b", "close a", "close e", "close d"]);
		expect(service.left).toEqual([]);
		expect(manager.opened).toEqual([]);
		expect(events.filter(({ type }) => type === "failed")).toMatchObject([
			{ name: "c", during: "open", error: { code: "ERR_DEVICE_FILE" } },
		]);
	});

	test("cancels what is still being opened, waits for it, and has it closed", async ({
		expect,
	}) => {
		const { manager, service } = managerOf({
			"open a": fails(remoteError("ERR_DEVICE_FILE", "a: no such file")),
			"open b": untilCancelled,
			"close b": () => turns(3),
		});

		const error = await failureOf(manager.open({ a: spec, b: spec }));

		expect(error).toMatchObject({ device: "a", alsoFailed: [], closeFailures: [] });
		expect(service.log.slice(-2)).toEqual(["close b", "close b done"]);
	});

	test("closes also what was completed although it was told to stop", async ({ expect }) => {
		const { manager, service } = managerOf({
			"open a": fails(remoteError("ERR_DEVICE_FILE", "a: no such file")),
			"open b": () => turns(3),
		});

		await failureOf(manager.open({ a: spec, b: spec }));

		expect(service.log).toContain("open b done");
		expect(service.left).toEqual([]);
	});

	test("does not begin children of what failed", async ({ expect }) => {
		const { manager, service } = managerOf({
			"open a": fails(remoteError("ERR_DEVICE_FILE", "a: no")),
		});

		await failureOf(manager.open({ a: spec, b: { ...spec, parent: "a" } }));

		expect(service.log).not.toContain("open b");
	});

	test("attaches what else failed by itself, and what could not be closed", async ({
		expect,
	}) => {
		const { manager } = managerOf({
			"open a": fails(remoteError("ERR_DEVICE_FILE", "a: first")),
			"open b": async () => {
				await turns(2);
				throw remoteError("ERR_DEVICE_NO_FREE", "b: second");
			},
			"open c": untilCancelled,
			"close c": fails(remoteError("ERR_DEVICE_BUSY", "c: still in use")),
			"close d": fails(remoteError("ERR_DEVICE_CLOSE", "d: stuck")),
		});

		const error = await failureOf(manager.open({ d: spec, a: spec, b: spec, c: spec }));

		expect(error.message).toBe("a: first");
		expect(error.alsoFailed.map(({ message }) => message)).toEqual(["b: second"]);
		expect(error.closeFailures.map(({ message }) => message)).toEqual([
			"c: still in use",
			"d: stuck",
		]);
	});

	test("keeps what a service could not undo of what it was told to stop", async ({ expect }) => {
		const closeFailures = [{ code: "ERR_DEVICE_BUSY", message: "b: still in use" }];
		const { manager } = managerOf({
			"open a": fails(remoteError("ERR_DEVICE_FILE", "a: first")),
			"open b": async () => {
				await turns(1);
				throw remoteError("ERR_DEVICE_CANCELLED", "b: opening was cancelled", {
					closeFailures,
				});
			},
		});

		const error = await failureOf(manager.open({ a: spec, b: spec }));

		expect(error).toMatchObject({ message: "a: first", alsoFailed: [], closeFailures });
	});

	test("keeps the first cause when the caller gives up meanwhile", async ({ expect }) => {
		const controller = new AbortController();
		const { manager } = managerOf({
			"open a": fails(remoteError("ERR_DEVICE_FILE", "a: first")),
			"open b": async () => {
				await turns(2);
				controller.abort();
				await turns(2);
			},
		});

		const error = await failureOf(
			manager.open({ a: spec, b: spec }, { signal: controller.signal }),
		);

		expect(error).toMatchObject({ code: "ERR_DEVICE_FILE", message: "a: first" });
	});

	test("stops the others before it undoes what failed", async ({ expect }) => {
		const { manager } = managerOf({
			"open a": fails(rpcError("ERR_RPC_TIMEOUT")),
			"close a": () => turns(5),
			"open b": async ({ signal }) => {
				await turns(2);
				if (!signal?.aborted) throw new Error("was not told");
				throw remoteError("ERR_DEVICE_FILE", "b: second");
			},
		});

		const error = await failureOf(manager.open({ a: spec, b: spec }));

		expect(error).toMatchObject({ code: "ERR_DEVICE_TIMEOUT", device: "a" });
		expect(error.alsoFailed).toMatchObject([{ message: "b: second" }]);
	});

	test("leaves devices of earlier calls open", async ({ expect }) => {
		const { manager, service } = managerOf({
			"open b": fails(remoteError("ERR_DEVICE_FILE", "b: no")),
		});
		await manager.open({ a: spec });

		await failureOf(manager.open({ b: { ...spec, parent: "a" } }));

		expect(service.left).toEqual(["a"]);
	});

	test("can open again after a failure, under the same names", async ({ expect }) => {
		const { manager, service } = managerOf({
			"open b": fails(remoteError("ERR_DEVICE_FILE", "b: no")),
		});
		await failureOf(manager.open({ a: spec, b: spec }));
		delete service.behaviours["open b"];

		await manager.open({ a: spec, b: spec });

		expect(service.left.toSorted()).toEqual(["a", "b"]);
	});

	test("reports the end of a service once, and does not call it again", async ({ expect }) => {
		const ended = rpcError("ERR_RPC_SERVICE_ENDED");
		const { manager, service, events } = managerOf({
			"open a": async () => {
				await turns(1);
				throw ended;
			},
			"open b": async () => {
				await turns(1);
				throw ended;
			},
		});

		const error = await failureOf(manager.open({ a: spec, b: spec }));

		expect(error).toMatchObject({
			code: "ERR_DEVICE_SERVICE",
			alsoFailed: [],
			closeFailures: [],
		});
		expect(service.log.filter((line) => line.startsWith("close"))).toEqual([]);
		expect(events.filter(({ type }) => type === "failed")).toHaveLength(2);
	});

	test.for(["open", "close"] as const)(
		"leaves nothing whichever %s fails, and tells each failure",
		async (method, { expect }) => {
			for (const name of Object.keys(forest)) {
				const failing = {
					[`${method} ${name}`]: fails(remoteError("ERR_DEVICE_FILE", `${name}: no`)),
				};
				const { manager, service } = managerOf(failing);

				const error = await failureOf(
					manager.open(forest).then((opened) => opened.close()),
				);

				expect(error.device).toBe(name);
				expect(service.left).toEqual([]);
				expect(manager.opened).toEqual([]);
			}
		},
	);
});

describe("ending early", () => {
	test("opens nothing for a signal that has aborted", async ({ expect }) => {
		const { manager, service } = managerOf();
		const reason = new Error("Ctrl-C");

		const error = await failureOf(
			manager.open({ a: spec }, { signal: AbortSignal.abort(reason) }),
		);

		expect(error).toMatchObject({ code: "ERR_DEVICE_CANCELLED", cause: reason });
		expect(service.log).toEqual([]);
	});

	test("stops for the caller's signal and closes what was opened", async ({ expect }) => {
		const controller = new AbortController();
		const { manager, service } = managerOf({
			"open b": (options) => {
				setImmediate(() => controller.abort(new Error("Ctrl-C")));
				return untilCancelled(options);
			},
		});

		const error = await failureOf(
			manager.open({ a: spec, b: spec }, { signal: controller.signal }),
		);

		expect(error).toMatchObject({ code: "ERR_DEVICE_CANCELLED", cause: { message: "Ctrl-C" } });
		expect(service.log.slice(-4)).toEqual([
			"close b",
			"close b done",
			"close a",
			"close a done",
		]);
	});

	test("stops at the deadline of the whole call", async ({ expect }) => {
		const { manager, service } = managerOf({ "open b": untilCancelled });

		const error = await failureOf(manager.open({ a: spec, b: spec }, { timeoutMs: 20 }));

		expect(error).toMatchObject({
			code: "ERR_DEVICE_TIMEOUT",
			message: "not everything was open within 20 ms",
		});
		expect(service.left).toEqual([]);
	});

	test("may take as long as it likes", async ({ expect }) => {
		const { manager } = managerOf({ "open a": () => turns(5) });

		await manager.open({ a: spec }, { timeoutMs: Infinity });
		await manager.open({ b: spec }, { timeoutMs: 2 ** 40 });

		expect(manager.opened).toHaveLength(2);
	});

	test("has a device closed whose own deadline passed", async ({ expect }) => {
		const { manager, service } = managerOf({ "open a": fails(rpcError("ERR_RPC_TIMEOUT")) });

		const error = await failureOf(manager.open({ a: spec }));

		expect(error).toMatchObject({ code: "ERR_DEVICE_TIMEOUT", device: "a" });
		expect(service.log.slice(-2)).toEqual(["close a", "close a done"]);
	});

	test("stops when the manager is closed, which waits for it", async ({ expect }) => {
		const { manager, service } = managerOf({ "open b": untilCancelled });
		const opening = failureOf(manager.open({ a: spec, b: spec }));
		await turns(1);

		await manager.close();

		expect(service.left).toEqual([]);
		expect(await opening).toMatchObject({ code: "ERR_DEVICE_CLOSED" });
	});

	test("keeps no timer and no listener", async ({ expect }) => {
		const { signal } = new AbortController();
		const timers = (): number =>
			process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
		const { manager } = managerOf();
		const before = timers();

		await manager.open({ a: spec }, { signal, timeoutMs: 60_000 });

		expect(getEventListeners(signal, "abort")).toEqual([]);
		expect(timers()).toBe(before);
	});
});

describe("closing", () => {
	test("is the reverse of the order of completion", async ({ expect }) => {
		const slow = {
			"close a": () => turns(2),
			"close e": () => turns(2),
			"open a": () => turns(5),
		};
		const { manager, service } = managerOf(slow);
		await manager.open(forest);
		const before = service.log.length;

		await manager.close();

		const closing = service.log.slice(before).filter((line) => !line.endsWith("done"));
		expect(closing).toEqual(["c", "b", "a", "e", "d"].map((name) => `close ${name}`));
	});

	test("is at once for devices that were opened at once", async ({ expect }) => {
		const { manager, service } = managerOf({
			"close a": () => turns(3),
			"close b": () => turns(3),
		});
		await manager.open({ a: spec, b: spec });
		const before = service.log.length;

		await manager.close();

		expect(service.log.slice(before)).toEqual([
			"close b",
			"close a",
			"close b done",
			"close a done",
		]);
	});

	test("waits for what was opened later, whether it is known to stand on the device or not", async ({
		expect,
	}) => {
		const { manager, service } = managerOf({ "close later": () => turns(5) });
		await manager.open({ a: spec, b: spec });
		await manager.open({ later: spec });
		const before = service.log.length;

		await manager.close(["a", "later", "b"]);

		expect(service.log.slice(before, before + 2)).toEqual(["close later", "close later done"]);
		expect(manager.opened).toEqual([]);
	});

	test("is the reverse of completion for random graphs and speeds", async ({ expect }) => {
		const node = fc.tuple(fc.array(fc.nat(), { maxLength: 3 }), fc.nat({ max: 4 }));
		const graph = fc.array(node, { minLength: 1, maxLength: 12 });
		await fc.assert(
			fc.asyncProperty(graph, async (nodes) => {
				const specs = new Map(
					nodes.map(([beneath], index) => {
						const earlier =
							index === 0 ? [] : beneath.map((each) => `d${each % index}`);
						return [`d${index}`, { ...spec, parents: [...new Set(earlier)] }];
					}),
				);
				const speeds = nodes.map(([, count], index) => [
					`open d${index}`,
					() => turns(count),
				]);
				const { manager, service } = managerOf(Object.fromEntries(speeds));

				await using opened = await manager.open(specs);
				await opened.close();

				const named = (pattern: RegExp): (string | undefined)[] =>
					service.log.flatMap((line) => pattern.exec(line)?.[1] ?? []);
				const completed = named(/^open (\w+) done$/);
				expect(named(/^close (\w+)$/)).toEqual(completed.toReversed());
				for (const [name, { parents }] of specs) {
					for (const parent of parents) {
						expect(service.log.indexOf(`open ${parent} done`)).toBeLessThan(
							service.log.indexOf(`open ${name}`),
						);
					}
				}
			}),
			{ numRuns: 50 },
		);
	});

	test("of one device closes its children first, of later calls too", async ({ expect }) => {
		const { manager, service } = managerOf();
		const shared = await manager.open({ a: spec, z: spec });
		await manager.open({ b: { ...spec, parent: "a" } });
		await manager.open({ c: { ...spec, parent: "b" } });
		const before = service.log.length;

		await shared.close("a");

		expect(service.log.slice(before).filter((line) => !line.endsWith("done"))).toEqual([
			"close c",
			"close b",
			"close a",
		]);
		expect(manager.opened.map(({ name }) => name)).toEqual(["z"]);
	});

	test("of any parent closes the device first", async ({ expect }) => {
		const { manager, service } = managerOf();
		const shared = await manager.open({ a: spec, b: spec });
		await manager.open({ c: { ...spec, parents: ["a", "b"] } });
		const before = service.log.length;

		await shared.close("b");

		expect(service.log.slice(before).filter((line) => !line.endsWith("done"))).toEqual([
			"close c",
			"close b",
		]);
		expect(manager.opened.map(({ name }) => name)).toEqual(["a"]);
	});

	test("of a device on which another is being opened ends that first", async ({ expect }) => {
		const { manager, service } = managerOf({ "open b": untilCancelled });
		const shared = await manager.open({ a: spec });
		const opening = failureOf(manager.open({ b: { ...spec, parent: "a" }, c: spec }));
		await turns(1);

		await shared.close();

		expect(await opening).toMatchObject({ code: "ERR_DEVICE_CLOSED", device: "a" });
		expect(service.log.indexOf("close b done")).toBeLessThan(service.log.indexOf("close a"));
		expect(service.left).toEqual([]);
	});

	test("of a device keeps others from being opened on it", async ({ expect }) => {
		const { manager, service } = managerOf({ "close a": () => turns(2) });
		const shared = await manager.open({ a: spec });
		const closing = shared.close();
		await turns(1);

		const error = await failureOf(manager.open({ b: { ...spec, parent: "a" } }));

		expect(error).toMatchObject({ code: "ERR_DEVICE_CLOSED", device: "a" });
		expect(service.log).not.toContain("open b");
		await closing;
	});

	test("happens once", async ({ expect }) => {
		const { manager, service } = managerOf({ "close a": () => turns(2) });
		const opened = await manager.open({ a: spec });

		await Promise.all([opened.close(), opened.close("a"), manager.close()]);
		await opened.close();
		await manager.close();

		expect(service.log.filter((line) => line === "close a")).toHaveLength(1);
	});

	test("goes on after a failure and reports all, the first one first, once", async ({
		expect,
	}) => {
		const { manager, service, events } = managerOf({
			"close c": fails(remoteError("ERR_DEVICE_BUSY", "c: still in use")),
			"close a": fails(remoteError("ERR_DEVICE_CLOSE", "a: stuck")),
		});
		const opened = await manager.open({ a: spec, b: spec, c: spec });

		const error = await failureOf(opened.close());

		expect(error).toMatchObject({ code: "ERR_DEVICE_BUSY", device: "c" });
		expect(error.closeFailures.map(({ device }) => device)).toEqual(["a"]);
		expect(service.left).toEqual([]);
		expect(events.filter(({ type }) => type === "failed")).toMatchObject([
			{ name: "c", during: "close" },
			{ name: "a", during: "close" },
		]);
		await opened.close();
	});

	test("hurries what a device stands on that is in use, and nothing else", async ({ expect }) => {
		const busy = fails(remoteError("ERR_DEVICE_BUSY", "c: still in use"));
		const { manager, service } = managerOf({
			"close c": busy,
			"close b": busy,
			"close e": fails(remoteError("ERR_DEVICE_CLOSE", "e: lost")),
		});
		await manager.open(forest);

		await failureOf(manager.close());

		expect(service.closed.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
			{ name: "a", hurry: true },
			{ name: "b", hurry: true },
			{ name: "c" },
			{ name: "d" },
			{ name: "e" },
		]);
	});

	test("of devices whose service ended reports that once", async ({ expect }) => {
		const ended = fails(rpcError("ERR_RPC_SERVICE_ENDED"));
		const { manager } = managerOf({ "close a": ended, "close b": ended });
		await manager.open({ a: spec, b: spec });

		const error = await failureOf(manager.close());

		expect(error).toMatchObject({ code: "ERR_DEVICE_SERVICE", device: "b", closeFailures: [] });
	});

	test("makes the names usable again", async ({ expect }) => {
		const { manager, service } = managerOf();

		await (await manager.open({ a: spec })).close();
		await manager.open({ a: spec });

		expect(service.left).toEqual(["a"]);
	});

	test("is what `await using` does", async ({ expect }) => {
		const { manager, service } = managerOf();
		{
			await using opened = await manager.open({ a: spec });
			expect(opened.names).toEqual(["a"]);
		}

		expect(service.left).toEqual([]);
	});
});

test("a listener may close, too, and everything is closed once", async ({ expect }) => {
	const further: Promise<void>[] = [];
	const { manager, service } = managerOf(
		{},
		{
			onEvent: ({ type }) => {
				if (type === "closing") further.push(manager.close(["a", "b"]));
			},
		},
	);
	await manager.open({ a: spec, b: spec });
	const before = service.log.length;

	await manager.close();
	await Promise.all(further);

	const closing = service.log.slice(before).filter((line) => !line.endsWith("done"));
	expect(closing).toEqual(["close b", "close a"]);
	expect(further).toHaveLength(2);
});

test("a listener that throws neither stops closing nor goes unseen", async ({ expect }) => {
	const { manager, service } = managerOf(
		{},
		{
			onEvent: ({ type }) => {
				if (type === "closing") throw new Error("listener");
			},
		},
	);
	const listeners = process.rawListeners("uncaughtException");
	process.removeAllListeners("uncaughtException");
	const uncaught = new Promise((resolve) => process.once("uncaughtException", resolve));
	await manager.open({ a: spec });

	await manager.close();

	expect(service.left).toEqual([]);
	expect(await uncaught).toMatchObject({ message: "listener" });
	for (const listener of listeners) process.on("uncaughtException", listener as () => void);
});
