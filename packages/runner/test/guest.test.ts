import {
	chmodSync,
	chownSync,
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	statSync,
} from "node:fs";
import { afterEach, beforeEach, describe, test, vi } from "vitest";
import {
	type CliResult,
	eventsOf,
	killStarted,
	Project,
	type RunningCli,
	startDevhost,
} from "./devhost.ts";
import { eventComplaints } from "./event-schema.ts";
import { processesIn, processesWith } from "./leftovers.ts";

// A guest takes a second to boot, and Node in it another one.
vi.setConfig({ testTimeout: 120_000 });

/** Who runs devhost: never root, whose backend would be native. */
const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined;

let project: Project;
beforeEach(() => {
	project = new Project();
	if (user !== undefined) chownSync(project.folder, user.uid, user.gid);
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

/** A file of the user's own. */
function image(name: string, bytes = 4 << 20): string {
	const file = project.image(name, bytes);
	if (user !== undefined) chownSync(file, user.uid, user.gid);
	return file;
}

function start(...args: readonly string[]): RunningCli {
	const before =
		user === undefined
			? []
			: ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups", "--"];
	return startDevhost(["run", ...args], { before });
}

const run = (...args: readonly string[]): Promise<CliResult> => start(...args).ended;

const disk = { type: "devhost.loopback", options: { filename: "disk.img" } };

/** Processes of guests on files of this project. Those of others are not looked at. */
const guestProcesses = (): number[] => processesIn(project.folder);

describe("devhost run as an ordinary user", () => {
	test("opens devices in a guest, and what it makes is the user's", async ({ expect }) => {
		image("disk.img");
		const look = [
			"id -u; echo made > made",
			"for file in /etc/devhost-test $OTHER; do touch $file 2>/dev/null && echo wrote $file; done",
			"echo bad >&2; exit 5",
		].join("\n");
		const manifest = project.manifest({
			devices: { disk },
			stages: [
				{ name: "format", run: ["mkfs.ext4", "-q", "{devices.disk}"] },
				{
					name: "look",
					run: ["sh", "-c", look],
					environment: { OTHER: "/var/tmp/../devhost" },
				},
				{ name: "never", run: ["true"] },
			],
		});

		const result = await run("--json", manifest);

		const events = eventsOf(result);
		expect(result.stderr).toBe("");
		expect(result.code).toBe(1);
		expect(events.flatMap(eventComplaints)).toEqual([]);
		expect(events.map(({ event }) => event).filter((event) => event !== "log")).toEqual([
			"guest-started",
			"run-started",
			"service-started",
			"device-opened",
			"stage-started",
			"stage-ended",
			"stage-started",
			"stage-output",
			"stage-output",
			"stage-ended",
			"device-closed",
			"run-ended",
		]);
		expect(events[1]).toMatchObject({ manifest, stages: ["format", "look", "never"] });
		expect(events.at(-1)).toMatchObject({
			exitCode: 1,
			errors: [{ code: "ERR_STAGE_FAILED", stage: "look", exitCode: 5, output: "0\nbad\n" }],
		});
		const bytes = readFileSync(`${project.folder}/disk.img`);
		expect(bytes.readUInt16LE(1024 + 56)).toBe(0xef53);
		expect(statSync(`${project.folder}/made`).uid).toBe(user?.uid ?? process.getuid?.());
		expect(existsSync("/etc/devhost-test")).toBe(false);
		expect(guestProcesses()).toEqual([]);
	});

	test("makes, mounts and compares a partitioned disk, as the example does", async ({
		expect,
	}) => {
		const example = new URL("../../../examples/partitioned-disk", import.meta.url).pathname;
		cpSync(example, project.folder, {
			recursive: true,
			filter: (file) => !file.endsWith(".img"),
		});
		const tree = `${project.folder}/tree`;
		mkdirSync(`${tree}/esp/docs`, { recursive: true });
		mkdirSync(`${tree}/root`);
		cpSync(`${example}/manifest.yaml`, `${tree}/root/manifest`);
		if (user !== undefined) chownSync(tree, user.uid, user.gid);

		const result = await run(`${project.folder}/manifest.yaml`);

		expect(result).toMatchObject({ code: 0, stderr: "" });
		expect(result.stdout).toContain("compare: done");
		expect(statSync(`${tree}/disk.img`).uid).toBe(user?.uid ?? process.getuid?.());
		expect(guestProcesses()).toEqual([]);
	});

	test("refuses a file that a guest has, and Ctrl-C ends the one that has it in order", async ({
		expect,
	}) => {
		image("disk.img");
		const manifest = project.manifest({
			devices: { disk },
			stages: [{ name: "wait", run: ["sh", "-c", "echo begun; sleep 4747"] }],
		});
		const first = start(manifest);
		await first.printed("begun");

		const second = await run(manifest);
		expect(second.code).toBe(3);
		expect(second.stderr).toContain("[ERR_APPLIANCE_BUSY]");
		expect(second.stderr).toContain(
			`disk.img: in use by the guest of process ${first.child.pid}`,
		);

		process.kill(-(first.child.pid as number), "SIGINT");
		const { code, stderr } = await first.ended;
		expect(code).toBe(130);
		expect(stderr).toContain("[ERR_RUN_INTERRUPTED]");
		expect(guestProcesses()).toEqual([]);
	});

	test("leaves nothing when it is killed, however far it has come", async ({ expect }) => {
		image("disk.img");
		const manifest = project.manifest({
			devices: { disk },
			stages: [{ name: "wait", run: ["sleep", "4848"] }],
		});
		const folders = ["/tmp", "/dev/shm"].filter((folder) => existsSync(folder));
		const entries = (): string[] =>
			folders.flatMap((folder) =>
				readdirSync(folder).filter((name) => /uml|devhost-guest/.test(name)),
			);
		const before = entries();

		for (const waitMs of [300, 1000, 2000, 4000]) {
			const running = start(manifest);
			await new Promise((resolve) => setTimeout(resolve, waitMs));
			process.kill(running.child.pid as number, "SIGKILL");
			await running.ended;
			await expect.poll(guestProcesses, { timeout: 5000 }).toEqual([]);
		}

		expect(processesWith("sleep", "4848")).toEqual([]);
		expect(entries()).toEqual(before);
	});

	test("ends in order when it is interrupted while the guest boots", async ({ expect }) => {
		image("disk.img");
		const manifest = project.manifest({
			devices: { disk },
			stages: [{ name: "no", run: ["true"] }],
		});
		const isBooting = (): boolean =>
			processesWith("rootfstype=hostfs").some((pid) => guestProcesses().includes(pid));

		for (const waitMs of [0, 50]) {
			const running = start(manifest);
			await expect.poll(isBooting, { interval: 2, timeout: 20_000 }).toBe(true);
			await new Promise((resolve) => setTimeout(resolve, waitMs));
			process.kill(-(running.child.pid as number), "SIGINT");

			const { code, stdout } = await running.ended;

			expect(code).toBe(130);
			expect(stdout).not.toContain("no:");
			expect(guestProcesses()).toEqual([]);
		}
	});

	test("says which file it may not write, before anything is booted", async ({ expect }) => {
		const file = image("disk.img");
		chmodSync(file, 0o400);
		const manifest = project.manifest({
			devices: { disk },
			stages: [{ name: "no", run: ["true"] }],
		});

		const { code, stdout, stderr } = await run(manifest);

		expect(code).toBe(3);
		expect(stderr).toContain("disk: this user may not read and write disk.img (EACCES)");
		expect(stdout).not.toContain("guest");
	});

	test("says what is missing on both backends", async ({ expect }) => {
		image("disk.img");
		const manifest = project.manifest({
			devices: { disk },
			stages: [{ name: "no", run: ["true"] }],
		});

		const { code, stderr } = await run("--guest-kernel", "/no/such/linux", manifest);

		expect(code).toBe(3);
		expect(stderr).toContain("on this machine's kernel: opening devices");
		expect(stderr).toContain("in a guest: ");
		expect(stderr).toContain("/no/such/linux");
		expect(stderr).toContain("[ERR_RUN_BACKEND]");
	});
});

describe("options of guests", () => {
	test.for([
		["--backend", "kvm", "expected auto, native, uml"],
		["--guest-memory", "1M", "expected a size of 64M or more"],
		["--guest-memory", "much", "expected a size"],
		["--guest-timeout", "0", "expected a number of seconds"],
	])("%s %s is refused", async ([option, value, expected], { expect }) => {
		const { code, stderr } = await run(option as string, value as string, "manifest.json");

		expect(code).toBe(2);
		expect(stderr).toContain(expected);
	});
});
