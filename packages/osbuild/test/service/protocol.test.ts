import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { OsbuildHost } from "@devhost/tools/testing";
import { describe, onTestFinished, test } from "vitest";
import { checkout, describeWithOsbuild } from "./checkout.ts";
import { executable } from "./place.ts";

/** Every executable of ours, with the method that opens. */
const executables = [
	["loopback", [executable("loopback")], "open"],
	["luks2", [executable("luks2")], "open"],
	["lvm2", [executable("lvm2")], "open"],
	["mount", [executable("mount"), "org.osbuild.ext4"], "mount"],
] as const;

async function started(
	program: readonly string[],
	environment: Record<string, string> = {},
): Promise<{ host: OsbuildHost; pid: number }> {
	const host = new OsbuildHost(program);
	onTestFinished(() => host[Symbol.asyncDispose]());
	const pid = await host.start({ id: "device/disk", environment });
	return { host, pid };
}

/** The descriptors of a process, and what each is. */
function filesOf(pid: number): { readonly fd: string; readonly path: string }[] {
	const folder = `/proc/${pid}/fd`;
	return readdirSync(folder).flatMap((fd) => {
		try {
			return [{ fd, path: readlinkSync(`${folder}/${fd}`) }];
		} catch {
			return []; // Closed meanwhile.
		}
	});
}

const timeout = 60_000;
const closeOnExec = 0o2000000; // asm-generic/fcntl.h

describe.for(executables)("devhost-%s", { timeout }, ([, program, method]) => {
	test("answers what is no call as osbuild's does, and lives", async ({ expect }) => {
		const { host } = await started(program);

		for (const [text, name, value] of wrongMessages) {
			await host.send(text, { fds: ["closed, too"] });
			const { document } = await host.receive();

			const data = { name, value, backtrace: "" };
			expect(document, text).toEqual({ type: "exception", data });
		}
		expect(await host.call("nothing")).toMatchObject({ value: "Unknown method" });
		expect(await host.stop()).toEqual({ status: 0, output: "" });
	});

	test("answers wrong arguments, whichever way they come", async ({ expect }) => {
		const { host } = await started(program);
		const wrong = { value: expect.stringMatching(/^ERR_DEVICE_SERVICE: /) as string };

		for (const args of [undefined, null, 5, "text", [], {}, { dev: null }, { target: [] }])
			expect(await host.call(method, args), JSON.stringify(args)).toMatchObject(wrong);
		// As osbuild's host leaves the arguments out when there are none.
		await host.send(`{"type": "method", "data": {"name": "${method}"}}`, { payload: true });
		expect((await host.receive()).document).toMatchObject({ type: "exception", data: wrong });
		expect(await host.call(method, undefined, { long: 5_000_000 })).toMatchObject(wrong);
		expect(await host.stop()).toEqual({ status: 0, output: "" });
	});

	test("takes an empty message for the end", async ({ expect }) => {
		const { host } = await started(program);

		await host.send("{}");

		expect(await host.receive()).toEqual({ end: "end" });
		expect(await host.stop()).toEqual({ status: 0, output: "" });
	});

	test("ends at the marker without a descriptor, as osbuild's does", async ({ expect }) => {
		const { host } = await started(program);

		await host.send("<args-via-fd>");

		expect(await host.receive()).toEqual({ end: "end" });
		const { status, output } = await host.stop();
		expect(status).toBe(1);
		expect(output).toMatch(/^ERR_RPC_PROTOCOL: .*\n$/);
	});

	test("ends at descriptors that it has no room for, as osbuild's does", async ({ expect }) => {
		const limited = ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh", ...program];
		const { host } = await started(limited);
		const fds = Array.from({ length: 200 }, (_, i) => `file ${i}`);
		await host.call("nothing");

		await host.send(`{"type": "method", "data": {"name": "${method}", "args": 1}}`, { fds });

		expect(await host.receive()).toEqual({ end: "end" });
		const { status, output } = await host.stop();
		expect(status).toBe(1);
		expect(output).toMatch(/^ERR_RPC_PROTOCOL: .*MSG_CTRUNC/);
	});

	test("keeps none of the descriptors that it is given", async ({ expect }) => {
		const { host, pid } = await started(program);
		const fds = Array.from({ length: 253 }, (_, i) => `file ${i}`);
		const given = (): unknown[] =>
			filesOf(pid).filter(({ path }) => path.startsWith("/memfd:"));

		expect(await host.call(method, 1, { fds })).toMatchObject({ type: "exception", fds: [] });
		expect(given()).toEqual([]);
		await host.send(`{"type": "method", "data": {"name": "nothing"}}`, {
			fds: fds.slice(1),
			payload: true,
		});
		await host.receive();
		expect(given()).toEqual([]);
	});

	test("has one socket, which no program that it starts gets", async ({ expect }) => {
		const { host, pid } = await started(program);
		await host.call(method, 1);

		const sockets = filesOf(pid).filter(({ path }) => path.startsWith("socket:"));

		expect(sockets).toHaveLength(1);
		const [, flags = ""] =
			/^flags:\s+(\d+)/m.exec(
				readFileSync(`/proc/${pid}/fdinfo/${sockets[0]?.fd}`, "utf8"),
			) ?? [];
		expect(Number.parseInt(flags, 8) & closeOnExec).toBe(closeOnExec);
	});

	test("lives through SIGHUP, SIGINT and SIGTERM", async ({ expect }) => {
		const { host } = await started(program);
		await host.call("nothing");

		for (const number of [1, 2, 15]) await host.signal(number);

		expect(await host.call("nothing")).toMatchObject({ value: "Unknown method" });
		expect(await host.stop()).toEqual({ status: 0, output: "" });
	});

	test("ends with its host that has called nothing", async ({ expect }) => {
		const { host } = await started(program);

		expect(await host.stop()).toEqual({ status: 0, output: "" });
	});

	test("says that it needs a host where there is none", ({ expect }) => {
		const [file = "", ...argv] = program;
		const run = (...more: string[]) =>
			spawnSync(file, [...argv, ...more], {
				encoding: "utf8",
				stdio: ["ignore", "pipe", "pipe"],
			});

		for (const more of [[], ["--service-fd", "77"], ["--service-fd", "x"]]) {
			const { status, stdout, stderr } = run(...more);
			expect({ more, status }).toEqual({ more, status: 2 });
			expect(stdout + stderr).not.toMatch(/^ {4}at /m);
		}
	});
});

