import { closeSync, openSync, writeSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
	EAGAIN,
	Fd,
	memfd,
	pipe,
	recvmsg,
	sendmsg,
	setSocketBuffers,
	socketpair,
} from "@devhost/linux";
import { describe, onTestFinished, test } from "vitest";
import { Client } from "../src/client.ts";
import type { FdSet } from "../src/fd-set.ts";
import { maxCallsInFlight, maxDocumentBytes, maxDocumentNesting } from "../src/limits.ts";
import { speakOsbuild } from "../src/osbuild.ts";
import { encodeDocument, parseDocument } from "../src/osbuild-dialect.ts";
import { ServiceConnection, type ServiceDefinition } from "../src/service-connection.ts";
import { descriptorCount, until } from "./descriptors.ts";

speakOsbuild();

/** An end of a socketpair, and nothing around it. */
class Raw {
	readonly #socket: Fd;

	constructor(socket: Fd) {
		this.#socket = socket;
	}

	send(text: string, fds: readonly Fd[] = []): number {
		const bytes = Buffer.from(text, "latin1");
		const numbers = Int32Array.from(fds, ({ fd }) => fd);
		const { fd } = this.#socket;
		return sendmsg(fd, bytes, 0, bytes.byteLength, undefined, 0, numbers, fds.length);
	}

