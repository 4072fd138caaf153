import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { capabilities, capabilitySet } from "@devhost/linux";
import { deviceId } from "@devhost/core";
import { describeAsRoot } from "@devhost/tools/testing";
import { afterEach, beforeEach, describe, test, vi } from "vitest";
import type { ErrorReport } from "../src/events.ts";
import { type CliResult, devhost, eventsOf, killStarted, startDevhost } from "./devhost.ts";
import { eventComplaints } from "./event-schema.ts";
import { ownMounts, processesIn } from "./leftovers.ts";
import { OsbuildProject, osbuildLoop, testLibdir } from "./osbuild-project.ts";

// Python takes its time to start, and there may be several stages.
vi.setConfig({ testTimeout: 30_000 });

let project: OsbuildProject;
beforeEach(() => void (project = new OsbuildProject()));
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

const osbuild = (libdir = testLibdir): string[] => [`--libdir=${libdir}`, `--tree=${project.tree}`];

const run = (file: string, ...args: readonly string[]): Promise<CliResult> =>
	devhost(["run", "--backend=native", "--json", ...osbuild(), ...args, file]);

/** What a stage that ended badly is reported with. */
async function failureOf(stage: object): Promise<ErrorReport & { readonly run: CliResult }> {
	const result = await run(project.stages(stage));
	const ended = eventsOf(result).find(({ event }) => event === "stage-ended");
	if (ended?.event !== "stage-ended" || ended.error === undefined)
		throw new Error(`no failure: ${result.stdout}${result.stderr}`);
	return { ...ended.error, run: result };
}

const end = (options: object): object => ({ type: "org.test.end", options });

/** Loop devices of a file, by its inode: the path of one that a stage has opened is that of its sandbox. */
function loopsOn(file: string): string[] {
	const found = execFileSync("losetup", ["--noheadings", "--output=NAME", `-j${file}`]);
	return found.toString().split("\n").filter(Boolean);
}

/** What `org.test.look` writes down. */
interface Found {
	readonly arguments: Readonly<Record<string, unknown>>;
	readonly environment: Readonly<Record<string, string>>;
	readonly devices: Readonly<Record<string, string>>;
	readonly capabilities: string;
	readonly [other: string]: unknown;
}

