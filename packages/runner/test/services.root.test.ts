import { afterEach, beforeEach, test, vi } from "vitest";
import {
	type CliResult,
	devhost,
	eventsOf,
	killStarted,
	Project,
	startDevhost,
} from "./devhost.ts";
import { eventComplaints } from "./event-schema.ts";
import { boundLoops, processesIn, processesWith } from "./leftovers.ts";
import { describeAsRoot } from "@devhost/tools/testing";

const moody = new URL("fixtures/moody", import.meta.url).pathname;
// Each test is several processes, which share the machine with those of other tests.
vi.setConfig({ testTimeout: 30_000 });

let project: Project;

beforeEach(() => {
	project = new Project();
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

function leftovers(): object {
	return { loops: boundLoops(project.folder), processes: processesIn(project.folder) };
}
const nothing = { loops: [], processes: [] };

function errorCodes(result: CliResult): string[] {
	const ended = eventsOf(result).at(-1);
	return ended?.event === "run-ended" ? ended.errors.map(({ code }) => code) : [];
}

/** A manifest with a loop device, and one of a module whose service is this file. */
function manifestWith(service: string): string {
	project.image("disk.img");
	const description = {
		devhost: 1,
		types: ["example.odd"],
		parent: "none",
		service,
		options: {},
	};
	project.write("device.json", JSON.stringify(description));
	return project.manifest({
		modules: ["./device.json"],
		devices: {
			disk: { type: "devhost.loopback", options: { filename: "disk.img" } },
			odd: { type: "example.odd" },
		},
		stages: [{ name: "stage", run: ["touch", "was-run"] }],
	});
}

describeAsRoot("a service of somebody else", () => {
	test.for([
		["is missing", undefined, 0o755, 2, "ERR_MANIFEST_MODULE", "is not complete"],
		["is not executable", "#!/bin/sh\n", 0o644, 3, "ERR_RPC_SERVICE_START", "EACCES"],
		["is no program", "neither\n", 0o755, 3, "ERR_RPC_SERVICE_START", "ENOEXEC"],
		[
			"exits at once",
			"#!/bin/sh\necho cannot live >&2\nexit 7\n",
			0o755,
			3,
			"ERR_DEVICE_SERVICE",
			"7",
		],
		["is killed", "#!/bin/sh\nkill -9 $$\n", 0o755, 3, "ERR_DEVICE_SERVICE", "SIGKILL"],
		[
			"speaks garbage",
			"#!/bin/sh\nyes garbage | head -c 100000 >&3\nsleep 60\n",
			0o755,
			3,
			"ERR_DEVICE_SERVICE",
			"",
		],
		[
			"announces a gigabyte",
			String.raw`#!/bin/sh
printf '\000\000\000\100\000\000\000\100\000\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000' >&3
sleep 60
`,
			0o755,
			3,
			"ERR_DEVICE_SERVICE",
			"",
		],
	] as const)(
		"%s: one error, and nothing is left",
		async ([, script, mode, code, errorCode, words], { expect }) => {
			if (script !== undefined) project.write("service", script, mode);
			const manifest = manifestWith("./service");

			const result = await devhost(["run", "--json", manifest]);

			const events = eventsOf(result);
			const ended = events.at(-1);
			expect(events.flatMap(eventComplaints)).toEqual([]);
			expect(result.code).toBe(code);
			expect(ended).toMatchObject({ event: "run-ended" });
			expect(errorCodes(result)).toEqual([errorCode]);
			expect(JSON.stringify(ended)).toContain(words);
			expect(() => project.read("was-run")).toThrow("ENOENT");
			await expect.poll(leftovers).toEqual(nothing);
		},
	);

	test("says its last words in the error", async ({ expect }) => {
		project.write("service", "#!/bin/sh\necho cannot live >&2\nexit 7\n", 0o755);

		const { stderr } = await devhost(["run", manifestWith("./service")]);

		expect(stderr).toContain("cannot live");
	});

	test("hangs: the run's timeout ends it", async ({ expect }) => {
		project.write("service", "#!/bin/sh\nexec sleep 4712\n", 0o755);

		const result = await devhost([
			"run",
			"--json",
			"--timeout",
			"0.5",
			manifestWith("./service"),
		]);

		expect(result.code).toBe(1);
		expect(errorCodes(result)).toEqual(["ERR_RUN_TIMEOUT", "ERR_RPC_SERVICE_ENDED"]);
		await expect.poll(leftovers).toEqual(nothing);
		expect(processesWith("sleep", "4712")).toEqual([]);
	});
});

describeAsRoot("a device whose driver", () => {
	function manifestOf(options: object): string {
		project.image("disk.img");
		return project.manifest({
			modules: [moody],
			devices: {
				disk: { type: "devhost.loopback", options: { filename: "disk.img" } },
				moody: { type: "example.moody", options, parent: "disk" },
			},
			stages: [
				{
					name: "stage",
					run: [
						"sh",
						"-c",
						"echo {devices.moody}; [ -e {devices.moody} ] && touch was-run",
					],
				},
			],
		});
	}

	test("is somebody else's is opened and closed as ours", async ({ expect }) => {
		const result = await devhost(["run", "--json", manifestOf({})]);

		const events = eventsOf(result);
		expect(result.code).toBe(0);
		expect(result.stdout).toContain("/dev/moody/moody\\n");
		expect(project.read("was-run")).toBe("");
		expect(events.filter(({ event }) => event === "service-started")).toHaveLength(2);
		expect(JSON.stringify(events)).toContain("opening moody");
		await expect.poll(leftovers).toEqual(nothing);
	});

	test.for([
		["throws while opening", { open: "throw" }, 3, "ERR_DEVICE_FILE", "does not open today"],
		["dies while opening", { open: "die" }, 3, "ERR_DEVICE_SERVICE", "SIGKILL"],
		["throws while closing", { close: "throw" }, 4, "ERR_DEVICE_FILE", "does not close today"],
		["dies while closing", { close: "die" }, 4, "ERR_DEVICE_SERVICE", "SIGKILL"],
		["does not like its options", { open: "badly" }, 2, "ERR_DEVICE_OPTIONS", "badly"],
	] as const)("%s", async ([, options, code, errorCode, words], { expect }) => {
		const result = await devhost(["run", "--json", manifestOf(options)]);

		const ended = eventsOf(result).at(-1);
		expect(errorCodes(result)).toEqual([errorCode]);
		expect(result.code).toBe(code);
		expect(JSON.stringify(ended)).toContain(words);
		await expect.poll(leftovers).toEqual(nothing);
	});

	test("hangs while opening is interrupted", async ({ expect }) => {
		const running = startDevhost(["run", "--json", manifestOf({ open: "hang" })]);
		await running.printed("opening moody");

		running.child.kill("SIGINT");
		const result = await running.ended;

		expect(result.code).toBe(130);
		expect(errorCodes(result)).toEqual(["ERR_RUN_INTERRUPTED", "ERR_RPC_SERVICE_ENDED"]);
		await expect.poll(leftovers).toEqual(nothing);
	});
});
