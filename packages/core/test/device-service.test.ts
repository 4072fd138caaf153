import { SysError } from "@devhost/linux";
import { describe, test } from "vitest";
import { DeviceManager } from "../src/device-manager.ts";
import { deviceService } from "../src/device-service.ts";
import type { DeviceDriver, OpenContext } from "../src/driver.ts";
import { DeviceBusy, DeviceError, isDeviceError } from "../src/error.ts";
import { inProcess } from "./in-process.ts";
import { memoryDriver, MemorySystem } from "./memory-driver.ts";
import { turns } from "./fake-service.ts";

const fds = [0, 0] as const;
const spec = { type: "test.memory" };

function memory(): { system: MemorySystem; driver: DeviceDriver } {
	const system = new MemorySystem({ step() {}, neverReady: false });
	return { system, driver: memoryDriver(system) };
}

/** A driver whose devices are opened and closed by what the test says. */
function scripted(
	open: (context: OpenContext) => Promise<(() => Promise<void>) | void>,
	parent: DeviceDriver["parent"] = "optional",
): DeviceDriver {
	return {
		types: ["test.scripted"],
		parent,
		schema: {},
		parseOptions: (value) => value,
		async open(_, context) {
			const close = await open(context);
			return {
				path: context.name,
				node: { major: 7, minor: 1 },
				[Symbol.asyncDispose]: async () => close?.(),
			};
		},
	};
}

/** A client of a service with one driver, which has begun. */
async function begun(driver: DeviceDriver) {
	const service = deviceService(driver);
	const client = inProcess(service);
	await client.call("begin", { run: "r1" }, { fds });
	const open = (name: string, more: object = {}) =>
		client.call("open", { name, type: driver.types[0], ...more }, {});
	const close = (name: string) => client.call("close", { name }, {});
	return { service, client, open, close };
}

