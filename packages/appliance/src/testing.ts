/**
 * The compliance suite that every {@link GuestBackend} passes: what a command in a guest may rely on, looked at with real
 * commands in one real guest.
 *
 * @packageDocumentation
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
	closeSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { BootOptions, GuestBackend } from "./backend.ts";
import { isApplianceError } from "./error.ts";
import type { Guest, GuestExit, GuestRunOptions } from "./guest.ts";

/** What the suite needs of a test framework. Those of vitest and of `node:test` fit. */
export interface TestFramework {
	readonly describe: (name: string, body: () => void) => unknown;
	readonly test: (name: string, body: () => Promise<void>) => unknown;
	/** Runs once, after all tests: vitest's `afterAll`, `node:test`'s `after`. */
	readonly after: (body: () => Promise<void>) => unknown;
}

/** How a command ended and what it said. */
export interface GuestOutput {
	readonly exit: GuestExit;
	readonly stdout: Buffer;
	readonly stderr: string;
}

/** Runs a command and keeps all that it says. */
export async function outputOf(
	guest: Guest,
	argv: readonly string[],
	options: Omit<GuestRunOptions, "onStderr" | "onStdout"> = {},
): Promise<GuestOutput> {
	const stdout: Uint8Array[] = [];
	const stderr: Uint8Array[] = [];
	const exit = await guest.run(argv, {
		...options,
		onStdout: (bytes) => void stdout.push(bytes),
		onStderr: (bytes) => void stderr.push(bytes),
	});
	return { exit, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

/**
 * Describes the suite. It boots one guest, in which a folder of this machine is writable, and powers it off at its end.
 *
 * @param options - More for booting, such as a longer `timeoutMs`.
 */
export function testGuestBackend(
	backend: GuestBackend,
	{ describe, test, after }: TestFramework,
	options: BootOptions = {},
): void {
	describe(`a guest of ${backend.name}`, () => {
		let booted: Promise<{ guest: Guest; folder: string }> | undefined;
		const boot = (): Promise<{ guest: Guest; folder: string }> => {
			booted ??= (async () => {
				const folder = mkdtempSync(join(tmpdir(), "devhost-guest-"));
				mkdirSync(join(folder, "tree"));
				const writable = [join(folder, "tree"), ...(options.writable ?? [])];
				return { guest: await backend.boot({ ...options, writable }), folder };
			})();
			return booted;
		};
		after(async () => {
			if (booted === undefined) return;
			const { guest, folder } = await booted;
			await guest.powerOff();
			rmSync(folder, { recursive: true, force: true });
		});
		for (const [name, body] of Object.entries(requirements)) {
			test(name, async () => body(await boot()));
		}
	});
}

interface Booted {
	readonly guest: Guest;
	/** Of this machine; `tree` in it is writable in the guest. */
	readonly folder: string;
}

const requirements: Readonly<Record<string, (booted: Booted) => Promise<void>>> = {
	async "passes a command's exit code, and the signal that ended it"({ guest }) {
		assert.deepEqual(await guest.run(["sh", "-c", "exit 7"]), { code: 7 });
		assert.deepEqual(await guest.run(["sh", "-c", "kill -TERM $$"]), { signal: "SIGTERM" });
	},

	async "runs commands as root, in the folder and the environment that they were given"({
		guest,
	}) {
		const environment = { PATH: "/usr/bin:/bin", ONLY: "ä ö" };
		const script = "id -u; pwd; env | sort";
		const { stdout } = await outputOf(guest, ["sh", "-c", script], {
			cwd: "/proc",
			environment,
		});
		// A shell adds what it likes.
		const lines = stdout
			.toString()
			.split("\n")
			.filter((line) => !/^(_|PWD|OLDPWD|SHLVL)=/.test(line));
		assert.deepEqual(lines, ["0", "/proc", "ONLY=ä ö", "PATH=/usr/bin:/bin", ""]);
	},

	async "keeps standard output and standard error apart"({ guest }) {
		const result = await outputOf(guest, ["sh", "-c", "echo out; echo err >&2"]);
		assert.equal(result.stdout.toString(), "out\n");
		assert.equal(result.stderr, "err\n");
	},

	async "passes every byte as it is, invalid UTF-8 too"({ guest, folder }) {
		const all = Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256));
		writeFileSync(join(folder, "bytes"), all);
		const { stdout } = await outputOf(guest, ["cat", join(folder, "bytes")]);
		assert.deepEqual(stdout, all);
		const echoed = await outputOf(guest, ["cat"], { stdin: all });
		assert.deepEqual(echoed.stdout, all);
	},

	async "passes 8 MiB through standard input and output"({ guest }) {
		const bytes = Buffer.alloc(8 << 20, "0123456789abcdef,");
		const { stdout } = await outputOf(guest, ["cat"], { stdin: bytes });
		const digest = (data: Uint8Array): string =>
			createHash("sha256").update(data).digest("hex");
		assert.equal(stdout.length, bytes.length);
		assert.equal(digest(stdout), digest(bytes));
	},

	async "ends standard input at once when there is none, and takes it piece by piece"({ guest }) {
		const { stdout } = await outputOf(guest, ["cat"]);
		assert.equal(stdout.length, 0);
		async function* pieces(): AsyncGenerator<Uint8Array> {
			yield Buffer.from("one ");
			await delay(20);
			yield Buffer.from("two");
		}
		const later = await outputOf(guest, ["cat"], { stdin: pieces() });
		assert.equal(later.stdout.toString(), "one two");
	},

	async "reads a descriptor as standard input, and leaves it open"({ guest, folder }) {
		writeFileSync(join(folder, "input"), "from a file");
		const fd = openSync(join(folder, "input"), "r");
		const { stdout } = await outputOf(guest, ["cat"], { stdin: fd });
		assert.equal(stdout.toString(), "from a file");
		closeSync(fd);
	},

	async "does not mind a command that reads nothing of its standard input"({ guest }) {
		assert.deepEqual(await guest.run(["true"], { stdin: Buffer.alloc(1 << 20) }), { code: 0 });
	},

	async "lets a command wait whose output nobody takes, and others go on"({ guest }) {
		const taken = Promise.withResolvers<void>();
		let bytes = 0;
		const flood = guest.run(["head", "-c", "4000000", "/dev/zero"], {
			onStdout(chunk) {
				bytes += chunk.length;
				return taken.promise;
			},
		});
		const { stdout } = await outputOf(guest, ["echo", "meanwhile"]);
		assert.equal(stdout.toString(), "meanwhile\n");
		assert.ok(bytes < 1_000_000, `${bytes} bytes were taken`);
		taken.resolve();
		assert.deepEqual(await flood, { code: 0 });
		assert.equal(bytes, 4_000_000);
	},

	async "keeps the console apart from what commands say, whatever goes over it"({ guest }) {
		const flood =
			"head -c 3000000 /dev/urandom | tr '\\n\\0' '..' >/dev/console; echo; echo done";
		const { stdout } = await outputOf(guest, ["sh", "-c", flood]);
		assert.equal(stdout.toString(), "\ndone\n");
		await guest.run(["sh", "-c", "printf '\\nthe last \\377 line\\n' >/dev/console"]);
		const deadline = Date.now() + 5000;
		while (!guest.lastConsoleLines.includes("the last � line") && Date.now() < deadline)
			await delay(10);
		assert.ok(
			guest.lastConsoleLines.includes("the last � line"),
			guest.lastConsoleLines.join("\n"),
		);
		assert.ok(guest.lastConsoleLines.length <= 50);
	},

	async "runs many commands at once"({ guest }) {
		const codes = Array.from({ length: 20 }, (_, index) => index);
		const exits = await Promise.all(
			codes.map((code) => guest.run(["sh", "-c", `exit ${code}`])),
		);
		assert.deepEqual(
			exits,
			codes.map((code) => ({ code })),
		);
	},

	async "sends signals to a command and what it started"({ guest }) {
		const command = guest.start(["sh", "-c", "sleep 1000 & wait"]);
		command.kill("SIGINT");
		assert.deepEqual(await command.exited, { signal: "SIGINT" });
		command.kill("SIGINT");
	},

	async "kills a command whose signal is aborted, and says so"({ guest }) {
		const reason = new Error("enough");
		const controller = new AbortController();
		const run = guest.run(["sh", "-c", "trap '' TERM INT; echo; sleep 1000"], {
			signal: controller.signal,
			onStdout: () => controller.abort(reason),
		});
		await assert.rejects(run, reason);
		await assert.rejects(guest.run(["true"], { signal: controller.signal }), reason);
	},

	async "ends a command whose output cannot be taken, with that error"({ guest }) {
		const error = new Error("full");
		const onStdout = (): never => {
			throw error;
		};
		await assert.rejects(guest.run(["yes"], { onStdout }), error);
	},

	async "does not wait for what a command left running with its output open"({ guest }) {
		const { exit, stdout } = await outputOf(guest, ["sh", "-c", "sleep 1000 & echo started"]);
		assert.deepEqual(exit, { code: 0 });
		assert.equal(stdout.toString(), "started\n");
		await guest.run(["sh", "-c", "kill $(pidof sleep) 2>/dev/null || pkill sleep; true"]);
	},

	async "gives a terminal of the wanted size, which can change"({ guest }) {
		const command = ["sh", "-c", "tty >/dev/null && stty size; read line; stty size"];
		let said = "";
		const input = Promise.withResolvers<Uint8Array>();
		const running = guest.start(command, {
			terminal: { rows: 11, columns: 77 },
			stdin: (async function* () {
				yield await input.promise;
			})(),
			onStdout(bytes) {
				said += Buffer.from(bytes).toString();
				if (!said.includes("11 77")) return;
				running.resize({ rows: 22, columns: 33 });
				input.resolve(Buffer.from("go on\n"));
			},
		});
		assert.deepEqual(await running.exited, { code: 0 });
		assert.match(said, /^11 77\r\n(go on\r\n)?22 33\r\n$/);
	},

	async "says why a command cannot be started"({ guest }) {
		const codeOf = (argv: readonly string[], options?: GuestRunOptions): Promise<unknown> =>
			guest.run(argv, options).then(
				() => "started",
				(error: unknown) =>
					isApplianceError(error, "ERR_APPLIANCE_EXEC")
						? (error.cause as NodeJS.ErrnoException).code
						: error,
			);
		assert.equal(await codeOf(["no-such-program"]), "ENOENT");
		assert.equal(await codeOf(["/etc/passwd"]), "EACCES");
		assert.equal(await codeOf(["true"], { cwd: "/no/such/folder" }), "ENOENT");
		assert.equal(await codeOf([""]), "ENOENT");
		await assert.rejects(guest.run([]), TypeError);
		await assert.rejects(guest.run(["echo", "\0"]), TypeError);
	},

	async "takes long arguments and a large environment"({ guest }) {
		const argument = "x".repeat(100_000);
		const environment = Object.fromEntries(
			Array.from({ length: 100 }, (_, index) => [`NAME${index}`, "y".repeat(10_000)]),
		);
		const argv = ["/bin/sh", "-c", "echo ${#1} ${#NAME99}", "sh", argument];
		const { stdout } = await outputOf(guest, argv, { environment });
		assert.equal(stdout.toString(), "100000 10000\n");
	},

	async "writes to this machine's folder, and what it makes belongs to who booted it"({
		guest,
		folder,
	}) {
		const file = join(folder, "tree", "made");
		const { exit, stderr } = await outputOf(guest, ["sh", "-c", `echo hello >${file}`]);
		assert.deepEqual({ exit, stderr }, { exit: { code: 0 }, stderr: "" });
		await guest.run(["sync"]);
		assert.equal(readFileSync(file, "utf8"), "hello\n");
		assert.equal(statSync(file).uid, process.getuid?.());
	},

	async "writes to nothing else of this machine"({ guest, folder }) {
		const outside = join(folder, "outside");
		writeFileSync(outside, "as it was");
		const before = readdirSync("/var/tmp").length;
		// By its path, and by ways around it that root in the guest has.
		const script = [
			`echo changed >${outside}; rm -f ${outside}; mount -o remount,rw /; echo x >/etc/devhost-was-here`,
			"mkdir -p /run/other; mount -t hostfs host /run/other -o / && echo changed >/run/other/var/tmp/devhost-was-here",
			`echo changed >/run/other${outside}; rm -f /run/other${outside}; umount /run/other; touch /var/tmp/mine /tmp/mine; sync`,
		];
		await outputOf(guest, ["sh", "-c", script.join("\n")]);
		assert.equal(readFileSync(outside, "utf8"), "as it was");
		assert.throws(() => statSync("/etc/devhost-was-here"));
		assert.equal(readdirSync("/var/tmp").length, before);
		const { stdout } = await outputOf(guest, ["ls", "/var/tmp/mine", "/tmp/mine"]);
		assert.equal(stdout.toString(), "/tmp/mine\n/var/tmp/mine\n");
	},

	async "has loop devices and device-mapper on a file of this machine"({ guest, folder }) {
		const image = join(folder, "tree", "disk.img");
		const script = [
			"set -e",
			`truncate -s 16M ${image}`,
			`loop=$(losetup --find --show ${image})`,
			'echo "0 32768 linear $loop 0" | dmsetup --noudevsync create test',
			"dmsetup --noudevsync mknodes test",
			"mkfs.ext4 -q /dev/mapper/test",
			"mkdir -p /run/mnt; mount /dev/mapper/test /run/mnt; echo inside >/run/mnt/file; umount /run/mnt",
			"dmsetup --noudevsync remove test; losetup -d $loop; sync",
		];
		const { exit, stderr } = await outputOf(guest, ["sh", "-c", script.join("\n")]);
		assert.deepEqual({ exit, stderr }, { exit: { code: 0 }, stderr: "" });
		// The superblock's magic number. Source: ext4's on-disk layout, offset 0x438.
		assert.equal(readFileSync(image).readUInt16LE(0x438), 0xef53);
	},
};
