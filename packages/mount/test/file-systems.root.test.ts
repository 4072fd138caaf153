import { describeAsRoot, slowness } from "@devhost/tools/testing";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { hasFileSystem, Machine, megabyte } from "./machine.ts";

let machine: Machine;

const images: Readonly<Record<string, readonly [mkfs: string, sizeBytes: number]>> = {
	ext4: ["mkfs.ext4 -q", 16 * megabyte],
	xfs: ["mkfs.xfs -q", 300 * megabyte],
	btrfs: ["mkfs.btrfs -q", 120 * megabyte],
};

describeAsRoot("file systems", () => {
	beforeAll(() => {
		machine = new Machine();
	});
	afterEach(async ({ expect }) => {
		expect(await machine.mounted()).toEqual([]);
		expect(machine.loops()).toEqual([]);
	});
	afterAll(() => machine[Symbol.asyncDispose]());

	for (const [type, [mkfs, sizeBytes]] of Object.entries(images)) {
		test(
			`${type} is mounted, written, closed and has it all`,
			{ timeout: 10_000 * slowness },
			async ({ expect, skip }) => {
				skip(!hasFileSystem(type), `impossible here: the kernel has no ${type}`);
				const image = machine.image(`${type}.img`, sizeBytes, mkfs);
				{
					await using opened = await machine.open({ root: { type, image } });
					expect(opened.getMount("root")).toMatchObject({
						path: ".",
						details: {
							type,
							source: `/dev/${opened.get("root").path}`,
							readOnly: false,
						},
					});
					await machine.run("echo hello > file; mkdir folder; touch folder/empty");
				}
				{
					await using _ = await machine.open({
						root: { type: "auto", image, options: { "read-only": true } },
					});
					expect(
						await machine.run("cat file; ls folder; (echo no > file) 2>&1 || true"),
					).toMatch(/^hello\nempty\n.*Read-only file system\n$/);
				}
			},
		);
	}
});