describe("a device service", () => {
	test("opens and closes by name", async ({ expect }) => {
		const { system, driver } = memory();
		const { open, close } = await begun(driver);

		const { value } = await open("a", { options: { label: "x" } });

		expect(value).toEqual({ path: "memory2", node: { major: 240, minor: 2 } });
		expect(system.held.size).toBe(3);
		expect((await close("a")).value).toBeNull();
		expect(system.held.size).toBe(0);
		expect((await close("a")).value).toBeNull();
	});

	test("gives the driver the run, its directories and the parent", async ({ expect }) => {
		const contexts: OpenContext[] = [];
		const { open } = await begun(scripted(async (context) => void contexts.push(context)));
		const parent = { path: "loop3", node: { major: 7, minor: 3 } };

		await open("a", { parents: [parent] });
		await open("b");

		expect(contexts).toMatchObject([
			{ name: "a", run: "r1", parent, parents: [parent] },
			{ name: "b", run: "r1", parents: [] },
		]);
		expect(contexts[1]).not.toHaveProperty("parent");
		expect(contexts[0]?.tree).toMatchObject({ isOpen: true });
		expect(contexts[0]?.devices).toMatchObject({ isOpen: true });
	});

	test("gives the driver all parents, in their order, where it takes several", async ({
		expect,
	}) => {
		const contexts: OpenContext[] = [];
		const note = async (context: OpenContext): Promise<void> => void contexts.push(context);
		const { open } = await begun(scripted(note, "several"));
		const parents = [
			{ path: "dm-4", node: { major: 253, minor: 4 } },
			{ path: "loop3", node: { major: 7, minor: 3 } },
		];

		await open("a", { parents });

		expect(contexts).toMatchObject([{ parent: parents[0], parents }]);
	});

	test("hurries the closing of a device where its host says so", async ({ expect }) => {
		const waits: (number | undefined)[] = [];
		const driver = scripted(async ({ closeTimeout }) => async () => {
			waits.push(closeTimeout?.(5000));
		});
		const { client, open, close } = await begun(driver);
		await open("a");
		await open("b");

		await close("a");
		await client.call("close", { name: "b", hurry: true }, {});

		expect(waits).toEqual([5000, 100]);
	});

	test("opens nothing that is closed, or that nobody waits for, before its turn", async ({
		expect,
	}) => {
		const opened: string[] = [];
		const { service, client, close } = await begun(
			scripted(async ({ name }) => void opened.push(name)),
		);
		const devices = Array.from({ length: 12 }, (_, index) => ({
			name: `d${index}`,
			type: "test.scripted",
		}));
		const giveUp = new AbortController();

		const ended = client.call("openEach", { devices }, { signal: giveUp.signal });
		await close("d7");
		giveUp.abort();
		await ended.catch(() => {});
		await turns(3);

		expect(opened).toEqual(["d0", "d1", "d2", "d3", "d4", "d5", "d6"]);
		await service.close();
	});

	test("closes everything at the end, last opened first, then its directories", async ({
		expect,
	}) => {
		const log: string[] = [];
		const contexts: OpenContext[] = [];
		const driver = scripted(async (context) => {
			contexts.push(context);
			return async () => {
				await turns(1);
				log.push(context.name);
			};
		});
		const { service, open } = await begun(driver);
		for (const name of ["a", "b", "c"]) await open(name);

		await service.close();

		expect(log).toEqual(["c", "b", "a"]);
		expect(contexts[0]?.tree).toMatchObject({ isOpen: false });
	});

	test("says at the end what could not be closed, having closed the rest", async ({ expect }) => {
		const log: string[] = [];
		const driver = scripted(async ({ name }) => async () => {
			log.push(name);
			if (name !== "b") throw new Error(`${name} is stuck`);
		});
		const { service, open } = await begun(driver);
		for (const name of ["a", "b", "c"]) await open(name);

		await expect(service.close()).rejects.toMatchObject({
			code: "ERR_DEVICE_CLOSE",
			message: "c: c is stuck",
			closeFailures: [{ message: "a: a is stuck" }],
		});
		expect(log).toEqual(["c", "b", "a"]);
	});

	test.for([
		["open before begin", "open", { name: "a", type: "test.memory" }, "ERR_DEVICE_SERVICE"],
		["begin without a run", "begin", {}, "ERR_DEVICE_SERVICE"],
		["begin with nothing", "begin", null, "ERR_DEVICE_SERVICE"],
		["begin without descriptors", "begin", { run: "r" }, "ERR_DEVICE_SERVICE"],
		["open without a name", "open", { type: "test.memory" }, "ERR_DEVICE_SERVICE"],
		["open without a type", "open", { name: "a" }, "ERR_DEVICE_SERVICE"],
		[
			"open with half a parent",
			"open",
			{ name: "a", type: "t", parents: [{ path: "x" }] },
			"ERR_DEVICE_SERVICE",
		],
		[
			"open with parents that are no list",
			"open",
			{ name: "a", type: "t", parents: { path: "x", node: { major: 7, minor: 0 } } },
			"ERR_DEVICE_SERVICE",
		],
		["close without a name", "close", {}, "ERR_DEVICE_SERVICE"],
		["close with a list", "close", [], "ERR_DEVICE_SERVICE"],
		["open of an unknown type", "open", { name: "a", type: "x" }, "ERR_DEVICE_TYPE"],
	] as const)("refuses %s", async ([, method, params, code], { expect }) => {
		const client = inProcess(deviceService(memory().driver));

		await expect(client.call(method, params, {})).rejects.toMatchObject({ code });
	});

	test("begins once", async ({ expect }) => {
		const { client } = await begun(memory().driver);

		await expect(client.call("begin", { run: "r2" }, { fds })).rejects.toMatchObject({
			code: "ERR_DEVICE_SERVICE",
			message: "begin was called already",
		});
	});

	test.for([
		["none", ["x"], 'has no parent, but "x" is given as one'],
		["none", ["x", "y"], "has no parent, but 2 are given"],
		["required", [], "needs a parent"],
		["required", ["x", "y"], "has one parent, but 2 are given"],
		["optional", ["x", "y", "z"], "has one parent, but 3 are given"],
		["several", [], "needs a parent"],
	] as const)(
		"checks that the parents are as the driver says: %s, %j",
		async ([rule, paths, text], { expect }) => {
			const { open } = await begun(scripted(async () => {}, rule));
			const parents = paths.map((path) => ({ path, node: { major: 7, minor: 0 } }));

			await expect(open("a", { parents })).rejects.toMatchObject({
				code: "ERR_DEVICE_PARENT",
				message: expect.stringContaining(text),
			});
		},
	);

	test("refuses a name that is open, and serves the other type of a driver", async ({
		expect,
	}) => {
		const { open, client } = await begun(memory().driver);
		await open("a");

		await expect(open("a")).rejects.toMatchObject({ code: "ERR_DEVICE_NAME" });
		await client.call("open", { name: "b", type: "test.ram" }, {});
	});

	test("answers bad options with where and what, and the device's name", async ({ expect }) => {
		const { system, driver } = memory();
		const { open } = await begun(driver);

		await expect(open("a", { options: { colour: 1 } })).rejects.toMatchObject({
			code: "ERR_DEVICE_OPTIONS",
			data: { device: "a", pointer: "/colour" },
		});
		expect(system.held.size).toBe(0);
	});

	test("opens and closes several at once", async ({ expect }) => {
		const { system, driver } = memory();
		const { open, close } = await begun(driver);

		const replies = await Promise.all(["a", "b", "c"].map((name) => open(name)));
		expect(new Set(replies.map(({ value }) => (value as { path: string }).path)).size).toBe(3);
		await Promise.all(["a", "b", "c"].map(close));

		expect(system.held.size).toBe(0);
	});

	test.for([
		["EPERM", 1, "ERR_DEVICE_PERMISSION"],
		["EACCES", 13, "ERR_DEVICE_PERMISSION"],
		["ENOSYS", 38, "ERR_DEVICE_UNSUPPORTED"],
		["EIO", 5, "ERR_DEVICE_SYSTEM"],
	] as const)(
		"gives a system call that failed with %s a code",
		async ([errno, number, code], { expect }) => {
			const { open } = await begun(
				scripted(() => Promise.reject(new SysError("openat2", number, "disk.img"))),
			);

			await expect(open("a")).rejects.toMatchObject({
				code,
				message: `a: openat2 "disk.img": ${errno}`,
				data: { details: { errno, syscall: "openat2", path: "disk.img" } },
			});
		},
	);

	test("passes a driver's mistake on as what it is", async ({ expect }) => {
		const { open } = await begun(
			scripted(() => Promise.reject(new TypeError("x is not iterable"))),
		);

		await expect(open("a")).rejects.toMatchObject({
			remoteName: "TypeError",
			message: "x is not iterable",
		});
	});
});

