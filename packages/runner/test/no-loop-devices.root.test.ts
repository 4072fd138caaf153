import { mkdirSync, readdirSync } from "node:fs";
import { constants } from "node:os";
import { describeAsRoot } from "@devhost/tools/testing";
import { afterEach, beforeEach, test, vi } from "vitest";
import { devhost, eventsOf, killStarted, Project } from "./devhost.ts";
import { boundLoops, ownMounts, processesIn } from "./leftovers.ts";
import { beneathFilter, type FilteredCall, systemCallFilter } from "./system-call-filter.ts";

// Each test is several processes, which share the machine with those of other tests.
vi.setConfig({ testTimeout: 30_000 });

const { ENODEV, ENOSPC, EPERM } = constants.errno;

/** An `ioctl` by its request. */
const ioctl = { number: { x64: 16, arm64: 29 }, argument: 1 };
/** A `mknodat` by the number of its device, which is that of loop-control: 10:237. */
const mknodLoopControl = { number: { x64: 259, arm64: 33 }, argument: 3, value: (10 << 8) | 237 };
const LOOP_CTL_GET_FREE = 0x4c82; // linux/loop.h

let project: Project;

beforeEach(() => {
	project = new Project();
	mkdirSync(`${project.folder}/tmp`);
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

/** Runs a manifest with a loop device, and says what is left of it. */
async function runBeneath(
	filter: FilteredCall,
	...args: readonly string[]
): Promise<{ result: Awaited<ReturnType<typeof devhost>>; left: () => object }> {
	project.image("disk.img");
	const manifest = project.manifest({
		devices: { disk: { type: "devhost.loopback", options: { filename: "disk.img" } } },
		stages: [{ name: "stage", run: ["touch", "was-run"] }],
	});
	const result = await devhost(["run", "--backend", "native", ...args, manifest], {
		before: beneathFilter(project.write("filter", systemCallFilter(filter))),
		cwd: project.folder,
		env: { TMPDIR: `${project.folder}/tmp` },
	});
	const left = (): object => ({
		loops: boundLoops(project.folder),
		processes: processesIn(project.folder),
		mounts: ownMounts(),
		temporary: readdirSync(`${project.folder}/tmp`),
		files: readdirSync(project.folder).toSorted(),
	});
	return { result, left };
}

const nothing = {
	loops: [],
	processes: [],
	mounts: [],
	temporary: [],
	files: ["disk.img", "filter", "manifest.json", "tmp"],
};

describeAsRoot("on a machine", () => {
	test("where the filter concerns nobody, all is well", async ({ expect }) => {
		const { result } = await runBeneath({ ...ioctl, value: 0xdead, errno: EPERM });

		expect(result.stderr).toBe("");
		expect(result.code).toBe(0);
		expect(project.read("was-run")).toBe("");
	});

	test.for([
		[
			"without a free loop device",
			{ ...ioctl, value: LOOP_CTL_GET_FREE, errno: ENOSPC },
			"ERR_DEVICE_NO_FREE",
			"disk.img: /dev/loop-control: ENOSPC, there is no further loop device. " +
				"losetup --list shows the loop devices in use, losetup --detach frees one",
		],
		[
			"whose kernel has no loop devices",
			{ ...ioctl, value: LOOP_CTL_GET_FREE, errno: ENODEV },
			"ERR_DEVICE_UNSUPPORTED",
			"disk.img: /dev/loop-control: ENODEV, there are no loop devices here. " +
				"Load the kernel's module (modprobe loop); give a container /dev/loop-control",
		],
		[
			// The kernel says that it has made the node, and has not.
			"without /dev/loop-control",
			{ ...mknodLoopControl, errno: 0 },
			"ERR_DEVICE_UNSUPPORTED",
			"disk.img: /dev/loop-control: ENOENT, there are no loop devices here. " +
				"Load the kernel's module (modprobe loop); give a container /dev/loop-control",
		],
	] as const)(
		"%s: one error, and nothing is left",
		async ([, filter, code, message], { expect }) => {
			const { result, left } = await runBeneath(filter, "--json");

			expect(result.code).toBe(3);
			expect(eventsOf(result).at(-1)).toMatchObject({
				event: "run-ended",
				errors: [{ code, device: "disk", message }],
			});
			await expect.poll(left).toEqual(nothing);
		},
	);

	test("where loop-control may not be made: one error, and nothing is left", async ({
		expect,
	}) => {
		const { result, left } = await runBeneath({ ...mknodLoopControl, errno: EPERM });

		expect(result.code).toBe(3);
		expect(result.stderr).toContain(
			"error: /dev/loop-control: device nodes may not be made here",
		);
		expect(result.stderr).toContain("in a container with CAP_MKNOD and CAP_SYS_ADMIN");
		expect(result.stderr).toContain("[ERR_RUN_NAMESPACE]");
		await expect.poll(left).toEqual(nothing);
	});
});
