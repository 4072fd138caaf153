import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { afterEach, beforeEach, test } from "vitest";
import { readPartitions } from "../../src/partition/index.ts";
import { DiskFolder, ourTable, readOf, sfdisk, sfdiskTable } from "./sfdisk.ts";

let folder: DiskFolder;
beforeEach(() => {
	folder = new DiskFolder();
});
afterEach(() => folder[Symbol.dispose]());

/** Lines of logical partitions. */
function logical(count: number): string {
	const lines = Array.from({ length: count }, (_, index) => `${index + 5}: size=2MiB, type=8e\n`);
	return lines.join("");
}

const scripts: readonly (readonly [what: string, script: string])[] = [
	[
		"a GPT",
		`label: gpt
label-id: 0FC63DAF-0000-4772-8E79-3D69D8477DE4
size=8MiB, type=uefi, name="EFI System", bootable
size=4MiB, type=swap, attrs="RequiredPartition,GUID:60"
start=40960, size=16MiB, name="Wurzel ä"
9: size=1MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, uuid=6523F8AE-3EB1-4E2A-A05A-18B695AE656F
`,
	],
	["a GPT without partitions", "label: gpt\n"],
	["a GPT of 4 entries", "label: gpt\ntable-length: 4\nsize=1MiB\nsize=1MiB\n"],
	["a GPT of 4096 entries", "label: gpt\ntable-length: 4096\n4096: size=1MiB\nsize=1MiB\n"],
	[
		"a GPT of 128 partitions",
		`label: gpt\n${Array.from({ length: 128 }, (_, index) => `size=256KiB, name="p${index}"\n`).join("")}`,
	],
	[
		"an MBR",
		"label: dos\nlabel-id: 0x00c0ffee\nsize=1MiB, type=c, bootable\n4: size=2MiB, type=82\n",
	],
	[
		"an MBR with logical partitions",
		`label: dos
size=1MiB
size=40MiB, type=f
${logical(12)}`,
	],
	["an MBR without partitions", "label: dos\n"],
];

test.for(scripts)("%s of sfdisk is read as sfdisk reads it", ([, script], { expect }) => {
	const file = folder.disk(256 << 20);
	sfdisk(file, script);

	const table = readOf(file);

	expect(ourTable(table)).toStrictEqual(sfdiskTable(file));
	expect([...table.refused, ...table.warnings]).toStrictEqual([]);
});

test("logical partitions that were made out of order are read as sfdisk reads them", ({
	expect,
}) => {
	const file = folder.disk(64 << 20);
	sfdisk(file, `label: dos\nsize=1MiB\nsize=40MiB, type=5\n${logical(3)}`);
	// Its gap is used again, and the chain then goes backwards.
	execFileSync("sfdisk", ["--quiet", "--delete", file, "6"]);
	sfdisk(file, "size=1MiB, type=82\n", "--append");

	const table = readOf(file);
	const starts = table.partitions.map(({ startBytes }) => startBytes);
	expect(starts).not.toStrictEqual(starts.toSorted((a, b) => a - b));
	expect(ourTable(table)).toStrictEqual(sfdiskTable(file));
});

test("a table whose primary is erased is read as sfdisk reads it", ({ expect }) => {
	const file = folder.disk(64 << 20);
	sfdisk(file, scripts[0]?.[1] ?? "");
	const before = ourTable(readOf(file));
	const fd = openSync(file, "r+");
	writeSync(fd, Buffer.alloc(4096), 0, 4096, 512);
	closeSync(fd);

	const table = readOf(file);

	expect(ourTable(table)).toStrictEqual(before);
	expect(ourTable(table)).toStrictEqual(sfdiskTable(file));
	expect(table.warnings[0]).toContain("the primary partition table is damaged (there is none)");
});

test("what the warning of a disk that has grown says repairs it", ({ expect }) => {
	const file = folder.disk(64 << 20);
	sfdisk(file, scripts[0]?.[1] ?? "");
	truncateSync(file, 80 << 20);
	const before = readOf(file);
	const command =
		/"sfdisk (?<args>[^"]*)"/.exec(before.warnings[0] ?? "")?.groups?.["args"] ?? "";

	execFileSync("sfdisk", [...command.split(" "), file], { stdio: "ignore" });

	expect(before.warnings).toHaveLength(1);
	expect(readOf(file)).toStrictEqual({ ...before, warnings: [] });
});

test.for([
	["ext4", ["mkfs.ext4", "-q"], "an ext2, ext3 or ext4 file system"],
	["XFS", ["mkfs.xfs", "-q"], "an XFS file system"],
	["FAT", ["mkfs.vfat"], "a FAT file system"],
	["swap", ["mkswap", "-q"], "swap space"],
] as const)("%s on the whole disk is told", ([, [program, ...argv], what], { expect }) => {
	const file = folder.disk(320 << 20);
	execFileSync(program, [...argv, file], { stdio: "ignore" });

	expect(() => readOf(file)).toThrow(`no partition table; it is ${what}, without partitions`);
});

test("a table is read from its bytes as from its file", ({ expect }) => {
	const file = folder.disk(4 << 20);
	sfdisk(file, "label: gpt\nsize=1MiB\n");
	const bytes = readFileSync(file);

	const table = readPartitions(
		{
			sizeBytes: bytes.length,
			read: (buffer, offset) => bytes.copy(buffer, 0, offset, offset + buffer.length),
		},
		{ name: "disk" },
	);

	expect(table).toStrictEqual(readOf(file));
});
