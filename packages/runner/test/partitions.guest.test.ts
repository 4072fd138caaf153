import { execFileSync } from "node:child_process";
import { DeviceMapper } from "@devhost/linux";
import { afterEach, beforeEach, test } from "vitest";
import { devhost, killStarted, Project } from "./devhost.ts";
import { stacks } from "./kill-matrix/stacks.ts";
import { boundLoops } from "./leftovers.ts";

let project: Project;
beforeEach(() => {
	project = new Project();
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

/** Everything that a run could leave behind. */
function leftovers(): object {
	using mapper = DeviceMapper.open();
	return { mappings: mapper.list().map(({ name }) => name), loops: boundLoops(project.folder) };
}

const nothing = { mappings: [], loops: [] };

/** Has a program work on loop devices that have partitions, as the kernel's parser finds them. */
function withLoops(files: readonly string[], work: (nodes: readonly string[]) => void): void {
	const nodes = files.map((file) =>
		run("losetup", "--find", "--show", "--partscan", file).trim(),
	);
	try {
		work(nodes);
	} finally {
		for (const node of nodes) run("losetup", "--detach", node);
	}
}

function run(file: string, ...args: readonly string[]): string {
	const env = {
		...process.env,
		LC_ALL: "C",
		DM_DISABLE_UDEV: "1",
		LVM_SUPPRESS_FD_WARNINGS: "1",
	};
	return execFileSync(file, args, { encoding: "utf8", stdio: "pipe", env });
}

function partitioned(name: string, script: string): string {
	const file = project.image(name, 64 << 20);
	execFileSync("sfdisk", ["--quiet", file], { input: script });
	return file;
}

const config =
	"devices{use_devicesfile=0} backup{backup=0 archive=0} global{event_activation=0} activation{udev_sync=0 udev_rules=0}";

test("a volume is on partitions of two disks with partscan", async ({ expect }) => {
	const table = "label: gpt\nsize=1MiB\nsize=40MiB, type=lvm\n";
	const files = [partitioned("first.img", table), partitioned("second.img", table)];
	withLoops(files, (nodes) => {
		const volumes = nodes.map((node) => `${node}p2`);
		const lvm = (command: string, ...args: readonly string[]): void =>
			void run(
				"lvm",
				command,
				`--config=${config}`,
				`--devices=${volumes.join(",")}`,
				...args,
			);
		lvm("vgcreate", "system", ...volumes);
		lvm("lvcreate", "-an", "-Zn", "-Wn", "--extents=14", "--name=root", "system");
	});
	const disk = (filename: string): object => {
		return { type: "devhost.loopback", options: { filename, partscan: true } };
	};
	const manifest = project.manifest({
		devices: {
			first: disk("first.img"),
			second: disk("second.img"),
			root: {
				type: "devhost.lvm2.lv",
				parents: ["first", "second"],
				options: { volume: "root", vg_partnum: 2 },
			},
		},
		stages: [
			{
				name: "size",
				uses: ["root"],
				run: ["sh", "-c", "blockdev --getsize64 {devices.root} > size"],
			},
		],
	});

	const result = await devhost(["run", "--json", "--backend=native", manifest]);

	expect(result).toMatchObject({ code: 0, stderr: "" });
	expect(project.read("size")).toBe(`${14 * (4 << 20)}\n`);
	expect(leftovers()).toEqual(nothing);
});

test.for(["a container on a loop device", "a volume on a loop device"])(
	"a partition is on %s, written and read",
	async (name, { expect }) => {
		const stack = stacks[name]?.(project.folder) as Readonly<Record<string, object>>;
		const table = "label: gpt\\nsize=2MiB\\nsize=4MiB, name=root\\n";
		const made = project.manifest({
			devices: stack,
			stages: [
				{
					name: "partition",
					uses: ["top"],
					run: [
						"sh",
						"-c",
						`printf '${table}' | sfdisk --quiet --no-reread --no-tell-kernel {devices.top}`,
					],
				},
			],
		});
		const root = { type: "devhost.partition", parent: "top", options: { label: "root" } };
		const used = project.manifest(
			{
				devices: { ...stack, root },
				stages: [
					{
						name: "write",
						uses: ["root"],
						run: ["sh", "-c", "echo written > {devices.root}"],
					},
					{
						name: "read",
						uses: ["top"],
						run: [
							"sh",
							"-c",
							"dd if={devices.top} bs=1M skip=3 count=1 status=none | head -c 8 > read",
						],
					},
				],
			},
			"used.json",
		);

		const mounts = (type: string, options: object): object => {
			return { fs: { type, source: "root", target: "/", options } };
		};
		const filled = project.manifest(
			{
				devices: { ...stack, root },
				mounts: mounts("ext4", {}),
				stages: [
					{ name: "format", uses: ["root"], run: ["mkfs.ext4", "-q", "{devices.root}"] },
					{
						name: "fill",
						uses: ["fs"],
						run: ["sh", "-c", "echo mounted > {mounts.fs}/file"],
					},
				],
			},
			"filled.json",
		);
		const again = project.manifest(
			{
				devices: { ...stack, root },
				mounts: mounts("auto", { "read-only": true }),
				stages: [{ name: "read", uses: ["fs"], run: ["cp", "{mounts.fs}/file", "again"] }],
			},
			"again.json",
		);

		const results = [
			await devhost(["run", "--json", "--backend=native", made]),
			await devhost(["run", "--json", "--backend=native", used]),
			await devhost(["run", "--json", "--backend=native", filled]),
			await devhost(["run", "--json", "--backend=native", again]),
		];

		expect(results).toMatchObject([
			{ code: 0, stderr: "" },
			{ code: 0, stderr: "" },
			{ code: 0, stderr: "" },
			{ code: 0, stderr: "" },
		]);
		expect(project.read("read")).toBe("written\n");
		expect(project.read("again")).toBe("mounted\n");
		expect(leftovers()).toEqual(nothing);
	},
);