describeAsRoot("a stage of osbuild", () => {
	test("may have a whole disk and slices of it, as zipl.inst has", async ({ expect }) => {
		project.disk();
		const devices = {
			disk: osbuildLoop(),
			boot: osbuildLoop({ start: 2048, size: 2048 }),
			root: osbuildLoop({ start: 2048, size: 4096 }),
		};

		const result = await run(project.stages({ type: "org.test.look", devices }));

		expect(result.code).toBe(0);
		const opened = eventsOf(result).filter(({ event }) => event === "device-opened");
		expect(opened.length).toBe(3);
	});

	test("finds what it does in osbuild, where it does", async ({ expect }) => {
		project.disk();
		const loop = (start: number): object => osbuildLoop({ start, size: 2048 });
		const file = project.pipelines({
			name: "image",
			"source-epoch": 1_700_000_000,
			stages: [
				{
					type: "org.test.look",
					// Names that would be sorted differently by who keeps objects as JavaScript does, and numbers as they are written.
					options: { "10": 1.0, "9": 12345678901234567890n.toString(), é: "\u2028" },
					devices: { "-": loop(1024), "10": loop(4096) },
				},
			],
		});

		const result = await run(file);

		expect(result).toMatchObject({ code: 0 });
		const found = project.written("found.json") as Found;
		const started = eventsOf(result).find(({ event }) => event === "stage-started");
		expect(found.arguments).toEqual({
			tree: "/run/osbuild/tree",
			paths: {
				devices: "/dev",
				inputs: "/run/osbuild/inputs",
				mounts: "/run/osbuild/mounts",
			},
			devices: {
				"-": { path: expect.stringMatching(/^\/dev\/loop\d+$/), node: expect.anything() },
				"10": { path: expect.stringMatching(/^\/dev\/loop\d+$/), node: expect.anything() },
			},
			inputs: {},
			mounts: {},
			options: { "10": 1, "9": "12345678901234567890", é: "\u2028" },
			meta: {
				id: started?.event === "stage-started" ? started.id : undefined,
				"source-epoch": 1_700_000_000,
			},
		});
		expect(found).toMatchObject({
			directory: "/",
			program: "/run/osbuild/bin/org.test.look",
			api: ["arguments", "osbuild", "remoteloop"],
			cmdline: "root=/dev/osbuild\n",
			var: ["tmp"],
			writable: {
				"/dev": true,
				"/etc": false,
				"/usr": false,
				"/var": true,
				"/var/tmp": true,
				"/run/osbuild/lib": false,
				"/run/osbuild/tree": true,
			},
		});
		expect(found.environment).toEqual({
			container: "bwrap-osbuild",
			LC_CTYPE: "C.UTF-8",
			PATH: "/usr/sbin:/usr/bin",
			PYTHONPATH: "/run/osbuild/lib",
			PYTHONUNBUFFERED: "1",
			TERM: "dumb",
			SOURCE_DATE_EPOCH: "1700000000",
		});
		const { fuse: _, ...devices } = found.devices;
		const loops = Object.keys(devices).filter((name) => name.startsWith("loop"));
		expect(loops).toHaveLength(2);
		expect(Object.keys(devices).filter((name) => !loops.includes(name))).toEqual([
			"full",
			"null",
			"random",
			"shm",
			"tty",
			"urandom",
			"zero",
		]);
	});

	test("has osbuild's capabilities and those that it asks for, without that to make devices", async ({
		expect,
	}) => {
		await run(project.stages({ type: "org.test.look" }));

		const { permitted, bounding } = capabilities();
		const held = BigInt(`0x${(project.written("found.json") as Found).capabilities}`);
		const wanted = capabilitySet(["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_DAC_READ_SEARCH"]);
		expect(held & wanted).toBe(wanted & permitted & bounding);
		expect(held & capabilitySet(["CAP_MKNOD", "CAP_SYS_MODULE"])).toBe(0n);
	});

	test("has its mounts, each after the one before it", async ({ expect }) => {
		project.disk(64 << 20);
		execFileSync("mkfs.ext4", ["-q", `${project.tree}/disk.img`]);

		const result = await run(
			project.stages({
				type: "org.test.look",
				devices: { device: osbuildLoop() },
				mounts: [
					{ name: "-", type: "org.osbuild.ext4", source: "device", target: "/" },
					{ name: "boot", type: "org.osbuild.noop", source: "device", target: "/boot" },
				],
			}),
		);

		expect(result).toMatchObject({ code: 0 });
		const { arguments: given, mounted } = project.written("found.json") as Found;
		// Python's os.path.join makes the root of mounts so.
		expect(given["mounts"]).toEqual({
			"-": { path: "/run/osbuild/mounts/." },
			boot: { path: "/run/osbuild/mounts/boot" },
		});
		expect(mounted).toEqual({ "-": ["boot", "lost+found"], boot: [] });
		const events = eventsOf(result);
		expect(events.flatMap((each) => (each.event === "mounted" ? [each.mount] : []))).toEqual([
			"-",
			"boot",
		]);
		expect(events.find(({ event }) => event === "mounted")).toMatchObject({
			path: "/run/osbuild/mounts",
		});
	});

	test("has trees of other pipelines as inputs, to read", async ({ expect }) => {
		const os = join(project.folder, "os");
		mkdirSync(join(os, "usr"), { recursive: true });
		const input = {
			type: "org.osbuild.tree",
			origin: "org.osbuild.pipeline",
			references: { "name:os": {} },
		};
		const file = project.pipelines(
			{ name: "os", stages: [] },
			{ name: "image", stages: [{ type: "org.test.look", inputs: { "the tree": input } }] },
		);

		expect(await run(file, "--pipeline=image", `--input=os=${os}`)).toMatchObject({ code: 0 });

		expect(project.written("found.json")).toMatchObject({
			arguments: { inputs: { "the tree": { path: "/run/osbuild/inputs/the tree" } } },
			inputs: { "the tree": [["usr"], false] },
		});
	});

	test("is told with osbuild's ids, as its devices are", async ({ expect }) => {
		project.disk();
		const options = { filename: "disk.img", start: 2048 };
		const file = project.stages({
			type: "org.test.look",
			devices: { "a b": { type: "org.osbuild.loopback", options } },
		});

		const events = eventsOf(await run(file));

		expect(events.flatMap(eventComplaints)).toEqual([]);
		expect(events.find(({ event }) => event === "device-opened")).toMatchObject({
			device: "a b",
			id: deviceId("org.osbuild.loopback", options),
		});
		expect(events.find(({ event }) => event === "device-closed")).toMatchObject({
			device: "a b",
		});
		// Devices have no part in a stage's id.
		const ids = events.flatMap((each) => (each.event === "stage-started" ? [each.id] : []));
		const plain = eventsOf(await run(project.stages({ type: "org.test.look" })));
		expect(plain.find(({ event }) => event === "stage-started")).toMatchObject({ id: ids[0] });
	});

	test("may be the only one of its pipeline that is run", async ({ expect }) => {
		const file = project.pipelines(
			{ name: "os", stages: [end({ how: "exit", code: 3 })] },
			{ name: "image", stages: [end({ how: "exit", code: 4 }), { type: "org.test.look" }] },
		);

		const result = await run(file, "--pipeline=image", "--stage=1");

		expect(result.code).toBe(0);
		expect(eventsOf(result)[0]).toMatchObject({ stages: ["1 org.test.look"] });
	});

	test("says of itself what is told when it is over", async ({ expect }) => {
		const said = await run(project.stages(end({ how: "metadata", data: { a: [1, "é"] } })));
		const broken = await run(project.stages(end({ how: "metadata as it is", text: "{" })));

		expect(eventsOf(said).flatMap(eventComplaints)).toEqual([]);
		expect(eventsOf(said).find(({ event }) => event === "stage-ended")).toMatchObject({
			metadata: { a: [1, "é"] },
		});
		expect(broken.code).toBe(0);
		expect(eventsOf(broken).find(({ event }) => event === "warning")).toMatchObject({
			code: "WARN_OSBUILD_METADATA",
		});
	});

	test("has a /dev of its own, whatever it does to it", async ({ expect }) => {
		const file = project.stages(end({ how: "litter" }), { type: "org.test.look" });

		expect(await run(file)).toMatchObject({ code: 0 });
		const { devices } = project.written("found.json") as Found;
		expect(devices).toMatchObject({ null: "char" });
		expect(devices).not.toHaveProperty("folder");
	});

	test("is not run without its sandbox", async ({ expect }) => {
		const result = await run(project.stages({ type: "org.test.look" }), "--sandbox=none");

		expect(eventsOf(result).at(-1)).toMatchObject({
			event: "run-ended",
			errors: [{ code: "ERR_SANDBOX_MISSING" }],
		});
		expect(readdirSync(project.tree)).toEqual([]);
	});

	test("is not run when another one of the manifest is wrong", async ({ expect }) => {
		const file = project.stages({ type: "org.test.look" }, { type: "org.test.none" });

		const result = await run(file);

		expect(result.code).toBe(2);
		expect(eventsOf(result).at(-1)).toMatchObject({
			errors: [{ place: { pointer: "/pipelines/0/stages/1/type" } }],
		});
		expect(readdirSync(project.tree)).toEqual([]);
	});
});

