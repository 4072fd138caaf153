import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, onTestFinished, test } from "vitest";
import { Channel } from "../src/channel.ts";
import { Client } from "../src/client.ts";
import {
	maxBlobBytes,
	maxBodyBytes,
	maxCallsInFlight,
	maxFrameFds,
	maxNesting,
	maxQueuedFds,
	maxUnsentBytes,
	maxValues,
	maxWaitingSignals,
	minSignalCost,
	signalWindowBytes,
} from "../src/limits.ts";
import {
	BYE,
	CALL,
	channelPair,
	CREDIT,
	HELLO,
	Mailbox,
	PING,
	rawFrame,
	RESULT,
	ScriptedPeer,
	SIGNAL,
	WELCOME,
} from "../src/testing.ts";
import { type HandlerCall, ServiceConnection, type ServiceDefinition } from "../src/index.ts";
import { descriptorCount, textFile, until } from "./descriptors.ts";

/** A channel under test with a peer that writes what it likes. */
function victim(): { peer: ScriptedPeer; channel: Channel; inbox: Mailbox } {
	const { peer, socket } = ScriptedPeer.pair();
	const inbox = new Mailbox();
	const channel = new Channel(socket, "peer", inbox);
	onTestFinished(() => {
		peer.close();
		channel.close();
		for (const { fds } of inbox.messages) fds.close();
	});
	return { peer, channel, inbox };
}

/** A service under test with a host that does what it is told. */
function servedBy(methods: ServiceDefinition["methods"]): ScriptedPeer {
	const { peer, socket } = ScriptedPeer.pair();
	const connection = new ServiceConnection(socket, { module: "m", version: "1", methods });
	onTestFinished(() => {
		peer.close();
		return connection.leave();
	});
	peer.send({ type: WELCOME, value: { protocol: 1 } });
	return peer;
}

/** A string of msgpack with its header: this many bytes in all. */
function stringBody(bytes: number): Buffer {
	const body = Buffer.alloc(bytes, "x");
	body[0] = 0xdb;
	body.writeUInt32BE(bytes - 5, 1);
	return body;
}

const nested = (depth: number): Buffer => Buffer.from([...Array(depth).fill(0x91), 0xc0]);

function manyValues(count: number): Buffer {
	const body = Buffer.alloc(5 + count - 1, 0xc0);
	body[0] = 0xdd;
	body.writeUInt32BE(count - 1, 1);
	return body;
}

describe("just under passes, just over ends the channel:", () => {
	test.for([
		["a body's bytes", (over: number) => stringBody(maxBodyBytes + over)],
		["nesting", (over: number) => nested(maxNesting + over)],
		["a body's values", (over: number) => manyValues(maxValues + over)],
	] as const)("%s", async ([, body], { expect }) => {
		const { peer, inbox } = victim();
		const frames = [
			rawFrame({ type: RESULT, body: body(0) }),
			rawFrame({ type: RESULT, sequence: 1, body: body(1) }),
		];

		void sendAll(peer, Buffer.concat(frames));
		const passed = await inbox.next();

		expect(passed.frameBytes).toBe(frames[0]?.byteLength);
		expect(await inbox.end).toMatchObject({ code: "ERR_RPC_LIMIT" });
	});

	test("a blob's bytes", async ({ expect }) => {
		const { peer, inbox } = victim();

		peer.send({ type: RESULT, blob: new Uint8Array(maxBlobBytes) });
		expect((await inbox.next()).blob?.byteLength).toBe(maxBlobBytes);
		peer.sendBytes(
			rawFrame({ type: RESULT, sequence: 1, flags: 1, blobBytes: maxBlobBytes + 1 }),
		);

		expect(await inbox.end).toMatchObject({ code: "ERR_RPC_LIMIT" });
	});

	test("a frame's descriptors", async ({ expect }) => {
		const { peer, inbox } = victim();
		using file = textFile("x");
		const fds = Array.from({ length: maxFrameFds }, () => file);

		peer.send({ type: CALL, fds });
		expect((await inbox.next()).fds.length).toBe(maxFrameFds);
		peer.sendBytes(rawFrame({ type: CALL, sequence: 1, fdCount: maxFrameFds + 1 }), fds);

		expect(await inbox.end).toMatchObject({ code: "ERR_RPC_LIMIT" });
		inbox.messages.forEach((message) => message.fds.close());
	});

	test("descriptors that wait for their frame", async ({ expect }) => {
		const before = descriptorCount();
		const { peer, channel, inbox } = victim();
		using file = textFile("x");
		const header = rawFrame({ type: CALL, fdCount: 1 });
		const send = async (at: number, count: number): Promise<void> => {
			peer.sendBytes(
				header.subarray(at, at + 1),
				Array.from({ length: count }, () => file),
			);
			await nextTurn();
			await nextTurn();
		};

		for (const [at, count] of [253, 253, 253, 253, maxQueuedFds - 4 * 253].entries())
			await send(at, count);
		expect(channel.isClosed).toBe(false);
		expect(descriptorCount()).toBeGreaterThan(before + maxQueuedFds);
		await send(5, 1);

		expect(await inbox.end).toMatchObject({ code: "ERR_RPC_LIMIT" });
		expect(descriptorCount()).toBeLessThan(before + 5);
	});
});

