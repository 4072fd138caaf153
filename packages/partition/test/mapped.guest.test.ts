import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { slowness } from "@devhost/tools/testing";
import { afterEach, beforeEach, describe, test } from "vitest";
import { attachPartition } from "../src/attach-partition.ts";
import { Laboratory, mappings, run, until } from "./machine.ts";

const megabyte = 1 << 20;
let laboratory: Laboratory;

beforeEach(() => {
	laboratory = new Laboratory();
});
afterEach(() => laboratory[Symbol.dispose]());

function content(path: string, offsetBytes: number, length: number): string {
	const fd = openSync(path, "r");
	try {
		const bytes = Buffer.alloc(length);
		readSync(fd, bytes, 0, length, offsetBytes);
		return bytes.toString("latin1");
	} finally {
		closeSync(fd);
	}
}

const disks = [
	["a LUKS2 container", () => laboratory.luks(laboratory.loop(80))],
	["a logical volume", () => laboratory.volume(laboratory.loop(80), 64)],
] as const;

describe.for(disks)("a partition of %s", ([, makeDisk]) => {
	test("is a mapping of ours, and its content is on the disk when it is closed", async ({
		expect,
	}) => {
		const parent = laboratory.partition(makeDisk());
		const before = mappings();
		content(parent, 9 * megabyte, 100); // the kernel has it cached now
		const root = await attachPartition({ parent, label: "root", run: "test", name: "root" });
		{
			await using device = await openFile(root.path, "r+");
			await device.write("written to the partition");
		}
		const during = mappings();

		await root.close();

		expect(root).toMatchObject({
			name: expect.stringMatching(/^dm-\d+$/),
			sizeBytes: 16 * megabyte,
		});
		expect(during.filter((each) => !before.includes(each))).toEqual([
			"devhost-test-root:PART-devhost-test-root",
		]);
		expect(mappings()).toEqual(before);
		expect(content(parent, 9 * megabyte, 24)).toBe("written to the partition");
	});

	test(
		"is gone when its process is killed",
		async ({ expect }) => {
			const parent = laboratory.partition(makeDisk());
			const before = mappings();
			const program = new URL("fixtures/hold.ts", import.meta.url).pathname;
			const child = spawn(process.execPath, [program, parent, "2"], {
				stdio: ["ignore", "pipe", "inherit"],
			});
			await once(child.stdout, "data");
			const during = mappings();

			child.kill("SIGKILL");
			await once(child, "exit");

			expect(await until(() => mappings().length === before.length, 5_000)).toBe(true);
			expect(during).toHaveLength(before.length + 1);
		},
		10_000 * slowness,
	);
});

test("a partition that is read-only cannot be written", async ({ expect }) => {
	const parent = laboratory.partition(laboratory.luks(laboratory.loop(80)));

	await using root = await attachPartition({ parent, type: "root-x86-64", readOnly: true });

	expect(root.readOnly).toBe(true);
	expect(run("blockdev", "--getro", root.path).trim()).toBe("1");
});

test("a partition above 255 is a mapping on a loop device, too", async ({ expect }) => {
	const parent = laboratory.loop(64);
	laboratory.partition(
		parent,
		"label: gpt\ntable-length: 512\n300 : start=2048, size=4MiB, name=far\n",
	);

	await using far = await attachPartition({ parent, label: "far" });

	expect(far).toMatchObject({ name: expect.stringMatching(/^dm-/), sizeBytes: 4 * megabyte });
});
