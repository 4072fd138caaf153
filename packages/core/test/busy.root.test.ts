import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import {
	AT_FDCWD,
	detachedMount,
	type Fd,
	isSysError,
	LO_FLAGS_AUTOCLEAR,
	LO_FLAGS_READ_ONLY,
	loopConfigure,
	loopGetFree,
	mknodat,
	openat2,
} from "@devhost/linux";
import { afterEach, beforeEach, test } from "vitest";
import { identify, isPresent, waitForAbsence } from "../src/absence.ts";
import { findHolders } from "../src/find-holders.ts";
import { describeAsRoot } from "@devhost/tools/testing";

interface Loop {
	fd: Fd;
	number: number;
}

/** Binds a file or device to a free loop device, and unbinds it when its descriptor is closed. */
async function bind(nodes: Fd, path: string, flags = 0): Promise<Loop> {
	using control = openat2(nodes, "control", { flags: constants.O_RDWR });
	using file = openat2(AT_FDCWD, path, { flags: flags ? constants.O_RDONLY : constants.O_RDWR });
	for (let attempt = 0; ; attempt += 1) {
		const number = await loopGetFree(control);
		const name = `loop${number}`;
		try {
			mknodat(nodes, name, "block", { major: 7, minor: number }, 0o600);
		} catch (error) {
			if (!isSysError(error, "EEXIST")) throw error;
		}
		const fd = openat2(nodes, name, { flags: constants.O_RDWR });
		try {
			await loopConfigure(fd, {
				file,
				offsetBytes: 0,
				sizeBytes: 0,
				sectorBytes: 512,
				flags: flags | LO_FLAGS_AUTOCLEAR,
				tag: "devhost:core-test",
			});
			return { fd, number };
		} catch (error) {
			fd.close();
			// Tests beside this one bind loop devices too.
			if (!isSysError(error, "EBUSY") || attempt === 50) throw error;
		}
	}
}

describeAsRoot("a loop device in use", () => {
	let folder: string;
	let nodes: Fd;
	let loop: Loop;
	const children: ChildProcess[] = [];

	beforeEach(async () => {
		folder = mkdtempSync(`${tmpdir()}/devhost-core-`);
		writeFileSync(`${folder}/disk.img`, new Uint8Array(4 << 20));
		nodes = detachedMount("tmpfs");
		mknodat(nodes, "control", "char", { major: 10, minor: 237 }, 0o600);
		loop = await bind(nodes, `${folder}/disk.img`);
	});

	afterEach(async () => {
		for (const child of children.splice(0)) {
			if (child.exitCode !== null || child.signalCode !== null) continue;
			child.kill("SIGKILL");
			await once(child, "exit");
		}
		loop.fd.close();
		nodes.close();
		rmSync(folder, { recursive: true });
	});

	function start(file: string, argv: string[], stdin: number | "ignore"): ChildProcess {
		const child = spawn(file, argv, { stdio: [stdin, "pipe", "inherit"] });
		children.push(child);
		return child;
	}

	const identityOf = ({ number }: Loop) =>
		identify({ major: 7, minor: number }, { same: ["diskseq"], exists: ["loop/backing_file"] });

	test("is told apart from the next one of its number", async ({ expect }) => {
		const identity = identityOf(loop);
		expect(isPresent(identity)).toBe(true);

		loop.fd.close();
		await waitForAbsence(identity, { subject: "disk", timeoutMs: 4000 });

		expect(isPresent(identity)).toBe(false);
	});

	test("is reported with the process that has it open, until that goes", async ({ expect }) => {
		const child = start("sleep", ["60"], loop.fd.fd);
		const identity = identityOf(loop);
		loop.fd.close();

		const waiting = waitForAbsence(identity, { subject: "disk", timeoutMs: 50 });

		await expect(waiting).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			holders: [{ kind: "process", pid: child.pid, command: "sleep" }],
		});
		child.kill("SIGKILL");
		await waitForAbsence(identity, { subject: "disk", timeoutMs: 4000 });
	});

	test("is reported with the loop device on top of it", async ({ expect }) => {
		const upper = await bind(nodes, `/proc/self/fd/${loop.fd.fd}`, LO_FLAGS_READ_ONLY);
		using _ = upper.fd;

		const holders = await findHolders({ major: 7, minor: loop.number });

		expect(holders).toContainEqual({ kind: "device", device: `loop${upper.number}` });
	});

	test("is reported with a mount in another namespace", async ({ expect }) => {
		const script = `
			mkfs.ext4 -q /proc/self/fd/0 && mkdir /run/devhost-core-test &&
			mount /proc/self/fd/0 /run/devhost-core-test && exec 0</dev/null && echo mounted && exec sleep 60`;
		const inTmpfs = `mount -t tmpfs tmpfs /run && ${script}`;
		const child = start("unshare", ["-m", "sh", "-c", inTmpfs], loop.fd.fd);
		const identity = identityOf(loop);
		expect(String((await once(child.stdout ?? child, "data"))[0])).toBe("mounted\n");
		loop.fd.close();

		const waiting = waitForAbsence(identity, { subject: "disk", timeoutMs: 50 });

		await expect(waiting).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			holders: [{ kind: "mount", target: "/run/devhost-core-test", pid: child.pid }],
		});
	});
});
