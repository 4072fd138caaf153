import { constants, mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import {
	MS_NOSUID,
	type MountStep,
	type SpawnOptions,
	capabilities,
	capabilitySet,
	detachedMount,
	makeMountNamespace,
	mknodat,
	openat2,
	pipe,
	read,
	spawn,
	statFd,
	unlinkat,
} from "../src/index.ts";
import { describeAsRoot, descriptorCount } from "@devhost/tools/testing";

const O_PATH = 0o10000000;

async function shell(
	script: string,
	namespace: NonNullable<SpawnOptions["namespace"]>,
	capabilityBound?: bigint,
): Promise<string> {
	const [reader, writer] = pipe();
	using _reader = reader;
	const child = spawn({
		file: "/bin/sh",
		argv: ["sh", "-c", script],
		environment: { PATH: "/usr/bin:/bin" },
		fds: { 1: writer, 2: 2 },
		namespace,
		...(capabilityBound !== undefined && { capabilityBound }),
	});
	writer.close();
	await child.exited;
	const into = new Uint8Array(65536);
	return new TextDecoder().decode(
		into.subarray(0, Math.max(0, read(reader.fd, into, 0, into.length))),
	);
}

const privateDev: readonly MountStep[] = [
	{ op: "clone", path: "/dev/shm", optional: true },
	{ op: "clone", path: "/dev/no-such-folder", optional: true },
	{
		op: "mount",
		source: "devhost",
		target: "/dev",
		type: "tmpfs",
		flags: MS_NOSUID,
		data: "mode=0755",
	},
	{ op: "mknod", path: "/dev/null", kind: "char", major: 1, minor: 3, mode: 0o666 },
	{ op: "mkdir", path: "/dev/mapper" },
	{ op: "mkdir", path: "/dev/mapper", existing: true },
	{ op: "symlink", target: "/proc/self/fd", path: "/dev/fd" },
	{ op: "attach", clone: 0, target: "/dev/shm" },
	{ op: "attach", clone: 1, target: "/dev/no-such-folder" },
	{ op: "open", path: "/dev", flags: O_PATH | constants.O_DIRECTORY },
];

describeAsRoot("makeMountNamespace", () => {
	test("makes what the steps say, and nothing of it appears outside", async ({ expect }) => {
		const mountsBefore = readFileSync("/proc/self/mountinfo", "utf8");
		const ownNamespace = readlinkSync("/proc/self/ns/mnt");

		const { namespace, opened } = makeMountNamespace(privateDev);
		using _namespace = namespace;
		using dev = opened[0] as (typeof opened)[number];
		const listing = await shell("cd /dev && echo * && stat -c %t:%T:%a null", namespace.fd);

		expect(listing).toBe("fd mapper null shm\n1:3:666\n");
		expect(statFd(dev).type).toBe("directory");
		expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(mountsBefore);
		expect(readlinkSync("/proc/self/ns/mnt")).toBe(ownNamespace);
	});

	test("lets us make nodes in it that its processes see and open", async ({ expect }) => {
		const { namespace, opened } = makeMountNamespace(privateDev);
		using _namespace = namespace;
		using dev = opened[0] as (typeof opened)[number];

		mknodat(dev, "zero", "char", { major: 1, minor: 5 }, 0o600);
		const content = await shell("head -c 4 /dev/zero | od -An -tx1", namespace.fd);
		unlinkat(dev, "zero");

		expect(content.trim()).toBe("00 00 00 00");
		expect(await shell("cd /dev && echo *", namespace.fd)).toBe("fd mapper null shm\n");
	});

	test("blames the step that failed and leaves nothing", ({ expect }) => {
		const before = descriptorCount();
		const steps: MountStep[] = [
			{ op: "open", path: "/usr", flags: O_PATH },
			{ op: "clone", path: "/usr" },
			{ op: "mount", target: "/nonexistent", type: "tmpfs" },
		];

		expect(() => makeMountNamespace(steps)).toThrow(
			expect.objectContaining({ syscall: "mount", code: "ENOENT", path: "/nonexistent" }),
		);
		expect(descriptorCount()).toBe(before);
	});

	test("refuses a path with a NUL, which would be another one", ({ expect }) => {
		const steps: MountStep[] = [
			{ op: "mkdir", path: "/tmp", existing: true },
			{ op: "mkdir", path: "/tmp\0/x", existing: true },
		];

		expect(() => makeMountNamespace(steps)).toThrow(
			expect.objectContaining({ syscall: "mkdir", code: "EINVAL", path: "/tmp\0/x" }),
		);
	});

	test("says so when the child is killed before it is done", async ({ expect }) => {
		const folder = mkdtempSync(join(tmpdir(), "devhost-linux-"));
		const fifo = join(folder, "fifo");
		const before = descriptorCount();
		// Kills the child that stands in another mount namespace: it waits for somebody to open the other end.
		const script = `
			mkfifo ${fifo}
			echo ready
			while sleep 0.01; do
				for pid in $(cat /proc/${process.pid}/task/*/children); do
					[ "$(readlink /proc/$pid/ns/mnt)" = "$(readlink /proc/$$/ns/mnt)" ] && continue
					kill -KILL $pid && exit
				done
			done`;
		const [reader, writer] = pipe();
		const killer = spawn({
			file: "/bin/sh",
			argv: ["sh", "-c", script],
			environment: { PATH: "/usr/bin:/bin" },
			fds: { 1: writer, 2: 2 },
		});
		writer.close();
		read(reader.fd, new Uint8Array(16), 0, 16);
		reader.close();
		const steps: MountStep[] = [{ op: "open", path: fifo, flags: constants.O_RDONLY }];

		expect(() => makeMountNamespace(steps)).toThrow(
			expect.objectContaining({
				name: "SysError",
				syscall: "open",
				code: "EINTR",
				path: fifo,
			}),
		);
		expect(await killer.exited).toEqual({ code: 0 });
		expect(descriptorCount()).toBe(before);
		rmSync(folder, { recursive: true });
	});

	test("keeps the working directory of who enters it", async ({ expect }) => {
		const { namespace, opened } = makeMountNamespace(privateDev);
		using _namespace = namespace;
		for (const fd of opened) fd.close();

		expect(await shell("pwd", namespace.fd)).toBe(`${process.cwd()}\n`);
	});
});

describeAsRoot("spawn", () => {
	test("gives a child a mount namespace of its own", async ({ expect }) => {
		const seen = await shell(
			"readlink /proc/self/ns/mnt; mount -t tmpfs none /mnt && echo mounted",
			"new",
		);

		expect(seen.split("\n")[0]).not.toBe(readlinkSync("/proc/self/ns/mnt"));
		expect(seen).toContain("mounted");
		expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(" /mnt ");
	});

	test("cuts what a child can ever be able to do", async ({ expect }) => {
		const bound =
			capabilitySet(["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_BPF"]) & capabilities().bounding;

		const status = await shell("grep -E 'Cap(Prm|Eff|Bnd)' /proc/self/status", "new", bound);

		const expected = bound.toString(16).padStart(16, "0");
		expect(status.match(/[0-9a-f]{16}/g)).toEqual([expected, expected, expected]);
	});
});

describeAsRoot("detachedMount", () => {
	test("holds device nodes that open and that nobody else sees", ({ expect }) => {
		const mountsBefore = readFileSync("/proc/self/mountinfo", "utf8");
		using place = detachedMount("tmpfs", { size: "64K", mode: "0700" });

		mknodat(place, "zero", "char", { major: 1, minor: 5 }, 0o600);
		using zero = openat2(place, "zero", { flags: constants.O_RDONLY });

		expect(statFd(zero)).toMatchObject({
			type: "char",
			node: { major: 1, minor: 5 },
			mode: 0o600,
		});
		expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(mountsBefore);
	});

	test("says what it does not understand", ({ expect }) => {
		expect(() => detachedMount("tmpfs", { colour: "blue" })).toThrow(
			expect.objectContaining({ code: "EINVAL" }),
		);
	});

	test("a child gets a copy of a namespace, which ends with the child", async ({ expect }) => {
		const { namespace, opened } = makeMountNamespace(privateDev);
		using _namespace = namespace;
		for (const fd of opened) fd.close();
		const script =
			"mount -t tmpfs copied /mnt && grep -c ' /mnt .* copied ' /proc/self/mountinfo; ls /dev/fd";
		const inCopy = await shell(script, { copyOf: namespace });

		expect(inCopy).toMatch(/^1\n0/);
		expect(await shell("grep -c ' /mnt .* copied ' /proc/self/mountinfo", namespace.fd)).toBe(
			"0\n",
		);
	});

	test("a process is entered by its pidfd, as long as it lives", async ({ expect }) => {
		const { namespace, opened } = makeMountNamespace(privateDev);
		using _namespace = namespace;
		for (const fd of opened) fd.close();
		const [reader, writer] = pipe();
		using _reader = reader;
		const child = spawn({
			file: "/bin/sh",
			argv: ["sh", "-c", "mount -t tmpfs entered /mnt && echo && exec sleep 60"],
			environment: { PATH: "/usr/bin:/bin" },
			fds: { 1: writer },
			namespace: { copyOf: namespace },
		});
		writer.close();
		read(reader.fd, new Uint8Array(8), 0, 8);

		expect(await shell("grep -c ' /mnt .* entered ' /proc/self/mountinfo", child.pidfd)).toBe(
			"1\n",
		);
		child.kill("SIGKILL");
		await child.exited;
		await expect(shell("true", child.pidfd)).rejects.toThrow();
	});
});
