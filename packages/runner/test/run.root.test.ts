import { chmodSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, test, vi } from "vitest";
import { parseManifest, readManifest, run, RunFailure, type RunEvent } from "../src/index.ts";
import { Project } from "./devhost.ts";
import { boundLoops, descriptorCount, ownMounts } from "./leftovers.ts";
import { describeAsRoot } from "@devhost/tools/testing";

// Each test is several processes, which share the machine with those of other tests.
vi.setConfig({ testTimeout: 30_000 });

let project: Project;

beforeEach(() => {
	project = new Project();
});
afterEach(() => project[Symbol.dispose]());

const disk = { type: "devhost.loopback", options: { filename: "disk.img" } };

/** What a run throws. */
async function failureOf(promise: Promise<unknown>): Promise<RunFailure> {
	try {
		await promise;
	} catch (error) {
		if (error instanceof RunFailure) return error;
		throw error;
	}
	throw new Error("it did not fail");
}

describeAsRoot("run, as a library", () => {
	test("tells what happened and how long it took", async ({ expect }) => {
		project.image("disk.img");
		const file = project.manifest({
			devices: { disk },
			stages: [{ name: "one", run: ["echo", "hello"] }],
		});
		const events: RunEvent[] = [];

		const result = await run(file, { onEvent: (event) => events.push(event) });

		expect(result).toMatchObject({
			success: true,
			exitCode: 0,
			errors: [],
			stages: [{ name: "one", status: "done" }],
		});
		expect(result.durationMs).toBeGreaterThan(result.stages[0]?.durationMs ?? Infinity);
		expect(events).toContainEqual({
			event: "stage-output",
			stage: "one",
			stream: "stdout",
			text: "hello\n",
		});
	});

	test("takes a manifest that was read or made elsewhere", async ({ expect }) => {
		project.image("disk.img");
		const text = JSON.stringify({
			version: 1,
			tree: ".",
			devices: { disk },
			stages: [{ name: "one", run: ["touch", "made"] }],
		});
		const manifest = await parseManifest(text, { file: `${project.folder}/nowhere.json` });

		expect((await run(manifest)).success).toBe(true);
		expect(project.read("made")).toBe("");
		expect((await run(await readManifest(project.write("again.json", text)))).success).toBe(
			true,
		);
	});

	test("rejects with the first cause, and has all of them", async ({ expect }) => {
		const file = project.manifest({
			stages: [
				{ name: "one", run: ["sh", "-c", "exit 3"] },
				{ name: "two", run: ["no-such-command"] },
				{ name: "three", run: ["true"] },
			],
		});

		const stopped = await failureOf(run(file));
		const kept = await failureOf(run(file, { keepGoing: true }));

		expect(stopped).toMatchObject({
			code: "ERR_STAGE_FAILED",
			message: "stage one: sh ended with exit status 3",
			cause: { stage: "one", exitCode: 3 },
		});
		expect(stopped.result.stages.map(({ status }) => status)).toEqual([
			"failed",
			"skipped",
			"skipped",
		]);
		expect(kept.errors.map((error: { code: string }) => error.code)).toEqual([
			"ERR_STAGE_FAILED",
			"ERR_STAGE_COMMAND",
		]);
		expect(kept.result.stages.map(({ status }) => status)).toEqual([
			"failed",
			"failed",
			"done",
		]);
	});

	test("closes what was open already when a later device cannot be opened", async ({
		expect,
	}) => {
		project.image("disk.img");
		project.image("sealed.img");
		chmodSync(`${project.folder}/sealed.img`, 0o444);
		const good = { ...disk, options: { filename: "disk.img", "read-only": true } };
		// More than are opened at once: some are open for sure before the last one is tried.
		const all = Array.from({ length: 40 }, (_, index) => [`disk${index}`, good]);
		const last = { type: "devhost.loopback", options: { filename: "sealed.img" } };
		const file = project.manifest({
			devices: { ...Object.fromEntries(all), last },
			stages: [{ name: "one", run: ["true"] }],
		});
		const events: RunEvent[] = [];

		const failure = await failureOf(run(file, { onEvent: (event) => events.push(event) }));

		const opened = events.filter(({ event }) => event === "device-opened");
		expect(opened.length).toBeGreaterThan(0);
		expect(events.filter(({ event }) => event === "device-closed")).toHaveLength(opened.length);
		expect(failure.errors).toMatchObject([{ code: "ERR_DEVICE_READ_ONLY_FILE" }]);
		expect(boundLoops(project.folder)).toEqual([]);
	});

	test("is ended by a signal, in order", async ({ expect }) => {
		project.image("disk.img");
		const file = project.manifest({
			devices: { disk },
			stages: [{ name: "wait", run: ["sleep", "60"] }],
		});
		const stop = new AbortController();
		const events: string[] = [];

		const failure = await failureOf(
			run(file, {
				signal: stop.signal,
				onEvent: ({ event }) => {
					events.push(event);
					if (event === "stage-started") stop.abort(new Error("enough"));
				},
			}),
		);

		expect(failure.code).toBe("ERR_RUN_INTERRUPTED");
		expect(failure.cause).toMatchObject({ cause: { message: "enough" } });
		expect(events).toContain("device-closed");
		expect(boundLoops(project.folder)).toEqual([]);
	});

	test("does not begin when its signal has aborted", async ({ expect }) => {
		const file = project.manifest({ stages: [{ name: "one", run: ["touch", "made"] }] });

		const failure = await failureOf(run(file, { signal: AbortSignal.abort() }));

		expect(failure.code).toBe("ERR_RUN_INTERRUPTED");
		expect(() => project.read("made")).toThrow("ENOENT");
	});

	test("keeps nothing: descriptors, mounts, processes", async ({ expect }) => {
		project.image("disk.img");
		const file = project.manifest({
			devices: { disk },
			stages: [{ name: "one", run: ["true"] }],
		});
		await run(file);
		const children = (): string[] =>
			readdirSync("/proc/self/task").flatMap((task) =>
				readChildren(`/proc/self/task/${task}/children`),
			);
		const before = {
			descriptors: descriptorCount(),
			mounts: ownMounts(),
			children: children(),
		};

		for (let i = 0; i < 5; i++) await run(file);
		await failureOf(run(`${project.folder}/missing.json`));

		expect({
			descriptors: descriptorCount(),
			mounts: ownMounts(),
			children: children(),
		}).toEqual(before);
	});

	test("runs several at once in one process", async ({ expect }) => {
		const files = ["a", "b", "c"].map((name) => {
			project.image(`${name}.img`);
			const device = { type: "devhost.loopback", options: { filename: `${name}.img` } };
			const command = `printf ${name} > {devices.disk}`;
			const stages = [{ name: "write", run: ["sh", "-c", command] }];
			return project.manifest({ devices: { disk: device }, stages }, `${name}.json`);
		});

		const results = await Promise.all(files.map((file) => run(file)));

		expect(new Set(results.map((result) => result.run)).size).toBe(3);
		for (const name of ["a", "b", "c"]) expect(project.read(`${name}.img`)[0]).toBe(name);
	});

	test("shows stages another root", async ({ expect }) => {
		const root = `${project.folder}/root`;
		for (const folder of ["proc", "sys", "dev", "run", "tmp", "var/tmp"]) {
			mkdirSync(`${root}/${folder}`, { recursive: true });
		}
		const file = project.manifest({ stages: [{ name: "one", run: ["ls"] }] });

		const failure = await failureOf(run(file, { root }));

		expect(failure.code).toBe("ERR_STAGE_COMMAND");
	});
});

function readChildren(file: string): string[] {
	return readFileSync(file, "utf8")
		.trim()
		.split(" ")
		.filter((pid) => pid !== "");
}