describe("a sender is told before the peer has to end the channel:", () => {
	test.for([
		[
			"a body's bytes",
			{ value: "x".repeat(maxBodyBytes - 5) },
			{ value: "x".repeat(maxBodyBytes - 4) },
		],
		[
			"a blob's bytes",
			{ blob: new Uint8Array(maxBlobBytes) },
			{ blob: new Uint8Array(maxBlobBytes + 1) },
		],
		["nesting", { value: deep(maxNesting) }, { value: deep(maxNesting + 1) }],
		[
			"a body's values",
			{ value: Array(maxValues - 1).fill(0) },
			{ value: Array(maxValues).fill(0) },
		],
		["descriptors", { fds: Array(253).fill(0) }, { fds: Array(254).fill(0) }],
	] as const)("%s", async ([, under, over], { expect }) => {
		const { peer, inbox } = victim();

		peer.send({ type: RESULT, ...under });
		expect(() => peer.send({ type: RESULT, ...over })).toThrow(
			expect.objectContaining({ code: "ERR_RPC_LIMIT" }),
		);
		peer.send({ type: RESULT, id: 7 });

		(await inbox.next()).fds.close();
		expect((await inbox.next()).id).toBe(7);
	});

	test("bytes that wait to be sent", ({ expect }) => {
		const [left, right] = channelPair(new Mailbox(), new Mailbox());
		right.pause();
		const blob = new Uint8Array(maxBlobBytes);
		const send = (): void => void left.send({ type: RESULT, blob });

		while (left.unsentBytes + maxBlobBytes + 100 <= maxUnsentBytes) send();
		expect(send).toThrow(expect.objectContaining({ code: "ERR_RPC_LIMIT" }));

		expect(left.isClosed).toBe(false);
		left.close();
		right.close();
	});
});

describe("calls in flight", () => {
	test("are at most 256: a client sends the next one when one has ended", async ({ expect }) => {
		const { peer, socket } = ScriptedPeer.pair();
		const client = new Client(socket);
		peer.hello();
		await peer.expect(WELCOME);
		const calls = Array.from({ length: maxCallsInFlight + 10 }, (_, i) => client.call("m", i));
		const settled = Promise.allSettled(calls);

		const ids: number[] = [];
		for (let i = 0; i < maxCallsInFlight; i++) ids.push((await peer.expect(CALL)).id);
		const next = peer.expect(CALL);
		await nextTurn();
		peer.send({ type: RESULT, id: ids[100] as number, value: "done" });

		expect((await next).value).toEqual(["m", maxCallsInFlight]);
		expect((await calls[100])?.value).toBe("done");
		peer.close();
		await settled;
	});

	test("are at most 257: a service that is sent more reads no more until one has ended", async ({
		expect,
	}) => {
		const running: PromiseWithResolvers<string>[] = [];
		const peer = servedBy({
			wait: () => {
				const call = Promise.withResolvers<string>();
				running.push(call);
				return call.promise;
			},
		});
		await peer.expect(HELLO);

		for (let id = 1; id <= maxCallsInFlight + 5; id++)
			peer.send({ type: CALL, id, value: ["wait"] });
		await until(() => running.length >= maxCallsInFlight + 1);
		await new Promise((resolve) => setTimeout(resolve, 20));
		expect(running.length).toBe(maxCallsInFlight + 1);
		running[0]?.resolve("done");
		expect((await peer.expect(RESULT)).value).toBe("done");
		await until(() => running.length === maxCallsInFlight + 2);
		for (const call of running.slice(1, 10)) call.resolve("done");

		await until(() => running.length === maxCallsInFlight + 5);
	});

	test("may be answered at once, however many have come with the one that was too many", async ({
		expect,
	}) => {
		const peer = servedBy({ wait: () => new Promise(() => {}), echo: (params) => params });
		await peer.expect(HELLO);
		const [first, last] = [maxCallsInFlight + 1, maxCallsInFlight + 7000];

		for (let id = 1; id < first; id++) peer.send({ type: CALL, id, value: ["wait"] });
		for (let id = first; id <= last; id++) peer.send({ type: CALL, id, value: ["echo"] });

		for (let id = first; id <= last; id++) expect((await peer.expect(RESULT)).id).toBe(id);
	});
});

