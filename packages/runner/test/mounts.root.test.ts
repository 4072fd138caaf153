import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeAsRoot } from "@devhost/tools/testing";
import { afterEach, beforeEach, test } from "vitest";
import { devhost, eventsOf, killStarted, Project, startDevhost } from "./devhost.ts";
import { holdOpen } from "./hold-open.ts";
import { boundLoops, ownMounts, processesIn, processesWith } from "./leftovers.ts";

let project: Project;
beforeEach(() => void (project = new Project()));
afterEach(({ expect }) => {
	killStarted();
	expect(ownMounts()).toEqual([]);
	project[Symbol.dispose]();
});

const megabyte = 2 ** 20;

/** An image with an ext4 in it. */
function ext4(name: string, bytes = 16 * megabyte): string {
	const file = project.image(name, bytes);
	execFileSync("mkfs.ext4", ["-q", file], { env: { PATH: "/usr/sbin:/usr/bin" } });
	return file;
}

function loop(filename: string, more: object = {}): object {
	return { type: "devhost.loopback", options: { filename }, ...more };
}

function nothingLeft(): string[] {
	return [
		...boundLoops(project.folder),
		...ownMounts(),
		...processesIn(project.folder).map((pid) => `process ${pid}`),
	];
}

/** What a stage printed, by its name. */
function outputOf(result: { readonly stdout: string }, stage: string): string {
	return eventsOf(result)
		.flatMap((event) =>
			event.event === "stage-output" && event.stage === stage ? event.text : [],
		)
		.join("");
}

