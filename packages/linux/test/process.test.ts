import {
	chmodSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { binding } from "../src/binding.ts";
import {
	memfd,
	pipe,
	Poller,
	read,
	READABLE,
	setNonBlocking,
	spawn,
	type SpawnOptions,
} from "../src/index.ts";
import { descriptorCount } from "@devhost/tools/testing";

/** Runs a shell script and returns what it wrote to its standard output, and how it ended. */
async function shell(
	script: string,
	options: Partial<SpawnOptions> = {},
): Promise<{ output: string; status: unknown }> {
	const [reader, writer] = pipe();
	using _reader = reader;
	const child = spawn({
		file: "/bin/sh",
		argv: ["sh", "-c", script],
		environment: { PATH: "/usr/bin:/bin" },
		...options,
		fds: { 1: writer, ...options.fds },
	});
	writer.close();
	const status = await child.exited;
	const into = new Uint8Array(65536);
	setNonBlocking(reader, true);
	const length = read(reader.fd, into, 0, into.length);
	return { output: new TextDecoder().decode(into.subarray(0, Math.max(0, length))), status };
}

describe("spawn", () => {
	test("tells the exit code and the signal that ended it", async ({ expect }) => {
		expect((await shell("exit 7")).status).toEqual({ code: 7 });
		expect((await shell("kill -TERM $$")).status).toEqual({ signal: "SIGTERM" });
	});

	test("makes room for descriptors, as far as the limit allows", async ({ expect }) => {
		const script =
			"while read key value; do [ $key = FDSize: ] && echo $value; done < /proc/$$/status";

		expect((await shell(script)).output).not.toBe("1024\n");
		expect((await shell(script, { fdRoom: 1000 })).output).toBe("1024\n");
		expect((await shell("exit 7", { fdRoom: 2 ** 31 - 1 })).status).toEqual({ code: 7 });
	});

	test("gives exactly the environment asked for", async ({ expect }) => {
		const { output } = await shell("env | sort", {
			environment: { PATH: "/usr/bin", ONE: "1=1", EMPTY: "" },
		});

		expect(output.split("\n").filter((line) => !/^(PWD|_|SHLVL|OLDPWD)=/.test(line))).toEqual([
			"EMPTY=",
			"ONE=1=1",
			"PATH=/usr/bin",
			"",
		]);
	});

	test("gives exactly the descriptors asked for", async ({ expect }) => {
		using file = memfd("mapped");
		const script = "exec find /proc/self/fd -mindepth 1 -printf '%f %l\\n'";

		const { output } = await shell(script, { fds: { 5: file, 9: file.fd } });

		// What find itself has open stands under /proc, and the directory that it was started in.
		const lines = output
			.trim()
			.split("\n")
			.map((line) => line.replace(/pipe:.*/, "pipe"));
		expect(
			lines.filter((line) => !/ \/proc\//.test(line) && !line.endsWith(process.cwd())),
		).toEqual([
			"0 /dev/null",
			"1 pipe",
			"2 /dev/null",
			"5 /memfd:mapped (deleted)",
			"9 /memfd:mapped (deleted)",
		]);
	});

	test("swaps descriptors whose numbers overlap", async ({ expect }) => {
		using low = memfd("low");
		using high = memfd("high");
		const numbers = { [low.fd]: high, [high.fd]: low };

		const { output } = await shell(
			`readlink /proc/self/fd/${low.fd} /proc/self/fd/${high.fd}`,
			{ fds: numbers },
		);

		expect(output).toBe("/memfd:high (deleted)\n/memfd:low (deleted)\n");
	});

	test("blocks no signal and ignores none", async ({ expect }) => {
		const handler = (): void => {};
		process.on("SIGUSR2", handler);

		const { output } = await shell("exec cat /proc/self/status");

		process.off("SIGUSR2", handler);
		expect(output.match(/^Sig(Blk|Ign|Cgt):\s+0{16}$/gm)).toHaveLength(3);
	});

	test("starts in the directory asked for, or in ours", async ({ expect }) => {
		expect((await shell("pwd", { cwd: "/usr" })).output).toBe("/usr\n");
		expect((await shell("pwd")).output).toBe(`${process.cwd()}\n`);
	});

	test("makes a session of its own when asked", async ({ expect }) => {
		const session = (stat: string): string => stat.split(" ")[5] as string;
		const own = session(readFileSync("/proc/self/stat", "utf8"));

		expect(session((await shell("cat /proc/self/stat")).output)).toBe(own);
		expect(session((await shell("cat /proc/self/stat", { newSession: true })).output)).not.toBe(
			own,
		);
	});

	test.for([
		["a missing program", { file: "/nonexistent" }, "execve", "ENOENT"],
		["a directory", { file: "/usr" }, "execve", "EACCES"],
		["a missing working directory", { cwd: "/nonexistent" }, "chdir", "ENOENT"],
		["a namespace that is none", { namespace: 0 }, "setns", "EINVAL"],
		["a descriptor that is not open", { fds: { 4: 100_000 } }, "dup2", "EBADF"],
	] as const)("leaves nothing of %s", ([, wrong, syscall, code], { expect }) => {
		const before = descriptorCount();

		const start = (): unknown =>
			spawn({ file: "/bin/true", argv: ["true"], environment: {}, ...wrong });

		expect(start).toThrow(expect.objectContaining({ name: "SysError", syscall, code }));
		expect(descriptorCount()).toBe(before);
	});

	test("says ENOEXEC for a file that is no program", ({ expect }) => {
		const folder = mkdtempSync(join(tmpdir(), "devhost-linux-"));
		const file = join(folder, "text");
		writeFileSync(file, "not a program\n");
		chmodSync(file, 0o755);

		expect(() => spawn({ file, argv: ["text"], environment: {} })).toThrow(
			expect.objectContaining({ code: "ENOEXEC", path: file }),
		);
		rmSync(folder, { recursive: true });
	});

	test("refuses a NUL in an argument, which would cut it", ({ expect }) => {
		expect(() => spawn({ file: "/bin/true", argv: ["a\0b"], environment: {} })).toThrow(
			TypeError,
		);
	});

	test("does not confuse a signal's target after it ended", async ({ expect }) => {
		const child = spawn({ file: "/bin/true", argv: ["true"], environment: {} });
		await child.exited;

		expect(child.kill("SIGTERM")).toBe(false);
		expect(child.status).toEqual({ code: 0 });
	});

	test("kills at the end of its scope", async ({ expect }) => {
		const child = spawn({ file: "/bin/sleep", argv: ["sleep", "60"], environment: {} });

		await child[Symbol.asyncDispose]();

		expect(child.status).toEqual({ signal: "SIGKILL" });
	});

	test("takes the child along when we die", async ({ expect }) => {
		const source = `
			import { spawn } from ${JSON.stringify(import.meta.resolve("@devhost/linux"))};
			import { writeSync } from "node:fs";
			const child = spawn({ file: "/bin/sleep", argv: ["sleep", "60"], environment: {}, dieWithParent: true });
			writeSync(1, String(child.pid));
			process.kill(process.pid, "SIGKILL");
		`;
		const [reader, writer] = pipe();
		using _reader = reader;
		const parent = spawn({
			file: process.execPath,
			argv: ["node", "--input-type=module", "--eval", source],
			environment: {},
			fds: { 1: writer, 2: 2 },
		});
		writer.close();
		await parent.exited;
		const into = new Uint8Array(32);
		const pid = new TextDecoder().decode(into.subarray(0, read(reader.fd, into, 0, 32)));

		await expect
			.poll(() => {
				try {
					return /State:\s+Z/.test(readFileSync(`/proc/${pid}/status`, "utf8"))
						? "gone"
						: "alive";
				} catch {
					return "gone";
				}
			})
			.toBe("gone");
	});

	test("leaks no descriptor over a hundred children", async ({ expect }) => {
		const before = descriptorCount();

		for (let i = 0; i < 100; i++) {
			await spawn({ file: "/bin/true", argv: ["true"], environment: {} }).exited;
		}

		expect(descriptorCount()).toBe(before);
		expect(readlinkSync("/proc/self/ns/mnt")).toMatch(/^mnt:/);
	});
});

/** Children of this process, also those that have ended and are not reaped. */
function children(): string[] {
	return readdirSync("/proc").filter((name) => {
		if (!/^\d+$/.test(name)) return false;
		try {
			const stat = readFileSync(`/proc/${name}/stat`, "latin1");
			return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] === String(process.pid);
		} catch {
			return false; // It went meanwhile.
		}
	});
}

describe("a child that cannot be watched", () => {
	test("is not left, nor is its descriptor", ({ expect }) => {
		const before = { descriptors: descriptorCount(), children: children() };
		// A number that the event loop believes to be polled, and that is free: the next descriptor gets it.
		const [reader, writer] = pipe();
		using stale = new Poller(reader.fd, () => {});
		stale.set(READABLE);
		reader.close();
		const start = (): unknown =>
			spawn({ file: "/bin/sleep", argv: ["sleep", "30"], environment: {} });

		expect(start).toThrow(expect.objectContaining({ code: "EEXIST" }));

		stale.close();
		writer.close();
		expect({ descriptors: descriptorCount(), children: children() }).toEqual(before);
	});

	test("has failed when somebody else was told how it ended", async ({ expect }) => {
		const descriptors = descriptorCount();
		const before = pidfds();
		const child = spawn({ file: "/bin/true", argv: ["true"], environment: {} });
		const [pidfd] = pidfds().filter((fd) => !before.includes(fd));
		// Before the event loop looks.
		while (binding.pidfdWait(pidfd as number, new Int32Array(2)) === 0);

		const status = await child.exited;

		expect(status).toEqual({ code: 255, error: expect.objectContaining({ code: "ECHILD" }) });
		expect(child.status).toBe(status);
		expect(descriptorCount()).toBe(descriptors);
	});
});

/** Descriptors of processes. */
function pidfds(): number[] {
	const names = readdirSync("/proc/self/fd").filter((name) => {
		try {
			return readlinkSync(`/proc/self/fd/${name}`).includes("pidfd");
		} catch {
			return false; // that of the listing itself
		}
	});
	return names.map(Number);
}
