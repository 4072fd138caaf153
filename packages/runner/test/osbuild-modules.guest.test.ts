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
import { stacks } from "./kill-matrix/stacks.ts";
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

		expect(result, result.stdout).toMatchObject({ code: 0, stderr: "" });
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

	test("stands on what this machine's /dev does not have", async ({ expect }) => {
		const manifest = project.manifest({
			modules: [library.path],
			devices: mapping(),
			stages: [{ name: "look", run: ["sh", "-c", "echo text > {devices.map}"] }],
		});

		const options = { before: withBareDev };
		const result = await startDevhost(["run", "--json", manifest], options).ended;

		expect(result, result.stdout).toMatchObject({ code: 0, stderr: "" });
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

		expect(result, result.stdout).toMatchObject({ code: 0, stderr: "" });
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

/** What a container has: a /dev without the nodes of devices that come later, and without who makes them. */
const withBareDev = [
	"unshare",
	"--mount",
	"sh",
	"-ec",
	`place=$(mktemp -d); mount -t tmpfs none "$place"; cd /dev
	cp -a null zero full random urandom tty loop-control "$place"
	mkdir "$place/shm" "$place/pts" "$place/mapper"; cp -a mapper/control "$place/mapper"
	cd "$OLDPWD"; mount --move "$place" /dev; rmdir "$place"; exec "$@"`,
	"sh",
];

describe("osbuild's own modules, in a guest", () => {
	beforeEach(({ skip }) => skip(checkout === "", "impossible here: no OSBUILD_CHECKOUT"));

	const passphrase = "correct horse"; // of the stacks
	const modules = (...names: readonly string[]): string[] =>
		names.flatMap((name) => ["--module", join(checkout, "devices", `org.osbuild.${name}`)]);

	test.for([
		["all", modules("loopback", "luks2", "lvm2.lv")],
		["the container", modules("luks2")],
		["the volume", modules("lvm2.lv")],
		["all but the container", modules("loopback", "lvm2.lv")],
	] as const)(
		"open a volume in a container: %s of them theirs",
		{ timeout: 600_000 },
		async ([, args], { expect }) => {
			stacks["a volume in a container on a loop device"]?.(project.folder);
			const devices = {
				disk: { type: "org.osbuild.loopback", options: { filename: "disk.img" } },
				crypt: { type: "org.osbuild.luks2", parent: "disk", options: { passphrase } },
				top: { type: "org.osbuild.lvm2.lv", parent: "crypt", options: { volume: "root" } },
			};
			const run = ["sh", "-ec", 'dd if="$1" bs=5 count=1; printf %s "$2" > "$1"', "sh"];
			const stages = [
				{ name: "write", run: [...run, "{devices.top}", "first"] },
				{ name: "read", run: [...run, "{devices.top}", "other"] },
			];
			const content = project.manifest({
				stages: stages.map((each) => ({ ...each, devices })),
			});

			const result = await devhost(["run", "--json", ...args, content]);

			expect(result, result.stdout).toMatchObject({ code: 0, stderr: "" });
			const events = eventsOf(result);
			const written = events.filter((event) => event.event === "stage-output");
			expect(written.map(({ text }) => text).join("")).toContain("first");
			expect(leftovers()).toEqual(nothing);
		},
	);

	test(
		"open a container and a volume on ours where /dev is a container's",
		{ timeout: 600_000 },
		async ({ expect }) => {
			stacks["a volume in a container on a loop device"]?.(project.folder);
			const content = project.manifest({
				devices: {
					disk,
					crypt: { type: "org.osbuild.luks2", parent: "disk", options: { passphrase } },
					top: {
						type: "org.osbuild.lvm2.lv",
						parent: "crypt",
						options: { volume: "root" },
					},
				},
				stages: [{ name: "look", run: ["dd", "if={devices.top}", "bs=5", "count=1"] }],
			});
			const args = ["run", "--json", ...modules("luks2", "lvm2.lv"), content];

			const result = await startDevhost(args, { before: withBareDev }).ended;

			expect(result, result.stdout).toMatchObject({ code: 0, stderr: "" });
			expect(leftovers()).toEqual(nothing);
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
