import { spawnSync } from "node:child_process";
import { openSync, closeSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Service, ServiceManager } from "@devhost/rpc";
import { afterEach, beforeEach, describe, test } from "vitest";
import {
	DeviceManager,
	type DeviceEvent,
	type DeviceManagerOptions,
} from "../src/device-manager.ts";
import { parseJson } from "../src/json.ts";
import { failureOf } from "./fake-service.ts";

const fixture = fileURLToPath(new URL("fixtures/scripted-service.ts", import.meta.url));
const spec = { type: "test.scripted" };

let lines: string[];
let services: ServiceManager;
let service: Service;
let directory: number;

beforeEach(() => {
	lines = [];
	services = new ServiceManager({ log: ({ text }) => lines.push(text) });
	service = services.start({
		name: "scripted",
		file: process.execPath,
		argv: [process.execPath, fixture],
	});
	directory = openSync("/tmp", "r");
});

afterEach(async () => {
	await services.stop().catch(() => {});
	closeSync(directory);
});

function managerOf(options: Partial<DeviceManagerOptions> = {}): DeviceManager {
	return new DeviceManager({
		service: () => service,
		run: "r1",
		tree: directory,
		devices: directory,
		...options,
	});
}

describe("devices of a service process", () => {
	test("are opened with what the manifest says, and closed in reverse", async ({ expect }) => {
		const events: DeviceEvent[] = [];
		const manager = managerOf({ onEvent: (event) => events.push(event) });
		const options = parseJson('{"filename":"disk.img","start":2048.0,"label":null}');

		const opened = await manager.open({
			a: { ...spec, options },
			b: { ...spec, parent: "a" },
		});
		await opened.close();
		await services.stop();

		expect(opened.get("a")).toMatchObject({
			path: "dev1",
			node: { major: 240, minor: 1 },
			details: { options: { filename: "disk.img", start: 2048, label: null } },
		});
		expect(lines).toEqual(["open a", "open b", "close b", "close a"]);
		expect(events.filter(({ type }) => type === "log")).toMatchObject([
			{ name: "a", text: "on nothing" },
			{ name: "b", text: "on dev1" },
		]);
	});

	test("are closed, last opened first, when the host goes away", async ({ expect }) => {
		const manager = managerOf();
		await manager.open({ a: spec, b: { ...spec, parent: "a" } });

		await service.stop();

		expect(lines).toEqual(["open a", "open b", "close b", "close a"]);
		expect(await service.exited).toEqual({ code: 0 });
	});

	test("that cannot be closed at the end make the service fail and say so", async ({
		expect,
	}) => {
		const manager = managerOf();
		await manager.open({ a: spec, stuck1: spec, stuck2: spec, d: spec });

		await expect(service.stop()).rejects.toThrow("stuck2 is stuck");

		expect(await service.exited).toEqual({ code: 1 });
		expect(lines.slice(-4)).toEqual([
			"close d",
			"close a",
			"ERR_DEVICE_CLOSE stuck2: stuck2 is stuck",
			"ERR_DEVICE_CLOSE stuck1: stuck1 is stuck",
		]);
	});

	test("are rolled back when one fails", async ({ expect }) => {
		const manager = managerOf();

		const error = await failureOf(
			manager.open({ a: spec, bad: { ...spec, parent: "a" }, slow: spec }),
		);
		await services.stop();

		expect(error).toMatchObject({
			code: "ERR_DEVICE_FILE",
			device: "bad",
			message: "bad: no such file",
			alsoFailed: [],
			closeFailures: [],
			cause: { name: "RemoteError", remoteName: "DeviceError" },
		});
		expect(lines.filter((line) => line !== "waiting slow")).toEqual([
			"open a",
			"open slow",
			"close slow",
			"close a",
		]);
	});

	test("are not left open by a deadline that passed", async ({ expect }) => {
		const manager = managerOf({ openTimeoutMs: 300 });
		await service.client.hello;

		const error = await failureOf(manager.open({ slow: spec }));
		await services.stop();

		expect(error).toMatchObject({ code: "ERR_DEVICE_TIMEOUT", device: "slow" });
		expect(lines).toEqual(["waiting slow", "open slow", "close slow"]);
	});

	test("that take too long are told from those that they travel with", async ({ expect }) => {
		const manager = managerOf({ openTimeoutMs: 300 });
		await service.client.hello;

		const error = await failureOf(manager.open({ a: spec, slow: spec, b: spec }));
		await services.stop();

		expect(error).toMatchObject({ code: "ERR_DEVICE_TIMEOUT", device: "slow", alsoFailed: [] });
		expect(lines.toSorted().join(", ")).toBe(
			"close a, close b, close slow, open a, open b, open slow, waiting slow",
		);
	});

	test("are gone with a service that dies, which is one error", async ({ expect }) => {
		const manager = managerOf();
		await manager.open({ a: spec });

		const error = await failureOf(manager.open({ slow: spec, die: spec, b: spec }));

		expect(error).toMatchObject({
			code: "ERR_DEVICE_SERVICE",
			message: expect.stringContaining("SIGKILL"),
			alsoFailed: [],
			closeFailures: [],
		});
		await manager.close();
		expect(manager.opened).toEqual([]);
	});

	test("may be many, and cost the host no descriptor", async ({ expect }) => {
		const manager = managerOf();
		const specs = new Map(Array.from({ length: 300 }, (_, index) => [`d${index}`, spec]));
		await service.client.hello;
		const before = readdirSync("/proc/self/fd").length;

		const opened = await manager.open(specs);
		expect(readdirSync("/proc/self/fd")).toHaveLength(before);
		await opened.close();
		await services.stop();

		const closed = lines.filter((line) => line.startsWith("close"));
		expect(closed.toSorted()).toEqual(
			[...specs.keys()].map((name) => `close ${name}`).toSorted(),
		);
	});

	test("whose options cannot be sent are refused", async ({ expect }) => {
		const manager = managerOf();
		const options = parseJson('{"filename":"\\ud800"}');

		const error = await failureOf(manager.open({ a: { ...spec, options } }));

		expect(error).toMatchObject({ code: "ERR_DEVICE_OPTIONS", device: "a" });
		expect(error.message).toContain("lone surrogate");
	});

	test("whose options cannot be sent are told from those that they travel with", async ({
		expect,
	}) => {
		const manager = managerOf();
		const options = parseJson('{"filename":"\\ud800"}');

		const error = await failureOf(manager.open({ a: spec, b: { ...spec, options }, c: spec }));
		await services.stop();

		expect(error).toMatchObject({ code: "ERR_DEVICE_OPTIONS", device: "b", alsoFailed: [] });
		const names = (word: string): string[] =>
			lines.flatMap((line) => (line.startsWith(word) ? [line.slice(word.length)] : []));
		expect(names("close ").toSorted()).toEqual(names("open ").toSorted());
	});
});

describe("a service process that no host has started", () => {
	test.for([
		["by hand", [], "a host starts it, with --service-fd NUMBER"],
		["with a descriptor that is no socket", ["--service-fd", "0"], "not a socket"],
		["with no descriptor's number", ["--service-fd"], "--service-fd NUMBER"],
	] as const)("says so in one line: %s", ([, argv, words], { expect }) => {
		const { status, stdout, stderr } = spawnSync(process.execPath, [fixture, ...argv], {
			encoding: "utf8",
			stdio: ["ignore", "pipe", "pipe"],
		});

		expect(stderr).toMatch(/^test\.scripted: .*\n$/);
		expect(stderr).toContain(words);
		expect(status).toBe(2);
		expect(stdout).toBe("");
	});
});
