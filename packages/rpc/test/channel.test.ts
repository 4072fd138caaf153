import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { type Fd, isOpenFd, sendmsg, socketpair } from "@devhost/linux";
import { describe, onTestFinished, test } from "vitest";
import { Channel } from "../src/channel.ts";
import { headerBytes } from "../src/frame.ts";
import { CALL, PING, RESULT, SIGNAL, type OutgoingMessage } from "../src/message.ts";
import { channelPair, Mailbox, rawFrame } from "../src/testing.ts";
import { descriptorCount, nextNumber, textFile, textOf, until } from "./descriptors.ts";

function pair(): { left: Channel; right: Channel; inbox: Mailbox; outbox: Mailbox } {
	const [outbox, inbox] = [new Mailbox(), new Mailbox()];
	const [left, right] = channelPair(outbox, inbox);
	onTestFinished(() => {
		left.close();
		right.close();
	});
	return { left, right, inbox, outbox };
}

/** A channel, and the bare socket of its peer. */
function withRawPeer(): { channel: Channel; inbox: Mailbox; peer: Fd } {
	const [peer, socket] = socketpair("stream");
	const inbox = new Mailbox();
	const channel = new Channel(socket, "peer", inbox);
	onTestFinished(() => {
		channel.close();
		peer.close();
	});
	return { channel, inbox, peer };
}

function sendRaw(peer: Fd, bytes: Uint8Array, fds: readonly number[] = []): void {
	const numbers = Int32Array.from(fds);
	let sent = 0;
	while (sent < bytes.byteLength) {
		const count = sent === 0 ? fds.length : 0;
		const result = sendmsg(
			peer.fd,
			bytes,
			sent,
			bytes.byteLength,
			undefined,
			0,
			numbers,
			count,
		);
		if (result < 0) throw new Error(`sendmsg: ${result}`);
		sent += result;
	}
}

const ping = (sequence: number): Buffer => rawFrame({ type: PING, sequence });
const noBytes = new Uint8Array();

