import { readdirSync, readFileSync, renameSync, symlinkSync, unlinkSync } from "node:fs";
import { afterEach, beforeEach, test, vi } from "vitest";
import { eventsOf, killStarted, Project, type RunningCli, startDevhost } from "./devhost.ts";
import { eventComplaints } from "./event-schema.ts";
import { boundLoops, processesIn, processesWith } from "./leftovers.ts";
import { describeAsRoot } from "@devhost/tools/testing";

vi.setConfig({ testTimeout: 60_000 });

let project: Project;
beforeEach(() => {
	project = new Project();
	project.image("disk.img", 1 << 20);
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

const devices = { disk: { type: "devhost.loopback", options: { filename: "disk.img" } } };

/** The process of the loopback service that this devhost has started. */
function serviceOf({ child }: RunningCli): number {
	const children = readdirSync("/proc").filter(
		(name) => /^\d+$/.test(name) && isChild(name, child.pid),
	);
	const [service] = children.filter((pid) =>
		readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("service.cjs"),
	);
	if (service === undefined) throw new Error("no service");
	return Number(service);
}

function isChild(pid: string, parent: number | undefined): boolean {
	try {
		const [, after = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
		return Number(after.split(" ")[1]) === parent;
	} catch {
		return false;
	}
}

describeAsRoot("a service that is killed while a stage uses its devices", () => {
	test.for([[], ["--keep-going"]])(
		"takes the stage with it, before the device can be anybody else's (%s)",
		async (options, { expect }) => {
			const write =
				"trap '' TERM; echo begun; sleep 2; echo late > {devices.disk}; touch survived; sleep 4949";
			const manifest = project.manifest({
				devices,
				stages: [
					{ name: "write", run: ["sh", "-c", write] },
					{ name: "next", run: ["touch", "next"] },
				],
			});
			const running = startDevhost(["run", "--json", ...options, manifest]);
			await running.printed("begun");

			process.kill(serviceOf(running), "SIGKILL");
			const result = await running.ended;

			const events = eventsOf(result);
			expect(result.code).toBe(3);
			expect(events.flatMap(eventComplaints)).toEqual([]);
			expect(events.at(-1)).toMatchObject({
				errors: [
					{ code: "ERR_RUN_SERVICE_ENDED", message: expect.stringContaining("disk") },
					{},
				],
			});
			expect(events.filter(({ event }) => event === "stage-started")).toHaveLength(1);
			expect(readdirSync(project.folder)).toEqual(["disk.img", "manifest.json"]);
			expect(processesWith("sleep", "4949")).toEqual([]);
			expect(boundLoops(project.folder)).toEqual([]);
			expect(processesIn(project.folder)).toEqual([]);
		},
	);
});

describeAsRoot("a device whose service was killed", () => {
	test("is nobody else's as long as a stage could write to it", async ({ expect }) => {
		const manifest = project.manifest({
			devices,
			stages: [{ name: "wait", run: ["sh", "-c", "echo begun; sleep 5050"] }],
		});
		const running = startDevhost(["run", manifest]);
		await running.printed("begun");
		const before = boundLoops(project.folder);
		const service = serviceOf(running);

		// So that it cannot end the stage yet.
		process.kill(running.child.pid as number, "SIGSTOP");
		process.kill(service, "SIGKILL");
		await expect.poll(() => readFileSync(`/proc/${service}/stat`, "utf8")).toContain(") Z ");
		const meanwhile = boundLoops(project.folder);
		process.kill(running.child.pid as number, "SIGCONT");
		await running.ended;

		expect(before).toHaveLength(1);
		expect(meanwhile).toEqual(before);
		await expect.poll(() => boundLoops(project.folder)).toEqual([]);
	});
});

describeAsRoot("a service that hangs while it closes", () => {
	test("is given up by a second signal, and killed", async ({ expect }) => {
		const manifest = project.manifest({
			devices,
			stages: [{ name: "wait", run: ["sh", "-c", "echo begun; sleep 1"] }],
		});
		const running = startDevhost(["run", manifest]);
		await running.printed("begun");
		const service = serviceOf(running);
		process.kill(service, "SIGSTOP");
		await running.printed("wait: done");

		for (let i = 0; i < 2; i++) {
			process.kill(running.child.pid as number, "SIGINT");
			await new Promise((resolve) => setTimeout(resolve, 200));
		}
		const { code, stderr } = await running.ended;

		expect(code).not.toBe(0);
		expect(stderr).toContain("disk");
		expect(stderr).toContain("warning: still closing disk");
		expect(stderr).toContain("SIGINT: closing devices; once more");
		await expect.poll(() => boundLoops(project.folder)).toEqual([]);
		expect(processesIn(project.folder)).toEqual([]);
	});
});

describeAsRoot("a sandbox that cannot be made", () => {
	test("says so, also where devices take longer to open", async ({ expect }) => {
		const bin = new Project();
		try {
			bin.write("bwrap", "#!/bin/sh\necho no such luck >&2; exit 1\n", 0o755);
			symlinkSync("/usr/bin/unshare", `${bin.folder}/unshare`);
			const manifest = project.manifest({ devices, stages: [{ name: "no", run: ["true"] }] });

			const { code, stderr } = await startDevhost(["run", manifest], {
				env: { PATH: `${bin.folder}:/usr/bin:/bin` },
			}).ended;

			expect(code).toBe(3);
			expect(stderr).toContain("no such luck");
			expect(stderr).toContain("[ERR_SANDBOX_SETUP]");
		} finally {
			bin[Symbol.dispose]();
		}
	});
});

describeAsRoot("the tree", () => {
	test("is the same for all stages and services, whatever becomes of a link to it", async ({
		expect,
	}) => {
		const first = new Project();
		const second = new Project();
		try {
			symlinkSync(first.folder, `${project.folder}/tree`);
			first.image("disk.img");
			const manifest = project.manifest({
				tree: "./tree",
				devices,
				stages: [
					{
						name: "wait",
						run: ["sh", "-c", "echo begun; while [ ! -e go ]; do sleep 0.05; done"],
					},
					{ name: "touch", run: ["touch", "made"] },
				],
			});
			const running = startDevhost(["run", manifest]);
			await running.printed("begun");
			symlinkSync(second.folder, `${project.folder}/other`);
			unlinkSync(`${project.folder}/tree`);
			renameSync(`${project.folder}/other`, `${project.folder}/tree`);
			first.write("go", "");

			const { code } = await running.ended;

			expect(code).toBe(0);
			expect(readdirSync(first.folder)).toContain("made");
			expect(readdirSync(second.folder)).toEqual([]);
		} finally {
			first[Symbol.dispose]();
			second[Symbol.dispose]();
		}
	});
});
