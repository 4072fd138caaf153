import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeAsRoot } from "@devhost/tools/testing";
import { afterEach, beforeEach, onTestFinished, test, vi } from "vitest";
import type { CollectionEvent, FoundDevice } from "../src/device-events.ts";
import { newRunId } from "../src/run-id.ts";
import { parseRunId } from "../src/run-process.ts";
import { type CliResult, devhost, killStarted, Project, startDevhost } from "./devhost.ts";
import { gc, ls, saidOf } from "./device-commands.ts";
import { holdOpen } from "./hold-open.ts";
import { boundLoops, processesIn } from "./leftovers.ts";
import {
	bindLoop,
	deadRun,
	type PlantedLoop,
	plantLoop,
	type PlantOptions,
} from "./planted-loop.ts";

// Each test is several processes, and gc looks twice with a second between.
vi.setConfig({ testTimeout: 60_000 });

let project: Project;

beforeEach(() => {
	project = new Project();
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

const asUser = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** Binds a loop device that goes after the test. */
async function plant(options: Partial<PlantOptions> & { tag: string }): Promise<PlantedLoop> {
	const loop = await plantLoop({ file: project.image("planted.img"), ...options });
	onTestFinished(() => loop[Symbol.dispose]());
	return loop;
}

/** What was said of some devices: others on this machine plant some, too. */
function saidOfThese(
	events: readonly CollectionEvent[],
	...loops: readonly PlantedLoop[]
): string[] {
	const said = saidOf(events, ({ name }) => loops.some((loop) => loop.name === name));
	return said.map((text) => text.replace(/ loop\d+/, ""));
}

/** A manifest whose only stage waits until the file `go` is there. */
function waitingManifest(): string {
	project.image("disk.img");
	const script = "echo waits; while ! [ -e go ]; do sleep 0.05; done";
	return project.manifest({
		devices: { root: { type: "devhost.loopback", options: { filename: "disk.img" } } },
		stages: [{ name: "wait", run: ["sh", "-c", script] }],
	});
}

describeAsRoot("devhost gc", () => {
	test("removes a device whose run is over", async ({ expect }) => {
		const run = deadRun();
		const loop = await plant({ tag: `devhost:${run}:root` });

		const dry = await gc(["--dry-run"]);
		const afterDry = loop.state();
		const { code, events } = await gc();

		expect(saidOfThese(dry.events, loop)).toEqual(["orphan-found root"]);
		expect(dry.events.at(-1)).toMatchObject({ event: "gc-ended", dryRun: true, exitCode: 0 });
		expect(afterDry).toBeDefined();
		expect(saidOfThese(events, loop)).toEqual(["orphan-removed root"]);
		expect(events.at(-1)).toMatchObject({ event: "gc-ended", success: true, errors: [] });
		expect(code).toBe(0);
		expect(loop.state()).toBeUndefined();
		expect(events).toContainEqual({
			event: "orphan-removed",
			device: expect.objectContaining({ run, name: loop.name, state: "orphan", holders: [] }),
		});
	});

	test("removes partitions that would outlive their device", async ({ expect }) => {
		const loop = await plant({ tag: `devhost:${deadRun()}:disk` });
		execFileSync("addpart", [loop.path, "1", "64", "64"]);
		const partition = `/sys/class/block/${loop.name}p1`;
		const before = existsSync(partition);

		const { events } = await gc();

		expect(before).toBe(true);
		expect(saidOfThese(events, loop)).toEqual(["orphan-removed disk"]);
		expect(existsSync(partition)).toBe(false);
	});

	test("touches no device of anybody else", async ({ expect }) => {
		const run = deadRun();
		const tags = [
			"",
			" ",
			"devhost",
			"devhost:",
			"devhost::",
			"devhost::root",
			"devhost:notours",
			"devhost-notours",
			`devhost-${run}-root`,
			`devhost:${run}`,
			`devhost.${run}:root`,
			`xdevhost:${run}:root`,
			`DEVHOST:${run}:root`,
			` devhost:${run}:root`,
			`/devhost:${run}:root`,
			`/srv/devhost:${run}:root`,
			`org.devhost:${run}:root`,
			`\ndevhost:${run}:root`,
			"/var/lib/images/disk.img",
			`devhost:${run}:disk.img`,
		];
		// The last one is the name of its file, as some programs write it there.
		const file = (tag: string): string =>
			project.image(tag.endsWith(":disk.img") ? tag : "foreign.img");
		const loops: PlantedLoop[] = [];
		for (const tag of tags) loops.push(await plant({ tag, file: file(tag) }));
		const before = loops.map((loop) => loop.state());
		const orphan = await plant({ tag: `devhost:${run}:root` });

		const { code, events } = await gc();
		const { devices: listed } = await ls();

		expect(code).toBe(0);
		expect(saidOfThese(events, orphan)).toEqual(["orphan-removed root"]);
		expect(saidOfThese(events, ...loops)).toEqual([]);
		expect(before).toHaveLength(20);
		expect(loops.map((loop) => loop.state())).toEqual(before);
		const names = loops.map(({ name }) => name);
		expect(listed.filter(({ name }) => names.includes(name))).toEqual([]);
	});

	test("touches no device whose run goes on", async ({ expect }) => {
		const mine = await plant({ tag: `devhost:${newRunId()}:root` });
		const library = await plant({ tag: `devhost:pid-${process.pid}:disk.img` });
		const before = [mine.state(), library.state()];

		const { code, events } = await gc();

		expect(code).toBe(0);
		expect(saidOfThese(events, mine, library)).toEqual([]);
		expect([mine.state(), library.state()]).toEqual(before);
	});

	test("keeps what somebody uses, and says who", async ({ expect }) => {
		const tag = `devhost:${deadRun()}`;
		const target = join(project.folder, "mnt");
		mkdirSync(target);
		const opened = await plant({ tag: `${tag}:opened` });
		const { pid } = await holdOpen(opened.path);
		const mounted = await plant({ tag: `${tag}:mounted`, file: project.image("ext4.img") });
		execFileSync("mkfs.ext4", ["-q", "-O", "^has_journal", mounted.path]);
		execFileSync("mount", [mounted.path, target]);
		using unmounting = new DisposableStack();
		unmounting.defer(() => execFileSync("umount", [target]));
		const beneath = await plant({ tag: `${tag}:beneath`, file: project.image("below.img") });
		const foreign = await plant({ tag: "somebody's", file: beneath.path });
		const partitioned = await plant({ tag: `${tag}:parts`, file: project.image("parts.img") });
		execFileSync("addpart", [partitioned.path, "1", "64", "64"]);
		const { pid: partitionPid } = await holdOpen(`${partitioned.path}p1`);
		const kept = [opened, mounted, beneath, partitioned];
		const before = [...kept, foreign].map((loop) => loop.state());

		const { code, events } = await gc();

		expect(code).toBe(0);
		expect([...kept, foreign].map((loop) => loop.state())).toEqual(before);
		expect(saidOfThese(events, ...kept).toSorted()).toEqual([
			"device-kept beneath",
			"device-kept mounted",
			"device-kept opened",
			"device-kept parts",
		]);
		const reasons = events.flatMap((event) =>
			event.event === "device-kept" ? [event.reason] : [],
		);
		expect(reasons).toContainEqual(
			expect.stringContaining(`still in use by pid ${pid} (sleep) with ${opened.path} open`),
		);
		expect(reasons).toContainEqual(expect.stringContaining(`a mount at ${target} in mnt:[`));
		expect(reasons).toContainEqual(
			expect.stringContaining(`still in use by device ${foreign.name}`),
		);
		expect(reasons).toContainEqual(expect.stringContaining(`pid ${partitionPid} (sleep)`));
		expect(existsSync(`/sys/class/block/${partitioned.name}p1`)).toBe(true);
	});

	test("leaves alone what goes with somebody whom it cannot see", async ({ expect }) => {
		const tag = `devhost:${deadRun()}:root`;
		const file = project.image("planted.img");
		const [loop, fd] = await bindLoop({ tag, file, autoclear: true });
		using _ = fd;
		onTestFinished(() => loop[Symbol.dispose]());
		const before = loop.state();

		// There it sees none of the processes out here.
		const inside = ["unshare", "--pid", "--fork", "--mount-proc"];
		const { code, events } = await gc([], { before: inside });

		expect(code).toBe(0);
		expect(saidOfThese(events, loop)).toEqual(["device-kept root"]);
		expect(loop.state()).toEqual(before);
	});

	test("touches nothing of a run that goes on meanwhile", async ({ expect }) => {
		const run = startDevhost(["run", "--json", waitingManifest()]);
		await run.printed("waits");
		const [name = ""] = boundLoops(project.folder);

		const { code, events } = await gc();
		const device = (await ls()).devices.find((each) => each.name === name);
		project.write("go", "");

		expect(code).toBe(0);
		expect(events.filter((event) => "device" in event && event.device.name === name)).toEqual(
			[],
		);
		expect(device).toMatchObject({ device: "root", state: "in-use" });
		expect(await run.ended).toMatchObject({ code: 0 });
	});

	test("touches nothing that is being opened or closed", async ({ expect }) => {
		const devices = { own: { type: "devhost.loopback", options: { filename: "disk.img" } } };
		project.image("disk.img");
		const stages = Array.from({ length: 20 }, (_, index) => ({
			name: `stage-${index}`,
			devices,
			run: ["cmp", "-n", "4096", "{devices.own}", "/dev/zero"],
		}));
		const run = startDevhost(["run", "--json", project.manifest({ stages })]);
		await run.printed("run-started");

		const found: FoundDevice[] = [];
		const said: CollectionEvent[] = [];
		while (run.child.exitCode === null) {
			const results = await Promise.all([ls(), gc()]);
			found.push(...results[0].devices);
			said.push(...results[1].events);
		}

		const { code, stdout, stderr } = await run.ended;
		expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
		const id = /"run":"([^"]+)"/.exec(stdout)?.[1];
		expect(said.filter((event) => "device" in event && event.device.run === id)).toEqual([]);
		expect(found.filter((device) => device.run === id && device.state !== "in-use")).toEqual(
			[],
		);
	});

	test("finds nothing after a run that was killed with all its processes", async ({ expect }) => {
		const run = startDevhost(["run", "--json", waitingManifest()]);
		await run.printed("waits");
		const { stdout } = await ended(run, "SIGKILL");
		const id = /"run":"([^"]+)"/.exec(stdout)?.[1];

		const { code, events } = await gc();

		expect(id).toBeDefined();
		expect(code).toBe(0);
		expect(events.filter((event) => "device" in event && event.device.run === id)).toEqual([]);
		expect(boundLoops(project.folder)).toEqual([]);
	});

	test("says what it could not remove, and exits with 4", async ({ expect }) => {
		const tag = `devhost:${deadRun()}:root`;
		const [loop, fd] = await bindLoop({ tag, file: project.image("planted.img") });
		using _ = fd;
		onTestFinished(() => loop[Symbol.dispose]());

		// There it sees nobody who has it open, and the kernel does not take it from them.
		const inside = ["unshare", "--pid", "--fork", "--mount-proc"];
		const { code, events } = await gc([], { before: inside });

		expect(code).toBe(4);
		expect(saidOfThese(events, loop)).toEqual([]);
		expect(events.at(-1)).toMatchObject({ success: false, exitCode: 4 });
		expect(JSON.stringify(events.at(-1))).toContain(`${loop.name} (root of run `);
		expect(JSON.stringify(events.at(-1))).toContain("ERR_DEVICE_BUSY");
		expect(loop.state()).toBeDefined();
	});

	test("may run twice at once", async ({ expect }) => {
		const tag = `devhost:${deadRun()}`;
		const loops: PlantedLoop[] = [];
		for (const name of ["a", "b", "c"]) {
			loops.push(await plant({ tag: `${tag}:${name}`, file: project.image(`${name}.img`) }));
		}

		const results = await Promise.all([gc(), gc()]);

		expect(results.map(({ code }) => code)).toEqual([0, 0]);
		expect(loops.map((loop) => loop.state())).toEqual([undefined, undefined, undefined]);
	});

	test("tells people what it does", async ({ expect }) => {
		const run = deadRun();
		const loop = await plant({ tag: `devhost:${run}:ro\u001b[31mot` });

		const dry = await devhost(["gc", "--dry-run"]);
		const { stdout, stderr } = await devhost(["gc"]);

		const what = `${loop.name} (ro\\x1b[31mot of run ${run})`;
		expect(dry.stdout).toContain(`would be removed: ${what}\n`);
		expect(stdout).toContain(`removed: ${what}\n`);
		expect(stderr).toBe("");
	});

	test("needs root, and says so", async ({ expect }) => {
		const loop = await plant({ tag: `devhost:${deadRun()}:root` });

		const people = await devhost(["gc"], { before: asUser });
		const dry = await gc(["--dry-run"], { before: asUser });

		expect(people).toMatchObject({ code: 3, stdout: "" });
		expect(people.stderr).toMatch(/needs root.*sudo.*\[ERR_RUN_NOT_ROOT\]/);
		expect(dry.code).toBe(3);
		expect(dry.events).toMatchObject([
			{ event: "gc-ended", success: false, dryRun: true, exitCode: 3 },
		]);
		expect(loop.state()).toBeDefined();
	});

	test("as a root that may open no device it says that it could not look", async ({ expect }) => {
		const loop = await plant({ tag: `devhost:${deadRun()}:root` });

		// As in a container that has root and nothing else.
		const before = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
		const noNodes = [
			"unshare",
			"--mount",
			"sh",
			"-c",
			'mount -t tmpfs -o nodev x /dev && exec "$@"',
			"sh",
		];
		const { code, stdout, stderr } = await devhost(["gc"], { before: [...noNodes, ...before] });

		expect(code).toBe(3);
		expect(stdout).toBe("");
		expect(stderr).toMatch(new RegExp(`${loop.name}.*only root can tell.*ERR_RUN_NOT_ROOT`));
		expect(loop.state()).toBeDefined();
	});

	test("refuses what it does not know", async ({ expect }) => {
		expect(await devhost(["gc", "loop3"])).toMatchObject({ code: 2 });
		const wrong = await gc(["--dryrun"]);
		expect(wrong.code).toBe(2);
		expect(wrong.events).toMatchObject([{ event: "gc-ended", success: false, exitCode: 2 }]);
		expect((await devhost(["gc", "--dryrun"])).stderr).toContain("did you mean --dry-run?");
		expect((await devhost(["gc", "--help"])).stdout).toMatch(/^devhost gc \[OPTION\]/);
	});
});