describe("messages", () => {
	test("arrive with everything that they carry", async ({ expect }) => {
		const { left, inbox } = pair();
		using file = textFile("contents");

		void left.send({
			type: CALL,
			id: 0xffff_ffff,
			arg: 0x8000_0000,
			value: ["method", { a: [1, "é"] }],
			blob: Buffer.from("raw"),
			fds: [file],
		});
		const message = await inbox.next();

		using fds = message.fds;
		expect(message).toMatchObject({
			type: CALL,
			id: 0xffff_ffff,
			arg: 0x8000_0000,
			value: ["method", { a: [1, "é"] }],
		});
		expect(Buffer.from(message.blob as Uint8Array).toString()).toBe("raw");
		expect(textOf(fds.fd(0))).toBe("contents");
	});

	test("tell what is absent from what is empty", async ({ expect }) => {
		const { left, inbox } = pair();

		void left.send({ type: RESULT });
		void left.send({ type: RESULT, value: null, blob: noBytes });
		const [absent, empty] = [await inbox.next(), await inbox.next()];

		expect([absent.value, absent.blob]).toEqual([undefined, undefined]);
		expect([empty.value, empty.blob]).toEqual([null, noBytes]);
	});

	test("go both ways, in the order in which they were sent", async ({ expect }) => {
		const { left, right, inbox, outbox } = pair();
		const ids = Array.from({ length: 500 }, (_, i) => i + 1);

		for (const id of ids) {
			void left.send({ type: CALL, id, value: ["x".repeat(id % 50)] });
			void right.send({ type: RESULT, id, value: id });
		}

		for (const id of ids) expect((await inbox.next()).id).toBe(id);
		for (const id of ids) expect((await outbox.next()).value).toBe(id);
	});

	test.for([0, 1, 65_535, 65_536, 262_144, 262_145, 5_000_000])(
		"carry a blob of %i bytes unchanged",
		async (sizeBytes, { expect }) => {
			const { left, inbox } = pair();
			const blob = new Uint8Array(sizeBytes).map((_, i) => (i * 31) >> 3);

			void left.send({ type: CALL, value: ["before"], blob });
			void left.send({ type: CALL, value: ["after"] });
			const [first, second] = [await inbox.next(), await inbox.next()];

			expect(first.blob?.byteLength).toBe(sizeBytes);
			expect(Buffer.compare(first.blob as Uint8Array, blob)).toBe(0);
			expect(second.value).toEqual(["after"]);
		},
	);

	test("have bodies larger than the receive buffer", async ({ expect }) => {
		const { left, inbox } = pair();
		const large = "é".repeat(500_000);

		void left.send({ type: RESULT, value: large });
		void left.send({ type: RESULT, value: "small" });

		expect((await inbox.next()).value).toBe(large);
		expect((await inbox.next()).value).toBe("small");
	});

	test("are read however the bytes are cut", async ({ expect }) => {
		const body = Buffer.from("81a161c403010203", "hex");
		const frames = [
			rawFrame({ type: RESULT, id: 1, body }),
			rawFrame({ type: RESULT, id: 2, sequence: 1, blob: Buffer.from("blob") }),
			rawFrame({ type: PING, sequence: 2 }),
		];
		const bytes = Buffer.concat(frames);

		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.nat(bytes.byteLength), { maxLength: 12 }),
				async (cuts) => {
					const [peer, socket] = socketpair("stream");
					const inbox = new Mailbox();
					const channel = new Channel(socket, "peer", inbox);
					const sorted = [0, ...cuts, bytes.byteLength].toSorted((a, b) => a - b);
					for (const [i, to] of sorted.slice(1).entries()) {
						sendRaw(peer, bytes.subarray(sorted[i], to));
						await new Promise(setImmediate);
					}
					expect((await inbox.next()).value).toEqual({ a: Uint8Array.of(1, 2, 3) });
					expect(Buffer.from((await inbox.next()).blob as Uint8Array).toString()).toBe(
						"blob",
					);
					expect((await inbox.next()).type).toBe(PING);
					channel.close();
					peer.close();
				},
			),
			{ numRuns: 50 },
		);
	});

	test("that were refused leave the channel as it was", async ({ expect }) => {
		const { left, inbox } = pair();

		expect(() => left.send({ type: CALL, value: [new Date()] })).toThrow(TypeError);
		expect(() => left.send({ type: CALL, value: ["x"], fds: [9999] })).toThrow("EBADF");
		void left.send({ type: CALL, value: ["first that is sent"] });

		expect((await inbox.next()).value).toEqual(["first that is sent"]);
	});
});

