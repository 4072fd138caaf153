import { execFileSync } from "node:child_process";
import { describeAsRoot } from "@devhost/tools/testing";
import { afterEach, beforeEach, test, vi } from "vitest";
import { devhost, eventsOf, killStarted } from "./devhost.ts";
import { ownMounts } from "./leftovers.ts";
import { OsbuildProject, osbuildLoop } from "./osbuild-project.ts";

/** osbuild's sources; empty where they are not. */
const checkout = process.env["OSBUILD_CHECKOUT"] ?? "";

// Every stage starts Python, and makes a file system.
vi.setConfig({ testTimeout: 120_000 });

let project: OsbuildProject;
beforeEach(({ skip }) => {
	skip(checkout === "", "impossible here: no OSBUILD_CHECKOUT");
	project = new OsbuildProject();
});
afterEach(() => {
	killStarted();
	project?.[Symbol.dispose]();
});

const uuid = (last: number): string => `aaaaaaaa-0000-4000-8000-00000000000${last}`;
const boot = { start: 22_528, size: 102_400 };
const root = { start: 124_928, size: 614_400 };
const loop = (options: object): object => ({
	device: osbuildLoop({ ...options, lock: true }),
});

/** An image with three file systems, and a file in two of them. */
const stages = [
	{ type: "org.osbuild.truncate", options: { filename: "disk.img", size: "400M" } },
	{
		type: "org.osbuild.sfdisk",
		options: {
			label: "gpt",
			uuid: "D209C89E-EA5E-4FBD-B161-B461CCE297E0",
			partitions: [{ start: 2048, size: 20_480, name: "esp" }, boot, root],
		},
		devices: { device: osbuildLoop() },
	},
	{
		type: "org.osbuild.mkfs.fat",
		options: { volid: "7B7795E7" },
		devices: loop({ start: 2048, size: 20_480 }),
	},
	{
		type: "org.osbuild.mkfs.ext4",
		options: { uuid: uuid(1), label: "boot" },
		devices: loop(boot),
	},
	{
		type: "org.osbuild.mkfs.xfs",
		options: { uuid: uuid(2), label: "root" },
		devices: loop(root),
	},
	{ type: "org.osbuild.mkdir", options: { paths: [{ path: "/made" }] } },
	{
		type: "org.osbuild.copy",
		options: {
			paths: [
				{ from: "tree:///made", to: "mount://root/made" },
				{ from: "tree:///made", to: "mount://-/made" },
			],
		},
		devices: { boot: osbuildLoop(boot), root: osbuildLoop(root) },
		mounts: [
			{ name: "root", type: "org.osbuild.xfs", source: "root", target: "/" },
			{ name: "-", type: "org.osbuild.ext4", source: "boot", target: "/boot" },
		],
	},
];

describeAsRoot("osbuild's own stages", () => {
	test("make a real image", async ({ expect }) => {
		const file = project.stages(...stages);

		const result = await devhost([
			"run",
			"--backend=native",
			"--json",
			`--libdir=${checkout}`,
			`--tree=${project.tree}`,
			file,
		]);

		expect(eventsOf(result).at(-1)).toMatchObject({ errors: [] });
		const blkid = (offset: number): string =>
			execFileSync("blkid", [
				"--probe",
				`--offset=${offset * 512}`,
				"--output=export",
				`${project.tree}/disk.img`,
			]).toString();
		expect(blkid(2048)).toContain("TYPE=vfat");
		expect(blkid(boot.start)).toContain(`UUID=${uuid(1)}`);
		expect(blkid(root.start)).toContain(`UUID=${uuid(2)}`);
		const place = `${project.tree}/disk.img?offset=${boot.start * 512}`;
		const files = execFileSync("debugfs", ["-R", "ls -p /", place], {
			stdio: ["ignore", "pipe", "ignore"],
		}).toString();
		expect(files).toContain("/made/");
		expect(ownMounts()).toEqual([]);
	});

	test("make a volume in a container, in a guest", async ({ expect }) => {
		const loops = { loop: osbuildLoop({ start: 2048, size: 300_000 }) };
		const crypt = (name: string): object => ({
			...loops,
			[name]: {
				type: "org.osbuild.luks2",
				parent: "loop",
				options: { passphrase: "osbuild" },
			},
		});
		const volume = {
			...crypt("luks"),
			device: { type: "org.osbuild.lvm2.lv", parent: "luks", options: { volume: "root" } },
		};
		const file = project.stages(
			{ type: "org.osbuild.truncate", options: { filename: "disk.img", size: "200M" } },
			{
				type: "org.osbuild.luks2.format",
				options: {
					passphrase: "osbuild",
					uuid: uuid(3),
					pbkdf: { method: "pbkdf2", iterations: 1000 },
				},
				devices: loop({ start: 2048, size: 300_000 }),
			},
			{
				type: "org.osbuild.lvm2.create",
				options: {
					volumes: [
						{ name: "root", size: "64M" },
						{ name: "home", extents: "50%FREE" },
					],
				},
				devices: crypt("device"),
			},
			{
				type: "org.osbuild.mkfs.ext4",
				options: { uuid: uuid(1), label: "root" },
				devices: volume,
			},
			{
				type: "org.osbuild.lvm2.metadata",
				options: { vg_name: "rootvg", creation_host: "osbuild" },
				devices: crypt("device"),
			},
			{ type: "org.osbuild.mkdir", options: { paths: [{ path: "/made" }] } },
			{
				type: "org.osbuild.copy",
				options: { paths: [{ from: "tree:///made", to: "mount://root/made" }] },
				devices: volume,
				mounts: [{ name: "root", type: "org.osbuild.ext4", source: "device", target: "/" }],
			},
		);

		const result = await devhost([
			"run",
			"--backend=uml",
			"--json",
			`--libdir=${checkout}`,
			`--tree=${project.tree}`,
			file,
		]);

		expect(eventsOf(result).at(-1)).toMatchObject({ errors: [] });
		const opened = eventsOf(result).flatMap((event) =>
			event.event === "device-opened" ? [event.details?.["lvm"]] : [],
		);
		// What the metadata stage has made of it.
		expect(opened.at(-1)).toMatchObject({ vg_name: "rootvg", lv_name: "root" });
	});

	test("are refused what their schemas refuse, before anything is made", async ({ expect }) => {
		const [truncate, sfdisk] = stages;
		const file = project.stages(truncate as object, {
			...sfdisk,
			options: { label: "apm", uuid: 5 },
		});

		const result = await devhost([
			"check",
			`--libdir=${checkout}`,
			`--tree=${project.tree}`,
			file,
		]);

		expect(result.code).toBe(2);
		expect(result.stderr).toContain(".pipelines[0].stages[1].options.label");
		expect(result.stderr).toContain(".pipelines[0].stages[1].options.uuid");
	});

	test("say how they failed", async ({ expect }) => {
		// The file is there, but a file system that wants more is not made on it.
		const file = project.stages(stages[0] as object, {
			...stages[4],
			devices: loop({ start: 0, size: 8 }),
		});

		const result = await devhost([
			"run",
			"--backend=native",
			"--json",
			`--libdir=${checkout}`,
			`--tree=${project.tree}`,
			file,
		]);

		expect(eventsOf(result).at(-1)).toMatchObject({
			errors: [
				{
					code: "ERR_STAGE_FAILED",
					stage: "1 org.osbuild.mkfs.xfs",
					output: expect.stringContaining("mkfs.xfs"),
				},
			],
		});
	});
});
