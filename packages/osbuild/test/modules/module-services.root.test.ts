import { lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeAsRoot, descriptorCount } from "@devhost/tools/testing";
import { beforeEach, test, vi } from "vitest";
import { backingFile, megabyte } from "../service/place.ts";
import { TestHost } from "./test-host.ts";

vi.setConfig({ testTimeout: 60_000 });

const type = "com.example.disk";
const wmemMax = Number(readFileSync("/proc/sys/net/core/wmem_max", "utf8"));

let host: TestHost;
beforeEach(() => {
	host = new TestHost();
	host.library.add("devices", type);
	host.place.image("disk.img", megabyte);
});

function disk(options: object = {}): { disk: { type: string; options: object } } {
	return { disk: { type, options: { filename: "disk.img", ...options } } };
}

/** Processes that run a program of the library. */
function running(): string[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.flatMap((pid) => {
			try {
				return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
			} catch {
				return []; // it went meanwhile
			}
		})
		.filter((line) => line.includes(host.library.path));
}

/** Everything that a module could have left. */
function leftovers(): object {
	const loops = readdirSync("/sys/block").filter((name) =>
		backingFile(name)?.startsWith(host.place.folder),
	);
	return { running: running(), loops, nodes: readdirSync(host.place.dev) };
}

const nothing = { running: [], loops: [], nodes: [] };

