import { describe, test } from "vitest";
import type { OpenDevice } from "../src/driver.ts";
import { DeviceBusy } from "../src/error.ts";
import { HeldDevices } from "../src/held-devices.ts";
import { turns } from "./fake-service.ts";
import { whenAborted } from "./in-process.ts";

const never = (): void => {};

function aborting(signal: AbortSignal) {
	return (listener: (reason: unknown) => void): void => whenAborted(signal, listener);
}

function device(log: string[], name: string, close?: () => Promise<void> | void): OpenDevice {
	return {
		path: name,
		node: { major: 7, minor: 0 },
		async [Symbol.asyncDispose](): Promise<void> {
			log.push(`close ${name}`);
			await close?.();
			log.push(`closed ${name}`);
		},
	};
}

describe("HeldDevices", () => {
	test("closes everything in the reverse order of completion", async ({ expect }) => {
		const log: string[] = [];
		const held = new HeldDevices();
		await Promise.all([
			held.open("slow", never, async () => {
				await turns(3);
				return device(log, "slow");
			}),
			held.open("quick", never, async () => device(log, "quick", () => turns(2))),
		]);

		expect(held.names).toEqual(["quick", "slow"]);
		expect(await held.closeAll()).toEqual([]);
		expect(log).toEqual(["close slow", "closed slow", "close quick", "closed quick"]);
		expect(held.names).toEqual([]);
	});

	test("goes on when one cannot be closed, and says which", async ({ expect }) => {
		const log: string[] = [];
		const held = new HeldDevices();
		const stuck = new Error("stuck");
		await held.open("a", never, async () => device(log, "a"));
		await held.open("b", never, async () => device(log, "b", () => Promise.reject(stuck)));

		expect(await held.closeAll()).toEqual([{ name: "b", error: stuck }]);
		expect(log).toEqual(["close b", "close a", "closed a"]);
	});

	test("tells drivers how long closing may wait for others, when it begins", async ({
		expect,
	}) => {
		const log: string[] = [];
		const held = new HeldDevices();
		const open = (name: string, error?: Error): Promise<OpenDevice> =>
			held.open(name, never, async (_signal, closeTimeout) =>
				device(log, name, () => {
					log.push(`${name} waits ${closeTimeout(5000)} or ${closeTimeout(20)}`);
					if (error !== undefined) throw error;
				}),
			);
		await open("a");
		await open("b", new DeviceBusy("b: still in use", []));
		await open("c");
		await open("d");

		await held.close("d", { hurry: true });
		expect(await held.closeAll()).toMatchObject([{ name: "b" }]);

		expect(log.filter((line) => line.includes("waits"))).toEqual([
			"d waits 100 or 20",
			"c waits 5000 or 20",
			"b waits 5000 or 20",
			"a waits 100 or 20",
		]);
	});

	test("refuses a name until its device is closed", async ({ expect }) => {
		const log: string[] = [];
		const held = new HeldDevices();
		const open = (): Promise<OpenDevice> => held.open("a", never, async () => device(log, "a"));
		await open();

		await expect(open()).rejects.toMatchObject({ code: "ERR_DEVICE_NAME" });
		await held.close("a");
		await open();

		expect(held.names).toEqual(["a"]);
	});

	test("frees the name of what failed to open, and passes the error on", async ({ expect }) => {
		const held = new HeldDevices();
		const failure = new Error("no");

		await expect(held.open("a", never, () => Promise.reject(failure))).rejects.toBe(failure);
		await held.open("a", never, async () => device([], "a"));
	});

	test("does not begin what is cancelled already", async ({ expect }) => {
		const held = new HeldDevices();
		const open = (): Promise<OpenDevice> => {
			throw new Error("was begun");
		};

		await expect(held.open("a", aborting(AbortSignal.abort()), open)).rejects.toMatchObject({
			code: "ERR_DEVICE_CANCELLED",
		});
	});

	test("closes what was completed although it was cancelled", async ({ expect }) => {
		const log: string[] = [];
		const held = new HeldDevices();
		const controller = new AbortController();

		const opening = held.open("a", aborting(controller.signal), async (signal) => {
			controller.abort(new Error("Ctrl-C"));
			expect(signal.aborted).toBe(true);
			return device(log, "a");
		});

		await expect(opening).rejects.toMatchObject({
			code: "ERR_DEVICE_CANCELLED",
			cause: { message: "Ctrl-C" },
		});
		expect(log).toEqual(["close a", "closed a"]);
		expect(held.names).toEqual([]);
	});

	test("says when what was completed in vain cannot be closed", async ({ expect }) => {
		const held = new HeldDevices();
		const controller = new AbortController();

		const opening = held.open("a", aborting(controller.signal), async () => {
			controller.abort();
			return device([], "a", () => Promise.reject(new Error("stuck")));
		});

		await expect(opening).rejects.toMatchObject({
			code: "ERR_DEVICE_CANCELLED",
			closeFailures: [{ code: "ERR_DEVICE_CLOSE", message: "a: stuck" }],
		});
	});

	test("ends an opening that is closed, and waits for it", async ({ expect }) => {
		const log: string[] = [];
		const held = new HeldDevices();
		const opening = held.open("a", never, async (signal) => {
			await turns(3);
			log.push("undone");
			signal.throwIfAborted();
			return device(log, "a");
		});
		const outcome = expect(opening).rejects.toMatchObject({ code: "ERR_DEVICE_CANCELLED" });

		await held.close("a");

		expect(log).toEqual(["undone"]);
		await outcome;
	});

	test("ends openings when everything is closed, and opens nothing afterwards", async ({
		expect,
	}) => {
		const log: string[] = [];
		const held = new HeldDevices();
		const opening = held.open("a", never, async () => {
			await turns(2);
			return device(log, "a");
		});
		const outcome = expect(opening).rejects.toMatchObject({ code: "ERR_DEVICE_CANCELLED" });

		expect(await held.closeAll()).toEqual([]);

		expect(log).toEqual(["close a", "closed a"]);
		await outcome;
		await expect(held.open("b", never, async () => device(log, "b"))).rejects.toMatchObject({
			code: "ERR_DEVICE_CLOSED",
		});
	});

	test("closes once, however often it is asked", async ({ expect }) => {
		const log: string[] = [];
		const held = new HeldDevices();
		await held.open("a", never, async () => device(log, "a", () => turns(2)));

		await Promise.all([held.close("a"), held.close("a"), held.closeAll()]);
		await held.close("a");
		await held.close("never opened");

		expect(log).toEqual(["close a", "closed a"]);
	});

	test("lets a caller that gives up too late have no effect", async ({ expect }) => {
		const log: string[] = [];
		const held = new HeldDevices();
		const controller = new AbortController();
		let signal: AbortSignal | undefined;
		await held.open("a", aborting(controller.signal), async (given) => {
			signal = given;
			return device(log, "a");
		});

		controller.abort();

		expect(signal?.aborted).toBe(false);
		expect(held.names).toEqual(["a"]);
	});
});
