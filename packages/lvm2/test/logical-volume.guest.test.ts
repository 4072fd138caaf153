import { join } from "node:path";
import { mappingTag } from "@devhost/core";
import { afterAll, beforeAll, describe, test } from "vitest";
import { loadTarget } from "../src/load-target.ts";
import { linuxVolume } from "../src/linux-volume.ts";
import { logicalVolume } from "../src/logical-volume.ts";
import {
	close,
	contextOf,
	deviceDirectory,
	type Disk,
	Laboratory,
	mappings,
	marksOf,
	readMarks,
	writeMarks,
} from "./machine.ts";

const tag = mappingTag("lvm2-test", "volume");
const driver = logicalVolume(linuxVolume);

function optionsOf(volume: string, further: object = {}) {
	return driver.parseOptions({ volume, ...further });
}

describe("linear and striped volumes", () => {
	let laboratory: Laboratory;
	let disks: Disk[];
	beforeAll(() => {
		laboratory = new Laboratory();
		disks = [laboratory.disk("a.img", 64), laboratory.disk("b.img", 64)];
		const lvm = (command: string, ...args: readonly string[]) =>
			laboratory.lvm(disks, command, ...args);
		lvm("vgcreate", "vg-1", ...disks.map(({ path }) => path));
		lvm("lvcreate", "-Wn", "-Zn", "-L", "8M", "-n", "root", "vg-1");
		lvm(
			"lvcreate",
			"-Wn",
			"-Zn",
			"-L",
			"16M",
			"-i",
			"2",
			"-I",
			"64k",
			"-n",
			"a-b.c+d_e",
			"vg-1",
		);
		lvm("lvcreate", "-Wn", "-Zn", "-L", "32M", "-n", "second", "vg-1", disks[1]?.path ?? "");
		lvm("lvextend", "-L", "16M", "vg-1/root");
		lvm("lvextend", "-L", "40M", "vg-1/second", disks[0]?.path ?? "");
		for (const name of ["root", "a--b.c+d_e", "second"]) {
			writeMarks(`/dev/mapper/vg--1-${name}`, name);
		}
		lvm("vgchange", "-an", "vg-1");
	});
	afterAll(() => laboratory[Symbol.dispose]());

	test.for([
		["root", "root", 16],
		["a-b.c+d_e", "a--b.c+d_e", 16],
		["second", "second", 40],
	] as const)(
		"%s has what was written through the tools",
		async ([volume, text, megabytes], { expect }) => {
			using devices = deviceDirectory(disks);
			const device = await driver.open(optionsOf(volume), contextOf(disks, devices.fd));

			const marks = readMarks(join(devices.path, device.path));
			const during = mappings();
			await close(device);

			expect(marks).toEqual(marksOf(text, megabytes));
			expect(device.details).toMatchObject({
				lvm: { vg_name: "vg-1", lv_name: volume },
				sizeBytes: megabytes << 20,
				readOnly: false,
			});
			expect(during).toEqual([tag]);
			expect(mappings()).toEqual([]);
		},
	);
});

describe("volumes that the tools open", () => {
	let laboratory: Laboratory;
	let disks: Disk[];
	beforeAll(() => {
		laboratory = new Laboratory();
		disks = [laboratory.disk("a.img", 200), laboratory.disk("b.img", 200)];
		const lvm = (command: string, ...args: readonly string[]) =>
			laboratory.lvm(disks, command, ...args);
		for (const target of ["thin-pool", "raid", "snapshot", "cache", "cache-smq"])
			loadTarget(target);
		lvm("vgcreate", "kinds", ...disks.map(({ path }) => path));
		lvm("lvcreate", "-L", "16M", "-T", "kinds/pool");
		lvm("lvcreate", "-V", "8M", "-T", "kinds/pool", "-n", "thin");
		lvm("lvcreate", "-V", "8M", "-T", "kinds/pool", "-n", "other-thin");
		lvm("lvcreate", "-Wn", "-Zn", "-L", "8M", "-n", "origin", "kinds");
		writeMarks("/dev/mapper/kinds-origin", "snap");
		lvm("lvcreate", "-s", "-L", "4M", "-n", "snap", "kinds/origin");
		for (const name of ["thin", "other--thin", "origin"])
			writeMarks(`/dev/mapper/kinds-${name}`, name);
		lvm("vgchange", "-an", "kinds");
	});
	afterAll(() => laboratory[Symbol.dispose]());

	test.for([
		["thin", "thin"],
		["other-thin", "other--thin"],
		["snap", "snap"],
		["origin", "origin"],
	] as const)("%s is opened, and nothing of it is left", async ([volume, text], { expect }) => {
		using devices = deviceDirectory(disks);
		const device = await driver.open(optionsOf(volume), contextOf(disks, devices.fd));

		const marks = readMarks(join(devices.path, device.path));
		const during = mappings();
		await close(device);

		expect(marks).toEqual(marksOf(text, 8));
		expect(during.every((name) => name.startsWith(tag))).toBe(true);
		expect(mappings()).toEqual([]);
	});
});
