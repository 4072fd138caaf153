import { describe, test } from "vitest";
import { DeviceManager, type DeviceEvent } from "../src/device-manager.ts";
import type { DeviceServiceClient } from "../src/device-client.ts";
import { GroupedCalls } from "../src/grouped-calls.ts";
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

const spec = { type: "t" };

function managerOf(
	behaviours: Record<string, Behaviour> = {},
	service: DeviceServiceClient = new FakeService(behaviours, { takesGroups: true }),
): { manager: DeviceManager; service: FakeService; events: DeviceEvent[] } {
	const events: DeviceEvent[] = [];
	const manager = new DeviceManager({
		service: () => service,
		run: "r1",
		tree: 10,
		devices: 11,
		onEvent: (event) => void events.push(event),
	});
	return { manager, service: service as FakeService, events };
}

function names(count: number): string[] {
	return Array.from({ length: count }, (_, index) => `d${index}`);
}

describe("devices that are opened and closed at once", () => {
	test("travel together, each with its own result", async ({ expect }) => {
		const { manager, service } = managerOf();

		const opened = await manager.open({ a: spec, b: spec, c: spec });
		await opened.close();

		expect(service.groups).toEqual([
			["a", "b", "c"],
			["c", "b", "a"],
		]);
		expect([...opened].map(({ name, path }) => [name, path])).toEqual([
			["a", "dev-a"],
			["b", "dev-b"],
			["c", "dev-c"],
		]);
		expect(service.left).toEqual([]);
	});

	test("travel alone where there is one", async ({ expect }) => {
		const { manager, service } = managerOf();

		await using opened = await manager.open({ a: spec, b: { ...spec, parent: "a" } });
		await opened.close();

		expect(service.groups).toEqual([]);
		expect(service.log.filter((line) => !line.endsWith("done"))).toEqual([
			"begin",
			"open a",
			"open b",
			"close b",
			"close a",
		]);
	});

	test("do not travel with those that somebody else opens", async ({ expect }) => {
		const { manager, service } = managerOf({
			"open a": fails(remoteError("ERR_DEVICE_FILE", "a: no")),
			"open c": () => turns(3),
		});

		const failure = failureOf(manager.open({ a: spec, b: spec }));
		const opened = await manager.open({ c: spec, d: spec });

		expect(await failure).toMatchObject({ device: "a" });
		expect(service.groups.slice(0, 2)).toEqual([
			["a", "b"],
			["c", "d"],
		]);
		expect([...opened].map(({ name }) => name)).toEqual(["c", "d"]);
		expect(service.left.toSorted()).toEqual(["c", "d"]);
	});

	test("travel alone with their descriptors", async ({ expect }) => {
		const service = new FakeService({}, { takesGroups: true });
		const calls = new GroupedCalls(service);

		await Promise.all(
			["a", "b"].map((name) => calls.call("open", { name, type: "t" }, { fds: [1] })),
		);

		expect(service.groups).toEqual([]);
		expect(service.left).toEqual(["a", "b"]);
	});

	test("are 32 in a call, and not more than two calls at once", async ({ expect }) => {
		let running = 0;
		let most = 0;
		const slow = async (): Promise<void> => {
			running += 1;
			most = Math.max(most, running);
			await turns(1);
			running -= 1;
		};
		const many = names(100);
		const { manager, service } = managerOf(
			Object.fromEntries(many.map((name) => [`open ${name}`, slow])),
		);

		await manager.open(new Map(many.map((name) => [name, spec])));

		expect(service.groups.map((group) => group.length)).toEqual([32, 32, 32, 4]);
		expect(most).toBe(64);
		expect(manager.opened).toHaveLength(100);
	});

	test("are told of as soon as each is done", async ({ expect }) => {
		const { manager, service } = managerOf({ "open slow": () => turns(20) });

		await manager.open({ a: spec, slow: spec, above: { ...spec, parent: "a" } });

		expect(service.groups).toEqual([["a", "slow"]]);
		const done = service.log.filter((line) => line.endsWith("done"));
		expect(done).toEqual(["begin done", "open a done", "open above done", "open slow done"]);
	});

	test("have their own log", async ({ expect }) => {
		const { manager, events } = managerOf({
			"open b": ({ onSignal }) => onSignal?.({ name: "log", value: "bound loop3" }),
		});

		await manager.open({ a: spec, b: spec });

		expect(events.filter(({ type }) => type === "log")).toEqual([
			{ type: "log", name: "b", text: "bound loop3" },
		]);
	});

	test("fail each by itself, with all that the service says", async ({ expect }) => {
		const data = { pointer: "/filename", closeFailures: [] };
		const { manager, service } = managerOf({
			"open b": fails(remoteError("ERR_DEVICE_FILE", "b: no such file", data)),
			"close c": fails(remoteError("ERR_DEVICE_CLOSE", "c: stuck")),
		});

		const error = await failureOf(manager.open({ a: spec, b: spec, c: spec }));

		expect(error).toMatchObject({
			code: "ERR_DEVICE_FILE",
			device: "b",
			message: "b: no such file",
			pointer: "/filename",
			alsoFailed: [],
			closeFailures: [{ code: "ERR_DEVICE_CLOSE", message: "c: stuck" }],
			cause: {
				name: "RemoteError",
				remoteCode: "ERR_DEVICE_FILE",
				remoteName: "DeviceError",
			},
		});
		expect(service.left).toEqual([]);
	});

	test("are closed when the service says something else of them than that they are open", async ({
		expect,
	}) => {
		const { manager, service } = managerOf({ "open b": () => ({ path: "../b" }) });

		const error = await failureOf(manager.open({ a: spec, b: spec }));

		expect(error).toMatchObject({ code: "ERR_DEVICE_SERVICE", device: "b" });
		expect(service.left).toEqual([]);
	});

	test("are told to stop together, and closed", async ({ expect }) => {
		const { manager, service } = managerOf({
			"open a": fails(remoteError("ERR_DEVICE_FILE", "a: no")),
			"open b": untilCancelled,
			"open c": untilCancelled,
		});

		const error = await failureOf(manager.open({ a: spec, b: spec, c: spec }));

		expect(error).toMatchObject({ device: "a", alsoFailed: [], closeFailures: [] });
		expect(service.groups.slice(1)).toEqual([["b", "c"]]);
	});

	test("are not begun any more when opening was stopped meanwhile", async ({ expect }) => {
		const many = names(80);
		const { manager, service } = managerOf({
			"open d0": async () => {
				await turns(2);
				throw remoteError("ERR_DEVICE_FILE", "d0: no");
			},
			...Object.fromEntries(many.slice(1).map((name) => [`open ${name}`, untilCancelled])),
		});

		const error = await failureOf(manager.open(new Map(many.map((name) => [name, spec]))));

		expect(error).toMatchObject({ device: "d0", alsoFailed: [] });
		expect(service.requests.size).toBe(64);
	});

	test("end with the connection, which is one error", async ({ expect }) => {
		const { manager } = managerOf({
			"open b": fails(rpcError("ERR_RPC_SERVICE_ENDED")),
			"open c": () => turns(5),
		});

		const error = await failureOf(manager.open({ a: spec, b: spec, c: spec }));

		expect(error).toMatchObject({ code: "ERR_DEVICE_SERVICE", alsoFailed: [] });
	});
});

