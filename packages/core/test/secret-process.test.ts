import { createHash } from "node:crypto";
import {
	closeSync,
	mkdtempSync,
	openSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { type Service, ServiceManager } from "@devhost/rpc";
import { descriptorCount } from "@devhost/tools/testing";
import { afterEach, beforeEach, describe, test, vi } from "vitest";
import { DeviceManager, type DeviceManagerOptions } from "../src/device-manager.ts";
import type { DeviceError } from "../src/error.ts";
import { parseJson } from "../src/json.ts";
import { SecretReader } from "../src/secret/index.ts";

vi.setConfig({ testTimeout: 15_000 });

const fixture = fileURLToPath(new URL("fixtures/secret-service.ts", import.meta.url));
const secret = { "x-secret": true };
const options = {
	properties: { passphrase: secret, slots: { items: { properties: { key: secret } } } },
};
const types = new Map([["test.secret", { parent: "none" as const, options }]]);
const canary = "hunter2-canary";

let folder: string;
let services: ServiceManager;
let service: Service;
let directory: number;
let manager: DeviceManager;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "devhost-secret-"));
	services = new ServiceManager();
	service = services.start({
		name: "secret",
		file: process.execPath,
		argv: [process.execPath, fixture],
	});
	directory = openSync("/tmp", "r");
	manager = managerOf({ types });
});
afterEach(async () => {
	await manager.close();
	await services.stop();
	closeSync(directory);
	rmSync(folder, { recursive: true });
});

function managerOf(more: Partial<DeviceManagerOptions>): DeviceManager {
	return new DeviceManager({
		service: () => service,
		run: "r1",
		tree: directory,
		devices: directory,
		secrets: new SecretReader({ folder }),
		...more,
	});
}

async function detailsOf(given: unknown): Promise<object> {
	await using opened = await manager.open({ disk: { type: "test.secret", options: given } });
	return opened.get("disk").details ?? {};
}

async function failureOf(given: unknown): Promise<DeviceError> {
	return await detailsOf(given).then(
		() => Promise.reject(new Error("it was opened")),
		(error: unknown) => error as DeviceError,
	);
}

function arrival(text: string): object {
	return { size: text.length, sha256: createHash("sha256").update(text).digest("hex") };
}

describe("secrets of a device in a service process", () => {
	test("arrive as descriptors, and nothing of them in its options", async ({ expect }) => {
		writeFileSync(join(folder, "key"), `${canary}\n`, { mode: 0o600 });
		const given = {
			passphrase: canary,
			slots: [{ name: "a" }, { key: { file: "key", trim: true }, name: "b" }],
		};

		const details = await detailsOf(parseJson(JSON.stringify(given)));

		expect(details).toEqual({
			options: {
				passphrase: { fd: 0 },
				slots: [{ name: "a" }, { key: { fd: 1 }, name: "b" }],
			},
			passphrase: arrival(canary),
			key: arrival(canary),
			other: true,
		});
	});

	test("are not there where the options have none", async ({ expect }) => {
		expect(await detailsOf({ slots: [] })).toEqual({ options: { slots: [] }, other: true });
		expect(await detailsOf(undefined)).toEqual({ options: {}, other: true });
	});

	test("may be empty", async ({ expect }) => {
		expect(await detailsOf({ passphrase: "" })).toMatchObject({ passphrase: arrival("") });
	});

	test("are taken out by the service where the host knows nothing of secrets", async ({
		expect,
	}) => {
		manager = managerOf({});

		const details = await detailsOf({ passphrase: canary });

		expect(details).toMatchObject({
			options: { passphrase: { fd: 0 } },
			passphrase: arrival(canary),
		});
		expect(await failureOf({ passphrase: { env: canary } })).toMatchObject({
			code: "ERR_DEVICE_OPTIONS",
			pointer: "/passphrase",
			message: "disk: passphrase: no secret came with it, and it is not one itself",
		});
	});

	test("are in no message about options", async ({ expect }) => {
		const error = await failureOf({ passphrase: canary, refuse: true });

		expect(error.message).toBe(`options: {"passphrase":{"fd":0}} are refused`);
		expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(canary);
	});

	test("that cannot be read keep the device from opening, and say where they should be", async ({
		expect,
	}) => {
		expect(await failureOf({ passphrase: { file: "none" } })).toMatchObject({
			code: "ERR_DEVICE_SECRET",
			device: "disk",
			pointer: "/passphrase",
			message: `disk: passphrase: ${folder}/none does not exist`,
		});
		expect(await failureOf({ passphrase: [canary] })).toMatchObject({
			code: "ERR_DEVICE_OPTIONS",
			pointer: "/passphrase",
		});
		expect(await failureOf({ passphrase: { fd: canary } })).toMatchObject({
			code: "ERR_DEVICE_OPTIONS",
			pointer: "/passphrase/fd",
		});
	});

	test("are asked for with their places, and not waited for longer than somebody wants", async ({
		expect,
	}) => {
		const places: string[] = [];
		const controller = new AbortController();
		const secrets: DeviceManagerOptions["secrets"] = {
			read({ place, signal }) {
				places.push(place);
				const { promise, reject } = Promise.withResolvers<never>();
				signal.addEventListener("abort", () => reject(signal.reason as Error));
				controller.abort(new Error("enough"));
				return promise;
			},
		};
		manager = managerOf({ types, secrets });
		const disk = { type: "test.secret", options: { slots: [{}, { key: "x" }] } };

		const opening = manager.open(
			{ disk },
			{ signal: controller.signal, pointer: (name) => `/stages/0/devices/${name}` },
		);

		await expect(opening).rejects.toMatchObject({
			code: "ERR_DEVICE_CANCELLED",
			cause: { message: "enough" },
		});
		expect(places).toEqual(["/stages/0/devices/disk/options/slots/1/key"]);
	});

	test("leave no descriptor in host or service, whatever becomes of the device", async ({
		expect,
	}) => {
		await detailsOf({ passphrase: canary });
		const { pid } = await service.client.hello;
		const before = descriptorCount();

		await detailsOf({ passphrase: canary, slots: [{}, { key: "b" }] });
		await failureOf({ passphrase: canary, refuse: true });
		await failureOf({ passphrase: canary, slots: [{ key: { file: "none" } }] });

		expect(descriptorCount()).toBe(before);
		expect(secretsOf(pid)).toBe(0);
	});
});

describe("a reader of secrets", () => {
	test("remembers what a descriptor gave, for whoever asks again", async ({ expect }) => {
		writeFileSync(join(folder, "key"), "once\n", { mode: 0o600 });
		const fd = openSync(join(folder, "key"), "r");
		using reader = new SecretReader({ folder });
		const read = async (secret: { fd: number; trim?: boolean }): Promise<string> => {
			const place = "/devices/disk/options/passphrase";
			const { signal } = new AbortController();
			const request = { device: "disk", pointer: "/passphrase", place, signal, secret };
			using memory = await reader.read(request);
			return readFileSync(memory.fd, "utf8");
		};

		expect(await read({ fd, trim: true })).toBe("once");
		expect(await read({ fd })).toBe("once\n");
		expect(await Promise.all([read({ fd }), read({ fd, trim: true })])).toEqual([
			"once\n",
			"once",
		]);
		closeSync(fd);
	});
});

function secretsOf(pid: number): number {
	const folder = `/proc/${pid}/fd`;
	return readdirSync(folder)
		.map((name) => readlinkSync(join(folder, name)))
		.filter((link) => link.includes("devhost-secret")).length;
}
