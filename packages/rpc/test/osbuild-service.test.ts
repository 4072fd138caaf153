import { existsSync, readFileSync } from "node:fs";
import { OsbuildHost } from "@devhost/tools/testing";
import { describe, onTestFinished, test } from "vitest";

const service = [process.execPath, `${import.meta.dirname}/fixtures/osbuild-service.ts`];
const wmemMax = Number(readFileSync("/proc/sys/net/core/wmem_max", "utf8"));
/** Of `{"type": "method", "data": {"name": "length", "args": "…"}}` without the text itself. */
const frameOfLength = '{"type": "method", "data": {"name": "length", "args": ""}}'.length;
/** Of a reply. */
const frameOfReply = '{"type": "reply", "data": {"reply": ""}}'.length;

async function started(id?: string): Promise<OsbuildHost> {
	const host = new OsbuildHost(service);
	onTestFinished(() => host[Symbol.asyncDispose]());
	await host.start(id === undefined ? {} : { id });
	return host;
}

describe("a service of ours at osbuild's host", { timeout: 30_000 }, () => {
	test("answers calls, and knows its id", async ({ expect }) => {
		const host = await started("device/disk");

		expect(await host.call("identify")).toMatchObject({
			type: "reply",
			reply: "device/disk",
			how: "inline",
		});
		expect(await host.call("nothing")).toMatchObject({ type: "reply", reply: null });
		expect(await host.call("echo")).toMatchObject({ reply: [] });
	});

	test("gives back what JSON has", async ({ expect }) => {
		const host = await started();

		for (const value of [
			null,
			0,
			"",
			[],
			{},
			false,
			[1, -1.5, 1e300, "x"],
			{ z: { a: [] }, "": "é\u007f\u2028😀" },
			"\ud800 alone",
		]) {
			expect((await host.call("echo", [value])).reply).toEqual([value]);
		}
	});

	test("gives numbers back that JSON has no form for, and large ones", async ({ expect }) => {
		const host = await started();
		const numbers = 'NaN, -Infinity, 9007199254740993, "NaN"';

		await host.send(`{"type": "method", "data": {"name": "echo", "args": [${numbers}]}}`);

		expect(await host.receive()).toMatchObject({
			document: { data: { reply: [NaN, -Infinity, 9007199254740993n, "NaN"] } },
		});
	});

	test("answers each message that is wrong, and lives", async ({ expect }) => {
		const host = await started();

		for (const [text, name, value] of wrongMessages) {
			await host.send(text, { fds: ["closed, too"] });
			const { document } = await host.receive();

			const data = { name, value, backtrace: "" };
			expect(document, text).toEqual({ type: "exception", data });
		}
		expect(await host.call("echo", ["alive"])).toMatchObject({ reply: ["alive"] });
	});

	test.for(["{}", "null"])("takes %s for the end", async (text, { expect }) => {
		const host = await started();

		await host.send(text);

		expect(await host.receive()).toEqual({ end: "end" });
		expect(await host.stop()).toEqual({ status: 0, output: "closed\n" });
	});

	test.for([
		["no JSON", "{", {}],
		["no UTF-8", '"\ud800"', {}],
		["the marker without a descriptor", "<args-via-fd>", {}],
		["a file that is no JSON", "nothing", { payload: true }],
		["what is nested too deeply", `${"[".repeat(600)}${"]".repeat(600)}`, {}],
	] as const)("ends at %s, closed and with a status", async ([, text, how], { expect }) => {
		const host = await started();
		await host.call("echo");

		await host.send(text, how);

		expect(await host.receive()).toEqual({ end: "end" });
		const { status, output } = await host.stop();
		expect(status).toBe(1);
		expect(output).toMatch(/^closed\n[^]*ERR_RPC_(PROTOCOL|LIMIT)/);
	});

	test("closes when the host's end is closed, or the host is killed", async ({ expect }) => {
		const host = await started();
		await host.call("echo");
		expect(await host.stop()).toEqual({ status: 0, output: "closed\n" });

		const other = new OsbuildHost(service);
		const pid = await other.start();
		await other.call("echo");
		await other.kill();

		await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 10_000 }).toBe(false);
	});

	test("ignores SIGHUP, SIGINT and SIGTERM", async ({ expect }) => {
		const host = await started();
		await host.call("echo");

		for (const number of [1, 2, 15]) await host.signal(number);

		expect(await host.call("echo", ["alive"])).toMatchObject({ reply: ["alive"] });
	});

	test("answers calls one by one that came at once", async ({ expect }) => {
		const host = await started();
		const call = (name: string, args: unknown) =>
			host.send(JSON.stringify({ type: "method", data: { name, args } }));

		await call("later", 50);
		await host.send("[1]");
		await call("echo", "last");

		expect((await host.receive()).document).toMatchObject({ data: { reply: "later" } });
		expect((await host.receive()).document).toMatchObject({ type: "exception" });
		expect((await host.receive()).document).toMatchObject({ data: { reply: "last" } });
	});

	test("answers with errors, their code before their text", async ({ expect }) => {
		const host = await started();

		const answer = await host.call("fail");

		expect(answer).toMatchObject({
			type: "exception",
			name: "Error",
			value: "ERR_TEST: it failed",
		});
		expect(answer.backtrace).toMatch(/^ {4}at .*osbuild-service\.ts/);
		expect(await host.call("crash")).toMatchObject({ name: "TypeError" });
		expect(await host.call("unsendable")).toMatchObject({
			name: "TypeError",
			value: "an object of class Date cannot travel as JSON",
		});
		expect(await host.call("echo", ["alive"])).toMatchObject({ reply: ["alive"] });
	});

	test("takes descriptors and gives others, its own closed", async ({ expect }) => {
		const host = await started();
		await host.call("copy", null, { fds: ["warm"] });
		const before = (await host.call("openFiles")).reply;

		expect(await host.call("copy", null, { fds: ["a", "b"] })).toMatchObject({
			reply: ["a", "b"],
			fds: ["copy of a,b"],
		});
		expect(await host.call("isGivenClosed")).toMatchObject({ reply: true });
		expect((await host.call("openFiles")).reply).toBe(before);
	});

	test("closes all descriptors of a reply, one of which is none", async ({ expect }) => {
		const host = await started();

		expect(await host.call("badDescriptor")).toMatchObject({
			type: "exception",
			value: expect.stringContaining("EBADF") as string,
		});
		expect(await host.call("isGivenClosed")).toMatchObject({ reply: true });
	});

	test("takes and gives 253 descriptors, and refuses to give more", async ({ expect }) => {
		const host = await started();
		const fds = Array.from({ length: 253 }, (_, i) => `file ${i}`);

		const answer = await host.call("echo", "all", { fds });

		expect(answer.reply).toBe("all");
		expect(answer.fds).toEqual(fds);
		expect(await host.call("tooMany", 254)).toMatchObject({
			type: "exception",
			value: "ERR_RPC_LIMIT: 254 descriptors, 253 are allowed",
		});
		expect((await host.call("tooMany", 253)).fds).toHaveLength(253);
	});

	test("takes 252 descriptors with a call that is itself in a file", async ({ expect }) => {
		const host = await started();
		const fds = Array.from({ length: 252 }, (_, i) => `file ${i}`);

		const answer = await host.call("copy", undefined, { fds, long: wmemMax });

		expect(answer.reply).toEqual(fds);
	});

	test("takes calls of any size, in a packet or a file", async ({ expect }) => {
		const host = await started();

		for (const size of [10_000, wmemMax - frameOfLength, wmemMax - frameOfLength + 1]) {
			const { reply } = await host.call("length", undefined, { long: size });
			expect(reply).toEqual([size, "yyy"]);
		}
	});

	test("answers in a file beyond the kernel's limit, strictly", async ({ expect }) => {
		const host = await started();
		const most = wmemMax - frameOfReply;

		expect(await host.call("long", most, { brief: true })).toMatchObject({
			reply: most,
			how: "inline",
		});
		expect(await host.call("long", most + 1, { brief: true })).toMatchObject({
			reply: most + 1,
			how: "file",
		});
		expect(await host.call("echo", ["alive"])).toMatchObject({ reply: ["alive"] });
	});

	test("sends signals in order, before the reply", async ({ expect }) => {
		const host = await started();
		const number = (i: number) => ({ value: i, how: "inline", fds: [] });

		expect(await host.call("count", 3)).toMatchObject({
			reply: "counted",
			signals: [number(0), number(1), number(2)],
		});
		expect((await host.call("count", 4000)).signals).toHaveLength(4000);
		expect((await host.call("countPolitely", 5000)).signals).toHaveLength(5000);
		expect((await host.call("signalFile", "text")).signals).toEqual([
			{ value: "here", how: "inline", fds: ["text"] },
		]);
	});
});

