import { DeviceMapper } from "@devhost/linux";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { killStarted, Project } from "./devhost.ts";
import { stacks } from "./kill-matrix/stacks.ts";
import { boundLoops } from "./leftovers.ts";
import { runWithDaemon } from "./staying-daemon.ts";

let project: Project;
beforeAll(() => void (project = new Project()));
afterEach(killStarted);
afterAll(() => project[Symbol.dispose]());

/** What there is of a run's devices. */
function leftovers(): object {
	using mapper = DeviceMapper.open();
	return { mappings: mapper.list().map(({ name }) => name), loops: boundLoops(project.folder) };
}

describe("a daemon that a stage has left", () => {
	test("is named when its volume cannot be closed, and all goes with it", async ({ expect }) => {
		const devices = stacks["a volume on a loop device"]?.(project.folder) ?? {};

		const { pid, result, errors, end } = await runWithDaemon(project, {
			devices,
			device: "top",
		});
		const during = leftovers();
		end();

		expect(result.code).toBe(4);
		expect(errors).toMatchObject([
			{
				code: "ERR_DEVICE_BUSY",
				device: "top",
				message: expect.stringMatching(
					new RegExp(`: still in use by pid ${pid} \\(sh\\) with /dev/dm-\\d+`),
				),
			},
			{
				code: "ERR_DEVICE_BUSY",
				device: "disk",
				message: expect.stringMatching(/: still in use by device dm-\d+$/),
			},
		]);
		expect(during).toMatchObject({
			mappings: [expect.any(String)],
			loops: [expect.any(String)],
		});
		await expect.poll(leftovers).toEqual({ mappings: [], loops: [] });
	});
});
