import { mkdirSync, readdirSync } from "node:fs";
import { describeAsRoot } from "@devhost/tools/testing";
import { afterEach, beforeEach, test, vi } from "vitest";
import { type CliResult, devhost, eventsOf, killStarted, Project } from "./devhost.ts";
import { boundLoops, ownMounts, processesIn } from "./leftovers.ts";

// Each test is several processes, which share the machine with those of other tests.
vi.setConfig({ testTimeout: 30_000 });

const generous = new URL("fixtures/generous", import.meta.url).pathname;

let project: Project;

beforeEach(() => {
	project = new Project();
	mkdirSync(`${project.folder}/tmp`);
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

/** Runs a manifest with a loop device, and one of a service that answers with this many descriptors. */
function runWith(descriptors: number): Promise<CliResult> {
	project.image("disk.img");
	const manifest = project.manifest({
		devices: {
			disk: { type: "devhost.loopback", options: { filename: "disk.img" } },
			odd: { type: "example.generous", options: { descriptors } },
		},
		stages: [{ name: "stage", run: ["touch", "was-run"] }],
	});
	return devhost(["run", "--json", "--module", generous, manifest], {
		cwd: project.folder,
		env: { TMPDIR: `${project.folder}/tmp` },
	});
}

function leftovers(): object {
	return {
		loops: boundLoops(project.folder),
		processes: processesIn(project.folder),
		mounts: ownMounts(),
		temporary: readdirSync(`${project.folder}/tmp`),
	};
}
const nothing = { loops: [], processes: [], mounts: [], temporary: [] };

describeAsRoot("a run with many devices", () => {
	test("has room for their descriptors made, and does not wait for it", async ({ expect }) => {
		const names = Array.from({ length: 30 }, (_, index) => `disk${index}`);
		for (const name of names) project.image(`${name}.img`);
		// Without a sandbox the run is the stage's parent. Without that room, the table has 128 by then.
		const wait = "until grep -q '^FDSize:.256$' /proc/$PPID/status; do sleep 0.01; done";
		const manifest = project.manifest({
			devices: Object.fromEntries(
				names.map((name) => [
					name,
					{ type: "devhost.loopback", options: { filename: `${name}.img` } },
				]),
			),
			stages: [{ name: "stage", run: ["sh", "-c", wait], timeout: 10 }],
		});

		const { code, stdout } = await devhost(["run", "--sandbox", "none", manifest], {
			cwd: project.folder,
		});

		expect(code, stdout).toBe(0);
	});
});

describeAsRoot("a service that answers with descriptors that nobody asked for", () => {
	test("may send as many as the protocol allows", async ({ expect }) => {
		const result = await runWith(253);

		expect(result.code).toBe(0);
		expect(result.stdout).toContain("answering with 253 descriptors");
		expect(project.read("was-run")).toBe("");
		await expect.poll(leftovers).toEqual(nothing);
	});

	test("sends 300: one error, and nothing is left", async ({ expect }) => {
		const result = await runWith(300);

		expect(result.code).toBe(3);
		expect(eventsOf(result).at(-1)).toMatchObject({
			event: "run-ended",
			errors: [
				{
					code: "ERR_DEVICE_SERVICE",
					device: "odd",
					message:
						"odd: service example.generous broke the protocol: " +
						'frame 2 (RESULT) has 300 descriptors, 253 are allowed while "open" was running',
					output: "answering with 300 descriptors",
				},
			],
		});
		expect(() => project.read("was-run")).toThrow("ENOENT");
		await expect.poll(leftovers).toEqual(nothing);
	});
});
