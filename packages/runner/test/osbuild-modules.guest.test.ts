import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DeviceMapper } from "@devhost/linux";
import { OsbuildLibrary } from "@devhost/tools/testing";
import { afterEach, beforeEach, describe, test } from "vitest";
import {
	devhost,
	eventsOf,
	killStarted,
	Project,
	type RunningCli,
	startDevhost,
} from "./devhost.ts";
import { boundLoops, processesIn, processesWith } from "./leftovers.ts";

const checkout = process.env["OSBUILD_CHECKOUT"] ?? "";

let project: Project;
let library: OsbuildLibrary;
beforeEach(() => {
	project = new Project();
	library = new OsbuildLibrary();
	library.add("devices", "com.example.disk");
	project.image("disk.img", 64 << 20);
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

function leftovers(): object {
	using mapper = DeviceMapper.open();
	return {
		mappings: mapper.list().map(({ name }) => name),
		loops: boundLoops(project.folder),
		processes: processesIn(project.folder),
		sleeping: processesWith("sleep", "6264"),
	};
}

const nothing = { mappings: [], loops: [], processes: [], sleeping: [] };

const disk = { type: "devhost.loopback", options: { filename: "disk.img" } };
const mapping = (options: object = {}): object => ({
	disk,
	map: { type: "com.example.disk", parent: "disk", options: { do: "mapping", ...options } },
});

/** The process of a module that a devhost has started. */
function moduleOf({ child }: RunningCli, service: string): number {
	const found = processesWith("--service-id", service).find((pid) => {
		const [, after = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
		return Number(after.split(" ")[1]) === child.pid;
	});
	if (found === undefined) throw new Error(`no process for ${service}`);
	return found;
}

describe("a mapping of a module of osbuild's", () => {
	test("is opened, and taken down by its module", async ({ expect }) => {
		const manifest = project.manifest({
			modules: [library.path],
			devices: mapping(),
			stages: [
				{
					name: "look",
					run: [
						"sh",
						"-ec",
						"echo text > {devices.map}; dmsetup --version >/dev/null; ls -l {devices.map}",
					],
				},
			],
		});

		const result = await devhost(["run", "--json", manifest]);

		expect(result, result.stdout).toMatchObject({ code: 0 });
		expect(eventsOf(result)).toContainEqual(
			expect.objectContaining({
				event: "device-opened",
				device: "map",
				path: expect.stringMatching(/^\/dev\/mapper\/osbuild-test-/) as string,
				details: { name: expect.stringMatching(/^osbuild-test-/) as string },
			}),
		);
		expect(project.read("disk.img").slice(0, 4)).toBe("text");
		expect(leftovers()).toEqual(nothing);
	});

	test("that its module leaves is taken down all the same", async ({ expect }) => {
		const manifest = project.manifest({
			modules: [library.path],
			devices: mapping({ keep: true }),
			stages: [{ name: "look", run: ["true"] }],
		});

		const result = await devhost(["run", "--json", manifest]);

		expect(result, result.stdout).toMatchObject({ code: 0 });
		expect(leftovers()).toEqual(nothing);
	});

	test.for([
		["its module", false, ["device/map"]],
		["the host", true, []],
		["all", true, ["device/map"]],
	] as const)(
		"is taken down by the kernel when %s is killed",
		async ([, withHost, services], { expect }) => {
			const manifest = project.manifest({
				modules: [library.path],
				devices: mapping(),
				stages: [{ name: "sleep", run: ["sh", "-c", "echo begun; sleep 6264"] }],
			});
			const running = startDevhost(["run", "--json", manifest]);
			await running.printed("begun");
			const modules = services.map((service) => moduleOf(running, service));

			if (withHost) process.kill(running.child.pid ?? 0, "SIGKILL");
			for (const pid of modules) process.kill(pid, "SIGKILL");
			await running.ended;

			await expect.poll(leftovers, { timeout: 30_000 }).toEqual(nothing);
		},
	);
});

describe("osbuild's own modules, in a guest", () => {
	beforeEach(({ skip }) => skip(checkout === "", "impossible here: no OSBUILD_CHECKOUT"));

	const passphrase = "osbuild";

	test(
		"open a container and a volume in it, on theirs and on ours",
		{ timeout: 600_000 },
		async ({ expect }) => {
			const image = join(project.folder, "disk.img");
			execFileSync(
				"cryptsetup",
				[
					"-q",
					"luksFormat",
					"--type",
					"luks2",
					"--pbkdf",
					"pbkdf2",
					"--pbkdf-force-iterations",
					"1000",
					image,
				],
				{ input: passphrase, stdio: ["pipe", "pipe", "pipe"] },
			);
			const luks = { type: "org.osbuild.luks2", parent: "disk", options: { passphrase } };
			const loop = { type: "org.osbuild.loopback", options: { filename: "disk.img" } };
			const module = (name: string): string[] => [
				"--module",
				join(checkout, "devices", name),
			];
			const run = async (modules: readonly string[], content: object): Promise<string> => {
				const result = await devhost([
					"run",
					"--json",
					...modules,
					project.manifest(content),
				]);
				expect(result, result.stdout).toMatchObject({ code: 0 });
				expect(leftovers()).toEqual(nothing);
				return eventsOf(result)
					.flatMap((event) => (event.event === "stage-output" ? event.text : []))
					.join("");
			};
			const look = (name: string): object[] => [
				{
					name,
					run: [
						"sh",
						"-ec",
						'dd if="$1" bs=5 count=1 2>/dev/null; printf %s "$2" > "$1"',
						"sh",
						"{devices.luks}",
						name,
					],
				},
			];

			await run([], { devices: { disk: loop, luks }, stages: look("ours-") });
			const onOurs = await run(module("org.osbuild.luks2"), {
				devices: { disk: loop, luks },
				stages: look("mixed"),
			});
			const theirs = [...module("org.osbuild.loopback"), ...module("org.osbuild.luks2")];
			const onTheirs = await run(theirs, {
				devices: { disk: loop, luks },
				stages: look("their"),
			});
			const last = await run(module("org.osbuild.loopback"), {
				devices: { disk: loop, luks },
				stages: look("again"),
			});

			expect([onOurs, onTheirs, last]).toEqual(["ours-", "mixed", "their"]);
		},
	);

	test("says what cryptsetup says", { timeout: 600_000 }, async ({ expect }) => {
		const luks = { type: "org.osbuild.luks2", parent: "disk", options: { passphrase } };
		const manifest = project.manifest({
			devices: { disk, luks },
			stages: [{ name: "never", run: ["true"] }],
		});

		const result = await devhost([
			"run",
			"--json",
			"--module",
			join(checkout, "devices/org.osbuild.luks2"),
			manifest,
		]);

		expect(result.code).toBe(3);
		expect(eventsOf(result).at(-1)).toMatchObject({
			errors: [
				{
					code: "ERR_DEVICE_SERVICE",
					message: expect.stringMatching(
						/^luks: org\.osbuild\.luks2: RuntimeError: Failed to open crypt device: /,
					),
				},
			],
		});
		expect(leftovers()).toEqual(nothing);
		expect(readdirSync("/dev/mapper")).toEqual(["control"]);
	});
});
