import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { DeviceMapper } from "@devhost/linux";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import type { ReportEvent } from "../src/events.ts";
import { loopback, luks2, lvm2, openHost } from "../src/index.ts";
import { eventsOf, killStarted, Project, type RunningCli, startDevhost } from "./devhost.ts";
import { eventComplaints } from "./event-schema.ts";
import { stacks } from "./kill-matrix/stacks.ts";
import { boundLoops, processesIn, processesWith } from "./leftovers.ts";

// Made once: what is made is only opened, and making it takes as long.
let project: Project;
let chain: Readonly<Record<string, object>>;
beforeAll(() => {
	project = new Project();
	chain = make("a volume in a container on a loop device");
});
afterEach(killStarted);
afterAll(() => project[Symbol.dispose]());

/** Everything that a run could leave behind. */
function leftovers(): object {
	using mapper = DeviceMapper.open();
	return {
		mappings: mapper.list().map(({ name }) => name),
		loops: boundLoops(project.folder),
		processes: processesIn(project.folder),
		sleeping: processesWith("sleep", "6161"),
	};
}

const nothing = { mappings: [], loops: [], processes: [], sleeping: [] };

/** The process of one of the services that a devhost has started. */
function serviceOf({ child }: RunningCli, packageName: string): number {
	const isService = (pid: string): boolean => {
		try {
			const [, after = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
			const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
			return (
				Number(after.split(" ")[1]) === child.pid &&
				command.includes(`/${packageName}/dist/service.cjs`)
			);
		} catch {
			return false; // It went meanwhile.
		}
	};
	const [service] = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isService(name));
	if (service === undefined) throw new Error(`no service of ${packageName}`);
	return Number(service);
}

/** The devices of events of a kind, in order. */
function devicesOf(
	events: readonly ReportEvent[],
	kind: "device-opened" | "device-closed",
): string[] {
	return events.flatMap((event) => (event.event === kind ? event.device : []));
}

/** A stack of {@link stacks}, made in the project. */
function make(name: string): Readonly<Record<string, object>> {
	const of = stacks[name];
	if (of === undefined) throw new Error(`no such stack: ${name}`);
	return of(project.folder);
}

describe("a volume in a container on a loop device", () => {
	test.for([
		["loopback", "disk"],
		["luks2", "crypt"],
		["lvm2", "top"],
	] as const)(
		"the service of %s killed during a stage ends the run, and nothing is left",
		async ([packageName, lost], { expect }) => {
			const manifest = project.manifest({
				devices: chain,
				stages: [
					{
						name: "wait",
						uses: ["top"],
						run: ["sh", "-c", "trap '' TERM; echo begun; sleep 6161"],
					},
					{ name: "never", run: ["touch", "was-run"] },
				],
			});
			const running = startDevhost(["run", "--json", "--backend=native", manifest]);
			await running.printed("begun");

			process.kill(serviceOf(running, packageName), "SIGKILL");
			const result = await running.ended;

			const events = eventsOf(result);
			expect(result.code).toBe(3);
			expect(events.flatMap(eventComplaints)).toEqual([]);
			const ended = events.at(-1);
			const errors = ended?.event === "run-ended" ? ended.errors : [];
			expect(errors[0]).toMatchObject({
				code: "ERR_RUN_SERVICE_ENDED",
				message: expect.stringMatching(
					new RegExp(
						`ended with SIGKILL, and with it ${lost}: what uses them is killed$`,
					),
				),
			});
			// The end of its service, once more for its device: but nothing of the others.
			expect(errors.slice(1).every(({ device }) => device === lost)).toBe(true);
			const started = events.filter((event) => event.event === "stage-started");
			expect(started.map(({ stage }) => stage)).toEqual(["wait"]);
			expect(devicesOf(events, "device-closed")).toEqual(
				["top", "crypt", "disk"].filter((device) => device !== lost),
			);
			await expect.poll(leftovers).toEqual(nothing);
		},
	);

	test("is closed by three services in the reverse order of opening", async ({ expect }) => {
		const manifest = project.manifest({
			devices: chain,
			stages: [{ name: "write", uses: ["top"], run: ["sh", "-c", "echo x > {devices.top}"] }],
		});

		const result = await startDevhost(["run", "--json", "--backend=native", manifest]).ended;

		const events = eventsOf(result);
		expect(events.at(-1)).toMatchObject({ event: "run-ended", errors: [] });
		expect(result).toMatchObject({ code: 0, stderr: "" });
		expect(devicesOf(events, "device-opened")).toEqual(["disk", "crypt", "top"]);
		expect(devicesOf(events, "device-closed")).toEqual(["top", "crypt", "disk"]);
		expect(leftovers()).toEqual(nothing);
	});

	test("is opened for a program by the library", async ({ expect }) => {
		{
			await using host = openHost({ tree: project.folder });
			const passphrase = { file: `${project.folder}/passphrase` };
			await using devices = await host.open({
				disk: loopback({ filename: "disk.img" }),
				crypt: luks2("disk", { passphrase }),
				top: lvm2("crypt", { volume: "root" }),
			});

			writeFileSync(host.pathOf(devices.get("top")), "y");
			expect(
				readFileSync(host.pathOf(devices.get("top")))
					.subarray(0, 2)
					.toString(),
			).toBe("y\n");
			expect([...devices].map(({ name, parents }) => [name, ...parents])).toEqual([
				["disk"],
				["crypt", "disk"],
				["top", "crypt"],
			]);
		}

		expect(leftovers()).toEqual(nothing);
	});
});

describe("a volume on two loop devices", () => {
	test("is opened when both are, and closed before both", async ({ expect }) => {
		const devices = make("a volume on two loop devices");
		const manifest = project.manifest({
			devices,
			stages: [
				{
					name: "write",
					uses: ["top"],
					run: ["dd", "if=/dev/zero", "of={devices.top}", "bs=1M", "count=4"],
				},
			],
		});

		const result = await startDevhost(["run", "--json", "--backend=native", manifest]).ended;

		const closed = devicesOf(eventsOf(result), "device-closed");
		expect(eventsOf(result).at(-1)).toMatchObject({ event: "run-ended", errors: [] });
		expect(result).toMatchObject({ code: 0, stderr: "" });
		expect(devicesOf(eventsOf(result), "device-opened").at(-1)).toBe("top");
		expect(closed[0]).toBe("top");
		expect(closed.toSorted()).toEqual(["first", "second", "top"]);
		expect(leftovers()).toEqual(nothing);
	});
});
