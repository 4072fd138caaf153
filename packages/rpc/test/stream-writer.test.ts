import type { sendmsg } from "@devhost/linux";
import { describe, test } from "vitest";
import type { RpcError } from "../src/error.ts";
import { headerBytes } from "../src/frame.ts";
import { maxBlobBytes, maxCallsInFlight, maxUnsentBytes } from "../src/limits.ts";
import { BYE, CALL, CANCEL, PING, RESULT } from "../src/message.ts";
import { StreamWriter } from "../src/stream-writer.ts";
import { descriptorCount, textFile } from "./descriptors.ts";

const EAGAIN = -11;
const ENOMEM = -12;
const EPIPE = -32;
const ETOOMANYREFS = -109;

/** A socket that takes what it is told: bytes, or -errno; everything after the last one. */
function fakeSocket(...takes: number[]) {
	const log: { bytes: number; fds: number; taken: number }[] = [];
	const waits: boolean[] = [];
	const errors: RpcError[] = [];
	const clock = { ms: 0 };
	const send: typeof sendmsg = (_fd, _head, start, end, tail, tailStart, _fds, fds) => {
		const bytes = end - start + (tail === undefined ? 0 : tail.byteLength - tailStart);
		const taken = Math.min(takes.shift() ?? bytes, bytes);
		log.push({ bytes, fds, taken });
		return taken;
	};
	const writer = new StreamWriter(
		-1,
		{ waitWritable: (wanted) => waits.push(wanted), failed: (error) => errors.push(error) },
		{ sendmsg: send, nowMs: () => clock.ms },
	);
	return { writer, log, waits, errors, clock };
}

const tick = (): Promise<void> => new Promise((resolve) => queueMicrotask(resolve));