describeAsRoot("a device module of osbuild's", () => {
	test("opens a device as ours do, and closes it", async ({ expect }) => {
		const before = descriptorCount();
		const manager = host.manager();

		const opened = await manager.open(disk());
		const device = opened.get("disk");

		expect(device).toMatchObject({
			path: `loop${device.node?.minor}`,
			node: { major: 7 },
			details: { name: "a loop" },
		});
		expect(backingFile(device.path)).toBe(join(host.place.tree, "disk.img"));
		writeFileSync(join(host.place.dev, device.path), "written");
		await opened[Symbol.asyncDispose]();

		expect(readFileSync(join(host.place.tree, "disk.img")).subarray(0, 7).toString()).toBe(
			"written",
		);
		expect(host.lines).toEqual([
			"device/disk: opening",
			"device/disk: asked to close",
			"device/disk: stopped",
		]);
		expect(host.lost).toEqual([]);
		expect(leftovers()).toEqual(nothing);
		expect(descriptorCount()).toBeLessThanOrEqual(before + 2); // the directories of the manager
	});

	test("has a process for each device, with what osbuild gives it", async ({ expect }) => {
		const manager = host.manager();
		await manager.open({ parent: disk().disk });

		const failure = await manager
			.open({ one: { type, parent: "parent", options: { do: "tell", ü: [1, null] } } })
			.catch((error: unknown) => error as { details: { exception: { value: string } } });
		const { exception } = (failure as { details: { exception: { value: string } } }).details;
		const { args, id, argv, env, cwd, fds } = JSON.parse(exception.value) as Record<
			string,
			unknown
		>;

		expect(args).toEqual({
			dev: expect.stringMatching(new RegExp(`^/proc/${process.pid}/fd/\\d+$`)) as string,
			tree: host.place.tree,
			parent: manager.opened[0]?.path,
			options: { do: "tell", ü: [1, null] },
		});
		expect(id).toBe("device/one");
		expect((argv as string[]).slice(1)).toEqual([
			"--service-id",
			"device/one",
			"--service-fd",
			"3",
		]);
		expect(env).toMatchObject({ OURS: "yes", PYTHONUNBUFFERED: "1" });
		expect(cwd).toBe(process.cwd());
		expect(fds).toBe(5); // three streams, its socket, and the listing
		expect(manager.opened).toHaveLength(1);
	});

	test("fails with type, value and backtrace of its exception", async ({ expect }) => {
		const opening = host.manager().open(disk({ do: "raise", text: "not here" }));

		await expect(opening).rejects.toMatchObject({
			code: "ERR_DEVICE_SERVICE",
			device: "disk",
			message: `disk: ${type}: FileNotFoundError: [Errno 2] not here`,
			details: {
				type,
				program: join(host.library.path, "devices", type),
				exception: {
					type: "FileNotFoundError",
					value: "[Errno 2] not here",
					backtrace: expect.stringContaining("in open_raise") as string,
				},
			},
		});
		expect(leftovers()).toEqual(nothing);
	});

	test("says our codes, where it is an executable of ours", async ({ expect }) => {
		const text = "ERR_DEVICE_FILE: disk: no such file";

		await expect(host.manager().open(disk({ do: "say", text }))).rejects.toMatchObject({
			code: "ERR_DEVICE_FILE",
			message: "disk: no such file",
		});
	});

	test("may fail with a long text: reports have its beginning", async ({ expect }) => {
		const error = await host
			.manager()
			.open(disk({ do: "say", text: "long", times: 2 ** 20 }))
			.catch((thrown: unknown) => thrown as Error);

		expect((error as Error).message.length).toBeLessThan(1_100);
		expect(JSON.stringify((error as { details?: object }).details).length).toBeLessThan(70_000);
	});

	test("is asked and answers by files where messages are too large for packets", async ({
		expect,
	}) => {
		const manager = host.manager();
		const padding = "x".repeat(wmemMax);

		const opened = await manager.open({
			small: { type, options: { ...disk().disk.options, do: "long", length: 10 } },
			large: {
				type,
				options: { ...disk().disk.options, do: "long", length: wmemMax, padding },
			},
		});

		expect(opened.get("small").details).toMatchObject({ how: "inline", got: 0 });
		expect(opened.get("large").details).toMatchObject({ how: "file", got: wmemMax });
		expect(opened.get("large").details?.["text"]).toHaveLength(wmemMax);
	});

	test.for([1, 252, 253])(
		"may answer with %s descriptors, which nobody wants",
		async (count, { expect }) => {
			const manager = host.manager();
			const before = descriptorCount();

			const opened = await manager.open(disk({ do: "descriptors", count }));
			await opened[Symbol.asyncDispose]();

			expect(descriptorCount()).toBe(before);
			expect(leftovers()).toEqual(nothing);
		},
	);

	test("may tell things while it works: texts are passed on", async ({ expect }) => {
		const manager = host.manager();
		await manager.open(disk());
		await manager.close("disk");
		const before = descriptorCount();

		const opened = await manager.open(disk({ do: "signals" }));
		await opened[Symbol.asyncDispose]();

		expect(host.told).toEqual(["one", "three"]);
		expect(descriptorCount()).toBe(before);
	});

	test("may write anything to its standard output and error", async ({ expect }) => {
		await host.manager().open(disk({ do: "print" }));
		await host.manager().close("disk");

		expect(host.lines).toHaveLength(1003);
		expect(host.lines[1]).toBe("device/disk: line 0 \\xff");
		expect(host.lines[1001]).toContain("on stderr, without an end");
	});

	test.for([
		["no node", { node: "none" }],
		["no number", { number: false }],
		["a file in the place of the node", { node: "file" }],
		["the node of another device", { node: "other" }],
	] as const)("may leave %s: there is the right one", async ([, options], { expect }) => {
		const manager = host.manager();

		const { node, path } = (await manager.open(disk(options))).get("disk");

		const { minor } = node;
		const status = lstatSync(join(host.place.dev, path));
		expect(path).toBe(`loop${minor}`);
		expect(status.isBlockDevice()).toBe(true);
		expect(status.rdev).toBe(7 * 256 + (minor % 256) + ((minor >> 8) << 20));
		await manager.close();
		expect(leftovers()).toEqual(nothing);
	});

	test.for([
		[null, "null, which is no device: it has no path"],
		[{}, "{}, which is no device: it has no path"],
		[[1], "[1], which is no device: it has no path"],
		["loop0", '"loop0", which is no device: it has no path'],
		[{ path: 1 }, '{"path":1}, which is no device: it has no path'],
		[
			{ path: "../x" },
			'{"path":"../x"}, which is no device: its path leads out of the directory',
		],
		[
			{ path: "x" },
			'{"path":"x"}, which is no device: there is no node of this path, and it says no number',
		],
		[
			{ path: "x", node: { major: "7" } },
			'{"path":"x","node":{"major":"7"}}, which is no device: its node is not a major and a minor number',
		],
		[
			{ path: "x", node: { major: 7, minor: -1 } },
			'{"path":"x","node":{"major":7,"minor":-1}}, which is no device: its node is not a major and a minor number',
		],
	])("answers %j, which is refused", async ([answer, message], { expect }) => {
		const opening = host.manager().open(disk({ do: "answer", answer }));

		await expect(opening).rejects.toMatchObject({
			code: "ERR_DEVICE_SERVICE",
			message: typeof message === "string" ? `disk: ${type} answered ${message}` : message,
		});
		expect(leftovers()).toEqual(nothing);
	});

	test.for([
		["null", 'exited with code 0 while "open" was running'],
		["{}", 'exited with code 0 while "open" was running'],
		["no JSON", "broke the protocol: a packet that is no JSON: "],
		['{"type": "reply"}', "broke the protocol: 'data' field missing"],
		['{"type": "reply", "data": {"x": 1}}', "broke the protocol: 'reply' field missing"],
		['{"data": {"x": 1}}', "broke the protocol: 'type' field missing"],
		['{"type": "exception", "data": {"name": "x"}}', "broke the protocol: "],
		["[1]", "broke the protocol: 'list' object has no attribute 'get'"],
		["<args-via-fd>", "broke the protocol: <args-via-fd> without a descriptor"],
	])("sends %s, which is no answer", async ([text, what], { expect }) => {
		const before = descriptorCount();
		const error = (await host
			.manager()
			.open(disk({ do: "send", packets: [{ text }] }))
			.catch((thrown: unknown) => thrown)) as Error;

		expect(error).toMatchObject({ code: "ERR_DEVICE_SERVICE", device: "disk" });
		expect(error.message).toContain(`disk: ${type} ${what}`);
		expect(leftovers()).toEqual(nothing);
		expect(descriptorCount()).toBeLessThanOrEqual(before + 2); // the directories of the manager
	});

	test("sends what osbuild's host skips: messages of kinds that there are not", async ({
		expect,
	}) => {
		const packets = [{ text: '{"type": "greeting", "data": {"x": 1}}', fds: 3 }];

		const opened = await host.manager().open(disk({ do: "send", packets, opens: true }));

		expect(opened.get("disk").path).toMatch(/^loop/);
	});

	test("sends more signals than its socket holds: none is lost", async ({ expect }) => {
		const text = '{"type": "signal", "data": {"reply": "again"}}';
		const packets = Array.from({ length: 500 }, () => ({ text }));

		await host.manager().open(disk({ do: "send", packets, opens: true }));

		expect(host.told).toHaveLength(500);
	});

	test("that never answers is killed when its time is over, with what it runs", async ({
		expect,
	}) => {
		const opening = host.manager({ openTimeoutMs: 1_000 }).open(disk({ do: "never" }));

		await expect(opening).rejects.toMatchObject({
			code: "ERR_DEVICE_TIMEOUT",
			message: `disk: ${type} did not answer "open" in time, and was killed`,
		});
		expect(leftovers()).toEqual(nothing);
		expect(running().filter((line) => line.includes("7171"))).toEqual([]);
	});

	test("is ended when nobody waits for it any more", async ({ expect }) => {
		const controller = new AbortController();
		const opening = host.manager().open(disk({ do: "never" }), { signal: controller.signal });
		setTimeout(() => controller.abort(), 500);

		await expect(opening).rejects.toMatchObject({ code: "ERR_DEVICE_CANCELLED" });
		expect(leftovers()).toEqual(nothing);
	});

	test("that exits in open is told of with its status and its last lines", async ({ expect }) => {
		await expect(host.manager().open(disk({ do: "exit" }))).rejects.toMatchObject({
			code: "ERR_DEVICE_SERVICE",
			message: `disk: ${type} exited with code 3 while "open" was running`,
			cause: { lastLines: ["opening", "last words"], exitCode: 3 },
		});
		expect(leftovers()).toEqual(nothing);
		expect(host.lost).toEqual([]);
	});

	test("that exits while its device is open is lost, and closing says so", async ({ expect }) => {
		const manager = host.manager();
		await manager.open(disk({ later: "exit" }));
		await expect.poll(() => host.lost, { timeout: 5_000 }).toHaveLength(1);

		expect(host.lost).toEqual([{ device: "disk", status: { code: 7 } }]);
		await expect(manager.close()).rejects.toMatchObject({
			code: "ERR_DEVICE_CLOSE",
			message: `disk: ${type} exited with code 7`,
			cause: { lastLines: ["opening", "this is the end"] },
		});
		expect(leftovers()).toEqual(nothing);
	});

	test("that answers again, later, is lost", async ({ expect }) => {
		const manager = host.manager();
		await manager.open(disk({ later: "again" }));
		await expect.poll(() => host.lost, { timeout: 10_000 }).toHaveLength(1);

		await expect(manager.close()).rejects.toMatchObject({
			code: "ERR_DEVICE_CLOSE",
			message: `disk: ${type} broke the protocol: a reply answers nothing`,
		});
		expect(leftovers()).toEqual(nothing);
	});

	test("that answers twice breaks the protocol", async ({ expect }) => {
		const manager = host.manager();

		const error: unknown = await manager
			.open(disk({ do: "twice" }))
			.then(async () => {
				// The second answer came when the first one had been taken.
				await expect.poll(() => host.lost, { timeout: 10_000 }).toHaveLength(1);
				await manager.close();
			})
			.catch((thrown: unknown) => thrown);

		expect(error).toMatchObject({
			message: `disk: ${type} broke the protocol: a reply answers nothing`,
		});
		expect(leftovers()).toEqual(nothing);
	});

	test("that fails to close says why", async ({ expect }) => {
		const manager = host.manager();
		await manager.open(disk({ close: "raise" }));

		await expect(manager.close()).rejects.toMatchObject({
			code: "ERR_DEVICE_CLOSE",
			message: `disk: ${type}: PermissionError: it is stuck`,
			details: { exception: { type: "PermissionError" } },
			closeFailures: [],
		});
		expect(leftovers()).toEqual(nothing);
	});

	test.for([
		["exits in close", { close: "exit" }, 'exited with code 9 while "close" was running'],
		["fails when its socket ends", { stop: "raise" }, "exited with code 1 when it was to stop"],
		["exits when its socket ends", { stop: "exit" }, "exited with code 5 when it was to stop"],
	] as const)("that %s has failed to close", async ([, options, what], { expect }) => {
		const manager = host.manager();
		await manager.open(disk(options));

		await expect(manager.close()).rejects.toMatchObject({
			code: "ERR_DEVICE_CLOSE",
			message: `disk: ${type} ${what}`,
		});
		expect(leftovers()).toEqual(nothing);
	});

	test("that never ends closing is killed when its time is over", async ({ expect }) => {
		const manager = host.manager({ closeTimeoutMs: 1_000 });
		await manager.open(disk({ close: "never" }));

		await expect(manager.close()).rejects.toMatchObject({
			code: "ERR_DEVICE_TIMEOUT",
			message: `disk: ${type} did not answer "close" in time, and was killed`,
		});
		expect(leftovers()).toEqual(nothing);
	});

	test("need not know the method close", async ({ expect }) => {
		const manager = host.manager();
		await manager.open(disk({ close: "unknown" }));

		await manager.close();

		expect(host.lines.at(-1)).toBe("device/disk: stopped");
		expect(leftovers()).toEqual(nothing);
	});

	test("whose device stays in use is told of with who uses it", async ({ expect }) => {
		const manager = host.manager();
		const { path } = (await manager.open(disk())).get("disk");
		const { openSync, closeSync } = await import("node:fs");
		const fd = openSync(join(host.place.dev, path), "r");

		await expect(manager.close()).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			holders: [{ kind: "process", pid: process.pid }],
		});
		closeSync(fd);
		expect(leftovers()).toEqual(nothing);
	});

	test.for([
		["is not executable", { mode: 0o644 }, "is not executable: chmod +x"],
		[
			"has no interpreter",
			{ program: "#!/no/such/python3\n" },
			"needs /no/such/python3, which is not there: install python3",
		],
		[
			"has no description",
			{ meta: null, program: "#!/bin/sh\n" },
			"nothing describes it: there is no com.example.bad.meta.json beside it, and no SCHEMA in it",
		],
		["has a description that is no JSON", { meta: "{" }, "com.example.bad.meta.json: "],
		[
			"has a broken schema",
			{ meta: { summary: "", description: [], schema: { type: "strnig" } } },
			"its schema is none: /type is not one of",
		],
	] as const)("that %s is not started", async ([, options, message], { expect }) => {
		host.library.add("devices", "com.example.bad", options);

		await expect(
			host.manager().open({ disk: { type: "com.example.bad", options: {} } }),
		).rejects.toMatchObject({
			code: "ERR_DEVICE_SERVICE",
			message: expect.stringContaining(message) as string,
		});
		expect(leftovers()).toEqual(nothing);
	});

	test.for([
		[
			"whose Python is missing",
			"#!/usr/bin/env no-such-python3\n",
			"exited with code 127",
			"no-such-python3 is not installed",
		],
		[
			"that lacks a package of Python",
			"#!/usr/bin/env python3\nimport no_such_package\n",
			"exited with code 1",
			"No module named 'no_such_package'",
		],
		[
			"that lacks osbuild's",
			"#!/usr/bin/env python3\nimport osbuild.nowhere\n",
			"exited with code 1",
			"",
		],
		["that is no program", "this is no program\n", "cannot be started: ", "is not a program"],
	])("%s says what to do", async ([, program, what, hint], { expect }) => {
		host.library.add("devices", "com.example.bad", { program });
		const opening = host.manager().open({ disk: { type: "com.example.bad", options: {} } });

		const error = (await opening.catch((cause: unknown) => cause)) as Error;

		expect(error).toMatchObject({ code: "ERR_DEVICE_SERVICE" });
		expect(error.message).toContain(`disk: com.example.bad ${what}`);
		expect(error.message).toContain(hint);
		expect(leftovers()).toEqual(nothing);
	});

	test("that has gone since it was described", async ({ expect }) => {
		const program = host.library.add("devices", "com.example.gone");
		const manager = host.manager();
		const { unlinkSync } = await import("node:fs");
		unlinkSync(program);

		await expect(
			manager.open({ disk: { type: "com.example.gone", options: {} } }),
		).rejects.toMatchObject({
			code: "ERR_DEVICE_SERVICE",
			message: expect.stringContaining(`${program}: does not exist`) as string,
		});
	});
});

