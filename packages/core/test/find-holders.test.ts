import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { describe, onTestFinished, test } from "vitest";
import { findHolders, findHoldersOfEach } from "../src/find-holders.ts";

/** A procfs and sysfs of files; `->` makes a link. */
function fakeSystem(files: Record<string, string>): { procfs: string; sysfs: string } {
	const root = mkdtempSync(`${tmpdir()}/holders-`);
	onTestFinished(() => rmSync(root, { recursive: true }));
	mkdirSync(`${root}/proc`);
	mkdirSync(`${root}/sys`);
	for (const [name, content] of Object.entries(files)) {
		const path = `${root}/${name}`;
		mkdirSync(dirname(path), { recursive: true });
		if (content.startsWith("-> ")) symlinkSync(content.slice(3), path);
		else writeFileSync(path, content);
	}
	return { procfs: `${root}/proc`, sysfs: `${root}/sys` };
}

const loop3 = {
	"sys/dev/block/7:3/uevent": "MAJOR=7\nMINOR=3\nDEVNAME=loop3\n",
	"sys/dev/block/7:3/loop3p1/partition": "1\n",
	"sys/dev/block/7:3/loop3p1/dev": "259:0\n",
};

describe("findHolders", () => {
	test("finds mounts in every namespace, of partitions too, once for each namespace", async ({
		expect,
	}) => {
		const system = fakeSystem({
			...loop3,
			"proc/1/comm": "init\n",
			"proc/1/ns/mnt": "-> mnt:[1]",
			"proc/1/mountinfo":
				"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" +
				"36 22 7:3 / /mnt/a\\040b rw,relatime shared:1 - ext4 /dev/loop3 rw\n",
			"proc/20/comm": "sh\n",
			"proc/20/ns/mnt": "-> mnt:[1]",
			"proc/20/mountinfo": "36 22 7:3 / /mnt/a\\040b rw - ext4 /dev/loop3 rw\n",
			"proc/300/comm": "qemu\n",
			"proc/300/ns/mnt": "-> mnt:[2]",
			"proc/300/mountinfo": "40 22 259:0 / /boot rw - vfat /dev/loop3p1 rw\n",
			"proc/self/comm": "not a process\n",
		});

		const holders = await findHolders({ major: 7, minor: 3 }, system);

		expect(
			holders.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
		).toEqual([
			{ kind: "mount", target: "/boot", namespace: "mnt:[2]", pid: 300, command: "qemu" },
			{ kind: "mount", target: "/mnt/a b", namespace: "mnt:[1]", pid: 1, command: "init" },
		]);
	});

	test("finds devices on top: holders of sysfs, and loop devices", async ({ expect }) => {
		const images = mkdtempSync(`${tmpdir()}/images-`);
		onTestFinished(() => rmSync(images, { recursive: true }));
		writeFileSync(`${images}/loop3`, "a disk image of that name");
		const system = fakeSystem({
			...loop3,
			"sys/dev/block/7:3/holders/dm-0/dev": "252:0\n",
			"sys/dev/block/259:0/holders/md1/dev": "9:1\n",
			"sys/block/loop4/loop/backing_file": "/dev/loop3\n",
			"sys/block/loop5/loop/backing_file": `${images}/loop3\n`,
			"sys/block/loop3/loop/backing_file": "/disk.img\n",
			// A device that closes has no node any more.
			"sys/block/loop6/loop/backing_file": "/loop3 (deleted)\n",
			"sys/block/sda/dev": "8:0\n",
		});

		expect(await findHolders({ major: 7, minor: 3 }, system)).toEqual([
			{ kind: "device", device: "dm-0" },
			{ kind: "device", device: "md1" },
			{ kind: "device", device: "loop4" },
			{ kind: "device", device: "loop6" },
		]);
	});

	test("finds swap", async ({ expect }) => {
		const system = fakeSystem({
			...loop3,
			"proc/swaps":
				"Filename\tType\tSize\tUsed\tPriority\n" +
				"/dev/sda2                               partition\t100\t0\t-2\n" +
				"/run/dev/loop3                          partition\t100\t0\t-3\n" +
				"/loop3\\040(deleted)                     partition\t100\t0\t-3\n",
		});

		expect(await findHolders({ major: 7, minor: 3 }, system)).toEqual([
			{ kind: "swap", path: "/run/dev/loop3" },
			{ kind: "swap", path: "/loop3 (deleted)" },
		]);
	});

	test("finds what stands on a mapping by its name, in another namespace", async ({ expect }) => {
		const system = fakeSystem({
			"sys/dev/block/252:3/uevent": "MAJOR=252\nMINOR=3\nDEVNAME=dm-3\n",
			"sys/dev/block/252:3/dm/name": "system-root\n",
			"sys/block/loop4/loop/backing_file": "/dev/mapper/system-root\n",
			"sys/block/loop5/loop/backing_file": "/dev/mapper/system-home\n",
			"sys/block/loop6/loop/backing_file": "/images/system-root (deleted)\n",
			"proc/swaps": "Filename\tType\n/dev/mapper/system-root\\040(deleted) partition\n",
		});

		expect(await findHolders({ major: 252, minor: 3 }, system)).toEqual([
			{ kind: "swap", path: "/dev/mapper/system-root (deleted)" },
			{ kind: "device", device: "loop4" },
		]);
	});

	test("tells several devices apart in one look", async ({ expect }) => {
		const system = fakeSystem({
			...loop3,
			"sys/dev/block/7:4/uevent": "MAJOR=7\nMINOR=4\nDEVNAME=loop4\n",
			"sys/dev/block/7:4/holders/dm-0/dev": "252:0\n",
			"sys/block/loop4/loop/backing_file": "/dev/loop3\n",
			"proc/1/comm": "init\n",
			"proc/1/ns/mnt": "-> mnt:[1]",
			"proc/1/mountinfo":
				"36 22 7:4 / /mnt rw - ext4 /dev/loop4 rw\n40 22 259:0 / /boot rw - vfat /dev/loop3p1 rw\n",
			"proc/swaps": "Filename\tType\n/nowhere/loop5 partition\n",
		});
		const by = { kind: "mount", namespace: "mnt:[1]", pid: 1, command: "init" };

		const nodes = [4, 3, 5].map((minor) => ({ major: 7, minor }));
		expect(await findHoldersOfEach(nodes, system)).toEqual([
			[
				{ ...by, target: "/mnt" },
				{ kind: "device", device: "dm-0" },
			],
			[
				{ ...by, target: "/boot" },
				{ kind: "device", device: "loop4" },
			],
			[],
		]);
	});

	test("finds nobody where nothing can be read", async ({ expect }) => {
		const nowhere = { procfs: "/nonexistent/proc", sysfs: "/nonexistent/sys" };

		expect(await findHolders({ major: 7, minor: 3 }, nowhere)).toEqual([]);
	});
});