describe("a stream writer", () => {
	test("sends the first frame of a tick at once, the others together at its end", async ({
		expect,
	}) => {
		const { writer, log } = fakeSocket();

		for (let i = 0; i < 10; i++) void writer.send({ type: PING });
		expect(log).toEqual([{ bytes: 24, fds: 0, taken: 24 }]);
		await tick();

		expect(log.slice(1)).toEqual([{ bytes: 9 * 24, fds: 0, taken: 216 }]);
		expect(writer.unsentBytes).toBe(0);
	});

	test("sends some before the end of a tick that lasts", async ({ expect }) => {
		const { writer, log, clock } = fakeSocket();

		for (let i = 0; i < 10; i++) {
			void writer.send({ type: PING });
			clock.ms += 0.1;
		}
		expect(log.map(({ bytes }) => bytes / 24)).toEqual([1, 4, 4]);
		await tick();

		expect(log.map(({ bytes }) => bytes / 24)).toEqual([1, 4, 4, 1]);
		expect(writer.unsentBytes).toBe(0);
	});

	test("sends at once again when the next tick begins, and at its end otherwise", async ({
		expect,
	}) => {
		const { writer, log } = fakeSocket();

		void writer.send({ type: PING });
		writer.beginTick();
		void writer.send({ type: PING });
		expect(log.length).toBe(2);
		void writer.send({ type: PING });
		writer.beginTick();
		void writer.send({ type: PING });
		expect(log.length).toBe(2);
		await tick();

		expect(log.map(({ bytes }) => bytes)).toEqual([24, 24, 48]);
	});

	test("begins a new call with each frame that has descriptors", async ({ expect }) => {
		const { writer, log } = fakeSocket();

		void writer.send({ type: PING });
		void writer.send({ type: PING });
		void writer.send({ type: CALL, fds: [1, 2] });
		void writer.send({ type: PING });
		void writer.send({ type: CALL, fds: [1] });
		await tick();

		expect(log.map(({ bytes, fds }) => [bytes, fds])).toEqual([
			[24, 0],
			[24, 0],
			[48, 2],
			[24, 1],
		]);
	});

	test("keeps descriptors when the socket is full, and never attaches them twice", async ({
		expect,
	}) => {
		const before = descriptorCount();
		const { writer, log, waits } = fakeSocket(EAGAIN, EAGAIN, 10, EAGAIN);
		using file = textFile("x");

		void writer.send({ type: CALL, fds: [file] });
		expect(waits).toEqual([true]);
		expect(descriptorCount()).toBe(before + 2);
		writer.flush();
		writer.flush();
		expect(descriptorCount()).toBe(before + 1);
		writer.flush();

		expect(log.map(({ fds, taken }) => [fds, taken])).toEqual([
			[1, EAGAIN],
			[1, EAGAIN],
			[1, 10],
			[0, EAGAIN],
			[0, 14],
		]);
		expect(waits).toEqual([true, false]);
	});

	test("sends the rest of what the socket took a part of, head and blob", async ({ expect }) => {
		const { writer, log } = fakeSocket(10, 20, 50_000);

		void writer.send({ type: RESULT, blob: new Uint8Array(100_000) });
		await tick();

		expect(log.map(({ bytes }) => bytes)).toEqual([100_024, 100_014, 99_994, 49_994]);
		expect(writer.unsentBytes).toBe(0);
	});

	test("waits when too many descriptors are in flight, and tries again", async ({ expect }) => {
		const { writer, log } = fakeSocket(ETOOMANYREFS, ETOOMANYREFS);
		using file = textFile("x");

		void writer.send({ type: CALL, fds: [file] });
		await writer.untilUnsent(0);

		expect(log.map(({ taken }) => taken)).toEqual([ETOOMANYREFS, ETOOMANYREFS, 24]);
	});

	test("drops what waits when the peer is gone, and leaves it to the reader to tell", async ({
		expect,
	}) => {
		const before = descriptorCount();
		const { writer, errors, waits } = fakeSocket(EAGAIN, EPIPE);
		const file = textFile("x");

		void writer.send({ type: CALL, fds: [file] });
		writer.flush();
		void writer.send({ type: CALL, fds: [file], movesFds: true });

		expect(descriptorCount()).toBe(before);
		expect([errors, writer.unsentBytes]).toEqual([[], 0]);
		expect(waits).toEqual([true, false]);
	});

	test("tells the sender what the kernel says of his message", ({ expect }) => {
		const { writer, log } = fakeSocket(ENOMEM);

		expect(() => writer.send({ type: RESULT })).toThrow(
			expect.objectContaining({ name: "SysError", code: "ENOMEM" }),
		);
		void writer.send({ type: PING });

		expect(log.at(-1)?.taken).toBe(24);
	});

	test("fails as a whole when the kernel refuses what waited", async ({ expect }) => {
		const { writer, errors } = fakeSocket(EAGAIN, ENOMEM);

		void writer.send({ type: PING });
		writer.flush();

		expect(errors).toMatchObject([
			{ code: "ERR_RPC_CLOSED", message: "sending failed: ENOMEM" },
		]);
	});

	test("has room for CANCEL and BYE although it has none for calls", ({ expect }) => {
		const { writer } = fakeSocket(EAGAIN);
		const blob = new Uint8Array(maxBlobBytes - headerBytes);
		for (let i = 0; i < maxUnsentBytes / maxBlobBytes; i++) {
			void writer.send({ type: CALL, blob });
		}
		expect(writer.unsentBytes).toBe(maxUnsentBytes);

		expect(() => writer.send({ type: RESULT })).toThrow("wait to be sent already");
		for (let id = 1; id <= maxCallsInFlight; id++) void writer.send({ type: CANCEL, id });
		void writer.send({ type: BYE });

		const ping = (): void => {
			for (let id = 1; id <= 100_000; id++) void writer.send({ type: PING, id });
		};
		expect(ping).toThrow(expect.objectContaining({ code: "ERR_RPC_LIMIT" }));
		writer.close();
	});

	test("fails as a whole when the kernel refuses what nobody waits for", ({ expect }) => {
		const { writer, errors } = fakeSocket(ENOMEM);

		expect(writer.send({ type: CANCEL, id: 1 })).toBeUndefined();

		expect(errors.map(({ code, message }) => [code, message])).toEqual([
			["ERR_RPC_CLOSED", "sending failed: ENOMEM"],
		]);
	});

	test("counts the frames that were sent, not those that were refused", ({ expect }) => {
		const sequences: number[] = [];
		const send: typeof sendmsg = (_fd, head, start, end) => {
			sequences.push(Buffer.from(head.buffer, head.byteOffset).readUInt32LE(start + 20));
			return sequences.length === 2 ? ENOMEM : end - start;
		};
		const writer = new StreamWriter(
			-1,
			{ waitWritable() {}, failed() {} },
			{ sendmsg: send, nowMs: () => 0 },
		);

		void writer.send({ type: PING });
		writer.beginTick();
		expect(() => writer.send({ type: RESULT })).toThrow("ENOMEM");
		writer.beginTick();
		void writer.send({ type: PING });

		expect(sequences).toEqual([0, 1, 1]);
	});
});
