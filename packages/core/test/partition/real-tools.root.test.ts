import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { blockSectorBytes } from "@devhost/linux";
import { describeAsRoot } from "@devhost/tools/testing";
import { afterEach, beforeEach, test } from "vitest";
import { readPartitions } from "../../src/partition/index.ts";
import { DiskFolder, ourTable, sfdisk, sfdiskTable } from "./sfdisk.ts";

let folder: DiskFolder;
beforeEach(() => {
	folder = new DiskFolder();
});
afterEach(() => folder[Symbol.dispose]());

/** A loop device of a disk, gone after it. */
function attach(file: string, sectorBytes: number): Disposable & { readonly path: string } {
	const argv = ["--find", "--show", "--sector-size", String(sectorBytes), file];
	const path = execFileSync("losetup", argv, { encoding: "utf8" }).trim();
	return {
		path,
		[Symbol.dispose]: () => void execFileSync("losetup", ["--detach", path]),
	};
}

describeAsRoot("a table that sfdisk made on a device", () => {
	test.for([
		[512, "a GPT", 'label: gpt\nsize=8MiB, type=uefi\nsize=16MiB, name="root"\n'],
		[4096, "a GPT", 'label: gpt\nsize=8MiB, type=uefi\nsize=16MiB, name="root"\n'],
		[4096, "a GPT of 4096 entries", "label: gpt\ntable-length: 4096\n4096: size=1MiB\n"],
		[4096, "an MBR", "label: dos\nsize=8MiB, bootable\nsize=16MiB, type=82\n"],
		[
			4096,
			"an MBR with logical partitions",
			`label: dos\nsize=8MiB\nsize=40MiB, type=f\n${[5, 6, 7].map((number) => `${number}: size=2MiB\n`).join("")}`,
		],
	] as const)(
		"of sectors of %i bytes, %s, is read as sfdisk reads it",
		([sectorBytes, , script], { expect }) => {
			const file = folder.disk(64 << 20);
			using loop = attach(file, sectorBytes);
			sfdisk(loop.path, script);
			const fd = openSync(loop.path, "r");
			try {
				const table = readPartitions(fd, { sectorBytes: blockSectorBytes(fd) });

				expect(table.sectorBytes).toBe(sectorBytes);
				expect(ourTable(table)).toStrictEqual(sfdiskTable(loop.path));
				expect([...table.refused, ...table.warnings]).toStrictEqual([]);
			} finally {
				closeSync(fd);
			}
		},
	);

	test("is found on a device of other sectors, too", ({ expect }) => {
		const file = folder.disk(64 << 20);
		const script = 'label: gpt\nsize=8MiB, type=uefi\nsize=16MiB, name="root"\n';
		const expected = (() => {
			using loop = attach(file, 4096);
			sfdisk(loop.path, script);
			return sfdiskTable(loop.path);
		})();

		using loop = attach(file, 512);
		const fd = openSync(loop.path, "r");
		try {
			expect(ourTable(readPartitions(fd, { sectorBytes: 512 }))).toStrictEqual(expected);
		} finally {
			closeSync(fd);
		}
	});
});
