import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeAsRoot, OsbuildLibrary } from "@devhost/tools/testing";
import { afterEach, beforeEach, describe, test, vi } from "vitest";
import { openHost } from "../src/host.ts";
import {
	devhost,
	eventsOf,
	killStarted,
	Project,
	type RunningCli,
	startDevhost,
} from "./devhost.ts";
import { eventComplaints } from "./event-schema.ts";
import { boundLoops, ownMounts, processesIn, processesWith } from "./leftovers.ts";

vi.setConfig({ testTimeout: 60_000 });

const checkout = process.env["OSBUILD_CHECKOUT"] ?? "";

let project: Project;
let library: OsbuildLibrary;
beforeEach(() => {
	project = new Project();
	library = new OsbuildLibrary();
	library.add("devices", "com.example.disk");
	library.add("mounts", "com.example.mount");
	const image = project.image("disk.img", 64 << 20);
	execFileSync("mkfs.ext4", ["-q", image], { stdio: "pipe" });
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

/** Everything that a run could leave behind. */
function leftovers(): object {
	return {
		loops: boundLoops(project.folder),
		mounts: ownMounts(),
		processes: processesIn(project.folder),
		modules: processesWith("--service-fd", "3", "").filter((pid) =>
			readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(library.path),
		),
	};
}

const nothing = { loops: [], mounts: [], processes: [], modules: [] };

const theirs = { type: "com.example.disk", options: { filename: "disk.img" } };
const ours = { type: "devhost.loopback", options: { filename: "disk.img" } };

/** The processes of modules that a devhost has started, by what they serve. */
function moduleOf({ child }: RunningCli, service: string): number {
	const [found] = readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.filter((pid) => {
			try {
				const [, after = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
				const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
				return (
					Number(after.split(" ")[1]) === child.pid && command.includes(`\0${service}\0`)
				);
			} catch {
				return false; // it went meanwhile
			}
		});
	if (found === undefined) throw new Error(`no process for ${service}`);
	return Number(found);
}

describeAsRoot("a run with modules of osbuild's", () => {
	test.for([
		["their file system on our device", ours, "com.example.mount"],
		["ours on theirs", theirs, "ext4"],
		["theirs on theirs", theirs, "com.example.mount"],
	] as const)("has %s", async ([, disk, type], { expect }) => {
		const manifest = project.manifest({
			modules: [library.path],
			devices: { disk },
			mounts: {
				root: { type, source: "disk", target: "/" },
				below: { type: "tmpfs", target: "/below", options: {} },
				deeper: { type: "com.example.mount", target: "/below/deeper" },
			},
			stages: [
				{
					name: "write",
					run: [
						"sh",
						"-ec",
						'cd "$1"; echo text > file; echo text > below/deeper/file; ls -l below; stat -f -c %T . below below/deeper; test -b "$2"',
						"sh",
						"{mounts.root}",
						"{devices.disk}",
					],
				},
				{ name: "read", run: ["cat", "{mounts.root}/file"] },
			],
		});

		const result = await devhost(["run", "--json", manifest]);
		const events = eventsOf(result);

		expect(result, result.stdout).toMatchObject({ code: 0, stderr: "" });
		expect(events.flatMap(eventComplaints)).toEqual([]);
		const output = events.flatMap((event) =>
			event.event === "stage-output" ? event.text : [],
		);
		expect(output.join("")).toMatch(/ext2\/ext3\ntmpfs\ntmpfs\ntext/);
		expect(leftovers()).toEqual(nothing);
	});

	test("tells what its modules say, by the names of their devices", async ({ expect }) => {
		const manifest = project.manifest({
			modules: [library.path],
			devices: { disk: { ...theirs, options: { ...theirs.options, do: "signals" } } },
			stages: [{ name: "look", run: ["true"] }],
		});

		const events = eventsOf(await devhost(["run", "--json", manifest]));

		expect(events.flatMap(eventComplaints)).toEqual([]);
		const log = events.flatMap((event) =>
			event.event === "log" ? [`${event.service}: ${event.text}`] : [],
		);
		expect(log.toSorted()).toEqual([
			"device/disk: asked to close",
			"device/disk: opening",
			"device/disk: stopped",
			"disk: one",
			"disk: three",
		]);
		expect(events.filter(({ event }) => event === "service-started")).toMatchObject([
			{ service: "device/disk" },
		]);
	});

	test("has the image of a loop device in their mount", async ({ expect }) => {
		const outer = project.image("outer.img", 32 << 20);
		mkdirSync(join(project.folder, "images"));
		project.image("images/one.img");
		project.image("images/two.img");
		const images = join(project.folder, "images");
		execFileSync("mkfs.ext4", ["-q", "-d", images, outer], { stdio: "pipe" });
		const manifest = project.manifest({
			modules: [library.path],
			devices: {
				disk: { type: "devhost.loopback", options: { filename: "outer.img" } },
				one: { type: "devhost.loopback", options: { filename: "one.img" }, mount: "outer" },
				two: { type: "com.example.disk", options: { filename: "two.img" }, mount: "outer" },
			},
			mounts: { outer: { type: "com.example.mount", source: "disk", target: "/outer" } },
			stages: [
				{
					name: "look",
					run: ["sh", "-ec", "test -b {devices.one}; test -b {devices.two}"],
				},
			],
		});

		const result = await devhost(["run", "--json", manifest]);

		expect(result, result.stdout).toMatchObject({ code: 0 });
		expect(leftovers()).toEqual(nothing);
	});

	test("fails where one fails, at its place, with its exception", async ({ expect }) => {
		const manifest = project.manifest({
			modules: [library.path],
			devices: { disk: { type: "com.example.disk", options: { filename: "none.img" } } },
			stages: [{ name: "never", run: ["true"] }],
		});

		const result = await devhost(["run", "--json", manifest]);

		expect(result.code).toBe(3);
		expect(eventsOf(result).at(-1)).toMatchObject({
			errors: [
				{
					code: "ERR_DEVICE_SERVICE",
					device: "disk",
					message: expect.stringContaining("disk: com.example.disk: FileNotFoundError: "),
					details: { exception: { type: "FileNotFoundError" } },
				},
			],
		});
		expect(leftovers()).toEqual(nothing);
	});

	test.for(["device/disk", "mount/root"])(
		"ends when %s is killed, and leaves nothing",
		async (service, { expect }) => {
			const manifest = project.manifest({
				modules: [library.path],
				devices: { disk: theirs },
				mounts: { root: { type: "com.example.mount", source: "disk", target: "/" } },
				stages: [{ name: "sleep", run: ["sh", "-c", "echo begun; sleep 6262"] }],
			});
			const running = startDevhost(["run", "--json", manifest]);
			await running.printed("begun");

			process.kill(moduleOf(running, service), "SIGKILL");
			const result = await running.ended;

			expect(result.code).toBe(3);
			expect(eventsOf(result).at(-1)).toMatchObject({
				errors: [
					{ code: "ERR_RUN_SERVICE_ENDED", message: expect.stringContaining(service) },
					...eventsOf(result)
						.flatMap((event) => (event.event === "run-ended" ? event.errors : []))
						.slice(1)
						.map(() => ({})),
				],
			});
			expect(processesWith("sleep", "6262")).toEqual([]);
			await expect.poll(leftovers, { timeout: 10_000 }).toEqual(nothing);
		},
	);

	test("that is killed with all its processes leaves nothing", async ({ expect }) => {
		const manifest = project.manifest({
			modules: [library.path],
			devices: { disk: theirs },
			mounts: { root: { type: "com.example.mount", source: "disk", target: "/" } },
			stages: [{ name: "sleep", run: ["sh", "-c", "echo begun; sleep 6263"] }],
		});
		const running = startDevhost(["run", "--json", manifest]);
		await running.printed("begun");
		const modules = ["device/disk", "mount/root"].map((service) => moduleOf(running, service));

		for (const pid of [running.child.pid ?? 0, ...modules]) process.kill(pid, "SIGKILL");
		await running.ended;

		await expect.poll(leftovers, { timeout: 10_000 }).toEqual(nothing);
		expect(processesWith("sleep", "6263")).toEqual([]);
	});

	test("ends one that hangs while it opens, with what it runs", async ({ expect }) => {
		const manifest = project.manifest({
			modules: [library.path],
			devices: { disk: { type: "com.example.disk", options: { do: "never" } } },
			stages: [{ name: "never", run: ["true"] }],
		});
		const running = startDevhost(["run", "--json", manifest]);
		await running.printed("opening");
		await expect.poll(() => processesWith("sleep", "7171")).toHaveLength(1);

		running.child.kill("SIGINT");
		const result = await running.ended;

		expect(result.code).toBe(130);
		await expect.poll(() => processesWith("sleep", "7171")).toEqual([]);
		expect(leftovers()).toEqual(nothing);
	});

	test.for([
		["close", { disk: { ...theirs, options: { ...theirs.options, close: "never" } } }, {}],
		[
			"unmount",
			{ disk: theirs },
			{
				root: {
					type: "com.example.mount",
					source: "disk",
					target: "/",
					options: { stop: "never" },
				},
			},
		],
	] as const)(
		"waits for one that does not %s only until it is told twice to end",
		async ([, devices, mounts], { expect }) => {
			const manifest = project.manifest({
				modules: [library.path],
				devices,
				mounts,
				stages: [{ name: "sleep", run: ["sh", "-c", "echo begun; sleep 6265"] }],
			});
			const running = startDevhost(["run", "--json", manifest]);
			await running.printed("begun");

			running.child.kill("SIGINT");
			await running.printed("stage-ended");
			running.child.kill("SIGINT");
			const result = await running.ended;

			expect(result.code).toBe(130);
			expect(processesWith("sleep", "6265")).toEqual([]);
			await expect.poll(leftovers, { timeout: 10_000 }).toEqual(nothing);
		},
	);

	test("may be of a program", async ({ expect }) => {
		await using host = openHost({ tree: project.folder, modules: [library.path] });

		await using devices = await host.open(
			{ disk: theirs },
			{ root: { type: "com.example.mount", source: "disk", target: "/" } },
		);

		expect(readdirSync(host.pathOf(devices.getMount("root")))).toEqual(["lost+found"]);
		expect(readFileSync(host.pathOf(devices.get("disk"))).length).toBe(64 << 20);
	});
});

describe("osbuild's own modules", () => {
	beforeEach(({ skip }) => skip(checkout === "", "impossible here: no OSBUILD_CHECKOUT"));

	describeAsRoot("in a host of ours", () => {
		test.for([
			["ext4", ["mkfs.ext4", "-q"], 64],
			["xfs", ["mkfs.xfs", "-q", "-f"], 320],
			["btrfs", ["mkfs.btrfs", "-q", "-f"], 128],
		] as const)(
			"mount %s on theirs and on ours",
			async ([type, [program, ...argv], size], { expect }) => {
				execFileSync(program, [...argv, project.image("disk.img", size << 20)], {
					stdio: "pipe",
				});
				const loop = { filename: "disk.img" };
				const mount = { type: `org.osbuild.${type}`, source: "disk", target: "/" };
				const stages = (name: string): object[] => [
					{
						name,
						devices: { disk: { type: "org.osbuild.loopback", options: loop } },
						mounts: { root: mount },
						run: [
							"sh",
							"-ec",
							'stat -f -c %T "$1"; echo text > "$1/$2"; ls "$1"',
							"sh",
							"{mounts.root}",
							name,
						],
					},
				];
				const module = (name: string): string[] => ["--module", join(checkout, name)];
				const both = [
					...module("devices/org.osbuild.loopback"),
					...module(`mounts/org.osbuild.${type}`),
				];

				for (const [name, modules] of [
					["theirs", both],
					["mount", module(`mounts/org.osbuild.${type}`)],
					["loop", module("devices/org.osbuild.loopback")],
					["ours", []],
				] as const) {
					const manifest = project.manifest({ stages: stages(name) });
					const result = await devhost(["run", "--json", ...modules, manifest]);

					expect(result, result.stdout).toMatchObject({ code: 0 });
					const events = eventsOf(result);
					expect(events.flatMap(eventComplaints)).toEqual([]);
					expect(leftovers()).toEqual(nothing);
				}
				const last = await devhost([
					"run",
					"--json",
					project.manifest({ stages: stages("ours") }),
				]);
				expect(last.stdout).toMatch(/loop\\n.*mount\\n.*ours\\n.*theirs\\n/s);
			},
		);

		test("are all described", async ({ expect }) => {
			const modules = ["devices", "mounts"].flatMap((folder) =>
				readdirSync(join(checkout, folder))
					.filter((name) => /^org\..*(?<!\.json)$/.test(name))
					.map((name) => join(checkout, folder, name)),
			);
			const manifest = project.manifest({ stages: [{ name: "only", run: ["true"] }] });

			const result = await devhost([
				"check",
				...modules.flatMap((each) => ["--module", each]),
				manifest,
			]);

			expect(result.stderr).toBe("");
			expect(result.code).toBe(0);
		});
	});
});