describe("descriptors", () => {
	test("are the sender's still, and may be closed at once", async ({ expect }) => {
		const { left, inbox } = pair();
		const file = textFile("mine");

		void left.send({ type: CALL, value: ["x"], fds: [file] });
		expect(isOpenFd(file.fd)).toBe(true);
		file.close();

		using fds = (await inbox.next()).fds;
		expect(textOf(fds.fd(0))).toBe("mine");
	});

	test("that have to wait are those that were meant, whoever has their numbers by then", async ({
		expect,
	}) => {
		const { left, right, inbox } = pair();
		right.pause();
		// More than a socket takes.
		void left.send({ type: CALL, value: ["fill"], blob: new Uint8Array(8 * 2 ** 20) });
		const file = textFile("meant");
		const number = file.fd;

		void left.send({ type: CALL, value: ["x"], fds: [number] });
		file.close();
		using other = textFile("not meant");
		expect(other.fd).toBe(number);
		right.resume();

		await inbox.next();
		using fds = (await inbox.next()).fds;
		expect(textOf(fds.fd(0))).toBe("meant");
	});

	test("that move are closed when they are sent, and when they cannot be", async ({ expect }) => {
		const { left, inbox } = pair();
		const [sent, refused] = [textFile("sent"), textFile("refused")];

		void left.send({ type: RESULT, value: 1, fds: [sent], movesFds: true });
		const message: OutgoingMessage = {
			type: RESULT,
			value: Symbol("s"),
			fds: [refused],
			movesFds: true,
		};
		expect(() => left.send(message)).toThrow(TypeError);

		expect([sent.isOpen, refused.isOpen]).toEqual([false, false]);
		(await inbox.next()).fds.close();
	});

	test("are close-on-exec", async ({ expect }) => {
		const { left, inbox } = pair();
		using file = textFile("secret");

		void left.send({ type: CALL, value: ["x"], fds: [file] });
		using fds = (await inbox.next()).fds;
		const listing = spawnSync("/bin/ls", ["/proc/self/fd"], { encoding: "utf8" }).stdout;

		expect(listing.split("\n")).not.toContain(String(fds.fd(0)));
	});

	test("of 253 arrive in one message", async ({ expect }) => {
		const { left, inbox } = pair();
		const before = descriptorCount();
		using file = textFile("one");

		void left.send({ type: CALL, value: ["x"], fds: Array.from({ length: 253 }, () => file) });
		const { fds } = await inbox.next();

		expect(fds.length).toBe(253);
		fds.close();
		file.close();
		expect(descriptorCount()).toBe(before);
	});

	test("never get the numbers of standard input, output and error", async ({ expect }) => {
		const program = `
			const { closeSync } = require("node:fs");
			const { memfd, socketpair, Fd } = require(${JSON.stringify(import.meta.resolve("@devhost/linux").slice(7))});
			const { channelPair, Mailbox } = require(${JSON.stringify(`${import.meta.dirname}/../dist/testing.js`)});
			const inbox = new Mailbox();
			const [left] = channelPair(new Mailbox(), inbox);
			const file = memfd("x");
			closeSync(0);
			void left.send({ type: 3, value: ["x"], fds: [file, file] });
			inbox.next().then(({ fds }) => process.exit(Math.min(fds.fd(0), fds.fd(1)) >= 3 ? 42 : 1));
		`;

		expect(spawnSync(process.execPath, ["-e", program]).status).toBe(42);
	});
});

