import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { afterEach, beforeEach, test, vi } from "vitest";
import { loopback, openHost } from "../src/index.ts";
import { Project } from "./devhost.ts";
import { boundLoops, descriptorCount, ownMounts } from "./leftovers.ts";
import { describeAsRoot } from "@devhost/tools/testing";

// Each test is several processes, which share the machine with those of other tests.
vi.setConfig({ testTimeout: 30_000 });

let project: Project;

beforeEach(() => {
	project = new Project();
});
afterEach(() => project[Symbol.dispose]());

describeAsRoot("openHost", () => {
	test("opens devices for this program, and closes them", async ({ expect }) => {
		project.image("disk.img");
		const before = descriptorCount();
		{
			await using host = openHost({ tree: project.folder });
			await using devices = await host.open({
				whole: loopback({ filename: "disk.img", "read-only": true }),
				part: loopback({ filename: "disk.img", start: 8, size: 8 }),
			});

			const fd = openSync(host.pathOf(devices.get("part")), "r+");
			writeSync(fd, "written");
			closeSync(fd);
			expect(boundLoops(project.folder)).toHaveLength(2);
		}

		expect(readFileSync(`${project.folder}/disk.img`, "utf8").slice(4096, 4103)).toBe(
			"written",
		);
		expect(boundLoops(project.folder)).toEqual([]);
		expect(descriptorCount()).toBe(before);
	});

	test("mounts file systems, one in the other, and unmounts them", async ({ expect }) => {
		for (const name of ["root.img", "boot.img"]) {
			const image = project.image(name, 8 * 2 ** 20);
			execFileSync("mkfs.ext4", ["-q", image], { env: { PATH: "/usr/sbin:/usr/bin" } });
		}
		{
			await using host = openHost({ tree: project.folder });
			await using opened = await host.open(
				{
					root: loopback({ filename: "root.img" }),
					boot: loopback({ filename: "boot.img" }),
				},
				{
					boot: { type: "ext4", source: "boot", target: "/boot" },
					root: { type: "ext4", source: "root", target: "/" },
				},
			);
			await using later = await host.open({}, { tmp: { type: "tmpfs", target: "/boot/x" } });

			const root = host.pathOf(opened.getMount("root"));
			writeFileSync(`${host.pathOf(later.getMount("tmp"))}/file`, "in memory");
			expect(readFileSync(`${root}/boot/x/file`, "utf8")).toBe("in memory");
			expect(readdirSync(host.pathOf(opened.getMount("boot")))).toEqual(["lost+found", "x"]);
			expect(ownMounts()).toEqual([]);
			await expect(
				host.open({}, { other: { type: "ext4", source: "nothing", target: "/y" } }),
			).rejects.toMatchObject({ code: "ERR_DEVICE_PARENT" });
		}
		expect(boundLoops(project.folder)).toEqual([]);
	});

	test("leaves nothing when a device cannot be opened", async ({ expect }) => {
		project.image("disk.img");
		const before = descriptorCount();
		{
			await using host = openHost({ tree: project.folder });
			const opening = host.open({
				good: loopback({ filename: "disk.img" }),
				bad: loopback({ filename: "missing.img" }),
			});

			await expect(opening).rejects.toMatchObject({ code: "ERR_DEVICE_FILE", device: "bad" });
			expect(boundLoops(project.folder)).toEqual([]);
		}
		expect(descriptorCount()).toBe(before);
	});

	test("refuses a type that nobody serves, before anything is opened", async ({ expect }) => {
		await using host = openHost({ tree: project.folder });

		await expect(host.open({ odd: { type: "devhost.odd" } })).rejects.toMatchObject({
			code: "ERR_DEVICE_TYPE",
		});
	});
});