describe("signals", () => {
	const flood = async (peer: ScriptedPeer): Promise<number> => {
		peer.send({ type: CALL, id: 1, value: ["flood"] });
		// Answered in its turn: after all that the call could send.
		peer.send({ type: PING });
		let count = 0;
		while ((await peer.next()).type === SIGNAL) count++;
		return count;
	};

	const window = signalWindowBytes / minSignalCost;

	test("of one call are at most 1,024 ahead of the credit", async ({ expect }) => {
		const peer = servedBy({ flood: (_, call) => signal(call, window + 100, "x") });
		await peer.expect(HELLO);

		expect(await flood(peer)).toBe(window);
	});

	test("of one call are at most 256 KiB ahead of it, and the last one", async ({ expect }) => {
		const peer = servedBy({ flood: (_, call) => signal(call, 100, "x".repeat(100_000)) });
		await peer.expect(HELLO);

		expect(await flood(peer)).toBe(3);
	});

	test("go on when there is credit, and come before the result", async ({ expect }) => {
		const peer = servedBy({ flood: (_, call) => signal(call, window + 6, "x") });
		await peer.expect(HELLO);
		peer.send({ type: CALL, id: 1, value: ["flood"] });
		for (let i = 0; i < window; i++) await peer.expect(SIGNAL);

		peer.send({ type: CREDIT, id: 1, arg: 5 * minSignalCost });
		for (let i = 0; i < 5; i++)
			expect((await peer.expect(SIGNAL)).value).toEqual(["s", `${i + window} x`]);
		peer.send({ type: CREDIT, id: 1, arg: 1 });

		expect((await peer.expect(SIGNAL)).value).toEqual(["s", `${window + 5} x`]);
		await peer.expect(RESULT);
	});

	test("that nobody reads are not kept without end", async ({ expect }) => {
		const ahead = window + maxWaitingSignals;
		const peer = servedBy({
			under: (_, call) => signal(call, ahead, "x"),
			over: (_, call) => signal(call, ahead + 1, "x"),
		});
		await peer.expect(HELLO);

		peer.send({ type: CALL, id: 1, value: ["under"] });
		peer.send({ type: CALL, id: 2, value: ["over"] });
		for (const id of [1, 2]) peer.send({ type: CREDIT, id, arg: 2 ** 31 });

		const ends: [number, number][] = [];
		while (ends.length < 2) {
			const { type, id } = await peer.next();
			if (type !== SIGNAL) ends.push([id, type]);
		}
		expect(ends.toSorted(([a], [b]) => a - b)).toEqual([
			[1, RESULT],
			[2, 5],
		]);
		peer.send({ type: BYE });
	});
});

function signal(call: HandlerCall, count: number, text: string): void {
	for (let i = 0; i < count; i++) call.signalHost("s", `${i} ${text}`);
}

function deep(levels: number): unknown {
	let value: unknown = 0;
	for (let i = 0; i < levels; i++) value = [value];
	return value;
}

async function sendAll(peer: ScriptedPeer, bytes: Buffer): Promise<void> {
	for (let at = 0; at < bytes.byteLength; at += 32_768) {
		try {
			peer.sendBytes(bytes.subarray(at, at + 32_768));
		} catch (error) {
			if ((error as { code?: string }).code !== "EAGAIN") return;
			at -= 32_768;
		}
		await nextTurn();
	}
}
