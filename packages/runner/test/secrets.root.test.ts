import { spawn, spawnSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmodSync, readdirSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describeAsRoot, Terminal } from "@devhost/tools/testing";
import { afterEach, beforeEach, test, vi } from "vitest";
import { openHost } from "../src/host.ts";
import {
	cliFile,
	type CliResult,
	devhost,
	eventsOf,
	killStarted,
	Project,
	startDevhost,
} from "./devhost.ts";
import { eventComplaints } from "./event-schema.ts";
import { processesIn, processesWith } from "./leftovers.ts";

// Each test is several processes, which share the machine with those of other tests.
vi.setConfig({ testTimeout: 40_000 });

const module = new URL("fixtures/secretive", import.meta.url).pathname;

let project: Project;
/** Where tests keep secrets: not in the tree. */
let safe: Project;
/** No other test, or earlier run, has left this text anywhere. */
let canary: string;

beforeEach(() => {
	project = new Project();
	safe = new Project();
	canary = `canary-${randomUUID()}`;
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
	safe[Symbol.dispose]();
});

/** A file with the canary that nobody else may read. */
function secretFile(name = "secret", content = canary): string {
	const file = safe.write(name, content);
	chmodSync(file, 0o600);
	return file;
}

function manifestWith(
	options: object,
	run: readonly string[] = ["sh", "-c", "echo begun"],
): string {
	return project.manifest({
		modules: [module],
		devices: { root: { type: "example.secretive", options } },
		stages: [{ name: "stage", run }],
	});
}

const arrival = (text: string): object => ({
	size: Buffer.byteLength(text),
	sha256: createHash("sha256").update(text).digest("hex"),
});

/** What the device said of its secrets. */
function arrivals(result: CliResult): unknown {
	const opened = eventsOf(result).find(({ event }) => event === "device-opened");
	return opened?.event === "device-opened" ? opened.details : undefined;
}

function warnings(result: CliResult): string[] {
	return eventsOf(result).flatMap((event) =>
		event.event === "warning" ? [`${event.code} ${event.message}`] : [],
	);
}

/** Command lines and environments of processes that hold the canary, but for those that were started with it. */
function processesThatTell(...exempt: readonly number[]): string[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name) && !exempt.includes(Number(name)))
		.flatMap((pid) =>
			["cmdline", "environ"].flatMap((kind) => {
				const text = readText(`/proc/${pid}/${kind}`);
				return text.includes(canary)
					? [`${pid} ${kind} ${readText(`/proc/${pid}/cmdline`)}`]
					: [];
			}),
		);
}

function readText(path: string): string {
	try {
		return readFileSync(path, "latin1");
	} catch {
		return ""; // The process went meanwhile.
	}
}

/** A file that is older than whatever is written from here on: times of files have the grain of the kernel's clock. */
function olderFile(): string {
	const file = safe.write("marker", "");
	const aMomentAgo = new Date(Date.now() - 1000);
	utimesSync(file, aMomentAgo, aMomentAgo);
	return file;
}

/** Files in the usual places for temporary ones that hold the canary, but for those in which this test keeps it. */
function filesThatTell(marker: string): string[] {
	const places = ["/tmp", "/var/tmp", "/run", "/dev/shm", "/root/.cache", project.folder];
	const recent = ["-xdev", "-type", "f", "-newer", marker, "-size", "-1024k"];
	const { stdout } = spawnSync(
		"find",
		[...places, ...recent, "-exec", "grep", "-lF", canary, "{}", "+"],
		{
			encoding: "utf8",
		},
	);
	return [...new Set(stdout.split("\n"))].filter(
		(file) =>
			file !== "" &&
			!file.startsWith(safe.folder) &&
			file !== join(project.folder, "manifest.json"),
	);
}

/** Adds a key to a session of its own, in which what follows runs. */
const inSessionWithKey = (name: string, payload: string): string[] => {
	const script = [
		"import ctypes, os, sys, platform",
		"libc = ctypes.CDLL(None, use_errno=True)",
		"add, ctl = (248, 250) if platform.machine() == 'x86_64' else (217, 219)",
		"name, payload = sys.stdin.read().split('\\n')",
		"libc.syscall(ctl, 1, None)",
		"libc.syscall(add, b'user', name.encode(), payload.encode(), len(payload), -3)",
		"os.dup2(os.open('/dev/null', os.O_RDONLY), 0)",
		"os.execvp(sys.argv[1], sys.argv[1:])",
	].join("\n");
	const input = secretFile("key", `${name}\n${payload}`);
	return ["sh", "-c", 'exec python3 -c "$0" "$@" <"$INPUT"', script, `INPUT=${input}`];
};