describeAsRoot("a mount module of osbuild's", () => {
	const mountType = "com.example.mount";
	beforeEach(() => void host.library.add("mounts", mountType));

	const mount = (options: object, place: object = { target: "/a/b" }) => ({
		"mounts/root": { type: mountType, options, mount: place },
	});

	test("mounts, and unmounts when its socket ends", async ({ expect }) => {
		const manager = host.manager();

		const opened = await manager.open(mount({}));
		const device = opened.getMount("root");
		expect(device).toMatchObject({ path: "a/b" });
		expect(device.node).toBeUndefined();
		expect(readdirSync(join(host.place.root))).toEqual(["a"]);
		await manager.close();

		expect(host.lines).toEqual(["mount/root: stopped"]);
		expect(leftovers()).toEqual(nothing);
	});

	test("gets what osbuild gives it", async ({ expect }) => {
		const manager = host.manager();
		const { path } = (await manager.open(disk())).get("disk");
		const failure = (place: object, parent?: string): Promise<unknown> =>
			manager
				.open({
					"mounts/root": {
						type: mountType,
						parent,
						options: { do: "tell" },
						mount: place,
					},
				})
				.then(
					() => undefined,
					(error: { details: { exception: { value: string } } }) =>
						(JSON.parse(error.details.exception.value) as { args: unknown }).args,
				);
		const { root, tree } = host.place;
		const options = { do: "tell" };

		expect(await failure({})).toEqual({ source: null, target: null, root, tree, options });
		expect(await failure({ target: "tree://a", partition: 0 }, "disk")).toEqual({
			source: `/dev/${path}`,
			target: "tree://a",
			root,
			tree,
			options,
		});
		expect(await failure({ target: "/", partition: 2 }, "disk")).toMatchObject({
			source: `/dev/${path}p2`,
			target: "/",
		});
	});

	test.for([[null], [""], [false], [0], [[]], [{}]])(
		"may answer %j: it has no directory of its own",
		async ([answer], { expect }) => {
			const opened = await host.manager().open(mount({ do: "answer", answer }));

			expect(opened.getMount("root")).toMatchObject({
				path: ".",
				details: { place: "elsewhere" },
			});
		},
	);

	test.for([["/elsewhere"], ["a/b"], [["x"]], [7], [{ path: "/" }]])(
		"answers %j, which is refused",
		async ([answer], { expect }) => {
			await expect(
				host.manager().open(mount({ do: "answer", answer })),
			).rejects.toMatchObject({
				code: "ERR_DEVICE_SERVICE",
				message: expect.stringMatching(/which is no path/) as string,
			});
			expect(leftovers()).toEqual(nothing);
		},
	);

	test("that fails to unmount is told of", async ({ expect }) => {
		const manager = host.manager();
		await manager.open(mount({ stop: "raise" }));

		await expect(manager.close()).rejects.toMatchObject({
			code: "ERR_DEVICE_CLOSE",
			message: `mounts/root: ${mountType} exited with code 1 when it was to stop`,
			cause: {
				lastLines: expect.arrayContaining(["RuntimeError: could not stop"]) as string[],
			},
		});
		expect(leftovers()).toEqual(nothing);
	});

	test("that never ends is killed when its time is over", async ({ expect }) => {
		const manager = host.manager({ closeTimeoutMs: 1_000 });
		await manager.open(mount({ stop: "never" }));

		await expect(manager.close()).rejects.toMatchObject({
			code: "ERR_DEVICE_TIMEOUT",
			message: `mounts/root: ${mountType} did not end within 1000 ms of the end of its socket, and was killed`,
		});
		expect(leftovers()).toEqual(nothing);
	});

	test("is no device, and a device no mount", async ({ expect }) => {
		await expect(
			host.manager().open({ disk: { type: mountType, options: {} } }),
		).rejects.toMatchObject({ code: "ERR_DEVICE_TYPE" });
		await expect(
			host.manager().open({ "mounts/disk": { type, options: {}, mount: {} } }),
		).rejects.toMatchObject({ code: "ERR_DEVICE_TYPE" });
	});
});