describe("several hundred frames with 0 to 253 descriptors", () => {
	test(
		"each have their own, with the right contents, and none leaks",
		{ timeout: 30_000 },
		async ({ expect }) => {
			const before = descriptorCount();
			const [outbox, inbox] = [new Mailbox(), new Mailbox()];
			const [left, right] = channelPair(outbox, inbox);
			const random = randomFrom(7);
			const frameCount = 400;
			const counts = Array.from({ length: frameCount }, () => fdCountFrom(random));

			const sending = (async () => {
				for (const [frame, count] of counts.entries()) {
					const files = Array.from({ length: count }, (_, i) =>
						textFile(`${frame}.${i}`),
					);
					const size = [0, 10, 3000, 100_000, 700_000][random(5)] as number;
					const blob =
						random(3) === 0 ? new Uint8Array(random(1_000_000)).fill(frame) : undefined;
					const value = [`frame ${frame}`, "x".repeat(size)];
					await left.send({ type: SIGNAL, id: frame, value, blob, fds: files });
					for (const file of files) file.close();
					if (random(4) === 0) await new Promise(setImmediate);
				}
			})();
			let wrong = 0;
			for (const [frame, count] of counts.entries()) {
				const { id, fds, blob } = await inbox.next();
				if (id !== frame || fds.length !== count) wrong++;
				if (blob !== undefined && blob.some((byte) => byte !== (frame & 0xff))) wrong++;
				for (let i = 0; i < fds.length; i++)
					if (textOf(fds.fd(i)) !== `${frame}.${i}`) wrong++;
				fds.close();
				if (random(20) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
			}
			await sending;
			left.close();
			right.close();

			expect(wrong).toBe(0);
			expect(descriptorCount()).toBe(before);
		},
	);
});

describe("backpressure", () => {
	test("send asks to wait above 1 MiB, and no longer once the peer reads", async ({ expect }) => {
		const { left, right, inbox } = pair();
		right.pause();
		const blob = new Uint8Array(300_000);

		const waits = Array.from({ length: 60 }, () => left.send({ type: RESULT, blob }));
		expect(waits[0]).toBeUndefined();
		expect(waits.at(-1)).toBeInstanceOf(Promise);
		expect(left.unsentBytes).toBeGreaterThan(2 ** 20);
		right.resume();
		for (const wait of waits) await wait;

		expect(left.unsentBytes).toBeLessThanOrEqual(2 ** 20);
		await left.flushed();
		expect(left.unsentBytes).toBe(0);
		for (const _ of waits) expect((await inbox.next()).blob?.byteLength).toBe(300_000);
	});

	test("a receiver may pause and resume at each message", async ({ expect }) => {
		let count = 0;
		const [left, right] = channelPair(new Mailbox(), {
			receive: () => {
				count++;
				right.pause();
				right.resume();
			},
			ended: () => {},
		});

		for (let i = 0; i < 8000; i++) void left.send({ type: PING });

		await until(() => count === 8000);
		expect(right.isClosed).toBe(false);
		left.close();
		right.close();
	});

	test("a paused channel hands on nothing, not even what it has read", async ({ expect }) => {
		const { left, right, inbox } = pair();
		const stop = inbox.receive.bind(inbox);
		inbox.receive = (message) => {
			stop(message);
			right.pause();
		};

		for (const id of [1, 2, 3]) void left.send({ type: RESULT, id });
		await until(() => inbox.messages.length === 1);
		await new Promise((resolve) => setTimeout(resolve, 20));
		expect(inbox.messages.length).toBe(1);
		right.resume();
		right.resume();

		expect(inbox.messages.map(({ id }) => id)).toEqual([1, 2, 3]);
	});
});

describe("the end", () => {
	test("is clean between two messages", async ({ expect }) => {
		const { left, inbox } = pair();

		void left.send({ type: RESULT, id: 1 });
		left.close();

		expect((await inbox.next()).id).toBe(1);
		expect(await inbox.end).toBeUndefined();
	});

	test("in the middle of a frame is an error", async ({ expect }) => {
		const { inbox, peer } = withRawPeer();

		sendRaw(peer, ping(0).subarray(0, 10));
		peer.close();

		expect(await inbox.end).toMatchObject({
			code: "ERR_RPC_CLOSED",
			message: "peer: the connection ended in the middle of a frame",
		});
	});

	test("comes after everything that was sent before it, although the peer left something unread", async ({
		expect,
	}) => {
		const { left, right, inbox } = pair();
		void right.send({ type: RESULT, value: "never read" });

		left.pause();
		for (let id = 1; id <= 100; id++)
			void left.send({ type: RESULT, id, value: "x".repeat(1000) });
		await left.flushed();
		left.close();

		expect(await inbox.end).toBeUndefined();
		expect(inbox.messages.length).toBe(100);
	});

	test("is told once, and not to the one who closed", async ({ expect }) => {
		const { left, outbox, inbox } = pair();
		let ends = 0;
		inbox.ended = () => void ends++;
		outbox.ended = () => void ends++;

		left.close();
		left.close();
		await until(() => ends > 0);
		await new Promise((resolve) => setTimeout(resolve, 20));

		expect(ends).toBe(1);
		expect(() => left.send({ type: PING })).toThrow(
			expect.objectContaining({ code: "ERR_RPC_CLOSED" }),
		);
	});

	test("leaves nothing open: neither what waits to be sent nor what nobody asked for", async ({
		expect,
	}) => {
		const before = descriptorCount();
		const [outbox, inbox] = [new Mailbox(), new Mailbox()];
		const [left, right] = channelPair(outbox, inbox);
		right.pause();
		using file = textFile("x");

		void left.send({ type: CALL, value: ["fill"], blob: new Uint8Array(8 * 2 ** 20) });
		for (let i = 0; i < 5; i++)
			void left.send({ type: CALL, value: ["waits"], fds: [file, file] });
		expect(descriptorCount()).toBeGreaterThan(before + 10);
		right.close();
		await outbox.end;

		file.close();
		expect(descriptorCount()).toBe(before);
	});

	test("closes its socket although a new descriptor gets the number at once", async ({
		expect,
	}) => {
		const { left, right, inbox } = pair();
		void right.send({ type: PING });
		left.close();
		const [a, b] = socketpair("stream");
		onTestFinished(() => {
			a.close();
			b.close();
		});

		const mailbox = new Mailbox();
		const channel = new Channel(a, "new", mailbox);
		await new Promise((resolve) => setTimeout(resolve, 20));

		expect(mailbox.messages).toEqual([]);
		expect(await inbox.end).toBeUndefined();
		channel.close();
	});
});

describe("a socket that is none of ours is refused:", () => {
	test("a packet socket, until its dialect is spoken", ({ expect }) => {
		const before = nextNumber();
		const [a, b] = socketpair("seqpacket");

		expect(() => new Channel(a, "x", new Mailbox())).toThrow(
			/seqpacket socket \(osbuild's dialect, see @devhost\/rpc\/osbuild\)/,
		);

		b.close();
		expect(nextNumber()).toBe(before);
	});

	test("a file", ({ expect }) => {
		const file = textFile("x");

		expect(() => new Channel(file, "x", new Mailbox())).toThrow(
			expect.objectContaining({ code: "ERR_RPC_DIALECT" }),
		);
		expect(file.isOpen).toBe(false);
	});
});

describe("a peer that breaks the protocol ends the channel:", () => {
	const broken = async (bytes: Uint8Array, fds: number[] = []): Promise<unknown> => {
		const { inbox, peer, channel } = withRawPeer();
		const before = descriptorCount();
		sendRaw(peer, bytes, fds);
		const error = await inbox.end;
		for (const message of inbox.messages) message.fds.close();
		if (!channel.isClosed) throw new Error("the channel is open");
		if (descriptorCount() !== before - 1) throw new Error("descriptors have leaked");
		return error;
	};
	const body = (text: string): Buffer => Buffer.from(text, "hex");

	test.for([
		["text", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), "ERR_RPC_PROTOCOL"],
		["an unknown type", rawFrame({ type: 11 }), "ERR_RPC_PROTOCOL"],
		["type 0", rawFrame({ type: 0 }), "ERR_RPC_PROTOCOL"],
		["a wrong sequence number", ping(1), "ERR_RPC_PROTOCOL"],
		["a frame left out", Buffer.concat([ping(0), ping(2)]), "ERR_RPC_PROTOCOL"],
		["an unknown flag", rawFrame({ type: PING, flags: 4 }), "ERR_RPC_PROTOCOL"],
		[
			"a blob without its flag",
			rawFrame({ type: CALL, flags: 0, blob: body("00") }),
			"ERR_RPC_PROTOCOL",
		],
		[
			"a blob with a PING",
			rawFrame({ type: PING, flags: 1, blob: body("00") }),
			"ERR_RPC_PROTOCOL",
		],
		["a body with a PING", rawFrame({ type: PING, body: body("c0") }), "ERR_RPC_PROTOCOL"],
		["1 GB of body", rawFrame({ type: CALL, bodyBytes: 2 ** 30 }), "ERR_RPC_LIMIT"],
		[
			"4 GiB of blob",
			rawFrame({ type: CALL, flags: 1, blobBytes: 2 ** 32 - 1 }),
			"ERR_RPC_LIMIT",
		],
		[
			"65,535 descriptors announced",
			rawFrame({ type: CALL, fdCount: 65_535 }),
			"ERR_RPC_LIMIT",
		],
		[
			"descriptors announced that never came",
			rawFrame({ type: CALL, fdCount: 1 }),
			"ERR_RPC_PROTOCOL",
		],
		[
			"a body that is no msgpack",
			rawFrame({ type: CALL, body: body("c1") }),
			"ERR_RPC_PROTOCOL",
		],
		["an extension", rawFrame({ type: CALL, body: body("d40100") }), "ERR_RPC_PROTOCOL"],
		[
			"an empty body where lengths say 2",
			rawFrame({ type: CALL, body: body("0000") }),
			"ERR_RPC_PROTOCOL",
		],
	] as const)("%s", async ([, bytes, code], { expect }) => {
		expect(await broken(bytes)).toMatchObject({
			code,
			message: expect.stringContaining("peer: "),
		});
	});

	test("descriptors that no frame claims", async ({ expect }) => {
		using file = textFile("x");

		expect(await broken(ping(0), [file.fd, file.fd])).toMatchObject({
			code: "ERR_RPC_PROTOCOL",
			message: "peer: 2 descriptors arrived that belong to no frame",
		});
	});

	test("more descriptors than the frame announces", async ({ expect }) => {
		using file = textFile("x");

		expect(
			await broken(rawFrame({ type: CALL, fdCount: 1, body: body("91a178") }), [
				file.fd,
				file.fd,
			]),
		).toMatchObject({
			code: "ERR_RPC_PROTOCOL",
		});
	});

	test("descriptors in the middle of a blob", async ({ expect }) => {
		const { inbox, peer } = withRawPeer();
		using file = textFile("x");
		const frame = rawFrame({ type: CALL, body: body("91a178"), blob: new Uint8Array(400_000) });

		sendRaw(peer, frame.subarray(0, headerBytes + 3 + 100));
		await new Promise(setImmediate);
		await new Promise(setImmediate);
		void sendSlowly(peer, frame.subarray(headerBytes + 3 + 100), [file.fd]);

		expect(await inbox.end).toMatchObject({ code: "ERR_RPC_PROTOCOL" });
		for (const { fds } of inbox.messages) fds.close();
	});

	test("descriptors with a frame that may not have any", async ({ expect }) => {
		using file = textFile("x");

		expect(await broken(rawFrame({ type: PING, fdCount: 1 }), [file.fd])).toMatchObject({
			code: "ERR_RPC_PROTOCOL",
			message: expect.stringContaining("may not carry descriptors"),
		});
	});

	test(
		"random bytes with random descriptors, a thousand times over, crash and leak nothing",
		{ timeout: 60_000 },
		async ({ expect }) => {
			const before = descriptorCount();
			using file = textFile("x");
			const valid = Buffer.concat([
				rawFrame({ type: CALL, id: 1, body: body("92a16ac3") }),
				rawFrame({
					type: RESULT,
					id: 1,
					sequence: 1,
					body: body("83a161c0a162ca3f800000a163c40100"),
					blob: body("0011"),
				}),
				rawFrame({ type: SIGNAL, id: 2, sequence: 2, body: body("91a178"), fdCount: 1 }),
			]);
			const mutated = fc
				.array(fc.tuple(fc.nat(valid.byteLength - 1), fc.nat(255)), { maxLength: 6 })
				.map((changes) => {
					const bytes = Buffer.from(valid);
					for (const [at, byte] of changes) bytes[at] = byte;
					return bytes;
				});
			const anything = fc.oneof(
				mutated,
				fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
			);

			await fc.assert(
				fc.asyncProperty(anything, fc.nat(200), fc.nat(3), async (bytes, cut, fdCount) => {
					const [peer, socket] = socketpair("stream");
					const inbox = new Mailbox();
					const channel = new Channel(socket, "peer", inbox);
					const fds = Array.from({ length: fdCount }, () => file.fd);
					sendRaw(peer, bytes.subarray(0, cut + 1), fds);
					if (cut + 1 < bytes.byteLength) sendRaw(peer, bytes.subarray(cut + 1));
					peer.close();
					await inbox.end;
					channel.close();
					for (const message of inbox.messages) message.fds.close();
				}),
				{ numRuns: 1000 },
			);

			file.close();
			expect(descriptorCount()).toBe(before);
		},
	);
});

async function sendSlowly(peer: Fd, bytes: Uint8Array, fds: number[]): Promise<void> {
	const numbers = Int32Array.from(fds);
	let sent = 0;
	while (sent < bytes.byteLength) {
		const count = sent === 0 ? fds.length : 0;
		const result = sendmsg(
			peer.fd,
			bytes,
			sent,
			bytes.byteLength,
			undefined,
			0,
			numbers,
			count,
		);
		if (result > 0) sent += result;
		else if (result !== -11) return;
		await new Promise(setImmediate);
	}
}

/** Numbers below a bound, the same in each run. Source: xorshift32. */
function randomFrom(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) % below;
	};
}

function fdCountFrom(random: (below: number) => number): number {
	return [0, 0, 1, 2, random(20), random(254)][random(6)] as number;
}