describeAsRoot("a stage whose standard input is a secret", () => {
	const manifestOf = (stdin: object, run: readonly string[]): string =>
		project.manifest({ stages: [{ name: "encrypt", run, stdin }] });

	test.for(["--sandbox=bubblewrap", "--sandbox=none"])(
		"reads it to the byte, and nobody sees it (%s)",
		async (option, { expect }) => {
			const [name, run] = [
				`input-${randomUUID()}`,
				["sh", "-c", "sha256sum; echo over; sleep 0.5"],
			];
			const manifest = manifestOf({ file: secretFile(name, `${canary}\n`) }, run);
			const running = startDevhost(["run", "--json", "--backend=native", option, manifest]);
			await running.printed("over");

			const tellers = processesThatTell();
			const result = await running.ended;

			const digest = createHash("sha256").update(`${canary}\n`).digest("hex");
			expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining(digest) });
			expect(result.stdout + result.stderr).not.toContain(canary);
			expect(tellers).toEqual([]);
			expect(eventsOf(result).flatMap(eventComplaints)).toEqual([]);
		},
	);

	test("does not run without it", async ({ expect }) => {
		const manifest = manifestOf({ file: "no-such-file" }, ["touch", "was-run"]);

		const result = await devhost(["run", "--backend=native", manifest]);

		expect(result).toMatchObject({
			code: 3,
			stderr: expect.stringMatching(/stage encrypt: .*no-such-file.*ERR_DEVICE_SECRET/),
		});
		expect(readdirSync(project.folder)).toEqual(["manifest.json"]);
	});

	test("takes only where a secret is", async ({ expect }) => {
		const result = await devhost(["check", manifestOf({ files: "x" }, ["true"])]);

		expect(result.code).toBe(2);
		expect(result.stderr).toContain("stages[0].stdin: an object without any of these");
		expect(result.stderr).toContain("did you mean file?");
	});
});

