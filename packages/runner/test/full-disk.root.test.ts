import { mkdirSync } from "node:fs";
import { afterEach, beforeEach, test, vi } from "vitest";
import { devhost, eventsOf, killStarted, Project } from "./devhost.ts";
import { boundLoops } from "./leftovers.ts";
import { describeAsRoot } from "@devhost/tools/testing";

// Each test is several processes, which share the machine with those of other tests.
vi.setConfig({ testTimeout: 30_000 });

let project: Project;

beforeEach(() => {
	project = new Project();
	mkdirSync(`${project.folder}/full`);
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

/** Runs devhost where `full` is a file system of a megabyte, which nobody else on the machine sees. */
function runOnFullDisk(manifest: string): ReturnType<typeof devhost> {
	const script =
		'mount -t tmpfs -o size=1m none "$0/full" && truncate -s 8M "$0/full/disk.img" && exec "$@"';
	const before = [
		"unshare",
		"--mount",
		"--propagation",
		"private",
		"sh",
		"-c",
		script,
		project.folder,
	];
	return devhost(["run", "--json", manifest], { before });
}

describeAsRoot("a tree on a full disk", () => {
	const disk = { type: "devhost.loopback", options: { filename: "disk.img" } };

	test("fails the stage that notices", async ({ expect }) => {
		const manifest = project.manifest({
			tree: "full",
			devices: { disk },
			stages: [
				{
					name: "write",
					run: ["dd", "if=/dev/urandom", "of={devices.disk}", "bs=1M", "conv=fsync"],
				},
			],
		});

		const result = await runOnFullDisk(manifest);

		expect(result.code).toBe(1);
		expect(eventsOf(result).at(-1)).toMatchObject({
			// What it wrote is lost, which closing finds out for itself.
			errors: [{ code: "ERR_STAGE_FAILED", stage: "write" }, { code: "ERR_DEVICE_CLOSE" }],
		});
		expect(boundLoops(project.folder)).toEqual([]);
	});

	test("fails the run although the stage noticed nothing", async ({ expect }) => {
		const manifest = project.manifest({
			tree: "full",
			devices: { disk },
			stages: [
				{
					name: "write",
					run: ["dd", "if=/dev/urandom", "of={devices.disk}", "bs=1M", "count=4"],
				},
			],
		});

		const result = await runOnFullDisk(manifest);

		const events = eventsOf(result);
		expect(events.find(({ event }) => event === "stage-ended")).toMatchObject({
			success: true,
		});
		expect(result.code).toBe(4);
		expect(events.at(-1)).toMatchObject({
			errors: [{ code: "ERR_DEVICE_CLOSE", device: "disk" }],
		});
		expect(boundLoops(project.folder)).toEqual([]);
	});

	test("fails the run although the file system on it noticed nothing", async ({ expect }) => {
		const manifest = project.manifest({
			tree: "full",
			devices: { disk },
			mounts: { fs: { type: "ext4", source: "disk", target: "/" } },
			stages: [
				{
					name: "format",
					uses: ["disk"],
					run: ["mkfs.ext4", "-q", "-O", "^has_journal", "{devices.disk}"],
				},
				{
					name: "fill",
					uses: ["fs"],
					run: ["dd", "if=/dev/urandom", "of={mounts.fs}/file", "bs=1M", "count=4"],
				},
			],
		});

		const result = await runOnFullDisk(manifest);

		const events = eventsOf(result);
		expect(events.filter(({ event }) => event === "stage-ended")).toMatchObject([
			{ success: true },
			{ success: true },
		]);
		expect(result.code).toBe(4);
		expect(events.at(-1)).toMatchObject({
			errors: [
				{
					code: "ERR_DEVICE_CLOSE",
					message: expect.stringContaining("what was written to the file system is lost"),
				},
			],
		});
		expect(boundLoops(project.folder)).toEqual([]);
	});

	test("does not keep a stage from saying so", async ({ expect }) => {
		const manifest = project.manifest({
			tree: "full",
			stages: [{ name: "copy", run: ["dd", "if=/dev/zero", "of=large", "bs=1M", "count=2"] }],
		});

		const result = await runOnFullDisk(manifest);

		expect(result.code).toBe(1);
		expect(result.stdout).toContain("No space left on device");
	});
});
