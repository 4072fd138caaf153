import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { detachedMount, statFd } from "@devhost/linux";
import { describeAsRoot } from "@devhost/tools/testing";
import { describe, onTestFinished, test } from "vitest";
import { findFileSystemHolders } from "../src/find-holders.ts";
import { describeHolder } from "../src/holder.ts";

/** A procfs and sysfs of files; `->` makes a link. */
function fakeSystem(files: Record<string, string>): { procfs: string; sysfs: string } {
	const root = mkdtempSync(`${tmpdir()}/holders-`);
	onTestFinished(() => rmSync(root, { recursive: true }));
	for (const [name, content] of Object.entries(files)) {
		const path = `${root}/${name}`;
		mkdirSync(dirname(path), { recursive: true });
		if (content.startsWith("-> ")) symlinkSync(content.slice(3), path);
		else writeFileSync(path, content);
	}
	return { procfs: `${root}/proc`, sysfs: `${root}/sys` };
}

const device = { major: 7, minor: 3 };

describe("findFileSystemHolders", () => {
	test("finds mounts in every namespace, and what stands beneath them, but for those that do not count", async ({
		expect,
	}) => {
		const system = fakeSystem({
			"proc/1/comm": "init\n",
			"proc/1/ns/mnt": "-> mnt:[1]",
			"proc/1/mountinfo":
				"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n36 22 7:3 / /mnt/a\\040b rw shared:1 - ext4 /dev/loop3 rw\n",
			"proc/20/comm": "sh\n",
			"proc/20/ns/mnt": "-> mnt:[2]",
			"proc/20/mountinfo":
				"40 39 7:3 / /mnt rw - ext4 /dev/loop3 rw\n41 40 0:50 / /mnt/proc rw - proc proc rw\n",
		});

		const all = { devices: [device] };
		expect(await findFileSystemHolders(all, system)).toEqual([
			{ kind: "mount", target: "/mnt/a b", namespace: "mnt:[1]", pid: 1, command: "init" },
			{ kind: "mount", target: "/mnt", namespace: "mnt:[2]", pid: 20, command: "sh" },
			{ kind: "mount", target: "/mnt/proc", namespace: "mnt:[2]", pid: 20, command: "sh" },
		]);
		const some = { devices: [device], exceptMounts: new Set([36, 40]) };
		expect(await findFileSystemHolders(some, system)).toEqual([
			{ kind: "mount", target: "/mnt/proc", namespace: "mnt:[2]", pid: 20, command: "sh" },
		]);
	});

	test("finds what is open by its mount, and what is mapped by the file system's number", async ({
		expect,
	}) => {
		const system = fakeSystem({
			"proc/20/comm": "sh\n",
			"proc/20/ns/mnt": "-> mnt:[2]",
			"proc/20/mountinfo": "40 39 0:33 /sub /mnt rw - btrfs /dev/loop3 rw\n",
			"proc/20/fd/3": "-> /mnt/open",
			"proc/20/fdinfo/3": "pos:\t0\nmnt_id:\t40\nino:\t5\n",
			"proc/20/fd/4": "-> /elsewhere/open",
			"proc/20/fdinfo/4": "pos:\t0\nmnt_id:\t41\n",
			"proc/20/fd/5": "-> socket:[5]",
			"proc/20/fdinfo/5": "mnt_id:\t40\n",
			"proc/30/comm": "daemon\n",
			"proc/30/maps":
				"7f00-7f01 r--p 00000000 00:21 12                 /mnt/a library\n" +
				"7f01-7f02 r--p 00000000 00:22 12                 /lib/other\n",
		});

		const anonymous = { devices: [{ major: 0, minor: 0x21 }], exceptMounts: new Set([40]) };
		const holders = await findFileSystemHolders(anonymous, system);
		expect(holders).toEqual([
			{ kind: "process", pid: 20, command: "sh", path: "/mnt/open" },
			{ kind: "process", pid: 30, command: "daemon", path: "/mnt/a library", use: "mapping" },
		]);
		expect(holders.map(describeHolder)).toEqual([
			"pid 20 (sh) with /mnt/open open",
			"pid 30 (daemon) with /mnt/a library in its memory",
		]);
	});

	test("finds nobody where nothing can be read", async ({ expect }) => {
		const nowhere = { procfs: "/nonexistent/proc", sysfs: "/nonexistent/sys" };

		expect(await findFileSystemHolders({ devices: [device] }, nowhere)).toEqual([]);
	});
});

describeAsRoot("findFileSystemHolders on this machine", () => {
	test("finds who works on a file system that is mounted nowhere, and who runs from it", async ({
		expect,
	}) => {
		using disk = detachedMount("tmpfs");
		const folder = `/proc/${process.pid}/fd/${disk.fd}`;
		const number = statFd(disk).device;
		expect(await findFileSystemHolders({ devices: [number] })).toEqual([
			// Its own root has no path.
			{ kind: "process", pid: process.pid, command: expect.any(String), path: "/" },
		]);

		const child = spawn(
			"sh",
			["-c", 'cd "$1"; exec 7>open; echo ready; read -r _', "sh", folder],
			{
				stdio: ["pipe", "pipe", "inherit"],
			},
		);
		const ended = once(child, "close");
		await once(child.stdout, "data");
		const found = await findFileSystemHolders({ devices: [number] });
		child.stdin.end();
		await ended;

		const by = { kind: "process", pid: child.pid, command: "sh" };
		expect(
			found.filter((holder) => holder.kind === "process" && holder.pid === child.pid),
		).toEqual([
			{ ...by, path: "/", use: "cwd" },
			{ ...by, path: "/open" },
		]);
		expect(found.map(describeHolder)).toContain(`pid ${child.pid} (sh) working in /`);
	});
});