describeAsRoot("a secret in a run", () => {
	const kinds = {
		literal: () => ({ reference: canary }),
		env: () => ({ reference: { env: "CANARY" }, env: { CANARY: canary } }),
		file: () => ({ reference: { file: secretFile() } }),
		fd: () => ({
			reference: { fd: 7 },
			before: ["sh", "-c", 'exec "$@" 7<"$0"', secretFile()],
		}),
		command: () => ({
			reference: { command: ["cat", secretFile()] },
			// Of another secret, which the command is not given.
			env: { CANARY: canary },
			key: { env: "CANARY" },
		}),
		credential: () => {
			secretFile("credential");
			return {
				reference: { credential: "credential" },
				env: { CREDENTIALS_DIRECTORY: safe.folder },
			};
		},
		keyring: () => {
			const [shell = "", flag = "", line = "", script = "", input = ""] = inSessionWithKey(
				"devhost-test",
				canary,
			);
			return {
				reference: { keyring: "devhost-test" },
				before: ["env", input, shell, flag, line, script],
			};
		},
	} satisfies Record<
		string,
		() => { reference: unknown; key?: object; env?: Record<string, string>; before?: string[] }
	>;

	test.for(Object.entries(kinds))(
		"by %s reaches its device, and is nowhere to be read",
		async ([kind, make], { expect }) => {
			const marker = olderFile();
			const how: {
				reference: unknown;
				key?: object;
				env?: Record<string, string>;
				before?: string[];
			} = make();
			const { reference, key, env = {}, before = [] } = how;
			const options = { passphrase: reference, ...(key && { key }) };
			const manifest = manifestWith(options, [
				"sh",
				"-c",
				"env; cat /run/devhost/arguments.json; echo begun; sleep 4700",
			]);
			const running = startDevhost(["run", "--json", "--backend=native", manifest], {
				env,
				before,
			});
			await running.printed(String.raw`begun\n"`);

			// The process that was started with it in its environment: devhost itself.
			const told = processesThatTell(
				...(Object.keys(env).includes("CANARY") ? [running.child.pid ?? 0] : []),
			);
			const written = filesThatTell(marker);
			running.child.kill("SIGINT");
			const result = await running.ended;

			expect(told).toEqual([]);
			expect(written).toEqual([]);
			expect(arrivals(result)).toEqual({
				passphrase: arrival(canary),
				...(key && { key: arrival(canary) }),
			});
			expect(result.stdout + result.stderr).not.toContain(canary);
			expect(eventsOf(result).flatMap(eventComplaints)).toEqual([]);
			expect(result.code).toBe(130);
			const literal = warnings(result).filter((line) =>
				line.startsWith("WARN_LITERAL_SECRET"),
			);
			expect(literal.length).toBe(kind === "literal" ? 1 : 0);
			expect(filesThatTell(marker)).toEqual([]);
			expect(processesIn(project.folder)).toEqual([]);
		},
	);

	test("would be found in a file, an environment or a command line", async ({ expect }) => {
		const marker = olderFile();
		const planted = project.write("planted", `…${canary}…`);
		const script = "echo begun; read line";
		const start = (args: readonly string[], env: Record<string, string>) =>
			spawn("sh", ["-c", script, ...args], { stdio: ["pipe", "pipe", "ignore"], env });
		const telling = [start([], { CANARY: canary }), start([canary], {})];
		for (const { stdout } of telling) await once(stdout, "data");

		const files = filesThatTell(marker);
		const processes = processesThatTell();
		for (const child of telling) child.kill();

		expect(files).toEqual([planted]);
		const [first, second] = telling.map(({ pid }) => pid);
		expect(processes.map((line) => line.split(" ").slice(0, 2).join(" ")).toSorted()).toEqual(
			[`${first} environ`, `${second} cmdline`].toSorted(),
		);
	});

	test("that is refused is in no message, log or report", async ({ expect }) => {
		const manifest = manifestWith({
			passphrase: canary,
			key: { file: secretFile() },
			refuse: true,
		});

		const json = await devhost(["run", "--json", manifest]);
		const text = await devhost(["run", "--verbose", manifest]);

		for (const { code, stdout, stderr } of [json, text]) {
			expect(code).toBe(3);
			expect(stdout + stderr).not.toContain(canary);
		}
		expect(text.stdout).toContain(
			'options {"passphrase":{"fd":0},"key":{"fd":1},"refuse":true}',
		);
		expect(text.stderr).toContain(
			'root: {"passphrase":{"fd":0},"key":{"fd":1},"refuse":true} is refused [ERR_DEVICE_KEY]',
		);
	});

	test("that stands in the manifest is warned of once, with its place", async ({ expect }) => {
		const device = { type: "example.secretive", options: { passphrase: canary } };
		const manifest = project.manifest({
			modules: [module],
			devices: { root: device },
			stages: [
				{ name: "a", run: ["true"], devices: { other: device } },
				{ name: "b", run: ["true"], devices: { other: device } },
			],
		});

		const { stderr, code } = await devhost(["run", manifest]);

		expect(code).toBe(0);
		expect(stderr).toBe(
			`warning: ${manifest}:1:119 devices.root.options.passphrase: a secret that stands in the manifest is known to whoever reads that; { file: PATH } or another reference says where it is instead. So are stages[0].devices.other.options.passphrase, stages[1].devices.other.options.passphrase\n`.replace(
				"1:119",
				/1:\d+/.exec(stderr)?.[0] ?? "",
			),
		);
	});

	test("in a file that everybody may read is used with a warning", async ({ expect }) => {
		chmodSync(secretFile(), 0o644);
		const file = join(safe.folder, "secret");

		const result = await devhost([
			"run",
			"--json",
			manifestWith({ passphrase: { file }, key: { file } }),
		]);

		expect(result.code).toBe(0);
		expect(warnings(result)).toEqual([
			`WARN_SECRET_PERMISSIONS ${file} can be read by everybody on this machine: chmod o= ${file}`,
		]);
	});

	test("is read when its device is opened, relative to the manifest: an earlier stage may make it", async ({
		expect,
	}) => {
		const manifest = project.manifest({
			modules: [module],
			stages: [
				{ name: "make", run: ["sh", "-c", "umask 077; printf made > key"] },
				{
					name: "use",
					run: ["true"],
					devices: {
						root: {
							type: "example.secretive",
							options: { passphrase: { file: "key" } },
						},
					},
				},
			],
		});

		const result = await devhost(["run", "--json", manifest]);

		expect(result.code).toBe(0);
		expect(arrivals(result)).toEqual({ passphrase: arrival("made") });
	});

	test.for([
		[{ env: "NOT_THERE" }, "there is no environment variable NOT_THERE"],
		[{ file: "none" }, "none does not exist"],
		[{ fd: 99 }, "descriptor 99 was not given to this process"],
		[
			{ command: ["sh", "-c", "echo $CANARY; echo $CANARY >&2; exit 4"] },
			"sh ended with exit status 4",
		],
		[{ credential: "none" }, "CREDENTIALS_DIRECTORY is not set"],
		[{ keyring: "devhost-none" }, 'key "devhost-none": '],
		[{ prompt: "Passphrase" }, "there is no terminal to ask at"],
	] as const)("that cannot be had fails the run: %j", async ([reference, words], { expect }) => {
		const manifest = manifestWith({ passphrase: reference });

		const result = await devhost(["run", "--json", manifest], {
			env: { CANARY: canary },
			before: ["setsid", "--wait"],
		});

		expect(result.code).toBe(3);
		const ended = eventsOf(result).at(-1);
		const [error] = ended?.event === "run-ended" ? ended.errors : [];
		expect(error).toMatchObject({
			code: "ERR_DEVICE_SECRET",
			device: "root",
			pointer: "/passphrase",
			message: expect.stringContaining(`root: passphrase: `) as string,
		});
		expect(error?.message).toContain(words);
		expect(result.stdout + result.stderr).not.toContain(canary);
		expect(processesIn(project.folder)).toEqual([]);
	});

	test.for([
		["SIGINT", [], 130, "ERR_RUN_INTERRUPTED"],
		["SIGTERM", [], 143, "ERR_RUN_INTERRUPTED"],
		[undefined, ["--timeout=1"], 1, "ERR_RUN_TIMEOUT"],
	] as const)(
		"by a command that does not end is given up on %s",
		async ([signal, more, code, error], { expect }) => {
			const command = ["sh", "-c", "trap '' TERM; sleep 4701; true"];
			const running = startDevhost([
				"run",
				"--json",
				...more,
				manifestWith({ passphrase: { command } }),
			]);
			while (processesWith("sleep", "4701").length === 0) {
				await new Promise((resolve) => setTimeout(resolve, 20));
			}

			if (signal !== undefined) running.child.kill(signal);
			const result = await running.ended;

			expect(result.code).toBe(code);
			const ended = eventsOf(result).at(-1);
			expect(ended?.event === "run-ended" && ended.errors.map((each) => each.code)).toEqual([
				error,
			]);
			expect(processesWith("sleep", "4701")).toEqual([]);
			expect(processesIn(project.folder)).toEqual([]);
		},
	);

	test("by a command that outlives devhost is killed with it", async ({ expect }) => {
		const command = ["sleep", "4702"];
		const running = startDevhost(["run", manifestWith({ passphrase: { command } })]);
		while (processesWith("sleep", "4702").length === 0) {
			await new Promise((resolve) => setTimeout(resolve, 20));
		}

		running.child.kill("SIGKILL");
		await running.ended;

		while (processesWith("sleep", "4702").length > 0) {
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
		expect(processesWith("sleep", "4702")).toEqual([]);
	});
});

describeAsRoot("a prompt of a run", () => {
	const twoPrompts = (): string =>
		project.manifest({
			modules: [module],
			devices: {
				root: {
					type: "example.secretive",
					options: { passphrase: { prompt: "Root" }, key: { prompt: "Key" } },
				},
			},
			stages: [
				{ name: "first", uses: [], run: ["echo", "first stage"] },
				{
					name: "second",
					run: ["echo", "second stage"],
					devices: {
						other: {
							type: "example.secretive",
							options: { passphrase: { prompt: "Root" } },
						},
					},
				},
			],
		});

	test("comes before anything else, and once, however often it is needed", async ({ expect }) => {
		using terminal = new Terminal([process.execPath, cliFile, "run", "-v", twoPrompts()]);

		await terminal.shows("Root: ");
		expect(terminal.shown).not.toContain("first");
		terminal.type(`${canary}\n`);
		await terminal.shows("Key: ");
		terminal.type("another\n");

		expect(await terminal.ended).toBe(0);
		expect(terminal.shown).not.toContain(canary);
		expect(terminal.shown.match(/Root: /g)).toHaveLength(1);
		expect(terminal.shown.indexOf("Key: ")).toBeLessThan(terminal.shown.indexOf("first stage"));
		expect(terminal.shown).toContain("second stage");
	});

	test("gives the terminal back when Ctrl-C ends the run", async ({ expect }) => {
		const script =
			'trap : INT; "$@"; echo "status $?"; stty -a | tr " ;" "\\n\\n" | grep -x -- "-*echo"';
		const run = [process.execPath, cliFile, "run", twoPrompts()];
		using terminal = new Terminal(["sh", "-c", script, "sh", ...run]);

		await terminal.shows("Root: ");
		terminal.type("half\u0003");

		await terminal.ended;
		expect(terminal.shown).toContain("interrupted by SIGINT [ERR_RUN_INTERRUPTED]");
		expect(terminal.shown).not.toContain("half");
		expect(terminal.shown.endsWith("status 130\necho\n")).toBe(true);
		expect(processesIn(project.folder)).toEqual([]);
	});

	test("does not wait for longer than the run may take", async ({ expect }) => {
		using terminal = new Terminal([
			process.execPath,
			cliFile,
			"run",
			"--timeout=1",
			twoPrompts(),
		]);

		expect(await terminal.ended).toBe(1);
		expect(terminal.shown).toContain("[ERR_RUN_TIMEOUT]");
	});
});

describeAsRoot("a host of a library", () => {
	test("reads secrets, too", async ({ expect }) => {
		await using host = openHost({ tree: project.folder, modules: [module] });
		const options = { passphrase: { file: secretFile() }, key: { command: ["printf", "key"] } };

		await using devices = await host.open({ root: { type: "example.secretive", options } });

		expect(devices.get("root").details).toEqual({
			passphrase: arrival(canary),
			key: arrival("key"),
		});
	});
});