describeAsRoot("devhost ls", () => {
	test("shows the devices of a run, and who holds them", async ({ expect }) => {
		const run = startDevhost(["run", "--json", waitingManifest()]);
		await run.printed("waits");
		const [name = ""] = boundLoops(project.folder);

		const device = (await ls()).devices.find((each) => each.name === name);
		const { stdout } = await devhost(["ls"]);
		project.write("go", "");
		const { stdout: said } = await run.ended;

		const id = /"run":"([^"]+)"/.exec(said)?.[1];
		expect(device).toMatchObject({
			run: id,
			device: "root",
			type: "devhost.loopback",
			node: { major: 7 },
			sizeBytes: 1 << 20,
			state: "in-use",
		});
		expect(device?.holders).toContainEqual(
			expect.objectContaining({ kind: "process", command: "node" }),
		);
		const sinceMs = Date.parse(device?.since ?? "");
		// When its node was made, not when its run began.
		expect(sinceMs).toBeGreaterThan(parseRunId(id ?? "")?.startedMs ?? Infinity);
		expect(sinceMs).toBeLessThanOrEqual(Date.now());
		const [headings, ...rows] = stdout.split("\n");
		expect(headings).toMatch(/^RUN +DEVICE +TYPE +NODE +SIZE +STATE +SINCE +HELD BY$/);
		expect(rows.find((row) => row.includes(` ${name} `))).toMatch(
			new RegExp(
				`^${id} +root +devhost\\.loopback +${name} +1 MiB +in use +\\d{4}-.*pid \\d+ \\(node\\)`,
			),
		);
	});

	test("shows orphans, and what closes with its last user", async ({ expect }) => {
		const tag = `devhost:${deadRun()}`;
		const orphan = await plant({ tag: `${tag}:left` });
		const file = project.image("closing.img");
		const [closing, fd] = await bindLoop({ tag: `${tag}:closing`, file, autoclear: true });
		using _ = fd;

		const { devices } = await ls();

		const stateOf = ({ name }: PlantedLoop) =>
			devices.find((each) => each.name === name)?.state;
		expect(stateOf(orphan)).toBe("orphan");
		expect(stateOf(closing)).toBe("closing");
	});

	test("tells an ordinary user what only root can see", async ({ expect }) => {
		const loop = await plant({ tag: `devhost:${deadRun()}:root` });

		const { code, stderr } = await devhost(["ls"], { before: asUser });
		const { events: json } = await ls([], { before: asUser });

		expect(code).toBe(0);
		expect(stderr).toMatch(/^warning: loop.*only root can tell/);
		expect(json.at(-1)).toMatchObject({ event: "ls-ended", success: true, exitCode: 0 });
		expect(JSON.stringify(json.at(-1))).toContain("only root can tell");
		expect(loop.state()).toBeDefined();
	});

	test("refuses what it does not know", async ({ expect }) => {
		expect(await devhost(["ls", "loop3"])).toMatchObject({ code: 2 });
		expect((await ls(["--jsn"])).events).toMatchObject([
			{ event: "ls-ended", success: false, exitCode: 2 },
		]);
		expect((await devhost(["ls", "--help"])).stdout).toMatch(/^devhost ls \[OPTION\]/);
	});
});

/** Kills a run with all processes that are in its folder, and waits until they are gone. */
async function ended(
	{ child, ended: result }: ReturnType<typeof startDevhost>,
	signal: NodeJS.Signals,
): Promise<CliResult> {
	const pids = [child.pid as number, ...descendants(child.pid as number)];
	for (const pid of pids) {
		try {
			process.kill(pid, signal);
		} catch {
			// It has gone with its parent.
		}
	}
	await vi.waitUntil(() => processesIn(project.folder).length === 0, { timeout: 20_000 });
	return await result;
}

function descendants(pid: number): number[] {
	const children = readdirSync("/proc").filter((name) => {
		if (!/^\d+$/.test(name)) return false;
		try {
			const stat = readFileSync(`/proc/${name}/stat`, "utf8");
			return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid;
		} catch {
			return false; // It went meanwhile.
		}
	});
	return children.flatMap((name) => [Number(name), ...descendants(Number(name))]);
}
