import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { basename } from "node:path";
import { describeAsRoot, descriptorCount, slowness } from "@devhost/tools/testing";
import { afterEach, beforeEach, test } from "vitest";
import { attachPartition } from "../src/attach-partition.ts";
import { Laboratory, run, shownPartitions } from "./machine.ts";

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

describeAsRoot("a partition of a loop device", () => {
	test.for([
		["number", { number: 2 }],
		["label", { label: "root" }],
		["type by name", { type: "root-x86-64" }],
		["type by GUID", { type: "4f68bce3-e8cd-4db1-96e7-fbcaf984b709" }],
	] as const)("is found by %s", async ([, selector], { expect }) => {
		const parent = laboratory.partition(laboratory.loop(64));
		const before = descriptorCount();
		{
			await using root = await attachPartition({ parent, ...selector });

			expect(root).toMatchObject({
				name: `${basename(parent)}p2`,
				sizeBytes: 16 * megabyte,
				sectorBytes: 512,
				readOnly: false,
				partition: { number: 2, label: "root", startBytes: 9 * megabyte },
			});
			expect(shownPartitions(parent)).toContain(root.name);
			expect(run("blockdev", "--getsize64", root.path).trim()).toBe(`${16 * megabyte}`);
		}
		expect(shownPartitions(parent)).not.toContain(`${basename(parent)}p2`);
		expect(descriptorCount()).toBe(before);
	});

	test("is found by uuid, and is the kernel's PARTUUID", async ({ expect }) => {
		const parent = laboratory.partition(laboratory.loop(64));
		const uuid = run("sfdisk", "--part-uuid", parent, "1").trim();

		await using esp = await attachPartition({ parent, uuid });

		expect(esp.partition).toMatchObject({ label: "esp", typeName: "esp" });
	});

	test("has what was written to it on the disk when it is closed", async ({ expect }) => {
		const parent = laboratory.partition(laboratory.loop(64));
		content(parent, 9 * megabyte, 100); // the kernel has it cached now
		const root = await attachPartition({ parent, label: "root" });
		{
			await using device = await openFile(root.path, "r+");
			await device.write("written to the partition");
		}

		await root.close();

		expect(content(parent, 9 * megabyte, 24)).toBe("written to the partition");
	});

	test("is read-only where it is to be", async ({ expect }) => {
		const parent = laboratory.partition(laboratory.loop(64));

		await using root = await attachPartition({ parent, number: 2, readOnly: true });

		expect(root.readOnly).toBe(true);
		expect(run("blockdev", "--getro", root.path).trim()).toBe("1");
		expect(run("blockdev", "--getro", parent).trim()).toBe("0");
	});

	test("has sectors of 4096 bytes where its disk has", async ({ expect }) => {
		const parent = laboratory.partition(laboratory.loop(64, { sectorBytes: 4096 }));

		await using root = await attachPartition({ parent, label: "root" });

		expect(root).toMatchObject({ sectorBytes: 4096, sizeBytes: 16 * megabyte });
	});

	test("is there beside others, each with its own content, opened and closed at once", async ({
		expect,
	}) => {
		const parent = laboratory.partition(laboratory.loop(64));
		const partitions = await Promise.all(
			[1, 2, 3].map((number) => attachPartition({ parent, number })),
		);
		for (const { path, partition } of partitions) {
			await using device = await openFile(path, "r+");
			await device.write(`partition ${partition.number}`);
		}

		await Promise.all(partitions.map((each) => each.close()));

		for (const { partition } of partitions) {
			const { number, startBytes } = partition;
			expect(content(parent, startBytes, 11)).toBe(`partition ${number}`);
		}
	});

	test("is read by the table of now, and not by that of when another one was opened", async ({
		expect,
	}) => {
		const parent = laboratory.partition(laboratory.loop(64));
		{
			await using _ = await attachPartition({ parent, label: "root" });
		}
		laboratory.partition(parent, "label: gpt\nsize=4MiB\nsize=32MiB, name=root\n");

		await using root = await attachPartition({ parent, label: "root" });

		expect(root.sizeBytes).toBe(32 * megabyte);
	});

	test(
		"is gone with the loop device by kill -9, and the next one of its number has none",
		async ({ expect }) => {
			const parent = laboratory.partition(laboratory.loop(64));
			const program = new URL("fixtures/hold.ts", import.meta.url).pathname;
			const child = spawn(process.execPath, [program, parent, "2"], {
				stdio: ["ignore", "pipe", "inherit"],
			});
			const [name] = (await once(child.stdout, "data")) as [Buffer];
			const before = shownPartitions(parent);

			child.kill("SIGKILL");
			await once(child, "exit");
			laboratory[Symbol.dispose]();

			expect(before).toContain(String(name));
			expect(shownPartitions(parent)).toEqual([]);
			laboratory = new Laboratory();
		},
		10_000 * slowness,
	);

	test.for([
		["a file", () => laboratory.path, "ERR_DEVICE_FILE"],
		["nothing", () => `${laboratory.path}/none`, "ERR_DEVICE_FILE"],
		["a disk without a table", () => laboratory.loop(8), "ERR_DEVICE_FORMAT"],
	] as const)("is not one of %s", async ([, parent, code], { expect }) => {
		await expect(attachPartition({ parent: parent(), number: 1 })).rejects.toMatchObject({
			code,
		});
	});
});
