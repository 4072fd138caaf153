import { openSync, closeSync, readFileSync, writeSync } from "node:fs";
import { afterEach, beforeEach, test, vi } from "vitest";
import { loopback, openHost } from "../src/index.ts";
import { Project } from "./devhost.ts";
import { boundLoops, descriptorCount } from "./leftovers.ts";
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