describe("a device manager with such a service", () => {
	function managerFor(
		driver: DeviceDriver,
		options: { openTimeoutMs?: number } = {},
	): DeviceManager {
		const client = inProcess(deviceService(driver));
		return new DeviceManager({
			service: () => client,
			run: "r1",
			tree: 0,
			devices: 0,
			...options,
		});
	}

	test("opens a chain and closes it", async ({ expect }) => {
		const { system, driver } = memory();
		const manager = managerFor(driver);

		const opened = await manager.open({ a: spec, b: { ...spec, parent: "a" } });
		expect([...opened].map(({ path }) => path)).toEqual(["memory2", "memory5"]);
		await opened.close();

		expect(system.held.size).toBe(0);
	});

	test("gets a driver's error whole", async ({ expect }) => {
		const holders = [{ kind: "process", pid: 7, command: "qemu", path: "/dev/loop3" }] as const;
		const closeFailures = [new DeviceError("ERR_DEVICE_CLOSE", "a: stuck")];
		const details = { sizeBytes: 512 };
		const manager = managerFor(
			scripted(() =>
				Promise.reject(new DeviceBusy("a: busy", holders, { details, closeFailures })),
			),
		);

		const error: unknown = await manager
			.open({ a: { type: "test.scripted" } })
			.catch((e: unknown) => e);

		expect(isDeviceError(error, "ERR_DEVICE_BUSY")).toBe(true);
		expect(error).toMatchObject({
			message: "a: busy",
			device: "a",
			holders,
			details,
			closeFailures: [{ code: "ERR_DEVICE_CLOSE", message: "a: stuck" }],
			cause: { name: "RemoteError", service: "test" },
		});
	});

	test("hears what the driver tells", async ({ expect }) => {
		const told: unknown[] = [];
		const client = inProcess(deviceService(scripted(async ({ log }) => log("bound loop3"))));
		const onEvent = (event: { type: string }) =>
			void (event.type === "log" && told.push(event));
		const manager = new DeviceManager({
			service: () => client,
			run: "r",
			tree: 0,
			devices: 0,
			onEvent,
		});

		await manager.open({ a: { type: "test.scripted" } });

		expect(told).toEqual([{ type: "log", name: "a", text: "bound loop3" }]);
	});

	test("leaves nothing when the driver answers after its deadline", async ({ expect }) => {
		const log: string[] = [];
		const slow = scripted(async ({ name, signal }) => {
			// Does not look at its signal, as if the kernel held it.
			await new Promise((resolve) => setTimeout(resolve, 60));
			log.push(`opened ${name}, aborted: ${signal.aborted}`);
			return async () => void log.push(`closed ${name}`);
		});
		const manager = managerFor(slow, { openTimeoutMs: 20 });

		const opening = manager.open({ a: { type: "test.scripted" } });

		await expect(opening).rejects.toMatchObject({ code: "ERR_DEVICE_TIMEOUT", device: "a" });
		expect(log).toEqual(["opened a, aborted: true", "closed a"]);
	});

	test("leaves nothing when it is cancelled at any turn", async ({ expect }) => {
		for (let turn = 0; turn < 12; turn += 1) {
			const { system, driver } = memory();
			const manager = managerFor(driver);
			const controller = new AbortController();
			const { signal } = controller;
			const chain = { a: spec, b: { ...spec, parent: "a" }, c: spec };

			const opening = manager.open(chain, { signal });
			for (let step = 0; step < turn; step += 1) await Promise.resolve();
			controller.abort();
			await opening.then(
				(opened) => opened.close(),
				() => undefined,
			);

			expect([...system.held], `turn ${turn}`).toEqual([]);
		}
	});

	test("reports a device that cannot be closed, by name", async ({ expect }) => {
		const manager = managerFor(
			scripted(async () => async () => {
				throw new SysError("BLKFLSBUF", 5);
			}),
		);
		const opened = await manager.open({ a: { type: "test.scripted" } });

		await expect(opened.close()).rejects.toMatchObject({
			code: "ERR_DEVICE_SYSTEM",
			device: "a",
			message: "a: BLKFLSBUF: EIO",
		});
	});
});