const wrongMessages: readonly (readonly [text: string, name: string, value: string])[] = [
	['{"type": "method"}', "ProtocolError", "'data' field missing"],
	['{"data": {"name": "echo"}}', "ProtocolError", "'type' field missing"],
	['{"type": "", "data": 1}', "ProtocolError", "'type' field missing"],
	['{"type": "method", "data": {}}', "ProtocolError", "'data' field missing"],
	['{"type": "method", "data": null}', "ProtocolError", "'data' field missing"],
	['{"type": "method", "data": {"args": []}}', "ProtocolError", "'name' field missing"],
	['{"type": "method", "data": {"name": ""}}', "ProtocolError", "'name' field missing"],
	['{"type": "reply", "data": {"reply": 1}}', "ProtocolError", "unknown message type: reply"],
	['{"type": 5, "data": 1}', "ProtocolError", "unknown message type: 5"],
	['{"type": true, "data": 1}', "ProtocolError", "unknown message type: True"],
	['{"type": "method", "data": {"name": "other"}}', "ProtocolError", "Unknown method"],
	['{"type": "method", "data": [1]}', "AttributeError", "'list' object has no attribute 'get'"],
	['{"type": "method", "data": "x"}', "AttributeError", "'str' object has no attribute 'get'"],
	["[1]", "AttributeError", "'list' object has no attribute 'get'"],
	["5", "AttributeError", "'int' object has no attribute 'get'"],
	["1.5", "AttributeError", "'float' object has no attribute 'get'"],
	["true", "AttributeError", "'bool' object has no attribute 'get'"],
	['"x"', "AttributeError", "'str' object has no attribute 'get'"],
];