describeAsRoot("a stage of osbuild that fails", () => {
	test("by its exit status", async ({ expect }) => {
		const failure = await failureOf(end({ how: "exit", code: 7 }));

		expect(failure).toMatchObject({
			code: "ERR_STAGE_FAILED",
			message: "stage 0 org.test.end: org.test.end ended with exit status 7",
			exitCode: 7,
			output: expect.stringContaining("says something"),
		});
		expect(failure.output).toContain("and complains");
		expect(failure.run.code).toBe(1);
	});

	test("by a signal", async ({ expect }) => {
		expect(await failureOf(end({ how: "signal", signal: "SIGKILL" }))).toMatchObject({
			exitCode: 137,
			message: expect.stringContaining("(SIGKILL)"),
		});
	});

	test.for([false, true])(
		"by an exception of Python (%s: too large for a packet)",
		async (byFile, { expect }) => {
			const text = `zäh\n${"x".repeat(20)}`;

			const failure = await failureOf(end({ how: "exception", text, "by-file": byFile }));

			expect(failure).toMatchObject({
				code: "ERR_STAGE_FAILED",
				message: `stage 0 org.test.end: ValueError: ${text}`,
				exitCode: 2,
				details: {
					exception: {
						type: "ValueError",
						value: text,
						traceback: expect.stringContaining("org.test.end"),
					},
				},
			});
			expect(eventsOf(failure.run).flatMap(eventComplaints)).toEqual([]);
		},
	);

	test("not by an exception alone", async ({ expect }) => {
		expect(await run(project.stages(end({ how: "exception and success" })))).toMatchObject({
			code: 0,
		});
	});

	test("and says strange things before", async ({ expect }) => {
		const packets = ["{", "null", "[]", '{"method":"exception"}', "<args-via-fd>", "1", ""];

		const failure = await failureOf(end({ how: "raw", packets }));

		expect(failure.message).toContain("ValueError: is heard all the same");
	});
});

