import { describeAsRoot } from "@devhost/tools/testing";
import { afterEach, beforeEach, test } from "vitest";
import { killStarted, Project } from "./devhost.ts";
import { boundLoops } from "./leftovers.ts";
import { runWithDaemon } from "./staying-daemon.ts";

let project: Project;

beforeEach(() => void (project = new Project()));
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

describeAsRoot("a daemon that a stage has left", () => {
	test(
		"is named when its loop device cannot be closed, which goes with it",
		{ timeout: 30_000 },
		async ({ expect }) => {
			project.image("disk.img");
			const disk = { type: "devhost.loopback", options: { filename: "disk.img" } };

			const { pid, result, errors, end } = await runWithDaemon(project, {
				devices: { disk },
				device: "disk",
			});
			const [name] = boundLoops(project.folder);
			end();

			expect(result.code).toBe(4);
			expect(errors).toMatchObject([
				{
					code: "ERR_DEVICE_BUSY",
					device: "disk",
					message: expect.stringContaining(
						`${name}: still in use by pid ${pid} (sh) with /dev/${name}`,
					),
				},
			]);
			await expect.poll(() => boundLoops(project.folder)).toEqual([]);
		},
	);
});