describe("what ends a connection", { timeout }, () => {
	const [[, program]] = executables;

	test.for(["null", "[]", "0", '""', "false"])("%s: is the end", async (text, { expect }) => {
		const { host } = await started(program);

		await host.send(text);

		expect(await host.receive()).toEqual({ end: "end" });
		expect(await host.stop()).toEqual({ status: 0, output: "" });
	});

	test.for([
		["no JSON", "{", {}],
		["no UTF-8", '"\ud800"', {}],
		["the marker with a file that is no JSON", "nothing", { payload: true }],
		["the marker with an empty file", "", { payload: true }],
	] as const)("%s: is an error, and the end", async ([, text, how], { expect }) => {
		const { host } = await started(program);

		await host.send(text, how);

		expect(await host.receive()).toEqual({ end: "end" });
		const { status, output } = await host.stop();
		expect(status).toBe(1);
		expect(output).toMatch(/^ERR_RPC_PROTOCOL: .*\n$/);
	});
});

describeWithOsbuild("osbuild's own", () => {
	const own = (): Promise<{ host: OsbuildHost }> =>
		started([`${checkout}/mounts/org.osbuild.ext4`], {
			PYTHONPATH: checkout,
			PYTHONUNBUFFERED: "1",
		});

	test("answers what is no call in the same words", { timeout }, async ({ expect }) => {
		const { host } = await own();

		for (const [text, name, value] of wrongMessages) {
			await host.send(text);
			const { document } = await host.receive();

			expect(document, text).toMatchObject({ type: "exception", data: { name, value } });
		}
		expect(await host.stop()).toMatchObject({ status: 0 });
	});

	test.for([
		["{}", 0],
		["null", 0],
		["{", 1],
		["<args-via-fd>", 1],
	] as const)(
		"ends at %s with status %i, too",
		{ timeout },
		async ([text, status], { expect }) => {
			const { host } = await own();

			await host.send(text);

			expect(await host.receive()).toEqual({ end: "end" });
			expect(await host.stop()).toMatchObject({ status });
		},
	);
});

/** What is no call, the exception's name, and its text, as osbuild's own services answer. */
const wrongMessages: readonly (readonly [text: string, name: string, value: string])[] = [
	['{"type": "method"}', "ProtocolError", "'data' field missing"],
	['{"data": {"name": "open"}}', "ProtocolError", "'type' field missing"],
	['{"type": "", "data": 1}', "ProtocolError", "'type' field missing"],
	['{"type": "method", "data": {}}', "ProtocolError", "'data' field missing"],
	['{"type": "method", "data": null}', "ProtocolError", "'data' field missing"],
	['{"type": "method", "data": {"args": []}}', "ProtocolError", "'name' field missing"],
	['{"type": "method", "data": {"name": ""}}', "ProtocolError", "'name' field missing"],
	['{"type": "reply", "data": {"reply": 1}}', "ProtocolError", "unknown message type: reply"],
	['{"type": "signal", "data": {"reply": 1}}', "ProtocolError", "unknown message type: signal"],
	['{"type": 5, "data": 1}', "ProtocolError", "unknown message type: 5"],
	['{"type": "method", "data": {"name": "other"}}', "ProtocolError", "Unknown method"],
	['{"type": "method", "data": {"name": "stop"}}', "ProtocolError", "Unknown method"],
	['{"type": "method", "data": [1]}', "AttributeError", "'list' object has no attribute 'get'"],
	["[1]", "AttributeError", "'list' object has no attribute 'get'"],
	["5", "AttributeError", "'int' object has no attribute 'get'"],
	['"x"', "AttributeError", "'str' object has no attribute 'get'"],
];
