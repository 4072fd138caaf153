import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readlinkSync } from "node:fs";
import { afterEach, beforeEach, test, vi } from "vitest";
import { describeAsRoot } from "@devhost/tools/testing";
import { run } from "../src/index.ts";
import { killStarted, Project, startDevhost } from "./devhost.ts";

vi.setConfig({ testTimeout: 30_000 });

let project: Project;
beforeEach(() => {
	project = new Project();
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

describeAsRoot("devhost run with what is no manifest", () => {
	test("reads no more of a disk image than a manifest may have", async ({ expect }) => {
		const image = project.image("disk.img", 2 ** 30);
		const before = process.resourceUsage().maxRSS;

		await expect(run(image)).rejects.toMatchObject({ code: "ERR_MANIFEST_LIMIT" });

		expect(process.resourceUsage().maxRSS - before).toBeLessThan(300_000);
	});

	test.for([
		["run", "SIGINT"],
		["run", "SIGTERM"],
		["check", "SIGINT"],
	] as const)("%s waits for a pipe until %s", async ([command, signal], { expect }) => {
		const fifo = `${project.folder}/fifo`;
		execFileSync("mkfifo", [fifo]);
		const running = startDevhost([command, fifo]);
		const pid = running.child.pid as number;
		const writer = openSync(fifo, "r+");
		const isReading = (): boolean =>
			readdirSync(`/proc/${pid}/fd`).some(
				(fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === fifo,
			);
		await expect.poll(isReading, { timeout: 10_000 }).toBe(true);

		process.kill(pid, signal);

		expect(await running.ended).toMatchObject({ signal, stdout: "", stderr: "" });
		closeSync(writer);
	});
});
