import { join } from "node:path";
import { mappingTag } from "@devhost/core";
import { afterAll, beforeAll, describe, test } from "vitest";
import { linuxVolume } from "../src/linux-volume.ts";
import { logicalVolume } from "../src/logical-volume.ts";
import {
	close,
	contextOf,
	deviceDirectory,
	type Disk,
	Laboratory,
	loadTargets,
	mappings,
	marksOf,
	readMarks,
	run,
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

	test("what is written is there for the tools", async ({ expect }) => {
		using devices = deviceDirectory(disks);
		const device = await driver.open(optionsOf("second"), contextOf(disks, devices.fd));
		writeMarks(join(devices.path, device.path), "ours");
		await close(device);

		laboratory.lvm(disks, "lvchange", "-ay", "vg-1/second");
		const marks = readMarks("/dev/mapper/vg--1-second");
		laboratory.lvm(disks, "lvchange", "-an", "vg-1/second");
		expect(marks).toEqual(marksOf("ours", 40));
	});

	test("cannot be written when read-only", async ({ expect }) => {
		using devices = deviceDirectory(disks);
		const options = optionsOf("root", { "read-only": true });
		const device = await driver.open(options, contextOf(disks, devices.fd));

		const path = join(devices.path, device.path);
		expect(() => writeMarks(path, "changed")).toThrow(/EACCES|EPERM|EROFS/);
		expect(readMarks(path)).toEqual(marksOf("root", 16));
		expect(device.details).toMatchObject({ readOnly: true });
		await close(device);
	});

	test("need the physical volumes that they lie on, and no others", async ({ expect }) => {
		using devices = deviceDirectory(disks);
		const [, second] = disks;
		const one = contextOf(disks.slice(0, 1), devices.fd);
		const text = laboratory.lvm(
			disks,
			"pvs",
			"--noheadings",
			"-o",
			"pv_uuid",
			second?.path ?? "",
		);

		const device = await driver.open(optionsOf("root"), one);
		await close(device);
		await expect(driver.open(optionsOf("second"), one)).rejects.toMatchObject({
			code: "ERR_DEVICE_PARENT",
			message:
				`volume: volume vg-1/second: the physical volume ${text.trim()} (it was ${second?.path}) ` +
				"is missing among the parents",
		});
		expect(mappings()).toEqual([]);
	});
});

describe("volumes that the tools open", () => {
	let laboratory: Laboratory;
	let disks: Disk[];
	beforeAll(async () => {
		laboratory = new Laboratory();
		disks = [laboratory.disk("a.img", 200), laboratory.disk("b.img", 200)];
		const lvm = (command: string, ...args: readonly string[]) =>
			laboratory.lvm(disks, command, ...args);
		await loadTargets("thin-pool", "snapshot", "cache", "cache-smq");
		lvm("vgcreate", "kinds", ...disks.map(({ path }) => path));
		lvm("lvcreate", "-L", "16M", "-T", "kinds/pool");
		lvm("lvcreate", "-V", "8M", "-T", "kinds/pool", "-n", "thin");
		lvm("lvcreate", "-V", "8M", "-T", "kinds/pool", "-n", "other-thin");
		lvm("lvcreate", "-Wn", "-Zn", "-L", "8M", "-n", "origin", "kinds");
		writeMarks("/dev/mapper/kinds-origin", "snap");
		lvm("lvcreate", "-s", "-L", "4M", "-n", "snap", "kinds/origin");
		lvm("lvcreate", "-y", "--type", "cache-pool", "-L", "12M", "-n", "fast", "kinds");
		lvm(
			"lvcreate",
			"-Wn",
			"--type",
			"cache",
			"-L",
			"8M",
			"--cachepool",
			"fast",
			"-n",
			"cached",
			"kinds",
		);
		for (const name of ["thin", "other--thin", "origin", "cached"])
			writeMarks(`/dev/mapper/kinds-${name}`, name);
		lvm("vgchange", "-an", "kinds");
	});
	afterAll(() => laboratory[Symbol.dispose]());

	test.for([
		["thin", "thin"],
		["other-thin", "other--thin"],
		["snap", "snap"],
		["origin", "origin"],
		["cached", "cached"],
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

	test("two on one pool are opened together, and closed in any order", async ({ expect }) => {
		using devices = deviceDirectory(disks);
		const first = await driver.open(optionsOf("thin"), contextOf(disks, devices.fd, "first"));
		const second = await driver.open(
			optionsOf("other-thin"),
			contextOf(disks, devices.fd, "second"),
		);

		const during = mappings();
		await close(first);
		const marks = readMarks(join(devices.path, second.path));
		await close(second);

		expect(during).toHaveLength(5);
		expect(marks).toEqual(marksOf("other--thin", 8));
		expect(mappings()).toEqual([]);
	});

	test("one is opened once, and not while the machine has its group active", async ({
		expect,
	}) => {
		using devices = deviceDirectory(disks);
		const device = await driver.open(optionsOf("thin"), contextOf(disks, devices.fd));
		await expect(
			driver.open(optionsOf("thin"), contextOf(disks, devices.fd, "again")),
		).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			message: expect.stringContaining("volume kinds/thin is active already"),
		});
		await close(device);

		// A mapping of a group of that name, and a copy's.
		run("dmsetup", "create", "kinds-lv", "--table", "0 8 zero");
		await expect(
			driver.open(optionsOf("thin"), contextOf(disks, devices.fd)),
		).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			message: expect.stringContaining("there is the mapping kinds-lv"),
		});
		run("dmsetup", "remove", "kinds-lv");
		expect(mappings()).toEqual([]);
	});

	test("what is written to an origin is not in its snapshot", async ({ expect }) => {
		using devices = deviceDirectory(disks);
		const origin = await driver.open(optionsOf("origin"), contextOf(disks, devices.fd));
		writeMarks(join(devices.path, origin.path), "newer");
		await close(origin);
		const snapshot = await driver.open(optionsOf("snap"), contextOf(disks, devices.fd));

		const marks = readMarks(join(devices.path, snapshot.path));
		await close(snapshot);

		expect(marks).toEqual(marksOf("snap", 8));
		expect(mappings()).toEqual([]);
	});
});