describe("a service", () => {
	test("without methods for several devices is asked for them once", async ({ expect }) => {
		const simple = new FakeService();
		const asked: string[] = [];
		const { manager } = managerOf(
			{},
			{
				call(method, params, options) {
					asked.push(method);
					return simple.call(method, params, options);
				},
			},
		);

		const opened = await manager.open({ a: spec, b: spec });
		await manager.open({ c: spec, d: spec });
		await opened.close();

		expect(asked.join(" ")).toBe("begin openEach open open open open close close");
		expect(simple.left).toEqual(["c", "d"]);
	});

	test.for([
		["cannot be sent", new TypeError("cannot be sent")],
		["are too much together", rpcError("ERR_RPC_LIMIT")],
	] as const)("gets devices one by one that %s", async ([, error], { expect }) => {
		const service = new FakeService({}, { takesGroups: true });
		const asked: string[] = [];
		const { manager } = managerOf(
			{},
			{
				call(method, params, options) {
					asked.push(method);
					if (method === "openEach" && asked.length < 3) return Promise.reject(error);
					return service.call(method, params, options);
				},
			},
		);

		await manager.open({ a: spec, b: spec });
		await manager.open({ c: spec, d: spec });

		expect(asked).toEqual(["begin", "openEach", "open", "open", "openEach"]);
		expect(service.left).toEqual(["a", "b", "c", "d"]);
	});

	test.for([
		["nothing", undefined],
		["no list", { index: 0, result: null }],
		["of nobody", [{ index: 2, result: null }, { result: null }, null, 7]],
	] as const)(
		"that says %s of what became of devices is not believed",
		async ([, said], { expect }) => {
			const service = new FakeService();
			const { manager } = managerOf(
				{},
				{
					async call(method, params, options) {
						if (method !== "openEach")
							return await service.call(method, params, options);
						options.onSignal?.({ name: "done", value: said });
						return { value: null, [Symbol.dispose]() {} };
					},
				},
			);

			const error = await failureOf(manager.open({ a: spec, b: spec }));

			expect(error).toMatchObject({
				code: "ERR_DEVICE_SERVICE",
				device: "a",
				message: "a: the service did not say what became of it",
			});
			expect(service.closed.map(({ name }) => name).toSorted()).toEqual(["a", "b"]);
		},
	);

	test("that says it twice is believed once", async ({ expect }) => {
		const service = new FakeService({}, { takesGroups: true });
		const { manager } = managerOf(
			{},
			{
				async call(method, params, options) {
					const { onSignal } = options;
					const twice = (signal: { name: string; value: unknown }): void => {
						onSignal?.(signal);
						onSignal?.({
							name: "done",
							value: [{ index: 0, error: { message: "no" } }],
						});
					};
					return await service.call(method, params, { ...options, onSignal: twice });
				},
			},
		);

		const opened = await manager.open({ a: spec, b: spec });

		expect([...opened].map(({ name }) => name)).toEqual(["a", "b"]);
	});

	test("whose error lacks what errors have fails all the same", async ({ expect }) => {
		const service = new FakeService();
		const { manager } = managerOf(
			{},
			{
				async call(method, params, options) {
					if (method !== "openEach") return await service.call(method, params, options);
					const value = [
						{ index: 0, error: "no" },
						{ index: 1, result: null, error: null },
					];
					options.onSignal?.({ name: "done", value });
					return { value: null, [Symbol.dispose]() {} };
				},
			},
		);

		const error = await failureOf(manager.open({ a: spec, b: spec }));

		expect(error).toMatchObject({
			code: "ERR_DEVICE_SERVICE",
			message: "a: Error: an error without a message",
		});
	});
});