	/** The text of the next packet; `undefined` at the end. */
	async next(): Promise<string | undefined> {
		const bytes = Buffer.alloc(70_000);
		for (;;) {
			const got = recvmsg(this.#socket.fd, bytes, 0, bytes.length, new Int32Array(255));
			if (got !== -EAGAIN) return got <= 0 ? undefined : bytes.toString("latin1", 0, got);
			await nextTurn();
		}
	}

	close(): void {
		this.#socket.close();
	}
}

function clean(close: () => void): void {
	const before = descriptorCount();
	onTestFinished(async () => {
		close();
		await until(() => descriptorCount() <= before - 2);
	});
}

function clientOf(): { raw: Raw; client: Client } {
	const [mine, theirs] = socketpair("seqpacket");
	const raw = new Raw(mine);
	const client = new Client(theirs, { name: "disk" });
	clean(() => {
		client.disconnect();
		raw.close();
	});
	return { raw, client };
}

function serviceOf(methods: ServiceDefinition["methods"]): {
	raw: Raw;
	connection: ServiceConnection;
} {
	const [mine, theirs] = socketpair("seqpacket");
	const raw = new Raw(mine);
	setSocketBuffers(theirs, { sendBytes: 2 ** 22 }); // More than all credit: it is never full.
	const connection = new ServiceConnection(theirs, { module: "test", version: "1", methods });
	clean(() => {
		void connection.leave();
		raw.close();
	});
	return { raw, connection };
}

function method(name: string, args: unknown = []): string {
	return JSON.stringify({ type: "method", data: { name, args } });
}

const answer = '{"type": "reply", "data": {"reply": "first"}}';

describe("a document", () => {
	test.for([
		[null, "null"],
		[[], "[]"],
		[{}, "{}"],
		[{ b: [1, true], a: undefined, "10": { x: null } }, '{"10": {"x": null}, "b": [1, true]}'],
		["é\u007f\u2028😀/\u0000\b", '"\\u00e9\\u007f\\u2028\\ud83d\\ude00/\\u0000\\b"'],
		["\udc00\ud800", '"\\udc00\\ud800"'],
		[[NaN, -Infinity, -0, 1e21, 2n ** 64n], "[NaN, -Infinity, 0, 1e+21, 18446744073709551616]"],
	] as const)("is written as Python writes it: %o", ([value, text], { expect }) => {
		expect(encodeDocument(value).toString("latin1")).toBe(text);
	});

	test("is read as Python reads it", ({ expect }) => {
		const text = '{"a": [NaN, "Infinity -Infinity \\" NaN", -Infinity, 123456789012345678901]}';

		expect(parseDocument(Buffer.from(text))).toEqual({
			a: [NaN, 'Infinity -Infinity " NaN', -Infinity, 123456789012345678901n],
		});
		expect(
			parseDocument(Buffer.from('[1234567890123456.5, 1e20, "1234567890123456"]')),
		).toEqual([1234567890123456.5, 1e20, "1234567890123456"]);
	});

	test.for([() => 1, new Date(), new Uint8Array(1), new Map(), Symbol("x")])(
		"cannot be %s",
		(value, { expect }) => {
			expect(() => encodeDocument([value])).toThrow(TypeError);
		},
	);

	test("has a limit of nesting, and of bytes", ({ expect }) => {
		const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
		const deepest = parseDocument(Buffer.from(nested(maxDocumentNesting + 1)));

		expect(encodeDocument(deepest)).toBeDefined();
		expect(() => parseDocument(Buffer.from(nested(maxDocumentNesting + 2)))).toThrow("nested");
		expect(() => encodeDocument([deepest])).toThrow("nested");
		expect(() => encodeDocument("x".repeat(maxDocumentBytes))).toThrow("more than");
	});
});

describe("a client", () => {
	test("sends what osbuild's sends", async ({ expect }) => {
		const { raw, client } = clientOf();
		const call = client.call("open", { dev: "/dév", parent: null });

		expect(await raw.next()).toBe(
			'{"type": "method", "data": {"name": "open", "args": {"dev": "/d\\u00e9v", "parent": null}}}',
		);
		raw.send(answer);

		expect((await call).value).toBe("first");
		expect(await client.hello).toMatchObject({ module: "org.osbuild" });
	});

	test.for([
		[[1], "'list' object has no attribute 'get'"],
		[{ data: { reply: 1 } }, "'type' field missing"],
		[{ type: "reply" }, "'data' field missing"],
		[{ type: "reply", data: {} }, "'data' field missing"],
		[{ type: "reply", data: { answer: 1 } }, "'reply' field missing"],
		[{ type: "signal", data: { value: 1 } }, "'reply' field missing"],
		[
			{ type: "exception", data: { name: "E", value: "v" } },
			"'backtrace' field missing in exception",
		],
	] as const)("breaks off at %j", async ([document, text], { expect }) => {
		const { raw, client } = clientOf();
		const call = client.call("open");
		await raw.next();

		using extra = memfd("closed, too");
		raw.send(JSON.stringify(document), [extra]);

		await expect(call).rejects.toMatchObject({
			code: "ERR_RPC_PROTOCOL",
			message: `service disk: ${text}`,
		});
	});

	test.for(["{}", "null", "[]", "0", '""', "false"])(
		"takes %s for the end",
		async (text, { expect }) => {
			const { raw, client } = clientOf();
			const call = client.call("open");
			await raw.next();

			raw.send(text);

			await expect(call).rejects.toMatchObject({ code: "ERR_RPC_CLOSED" });
		},
	);

	test("does not take a second answer for that of the next call", async ({ expect }) => {
		const { raw, client } = clientOf();
		const first = client.call("one");
		const second = client.call("two");
		await raw.next();

		raw.send(answer);
		raw.send(answer);

		expect((await first).value).toBe("first");
		await expect(second).rejects.toMatchObject({
			code: "ERR_RPC_PROTOCOL",
			message: expect.stringContaining("a reply answers nothing") as string,
		});
	});

	test("refuses blobs", async ({ expect }) => {
		const { client } = clientOf();

		await expect(client.call("open", 1, { blob: new Uint8Array(1) })).rejects.toThrow(
			new TypeError("osbuild's dialect carries no blobs"),
		);
	});

	test("does not wait for a document from a pipe", async ({ expect }) => {
		const { raw, client } = clientOf();
		const call = client.call("open");
		await raw.next();
		const [end, other] = pipe();

		raw.send("<args-via-fd>", [end]);

		await expect(call).rejects.toMatchObject({
			message: expect.stringContaining("no file") as string,
		});
		end.close();
		other.close();
	});

	test("does not read a document from a file that is on a disk, or wherever", async ({
		expect,
	}) => {
		const { raw, client } = clientOf();
		const call = client.call("open");
		await raw.next();
		using file = Fd.adopt(openSync(import.meta.filename, "r"));

		raw.send("<args-via-fd>", [file]);

		await expect(call).rejects.toMatchObject({
			message: expect.stringContaining("not in memory") as string,
		});
	});

	test("reads a document from where its file stands", async ({ expect }) => {
		const { raw, client } = clientOf();
		const call = client.call("open");
		await raw.next();
		using file = memfd("payload");
		using extra = memfd("extra");
		writeSync(file.fd, answer, 0);

		raw.send("<args-via-fd>", [file, extra]);

		using reply = await call;
		expect(reply.value).toBe("first");
		expect(reply.fds.length).toBe(1);
	});

	test("cannot receive descriptors when it has none left", async ({ expect }) => {
		const { raw, client } = clientOf();
		const call = client.call("open");
		const ended = call.catch((error: unknown) => error);
		await raw.next();
		using file = memfd("x");
		raw.send(answer, [file, file, file]);

		// The event loop has to run meanwhile.
		const taken: number[] = [];
		try {
			for (;;) taken.push(openSync("/dev/null", "r"));
		} catch {
			closeSync(taken.pop() as number);
		}
		const error = await ended;
		for (const fd of taken) closeSync(fd);

		expect(error).toMatchObject({
			code: "ERR_RPC_PROTOCOL",
			message: expect.stringContaining("MSG_CTRUNC") as string,
		});
	});

	test("refuses a document that is too large", async ({ expect }) => {
		const { raw, client } = clientOf();
		const call = client.call("open");
		await raw.next();
		using file = memfd("payload");
		writeSync(file.fd, "x", maxDocumentBytes);

		raw.send("<args-via-fd>", [file]);

		await expect(call).rejects.toMatchObject({ code: "ERR_RPC_LIMIT" });
	});

	test("says that it leaves by an empty document, and waits for the end", async ({ expect }) => {
		const { raw, client } = clientOf();
		await client.hello;
		const closing = client.close(5000);

		expect(await raw.next()).toBe("null");
		raw.close();

		await expect(closing).resolves.toBeUndefined();
	});

	test("waits while the service does not read", async ({ expect }) => {
		const { raw, client } = clientOf();
		const calls = Array.from({ length: 100 }, (_, i) => client.call("x".repeat(60_000), i));

		for (let i = 0; i < 100; i++) {
			const text = (await raw.next()) as string;
			const { data } = JSON.parse(text) as { data: { args: number } };
			raw.send(`{"type": "reply", "data": {"reply": ${data.args}}}`);
		}

		expect(await Promise.all(calls)).toHaveLength(100);
	});
});

describe("a service", () => {
	test("says nothing before it is asked, and answers as osbuild's", async ({ expect }) => {
		const { raw } = serviceOf({ open: () => ({ path: "loop0" }), close: () => {} });

		raw.send(method("open"));
		raw.send(method("close"));
		raw.send(method("other"));

		expect(await raw.next()).toBe('{"type": "reply", "data": {"reply": {"path": "loop0"}}}');
		expect(await raw.next()).toBe('{"type": "reply", "data": {"reply": null}}');
		expect(await raw.next()).toBe(
			'{"type": "exception", "data": {"name": "ProtocolError", "value": "Unknown method", "backtrace": ""}}',
		);
	});

	test.for(["{}", "null", "[]", "0", '""', "false"])(
		"takes %s for the end",
		async (text, { expect }) => {
			const { raw, connection } = serviceOf({});

			raw.send(text);

			expect(await connection.ended).toEqual({ isOrderly: false, error: undefined });
		},
	);

	test("aborts what it does when the host is gone", async ({ expect }) => {
		const aborted = Promise.withResolvers<void>();
		const { raw } = serviceOf({
			open: (_, { signal }) => {
				signal.addEventListener("abort", () => aborted.resolve());
				return aborted.promise;
			},
		});

		raw.send(method("open"));
		await nextTurn();
		raw.close();

		await expect(aborted.promise).resolves.toBeUndefined();
	});

	test("closes descriptors that it does not take, and the marker's", async ({ expect }) => {
		const seen: number[] = [];
		const { raw } = serviceOf({ open: (_, { fds }) => void seen.push(fds.length) });
		using file = memfd("payload");
		using extra = memfd("extra");
		const before = descriptorCount();
		writeSync(file.fd, method("open"), 0);

		raw.send("<args-via-fd>", [file, extra, extra]);
		await raw.next();
		raw.send(method("open"), [extra]);
		await raw.next();

		expect(seen).toEqual([2, 1]);
		expect(descriptorCount()).toBe(before);
	});

	test("gives descriptors to those who take them", async ({ expect }) => {
		let taken: Fd | undefined;
		const take = (fds: FdSet) => void (taken = fds.take(0));
		const { raw } = serviceOf({ open: (_, { fds }) => take(fds) });
		using file = memfd("given");

		raw.send(method("open"), [file]);
		await raw.next();

		expect(taken?.isOpen).toBe(true);
		taken?.close();
	});

	test("gives every call the credit of its own signals", async ({ expect }) => {
		const { raw } = serviceOf({
			count: (params, call) => {
				for (let i = 0; i < (params as number); i++) call.signalHost("number", i);
				return params;
			},
		});
		const many = 4000; // more than may be sent without credit

		// Both are there before the first is answered.
		raw.send(method("count", 1));
		raw.send(method("count", many));
		let signals = 0;
		const replies: unknown[] = [];
		while (replies.length < 2) {
			const { type, data } = JSON.parse((await raw.next()) ?? "") as {
				type: string;
				data: { reply: unknown };
			};
			if (type === "signal") signals++;
			else replies.push(data.reply);
		}

		expect(replies).toEqual([1, many]);
		expect(signals).toBe(1 + many);
	});

	test("lets no more than 256 calls wait", async ({ expect }) => {
		const { raw, connection } = serviceOf({ open: () => new Promise(() => {}) });

		for (let i = 0; i <= maxCallsInFlight + 1; i++) {
			while (raw.send(method("open")) < 0) await nextTurn();
		}

		expect(await connection.ended).toMatchObject({ error: { code: "ERR_RPC_LIMIT" } });
	});

	test("waits while its host does not read", async ({ expect }) => {
		const { raw } = serviceOf({
			tell: async (_, call) => {
				for (let i = 0; i < 3000; i++) {
					await call.ready();
					call.signalHost("number", "x".repeat(1000));
				}
			},
		});

		raw.send(method("tell"));
		let signals = 0;
		while (((await raw.next()) as string).includes("signal")) signals++;

		expect(signals).toBe(3000);
	});
});
