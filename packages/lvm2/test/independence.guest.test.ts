import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { linuxVolume } from "../src/linux-volume.ts";
import { logicalVolume } from "../src/logical-volume.ts";
import {
	close,
	contextOf,
	deviceDirectory,
	type Disk,
	Laboratory,
	mappings,
	readMarks,
	run,
	writeMarks,
} from "./machine.ts";

const driver = logicalVolume(linuxVolume);
const options = driver.parseOptions({ volume: "root", vg: "same" });
const builds = 16;

/** What the machine's own tools say of everything that they see, without what is called as devhost calls its own. */
function machineView(environment: Record<string, string>): Record<string, readonly string[]> {
	const linesOf = (...command: readonly [string, ...string[]]): string[] => {
		const [program, ...args] = command;
		const lines = run(program, { environment }, ...args)
			.trim()
			.split("\n");
		return lines.map((line) => line.trim()).filter((line) => !line.startsWith("devhost-"));
	};
	return {
		pvs: linesOf("lvm", "pvs", "--noheadings", "-o", "pv_all"),
		vgs: linesOf("lvm", "vgs", "--noheadings", "-o", "vg_all"),
		lvs: linesOf("lvm", "lvs", "--noheadings", "-a", "-o", "lv_all"),
		// Without how often a device is open: the tools look into it.
		dmsetup: linesOf(
			"dmsetup",
			"info",
			"-c",
			"--noheadings",
			"-o",
			"name,uuid,major,minor,attr,segments,events",
		),
	};
}

describe("while the machine has an active volume group of the same name and uuids", () => {
	let laboratory: Laboratory;
	let disks: Disk[];
	beforeAll(() => {
		laboratory = new Laboratory();
		const original = laboratory.disk("machine.img", 16);
		laboratory.lvm([original], "vgcreate", "same", original.path);
		laboratory.lvm([original], "lvcreate", "-Wn", "-Zn", "-L", "4M", "-n", "root", "same");
		writeMarks("/dev/mapper/same-root", "machine");
		disks = Array.from({ length: builds }, (_, index) => {
			const disk = laboratory.disk(`build${index}.img`, original);
			// The first extent begins where the tools put it: at 1 MiB.
			const fd = openSync(disk.path, "r+");
			writeSync(fd, `build ${index}\n`, 1 << 20);
			closeSync(fd);
			return disk;
		});
	});
	afterAll(() => {
		run("dmsetup", "remove", "same-root");
		laboratory[Symbol.dispose]();
	});

	test(`${builds} builds at once open theirs, and nothing of the machine's changes`, async ({
		expect,
	}) => {
		const environment = laboratory.lvmEnvironment;
		const before = machineView(environment);
		const directories = disks.map((disk) => deviceDirectory([disk]));
		const opened = await Promise.all(
			disks.map((disk, index) => {
				const context = contextOf([disk], directories[index]?.fd ?? -1, "root");
				return driver.open(options, { ...context, run: `build-${index}` });
			}),
		);

		const marks = opened.map(
			({ path }, index) => readMarks(join(directories[index]?.path ?? "", path))[0],
		);
		const during = machineView(environment);
		const names = mappings();
		await Promise.all(opened.map(close));
		const after = machineView(environment);
		for (const directory of directories) directory[Symbol.dispose]();

		expect(marks).toEqual(disks.map((_, index) => `build ${index}`));
		expect(names).toHaveLength(builds + 1);
		expect(readMarks("/dev/mapper/same-root")[0]).toBe("machine at 0");
		expect(during).toEqual(before);
		expect(after).toEqual(before);
		expect(before["lvs"]).toHaveLength(1);
		expect(mappings()).toEqual(["same-root"]);
	});
});
