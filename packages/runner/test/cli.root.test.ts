import { chmodSync, closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, test, vi } from "vitest";
import { devhost, eventsOf, killStarted, Project, startDevhost } from "./devhost.ts";
import { eventComplaints } from "./event-schema.ts";
import { boundLoops, ownMounts, processesIn, processesWith } from "./leftovers.ts";
import { describeAsRoot } from "@devhost/tools/testing";

// Each test is several processes, which share the machine with those of other tests.
vi.setConfig({ testTimeout: 30_000 });

let project: Project;

beforeEach(() => {
	project = new Project();
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

const loopback = (options: object = { filename: "disk.img" }): object => ({
	type: "devhost.loopback",
	options,
});

/** What is on the machine of a run in this project. */
function leftovers(): object {
	return { loops: boundLoops(project.folder), processes: processesIn(project.folder) };
}
const nothing = { loops: [], processes: [] };

describeAsRoot("devhost run", () => {
	test("opens devices, runs stages and leaves nothing", async ({ expect }) => {
		project.image("disk.img", 4 << 20);
		const manifest = project.manifest({
			devices: { root: loopback({ filename: "disk.img", start: 2048, size: 4096 }) },
			stages: [
				{
					name: "partition",
					uses: [],
					devices: { disk: loopback() },
					run: ["sfdisk", "-q", "{devices.disk}"],
					stdin: "label: gpt\nstart=2048, size=4096, type=linux\n",
				},
				{ name: "format", run: ["mkfs.ext4", "-q", "{devices.root}"] },
				{
					name: "look",
					run: [
						"sh",
						"-c",
						"e2fsck -fn $DEVHOST_DEVICE_ROOT && cp $DEVHOST_ARGUMENTS copy.json",
					],
				},
			],
		});

		const { code, stdout, stderr } = await devhost(["run", manifest]);

		expect(stderr).toBe("");
		expect(code).toBe(0);
		expect(stdout).toMatch(/^done after \d/m);
		const copied = JSON.parse(project.read("copy.json")) as object;
		expect(copied).toMatchObject({
			stage: "look",
			tree: "/run/devhost/tree",
			devices: { root: { type: "devhost.loopback", node: { major: 7 } } },
		});
		const magic = readFileSync(`${project.folder}/disk.img`).readUInt16LE(
			2048 * 512 + 1024 + 56,
		);
		expect(magic).toBe(0xef53);
		expect(leftovers()).toEqual(nothing);
	});

	test("shows a stage the devices that it uses, and no other", async ({ expect }) => {
		for (const name of ["a", "b", "c"]) project.image(`${name}.img`);
		const list = ["sh", "-c", "ls /dev | grep loop | wc -l; ls $DEVHOST_DEVICE_A"];
		const manifest = project.manifest({
			devices: {
				a: loopback({ filename: "a.img" }),
				b: loopback({ filename: "b.img" }),
			},
			stages: [
				{ name: "all", run: list },
				{ name: "one", uses: ["a"], run: list },
				{
					name: "own",
					uses: ["a"],
					devices: { c: loopback({ filename: "c.img" }) },
					run: list,
				},
				{
					name: "none",
					uses: [],
					run: ["sh", "-c", "ls /dev | grep -c loop; env | grep -c DEVICE"],
				},
			],
		});

		const result = await devhost(["run", "--json", "--keep-going", manifest]);

		const events = eventsOf(result);
		const printed = new Map<string, string>();
		for (const event of events) {
			if (event.event !== "stage-output") continue;
			printed.set(event.stage, (printed.get(event.stage) ?? "") + event.text);
		}
		expect(Object.fromEntries(printed)).toEqual({
			all: expect.stringMatching(/^2\n\/dev\/loop\d+\n$/),
			one: expect.stringMatching(/^1\n\/dev\/loop\d+\n$/),
			own: expect.stringMatching(/^2\n\/dev\/loop\d+\n$/),
			none: "0\n0\n",
		});
		// Shared from the first stage to the last that needs it; a stage's own for the stage.
		const order = events.flatMap((event) => {
			if (event.event === "device-opened") return [`+${event.device}`];
			if (event.event === "device-closed") return [`-${event.device}`];
			return event.event === "stage-ended" ? [event.stage] : [];
		});
		expect(order.filter((each) => !/^\+[ab]/.test(each))).toEqual([
			"all",
			"-b",
			"one",
			"+c",
			"own",
			"-c",
			"-a",
			"none",
		]);
	});

	test("tells everything as events of the published schema", async ({ expect }) => {
		project.image("disk.img");
		const manifest = project.manifest({
			devices: { disk: loopback() },
			stages: [
				{ name: "good", run: ["echo", "{devices.disk}"] },
				{ name: "bad", run: ["sh", "-c", "echo last words >&2; exit 3"] },
			],
		});

		const result = await devhost(["run", "--json", manifest]);

		const events = eventsOf(result);
		expect(result.code).toBe(1);
		expect(result.stderr).toBe("");
		expect(events.flatMap(eventComplaints)).toEqual([]);
		const kinds = events.map(({ event }) => event).filter((kind) => kind !== "log");
		expect(kinds).toEqual([
			"run-started",
			"service-started",
			"device-opened",
			"stage-started",
			"stage-output",
			"stage-ended",
			"stage-started",
			"stage-output",
			"stage-ended",
			"device-closed",
			"run-ended",
		]);
		expect(events.at(-1)).toMatchObject({
			success: false,
			exitCode: 1,
			errors: [
				{
					code: "ERR_STAGE_FAILED",
					stage: "bad",
					exitCode: 3,
					output: "last words\n",
					message: "stage bad: sh ended with exit status 3",
				},
			],
		});
	});

	test("two at once do not meet", async ({ expect }) => {
		project.image("one.img");
		project.image("two.img");
		const manifest = (name: string): string =>
			project.manifest(
				{
					devices: { disk: loopback({ filename: `${name}.img` }) },
					stages: [
						{
							name: "write",
							run: [
								"sh",
								"-c",
								`sleep 0.2; printf ${name} > {devices.disk}; ls /dev | grep -c loop`,
							],
						},
					],
				},
				`${name}.json`,
			);

		const results = await Promise.all(
			["one", "two"].map((name) => devhost(["run", "-q", manifest(name)])),
		);

		expect(results.map(({ code }) => code)).toEqual([0, 0]);
		expect(project.read("one.img").slice(0, 3)).toBe("one");
		expect(project.read("two.img").slice(0, 3)).toBe("two");
	});

	test("goes on after a failed stage when asked to, and fails in the end", async ({ expect }) => {
		const manifest = project.manifest({
			stages: [
				{ name: "one", run: ["false"] },
				{ name: "two", run: ["touch", "two"] },
			],
		});

		expect((await devhost(["run", manifest])).code).toBe(1);
		expect(() => project.read("two")).toThrow("ENOENT");
		expect((await devhost(["run", "--keep-going", manifest])).code).toBe(1);
		expect(project.read("two")).toBe("");
	});
});

describeAsRoot("the exit code of devhost run", () => {
	test.for([
		["a command that fails", { run: ["sh", "-c", "exit 9"] }, 1, "ERR_STAGE_FAILED"],
		[
			"a command that a signal ends",
			{ run: ["sh", "-c", "kill -SEGV $$"] },
			1,
			"ERR_STAGE_FAILED",
		],
		[
			"an argument that is too long",
			{ run: ["echo", "x".repeat(2 ** 17)] },
			1,
			"ERR_STAGE_COMMAND",
		],
		["a command that is missing", { run: ["no-such"] }, 1, "ERR_STAGE_COMMAND"],
		["a timeout", { run: ["sleep", "60"], timeout: 0.2 }, 1, "ERR_STAGE_TIMEOUT"],
		[
			"a capability that is never granted",
			{ run: ["true"], capabilities: ["CAP_MKNOD"] },
			2,
			undefined,
		],
		[
			"a device's file that is a directory",
			{ run: ["true"], devices: { disk: loopback({ filename: "folder" }) } },
			3,
			"ERR_DEVICE_FILE",
		],
		[
			"a device's file that an earlier stage did not make",
			{ run: ["true"], devices: { disk: loopback({ filename: "later.img" }) } },
			3,
			"ERR_DEVICE_FILE",
		],
	] as const)("after %s", async ([, stage, code, errorCode], { expect }) => {
		mkdirSync(`${project.folder}/folder`);
		const first = { name: "first", run: ["true"] };
		const manifest = project.manifest({ stages: [first, { name: "test", ...stage }] });

		const result = await devhost(["run", "--json", manifest]);

		expect(result.code).toBe(code);
		const ended = eventsOf(result).at(-1);
		expect(ended).toMatchObject({ event: "run-ended", exitCode: code });
		if (errorCode !== undefined) expect(ended).toMatchObject({ errors: [{ code: errorCode }] });
		expect(leftovers()).toEqual(nothing);
	});

	test("is 4 when a device cannot be closed after a good stage", async ({ expect }) => {
		project.image("disk.img");
		// The helper opens the loop from the host's namespace while the stage runs, and keeps it.
		const manifest = project.manifest({
			devices: { disk: loopback() },
			stages: [
				{
					name: "wait",
					run: [
						"sh",
						"-c",
						"echo {devices.disk}; while ! [ -e held ]; do sleep 0.02; done",
					],
				},
			],
		});
		const running = startDevhost(["run", "--json", manifest]);
		await running.printed('"stage-output"');
		const [loop] = boundLoops(project.folder);
		const fd = openSync(`/dev/${loop}`, "r");
		project.write("held", "");

		const result = await running.ended;
		closeSync(fd);

		expect(result.code).toBe(4);
		expect(eventsOf(result).at(-1)).toMatchObject({
			exitCode: 4,
			errors: [{ code: "ERR_DEVICE_BUSY", device: "disk" }],
		});
		await expect.poll(() => leftovers()).toEqual(nothing);
	});

	test.for([
		["no command", [], "which command?"],
		["an unknown command", ["rn"], "unknown command rn, did you mean run?"],
		[
			"an unknown option",
			["run", "--josn", "x"],
			"unknown option --josn, did you mean --json?",
		],
		["an unknown option before the command", ["--verison"], "did you mean --version?"],
		["no manifest", ["run"], "which manifest?"],
		["two manifests", ["run", "a", "b"], "one manifest at a time, not also b"],
		["a timeout that is none", ["run", "--timeout", "-1", "x"], "--timeout"],
		[
			"a sandbox that is none",
			["run", "--sandbox", "docker", "x"],
			"expected bubblewrap or none",
		],
		["a manifest that is missing", ["run", "/nowhere.yaml"], "/nowhere.yaml: no such file"],
	] as const)("is 2 after %s", async ([, args, message], { expect }) => {
		const { code, stderr, stdout } = await devhost(args);

		expect(code).toBe(2);
		expect(stderr).toContain(message);
		expect(stdout).toBe(args[0] === "run" && args.at(-1) === "/nowhere.yaml" ? stdout : "");
	});

	test("is in the last line of JSON too when nothing ran", async ({ expect }) => {
		const result = await devhost(["run", "--json", "--nonsense"]);

		expect(result.code).toBe(2);
		expect(eventsOf(result)).toMatchObject([
			{ event: "run-ended", exitCode: 2, errors: [{ code: "ERR_RUN_USAGE" }] },
		]);
		expect(eventsOf(result).flatMap(eventComplaints)).toEqual([]);
	});
});

describeAsRoot("what devhost run needs", () => {
	const stages = [{ name: "touch", run: ["touch", "was-run"] }];

	test("is root", async ({ expect }) => {
		const manifest = project.manifest({ stages });
		const before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
		chmodSync(project.folder, 0o755);

		const { code, stderr } = await devhost(["run", "--backend", "native", manifest], {
			before,
		});

		expect(code).toBe(3);
		expect(stderr).toContain("needs root");
		expect(stderr).toContain("sudo");
		expect(stderr).toContain("[ERR_RUN_NOT_ROOT]");
	});

	test("is a root that may make device nodes", async ({ expect }) => {
		const manifest = project.manifest({ stages });

		const { code, stderr } = await devhost(["run", "--backend", "native", manifest], {
			before: ["unshare", "-Ur"],
		});

		expect(code).toBe(3);
		expect(stderr).toContain("[ERR_RUN_NAMESPACE]");
		expect(stderr).toContain("user namespace");
	});

	test("is bubblewrap", async ({ expect }) => {
		const manifest = project.manifest({ stages });

		const { code, stderr } = await devhost(["run", manifest], { env: { PATH: "/nowhere" } });

		expect(code).toBe(3);
		expect(stderr).toContain("apt-get install -y bubblewrap");
		expect(stderr).toContain("[ERR_SANDBOX_MISSING]");
		expect(() => project.read("was-run")).toThrow("ENOENT");
	});

	test("is nothing in the host's /dev, where every node may be missing", async ({ expect }) => {
		project.image("disk.img");
		const manifest = project.manifest({
			devices: { disk: loopback() },
			stages: [{ name: "size", run: ["blockdev", "--getsize64", "{devices.disk}"] }],
		});
		const bareDev =
			'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9 && exec "$@"';
		const before = [
			"unshare",
			"--mount",
			"--propagation",
			"private",
			"sh",
			"-c",
			bareDev,
			"sh",
		];

		const { code, stdout } = await devhost(["run", manifest], { before });

		expect(code).toBe(0);
		expect(stdout).toContain("size | 1048576\n");
	});

	test("is no bubblewrap without a sandbox, which is said", async ({ expect }) => {
		const manifest = project.manifest({ stages });

		const { code, stderr } = await devhost(["run", "--sandbox", "none", manifest], {
			env: { PATH: "/nowhere" },
		});

		expect(code).toBe(0);
		expect(stderr).toContain("warning: stages run without a sandbox");
		expect(project.read("was-run")).toBe("");
	});
});

describeAsRoot("an interrupted devhost run", () => {
	const wait = (script: string): string => {
		project.image("disk.img");
		return project.manifest({
			devices: { disk: loopback() },
			stages: [
				{
					name: "wait",
					run: ["sh", "-c", `${script}; echo ready {devices.disk}; sleep 4711 & wait $!`],
				},
				{ name: "after", run: ["touch", "after"] },
			],
		});
	};

	test.for([
		["SIGINT", 130],
		["SIGTERM", 143],
		["SIGHUP", 129],
	] as const)("closes in order after %s", async ([signal, code], { expect }) => {
		const running = startDevhost(["run", "--json", wait("trap 'echo asked; exit 0' TERM")]);
		await running.printed('"text":"ready');

		// To the whole group, as a terminal does.
		process.kill(-(running.child.pid as number), signal);
		const result = await running.ended;

		expect(result.code).toBe(code);
		expect(result.stdout).toContain("asked");
		const events = eventsOf(result);
		expect(events.map(({ event }) => event)).toContain("device-closed");
		expect(events.at(-1)).toMatchObject({ errors: [{ code: "ERR_RUN_INTERRUPTED", signal }] });
		expect(() => project.read("after")).toThrow("ENOENT");
		expect(leftovers()).toEqual(nothing);
		expect(processesWith("sleep", "4711")).toEqual([]);
	});

	test("does not wait for the stage after the second Ctrl-C", async ({ expect }) => {
		const running = startDevhost(["run", "--json", wait("trap '' TERM INT")]);
		await running.printed('"text":"ready');
		const pid = running.child.pid as number;

		process.kill(-pid, "SIGINT");
		await running.printed("waiting for the stage to end");
		await new Promise((resolve) => setTimeout(resolve, 100));
		expect(running.child.exitCode).toBe(null);
		process.kill(-pid, "SIGINT");
		const result = await running.ended;

		expect(result.code).toBe(130);
		expect(eventsOf(result).map(({ event }) => event)).toContain("device-closed");
		expect(leftovers()).toEqual(nothing);
		expect(processesWith("sleep", "4711")).toEqual([]);
	});

	test("ends when its time is over", async ({ expect }) => {
		const result = await devhost(["run", "--json", "--timeout", "0.5", wait("trap '' TERM")]);

		expect(result.code).toBe(1);
		expect(eventsOf(result).at(-1)).toMatchObject({ errors: [{ code: "ERR_RUN_TIMEOUT" }] });
		expect(leftovers()).toEqual(nothing);
	});

	test("leaves nothing when it is killed with SIGKILL", async ({ expect }) => {
		const running = startDevhost([
			"run",
			"--json",
			wait("trap '' TERM; (setsid sleep 4711 &)"),
		]);
		await running.printed('"text":"ready');
		expect(leftovers()).not.toEqual(nothing);

		running.child.kill("SIGKILL");
		await running.ended;

		await expect.poll(() => leftovers(), { timeout: 1000 }).toEqual(nothing);
		await expect.poll(() => processesWith("sleep", "4711"), { timeout: 1000 }).toEqual([]);
		expect(ownMounts()).toEqual([]);
	});

	test("leaves nothing when it is killed at any other moment", async ({ expect }) => {
		project.image("disk.img");
		const manifest = project.manifest({
			devices: { disk: loopback() },
			stages: [{ name: "short", run: ["sleep", "0.02"] }],
		});
		for (let afterMs = 5; afterMs < 160; afterMs += 15) {
			const running = startDevhost(["run", manifest]);
			await new Promise((resolve) => setTimeout(resolve, afterMs));
			running.child.kill("SIGKILL");
			await running.ended;
			await expect.poll(() => leftovers(), { timeout: 1000 }).toEqual(nothing);
		}
	});
});

describe("devhost check", () => {
	test("finds everything at once and opens nothing", async ({ expect }) => {
		project.image("disk.img");
		const manifest = project.write(
			"manifest.yaml",
			[
				"version: 1",
				"tree: .",
				"devices:",
				"  disk:",
				"    type: devhost.lopback",
				"    options: { filename: disk.img }",
				"stages:",
				"  - name: one",
				"    uses: [dsk]",
				"    run: [echo, '{devices.nothing}']",
				"",
			].join("\n"),
		);

		const { code, stderr, stdout } = await devhost(["check", manifest]);

		expect(code).toBe(2);
		expect(stdout).toBe("");
		expect(stderr.trimEnd().split("\n")).toHaveLength(3);
		expect(stderr).toContain(`${manifest}:5:`);
		expect(stderr).toContain('did you mean "devhost.loopback"?');
		expect(leftovers()).toEqual(nothing);
	});

	test("says nothing is wrong", async ({ expect }) => {
		project.image("disk.img");
		const manifest = project.manifest({
			devices: { disk: loopback() },
			stages: [{ name: "one", run: ["touch", "was-run"] }],
		});

		const { code, stdout } = await devhost(["check", manifest]);

		expect(code).toBe(0);
		expect(stdout).toBe(`${manifest}: nothing wrong\n`);
		expect(() => project.read("was-run")).toThrow("ENOENT");
	});

	test("has its problems in JSON, as the published schema says", async ({ expect }) => {
		const manifest = project.write("manifest.yaml", "version: 2\nstages: 5\n");

		const result = await devhost(["check", "--json", manifest]);

		const events = eventsOf(result);
		expect(result.code).toBe(2);
		expect(events.flatMap(eventComplaints)).toEqual([]);
		expect(events.at(-1)).toEqual({
			event: "check-ended",
			manifest,
			success: false,
			exitCode: 2,
		});
	});
});

describe("devhost", () => {
	test.for([
		["--help", "devhost run FILE"],
		["-h", "devhost run FILE"],
		["help", "devhost run FILE"],
		["--version", "devhost "],
	] as const)("%s", async ([option, text], { expect }) => {
		const { code, stdout, stderr } = await devhost([option]);

		expect(code).toBe(0);
		expect(stdout).toContain(text);
		expect(stderr).toBe("");
	});

	test.for(["run", "check"])("%s --help", async (command, { expect }) => {
		const { code, stdout } = await devhost([command, "--help"]);

		expect(code).toBe(0);
		expect(stdout).toContain(`devhost ${command} [OPTION]... FILE`);
	});
});
