import { FdSet, type HandlerCall } from "@devhost/rpc";
import { describe, test } from "vitest";
import { type DeviceCall, eachDevice } from "../src/each-device.ts";
import { turns } from "./fake-service.ts";

interface Told {
	readonly name: string;
	readonly value: unknown;
}

/** A call, and what is told during it. */
function callOf(refuse: (value: unknown) => void = () => {}): {
	call: HandlerCall;
	told: Told[];
	abort(reason: unknown): void;
} {
	const told: Told[] = [];
	let listener: (reason: unknown) => void = () => {};
	const call: HandlerCall = {
		fds: new FdSet(),
		blob: undefined,
		signal: new AbortController().signal,
		onAbort: (added) => void (listener = added),
		signalHost(name, value) {
			refuse(value);
			told.push({ name, value });
		},
		ready: () => Promise.resolve(),
	};
	return { call, told, abort: (reason) => listener(reason) };
}

/** Does what a device's name says. */
async function act(params: unknown, call: DeviceCall): Promise<null> {
	const { name, turns: count = 0 } = params as { name: string; turns?: number };
	if (name === "log") call.log("a fact");
	await turns(count);
	if (name === "bad") throw Object.assign(new Error("bad: no"), { code: "ERR_DEVICE_FILE" });
	return null;
}

function list(count: number, name = "d"): { name: string }[] {
	return Array.from({ length: count }, () => ({ name }));
}

describe("a method for several devices", () => {
	test("tells what became of them as soon as it is known, all of a turn at once", async ({
		expect,
	}) => {
		const { call, told } = callOf();
		const devices = [{ name: "a", turns: 9 }, { name: "b" }, { name: "bad" }];

		expect(await eachDevice("openEach", act)({ devices }, call)).toBe(null);

		const error = { code: "ERR_DEVICE_FILE", name: "Error", message: "bad: no" };
		expect(told).toEqual([
			{
				name: "done",
				value: [
					{ index: 1, result: null },
					{ index: 2, error },
				],
			},
			{ name: "done", value: [{ index: 0, result: null }] },
		]);
	});

	test("says whose a fact is", async ({ expect }) => {
		const { call, told } = callOf();

		await eachDevice("openEach", act)({ devices: [{ name: "a" }, { name: "log" }] }, call);

		expect(told[0]).toEqual({ name: "log", value: { index: 1, text: "a fact" } });
	});

	test("lets others have a turn when it has begun some", async ({ expect }) => {
		const { call } = callOf();
		let begun = 0;
		const count = async (_: unknown, { turn }: DeviceCall): Promise<null> => {
			if (turn !== undefined) await turn;
			begun += 1;
			await turns(99);
			return null;
		};

		const ended = eachDevice("openEach", count)({ devices: list(10) }, call);
		const seen = [begun];
		for (let turn = 0; turn < 3; turn += 1) {
			await turns(1);
			seen.push(begun);
		}
		await ended;

		expect(seen).toEqual([4, 8, 10, 10]);
	});

	test("tells each device that nobody waits, also those that ask later", async ({ expect }) => {
		const { call, abort } = callOf();
		const reasons: unknown[] = [];
		const listen = async (params: unknown, own: DeviceCall): Promise<null> => {
			if ((params as { name: string }).name === "late") await turns(2);
			own.onAbort((reason) => reasons.push(reason));
			await turns(3);
			return null;
		};

		const devices = [{ name: "a" }, { name: "b" }, { name: "late" }];
		const ended = eachDevice("openEach", listen)({ devices }, call);
		abort("gone");
		expect(reasons).toEqual(["gone", "gone"]);
		await ended;

		expect(reasons).toEqual(["gone", "gone", "gone"]);
	});

	test("tells one by one what is too much together, and fails what cannot travel", async ({
		expect,
	}) => {
		const { call, told } = callOf((value) => {
			const done = value as { result?: unknown }[];
			if (done.length > 1) throw new Error("too much");
			if (typeof done[0]?.result === "symbol") throw new TypeError("a symbol");
		});
		const results = [null, Symbol("no"), null];
		const give = async (params: unknown): Promise<null> => {
			await turns(0);
			return results[params as number] as null;
		};

		await eachDevice("openEach", give)({ devices: [0, 1, 2] }, call);

		expect(told.map(({ value }) => (value as unknown[])[0])).toEqual([
			{ index: 0, result: null },
			{ index: 1, error: expect.objectContaining({ message: "a symbol" }) },
			{ index: 2, result: null },
		]);
	});

	test.for([[undefined], [{}], [{ devices: { a: 1 } }]])(
		"refuses %j",
		async ([params], { expect }) => {
			const { call } = callOf();

			await expect(eachDevice("closeEach", act)(params, call)).rejects.toMatchObject({
				code: "ERR_DEVICE_SERVICE",
				message: expect.stringMatching(/^closeEach /) as string,
			});
		},
	);
});
