import { type ChildProcess, spawn } from "node:child_process";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, test, vi } from "vitest";
import { pipe } from "@devhost/linux";
import { describeAsRoot } from "@devhost/tools/testing";
import { cliFile, eventsOf, Project } from "./devhost.ts";
import { boundLoops, processesIn } from "./leftovers.ts";

vi.setConfig({ testTimeout: 30_000 });

/** A run whose standard output is read by nobody until `read` is called. */
interface Unread {
	readonly child: ChildProcess;
	readonly pid: number;
	readonly ended: Promise<number | null>;
	/** All of its output, from its begin to its end. */
	read(): Promise<string>;
}

let project: Project;
let cleanUp: DisposableStack;

beforeEach(() => {
	project = new Project();
	cleanUp = new DisposableStack();
	cleanUp.use(project);
});
afterEach(() => cleanUp.dispose());

function startUnread(kind: "pipe" | "socket", args: readonly string[]): Unread {
	const ends = kind === "pipe" ? pipe().map((fd) => cleanUp.use(fd)) : [];
	const child = spawn(process.execPath, [cliFile, "run", ...args], {
		cwd: "/",
		stdio: ["ignore", ends[1]?.fd ?? "pipe", "ignore"],
	});
	cleanUp.defer(() => child.kill("SIGKILL"));
	ends[1]?.close();
	const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
	const stream = (): Readable =>
		child.stdout ??
		createReadStream("", { fd: ends[0]?.fd as number, autoClose: false, encoding: "utf8" });
	return {
		child,
		pid: child.pid as number,
		ended,
		async read() {
			let text = "";
			for await (const piece of stream().setEncoding("utf8")) text += piece;
			return text;
		},
	};
}

/** A manifest whose only stage says in a file that it has begun, and prints. */
function manifest(script: string, stage: object = {}): string {
	project.image("disk.img");
	return project.manifest({
		devices: { disk: { type: "devhost.loopback", options: { filename: "disk.img" } } },
		stages: [{ name: "much", run: ["sh", "-c", `touch begun; ${script}`], ...stage }],
	});
}

const hasBegun = (): boolean => existsSync(`${project.folder}/begun`);
const leftovers = (): object => ({
	loops: boundLoops(project.folder),
	processes: processesIn(project.folder),
});
const nothing = { loops: [], processes: [] };
const soon = { timeout: 15_000 };

describeAsRoot("devhost run with a reader that does not read", () => {
	test.for(["pipe", "socket"] as const)("is interrupted (%s)", async (kind, { expect }) => {
		const run = startUnread(kind, [manifest("exec yes")]);
		await expect.poll(hasBegun, soon).toBe(true);

		run.child.kill("SIGINT");

		expect(await run.ended).toBe(130);
		expect(leftovers()).toEqual(nothing);
	});

	test.for([
		["a stage's timeout", [], { timeout: 0.2 }],
		["--timeout", ["--timeout", "0.5"], {}],
	] as const)("closes its devices after %s", async ([, options, stage], { expect }) => {
		const run = startUnread("pipe", ["--json", ...options, manifest("exec yes", stage)]);
		await expect.poll(hasBegun, soon).toBe(true);
		await expect.poll(leftovers, soon).toEqual(nothing);
		expect(run.child.exitCode).toBe(null);

		const stdout = await run.read();

		expect(await run.ended).toBe(1);
		expect(eventsOf({ stdout }).at(-1)).toMatchObject({ event: "run-ended", exitCode: 1 });
	});

	test("waits for it at its end, until it is interrupted", async ({ expect }) => {
		const run = startUnread("pipe", [manifest("seq 50000")]);
		await expect.poll(hasBegun, soon).toBe(true);
		await expect.poll(leftovers, soon).toEqual(nothing);
		expect(run.child.exitCode).toBe(null);

		run.child.kill("SIGTERM");

		expect(await run.ended).toBe(143);
	});

	test("lets the stage wait, instead of keeping all of its output", async ({ expect }) => {
		const run = startUnread("pipe", [manifest("exec seq 30000000")]);
		await expect.poll(hasBegun, soon).toBe(true);
		let before = "";
		const hasStopped = (): boolean => {
			const now = readFileSync(`/proc/${run.pid}/io`, "utf8");
			const isSame = now === before;
			before = now;
			return isSame;
		};
		await expect.poll(hasStopped, { ...soon, interval: 300 }).toBe(true);

		const status = readFileSync(`/proc/${run.pid}/status`, "utf8");
		const residentKb = Number(/VmHWM:\s*(\d+)/.exec(status)?.[1]);

		// The stage would print 260 MB.
		expect(residentKb).toBeLessThan(150_000);
		expect(leftovers()).not.toEqual(nothing);
		run.child.kill("SIGINT");
		expect(await run.ended).toBe(130);
	});
});

describeAsRoot("devhost run with a slow reader", () => {
	test.for(["pipe", "socket"] as const)("loses nothing (%s)", async (kind, { expect }) => {
		const run = startUnread(kind, [manifest("seq 200000")]);
		await expect.poll(hasBegun, soon).toBe(true);

		const stdout = await run.read();

		expect(await run.ended).toBe(0);
		expect(stdout).toMatch(/^done after .*\n$/m);
		const numbers = [...stdout.matchAll(/^much \| (\d+)$/gm)].map(([, text]) => Number(text));
		expect(numbers.length).toBe(200_000);
		expect(numbers.every((number, index) => number === index + 1)).toBe(true);
	});
});