describeAsRoot("loop devices that a stage asks for", () => {
	const loops = (...requests: readonly object[]): object => ({
		type: "org.test.loop",
		options: { requests },
	});

	test("are of the file that it has open, or a range of it", async ({ expect }) => {
		const disk = project.disk();
		const file = project.stages(
			loops(
				{ file: "disk.img" },
				{ file: "disk.img", offset: 1 << 20, sizelimit: 2 << 20, write: "hello" },
				{ file: "disk.img", read_only: true, sector_size: 4096 },
				{ file: "disk.img", lock: true },
			),
		);

		expect(await run(file)).toMatchObject({ code: 0 });

		expect(project.written("loops.json")).toEqual([
			{ size: 8 << 20, partitions: 0, left: false },
			{ size: 2 << 20, partitions: 0, left: false },
			{ size: 8 << 20, partitions: 0, left: false },
			{ size: 8 << 20, partitions: 0, left: false },
		]);
		expect(
			readFileSync(disk)
				.subarray(1 << 20, (1 << 20) + 5)
				.toString(),
		).toBe("hello");
		expect(loopsOn(disk)).toEqual([]);
	});

	test("have partitions where it wants them", async ({ expect }) => {
		const disk = project.disk();
		execFileSync("sfdisk", ["-q", disk], { input: "label: gpt\nsize=1M\nsize=1M\n" });

		await run(project.stages(loops({ file: "disk.img", partscan: true })));

		expect(project.written("loops.json")).toMatchObject([{ partitions: 2 }]);
		expect(loopsOn(disk)).toEqual([]);
	});

	test.for([
		[{ offset: -1 }, "offset: -1, expected a whole number"],
		[{ offset: "1" }, 'offset: "1", expected a whole number'],
		[{ sector_size: 300 }, "300"],
		[{ fd: 7 }, "descriptor 7"],
		[{ fd: null }, "fd: null, expected a whole number"],
		[{ directory: "/run/osbuild/tree" }, "dir_fd: not the stage's /dev"],
		[{ file: "folder" }, "is a directory"],
	] as const)("are refused with %j, and the stage goes on", async ([wrong, why], { expect }) => {
		project.disk();
		mkdirSync(`${project.tree}/folder`);
		// A directory can be read only.
		const request = { file: "disk.img", read_only: true, ...wrong };

		const result = await run(project.stages(loops(request, { file: "disk.img" })));

		expect(result).toMatchObject({ code: 0 });
		expect(project.written("loops.json")).toEqual([
			{ error: expect.stringContaining(why) },
			{ size: 8 << 20, partitions: 0, left: false },
		]);
		expect(readdirSync(project.tree).toSorted()).toEqual(["disk.img", "folder", "loops.json"]);
	});
});

describeAsRoot("nothing is left of a stage of osbuild", () => {
	const nothing = { loops: [], processes: [], mounts: [] };
	const leftovers = (): object => ({
		loops: loopsOn(join(project.tree, "disk.img")),
		processes: processesIn(project.folder),
		mounts: ownMounts(),
	});

	test.for([
		["kill -9 of devhost", "SIGKILL"],
		["Ctrl-C", "SIGINT"],
		["the end of the terminal", "SIGHUP"],
	] as const)("after %s", async ([, signal], { expect }) => {
		project.disk();
		const file = project.stages({
			...end({ how: "wait", loop: true }),
			devices: { device: osbuildLoop({ size: 2048 }) },
		});
		const running = startDevhost(["run", "--backend=native", ...osbuild(), file]);
		await running.printed("waits /dev/loop");
		expect(loopsOn(join(project.tree, "disk.img"))).toHaveLength(2);

		process.kill(running.child.pid as number, signal);
		await running.ended;

		await expect.poll(leftovers, { timeout: 10_000 }).toEqual(nothing);
	});
});

describe("a manifest of osbuild", () => {
	test("is run by the library, too", async ({ expect }) => {
		const { attemptRun } = await import("../src/run.ts");
		const file = project.stages({ type: "org.test.none" });

		const result = await attemptRun(file, {
			osbuild: { libdir: testLibdir, tree: project.tree },
		});

		expect(result).toMatchObject({ success: false, exitCode: 2 });
	});
});
