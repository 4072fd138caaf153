import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeAsRoot } from "@devhost/tools/testing";
import { describe, onTestFinished, test } from "vitest";
import { newRunId } from "../src/run-id.ts";
import { isCertainRunId, isRunning, livingProcesses, parseRunId } from "../src/run-process.ts";

/** A process that prints the id of its run and stays. */
function startRun(...before: readonly string[]): {
	readonly id: Promise<string>;
	end(): Promise<void>;
} {
	const code = `import { newRunId } from ${JSON.stringify(new URL("../src/run-id.ts", import.meta.url).href)};
		console.log(newRunId());
		setInterval(() => {}, 1000);`;
	const argv = [...before, process.execPath, "--input-type=module", "--eval", code];
	const child = spawn(argv[0] as string, argv.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
	const end = async (): Promise<void> => {
		if (child.exitCode !== null || child.signalCode !== null) return;
		child.kill("SIGKILL");
		await once(child, "exit");
	};
	onTestFinished(end);
	const id = once(child.stdout, "data").then(([bytes]) => String(bytes).trim());
	return { id, end };
}

describe("the process of a run", () => {
	test("is told by its id", ({ expect }) => {
		const id = newRunId();

		const ran = parseRunId(id);
		expect(ran?.pid).toBe(process.pid);
		expect(new Date(ran?.startedMs ?? 0).getFullYear()).toBeGreaterThan(2024);
		expect(isCertainRunId(id)).toBe(true);
		expect(parseRunId("pid-4711")).toEqual({ pid: 4711, startedMs: undefined });
	});

	test.for(["", "run", "my-run", "pid-", "pid-x", "a-b-c-d", "A-B-C", "zzzzzzzzzz-1-0"])(
		"is not told by the id %j",
		(id, { expect }) => {
			expect(parseRunId(id)).toBeUndefined();
			expect(isCertainRunId(id)).toBe(false);
		},
	);

	test("words with dashes between them may be an id, but not for certain", ({ expect }) => {
		expect(parseRunId("not-a-run")).toBeDefined();
		expect(isCertainRunId("not-a-run")).toBe(false);
		expect(isCertainRunId("pid-4711")).toBe(false);
	});

	test("lives, and lives no longer", async ({ expect }) => {
		const run = startRun();
		const id = await run.id;

		const during = isRunning(id, livingProcesses());
		await run.end();

		expect(during).toBe(true);
		expect(isRunning(id, livingProcesses())).toBe(false);
		expect(isRunning(newRunId(), livingProcesses())).toBe(true);
	});

	test("is another one when only its number is the same", ({ expect }) => {
		const [, pid, count] = newRunId().split("-");
		const yesterday = (Date.now() - 86_400_000).toString(36);

		expect(isRunning(`${yesterday}-${pid}-${count}`, livingProcesses())).toBe(false);
		expect(isRunning(`pid-${process.pid}`, livingProcesses())).toBe(true);
		expect(isRunning("nobody knows", livingProcesses())).toBe(false);
	});

	test("has ended when its parent has only not looked yet", ({ expect }) => {
		const procfs = mkdtempSync(join(tmpdir(), "devhost-proc-"));
		onTestFinished(() => rmSync(procfs, { recursive: true }));
		writeFileSync(join(procfs, "uptime"), "1000.00 2000.00\n");
		const states = { 10: "S", 11: "Z", 12: "T" };
		for (const [pid, state] of Object.entries(states)) {
			mkdirSync(join(procfs, pid));
			const before = `${pid} (a) S b) ${state} 1`;
			writeFileSync(join(procfs, pid, "stat"), `${before}${" 0".repeat(17)} 90000 0\n`);
			writeFileSync(join(procfs, pid, "status"), `Name:\ta\nNSpid:\t${pid}\t7\n`);
		}

		const processes = livingProcesses(procfs);

		expect(processes.map(({ pids }) => pids)).toEqual([
			[10, 7],
			[12, 7],
		]);
		expect(Math.abs((processes[0]?.startedMs ?? 0) - (Date.now() - 100_000))).toBeLessThan(
			60_000,
		);
	});
});

describeAsRoot("the process of a run in a container", () => {
	test("is seen from outside, where it has another number", async ({ expect }) => {
		const run = startRun("unshare", "--pid", "--fork", "--kill-child", "--mount-proc");
		const id = await run.id;
		const pid = parseRunId(id)?.pid;

		const during = isRunning(id, livingProcesses());
		await run.end();

		expect(pid).toBeLessThan(10);
		expect(during).toBe(true);
		// what ended was its parent; the kernel ends it then
		await expect.poll(() => isRunning(id, livingProcesses())).toBe(false);
	});
});