describeAsRoot("mounts of a manifest", () => {
	test("are what a stage finds, parents first, and what it wrote is in the files", async ({
		expect,
	}) => {
		ext4("root.img");
		ext4("boot.img");
		const manifest = project.manifest({
			devices: { root: loop("root.img"), boot: loop("boot.img") },
			mounts: {
				"boot-fs": { type: "ext4", source: "boot", target: "/boot" },
				"root-fs": { type: "ext4", source: "root", target: "/" },
			},
			stages: [
				{
					name: "write",
					uses: ["root-fs", "boot-fs"],
					run: [
						"sh",
						"-ec",
						"echo r > {mounts.root-fs}/file; echo b > $DEVHOST_MOUNT_BOOT_FS/file; ls /dev/loop* || cat $DEVHOST_ARGUMENTS",
					],
				},
				{
					name: "read",
					uses: ["boot-fs"],
					run: ["sh", "-ec", "cat {mounts.boot-fs}/file; ls /run/devhost/mounts"],
				},
				{ name: "none", uses: [], run: ["sh", "-ec", "ls -A /run/devhost/mounts"] },
			],
		});

		const result = await devhost(["run", "--json", manifest]);

		expect(result).toMatchObject({ code: 0, stderr: "" });
		const told = JSON.parse(outputOf(result, "write").split("\n")[1] ?? "") as {
			mounts: Record<string, object>;
		};
		expect(told.mounts).toMatchObject({
			"root-fs": { path: "/run/devhost/mounts", type: "ext4" },
			"boot-fs": { path: "/run/devhost/mounts/boot", type: "ext4" },
		});
		expect(outputOf(result, "read")).toBe("b\nboot\n");
		expect(outputOf(result, "none")).toBe("");
		const events = eventsOf(result).flatMap((event) =>
			event.event === "mounted" || event.event === "unmounted"
				? `${event.event} ${event.mount}`
				: [],
		);
		expect(events).toEqual([
			"mounted root-fs",
			"mounted boot-fs",
			"unmounted boot-fs",
			"unmounted root-fs",
		]);
		const debugfs = (image: string): string =>
			execFileSync("/usr/sbin/debugfs", ["-R", "cat /file", join(project.folder, image)], {
				encoding: "utf8",
				stdio: ["ignore", "pipe", "ignore"],
			});
		expect(debugfs("root.img") + debugfs("boot.img")).toBe("r\nb\n");
		expect(nothingLeft()).toEqual([]);
	});

	test("of a stage are there for that alone", async ({ expect }) => {
		ext4("disk.img");
		const mounts = { fs: { type: "auto", source: "disk", target: "/x" } };
		const manifest = project.manifest({
			devices: { disk: loop("disk.img") },
			stages: [
				{ name: "one", uses: ["disk"], mounts, run: ["touch", "{mounts.fs}/a"] },
				{ name: "two", uses: ["disk"], run: ["sh", "-c", "ls -A /run/devhost/mounts"] },
				{ name: "three", uses: ["disk"], mounts, run: ["ls", "{mounts.fs}"] },
			],
		});

		const result = await devhost(["run", "--json", manifest]);

		expect(result).toMatchObject({ code: 0, stderr: "" });
		expect(outputOf(result, "two")).toBe("");
		expect(outputOf(result, "three")).toBe("a\nlost+found\n");
	});

	test("have images in them, which are devices, too", async ({ expect }) => {
		ext4("outer.img", 32 * megabyte);
		const manifest = project.manifest({
			devices: {
				outer: loop("outer.img"),
				inner: loop("/images/inner.img", { mount: "outer-fs" }),
			},
			mounts: {
				"outer-fs": { type: "ext4", source: "outer", target: "/outer" },
				"inner-fs": { type: "ext4", source: "inner", target: "/inner" },
			},
			stages: [
				{
					name: "image",
					uses: ["outer-fs"],
					run: [
						"sh",
						"-ec",
						"mkdir {mounts.outer-fs}/images; truncate -s 8M {mounts.outer-fs}/images/inner.img",
					],
				},
				{ name: "format", uses: ["inner"], run: ["mkfs.ext4", "-q", "{devices.inner}"] },
				{ name: "write", uses: ["inner-fs"], run: ["touch", "{mounts.inner-fs}/deep"] },
				{
					name: "read",
					uses: ["outer-fs"],
					run: [
						"/usr/sbin/debugfs",
						"-R",
						"ls -p /",
						"{mounts.outer-fs}/images/inner.img",
					],
				},
			],
		});

		const result = await devhost(["run", "--json", manifest]);

		expect(result).toMatchObject({ code: 0, stderr: "" });
		expect(outputOf(result, "read")).toContain("/deep/");
		const closed = eventsOf(result).flatMap((event) =>
			event.event === "unmounted"
				? event.mount
				: event.event === "device-closed"
					? event.device
					: [],
		);
		expect(closed).toEqual(["inner-fs", "inner", "outer-fs", "outer"]);
		expect(nothingLeft()).toEqual([]);
	});

	test(
		"are of one run at a time, so that no file system is mounted twice",
		{ timeout: 30_000 },
		async ({ expect }) => {
			ext4("disk.img");
			const manifest = project.manifest({
				devices: { disk: loop("disk.img") },
				mounts: { fs: { type: "ext4", source: "disk", target: "/" } },
				stages: [
					{
						name: "wait",
						run: [
							"sh",
							"-c",
							"echo here; until [ -e go ]; do sleep 0.1; done; touch {mounts.fs}/a",
						],
					},
				],
			});
			const first = startDevhost(["run", "--json", manifest]);
			await first.printed("here");

			const second = await devhost(["run", "--json", manifest]);
			writeFileSync(join(project.folder, "go"), "");

			expect(second.code).toBe(3);
			expect(eventsOf(second).at(-1)).toMatchObject({
				errors: [
					{
						code: "ERR_DEVICE_BUSY",
						message: expect.stringMatching(
							/^disk\.img: its bytes .* are in use by loop\d+/,
						),
					},
				],
			});
			expect(await first.ended).toMatchObject({ code: 0, stderr: "" });
			expect(nothingLeft()).toEqual([]);
		},
	);

	test("fail the run when they are wrong, and nothing is left", async ({ expect }) => {
		project.image("empty.img", megabyte);
		const manifest = project.manifest({
			devices: { disk: loop("empty.img") },
			mounts: { fs: { type: "ext4", source: "disk", target: "/" } },
			stages: [{ name: "never", run: ["true"] }],
		});

		const result = await devhost(["run", manifest]);

		expect(result.code).toBe(3);
		expect(result.stderr).toMatch(/fs: .*ext4/);
		expect(nothingLeft()).toEqual([]);
	});

	test("keep a device node of an image from being one", async ({ expect }) => {
		const image = ext4("disk.img");
		execFileSync("/usr/sbin/debugfs", ["-w", "-R", "mknod null c 1 3", image], {
			stdio: "ignore",
		});
		const mounts = { fs: { type: "ext4", source: "disk", target: "/" } };
		const manifest = project.manifest({
			devices: { disk: loop("disk.img") },
			mounts,
			stages: [
				{
					name: "try",
					uses: ["fs"],
					run: ["sh", "-c", "ls -l {mounts.fs}/null; cat {mounts.fs}/null"],
				},
			],
		});

		const result = await devhost(["run", "--json", manifest]);

		expect(result.code).toBe(1);
		expect(outputOf(result, "try")).toMatch(/^c.* 1, 3 [^]*Permission denied/);
	});

	test("are in a stage without a sandbox, too", async ({ expect }) => {
		ext4("disk.img");
		const manifest = project.manifest({
			devices: { disk: loop("disk.img") },
			mounts: { fs: { type: "ext4", source: "disk", target: "/a/b" } },
			stages: [
				{
					name: "bare",
					uses: ["fs"],
					run: ["sh", "-c", "echo {mounts.fs}; ls {mounts.fs}"],
				},
			],
		});

		const result = await devhost(["run", "--json", "--sandbox", "none", manifest]);

		expect(result.code).toBe(0);
		expect(outputOf(result, "bare")).toBe("/dev/.mounts/a/b\nlost+found\n");
		expect(nothingLeft()).toEqual([]);
	});

	test("stand in the tree where osbuild's bind puts them", async ({ expect }) => {
		ext4("disk.img");
		execFileSync("mkdir", [join(project.folder, "b")]);
		const manifest = project.manifest({
			devices: { disk: loop("disk.img") },
			mounts: {
				fs: { type: "org.osbuild.ext4", source: "disk", target: "/" },
				b: {
					type: "org.osbuild.bind",
					target: "tree://b",
					options: { source: "mount://fs" },
				},
			},
			stages: [
				{
					name: "look",
					uses: ["b"],
					run: ["ls", "b", "{mounts.b}", "/run/devhost/mounts"],
				},
			],
		});

		const result = await devhost(["run", "--json", manifest]);

		expect(result).toMatchObject({ code: 0, stderr: "" });
		expect(outputOf(result, "look")).toBe(
			"/run/devhost/mounts:\n\n/run/devhost/tree/b:\nlost+found\n\nb:\nlost+found\n",
		);
		expect(nothingLeft()).toEqual([]);
	});

	test.for([
		["the service that mounts", "packages/mount/dist/service.cjs"],
		["the service of the device beneath", "packages/loopback/dist/service.cjs"],
	] as const)("go with %s, and the stage is killed", async ([, service], { expect }) => {
		ext4("disk.img");
		const manifest = project.manifest({
			devices: { disk: loop("disk.img") },
			mounts: { fs: { type: "ext4", source: "disk", target: "/" } },
			stages: [{ name: "wait", uses: ["fs"], run: ["sh", "-c", "echo here; exec sleep 60"] }],
		});
		const running = startDevhost(["run", manifest]);
		await running.printed("here");
		const [pid] = processesWith(service).filter((each) => isChildOf(each, running.child.pid));

		process.kill(pid as number, "SIGKILL");
		const { code, stderr } = await running.ended;

		expect(code).not.toBe(0);
		expect(stderr).toContain("ERR_RUN_SERVICE_ENDED");
		expect(nothingLeft()).toEqual([]);
	});

	test("go with everything when all is killed at once", async ({ expect }) => {
		ext4("root.img");
		ext4("boot.img");
		const manifest = project.manifest({
			devices: { root: loop("root.img"), boot: loop("boot.img") },
			mounts: {
				"root-fs": { type: "ext4", source: "root", target: "/" },
				"boot-fs": { type: "ext4", source: "boot", target: "/boot" },
			},
			stages: [
				{ name: "wait", uses: ["boot-fs"], run: ["sh", "-c", "echo here; exec sleep 60"] },
			],
		});
		const running = startDevhost(["run", manifest]);
		await running.printed("here");
		const services = processesWith("dist/service.cjs").filter((each) =>
			isChildOf(each, running.child.pid),
		);
		expect(services).toHaveLength(2);

		for (const pid of [running.child.pid as number, ...services]) process.kill(pid, "SIGKILL");
		await running.ended;

		await expect.poll(nothingLeft, { timeout: 3_000 }).toEqual([]);
	});

	test(
		"that somebody has a file of open fail the run, which says who",
		{ timeout: 60_000 },
		async ({ expect }) => {
			ext4("disk.img");
			const manifest = project.manifest({
				devices: { disk: loop("disk.img") },
				mounts: { fs: { type: "ext4", source: "disk", target: "/" } },
				stages: [
					{ name: "wait", uses: ["fs"], run: ["sh", "-c", "echo here; exec sleep 2"] },
				],
			});
			const running = startDevhost(["run", manifest]);
			await running.printed("here");
			const [service] = processesWith("packages/mount/dist/service.cjs").filter((each) =>
				isChildOf(each, running.child.pid),
			);
			const holder = await holdOpen(`/proc/${service}/root/dev/.mounts/lost+found`);

			const { code, stderr } = await running.ended;

			expect(code).toBe(4);
			expect(stderr).toContain("ERR_DEVICE_BUSY");
			expect(stderr).toContain(`pid ${holder.pid}`);
			await holder.end();
			await expect.poll(nothingLeft, { timeout: 3_000 }).toEqual([]);
		},
	);
});

function isChildOf(pid: number, parent: number | undefined): boolean {
	const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
	return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent;
}
