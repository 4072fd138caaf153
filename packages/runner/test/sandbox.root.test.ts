import { spawnSync } from "node:child_process";
import {
	constants,
	copyFileSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { constants as systemConstants, tmpdir } from "node:os";
import { join } from "node:path";
import {
	AT_FDCWD,
	capabilities,
	execCheckedPath,
	loopStatus,
	mknodat,
	openat2,
	unlinkat,
} from "@devhost/linux";
import { afterAll, afterEach, beforeAll, beforeEach, test } from "vitest";
import { attachLoop } from "@devhost/loopback";
import { findTools } from "../src/find-tools.ts";
import { makeRunNamespace, type RunNamespace } from "../src/namespace.ts";
import { prepareSandbox, prepareUnsandboxed, type StagePlan } from "../src/sandbox.ts";
import { writeArguments } from "../src/stage-arguments.ts";
import { capabilityNames, stageCapabilities } from "../src/stage-capabilities.ts";
import { stageEnvironment } from "../src/stage-environment.ts";
import type { Command } from "../src/stage-inputs.ts";
import type { StageProcess } from "../src/stage-process.ts";
import { systemCallFilter } from "./system-call-filter.ts";
import { describeAsRoot } from "@devhost/tools/testing";
import { descriptorCount, ownMounts, processesWith } from "./leftovers.ts";

const tools = { bwrap: "/usr/bin/bwrap", unshare: "/usr/bin/unshare" };
let tree: string;
let namespace: RunNamespace;

/** A stage and its command, with the content of `arguments.json`. */
type StageCommand = Omit<StagePlan, "hasStdin"> & Command & { readonly argumentsJson: string };

function startSandbox(
	stage: StageCommand,
	sandbox: { readonly tools: typeof tools; readonly root: string },
): StageProcess {
	return begin(prepareSandbox({ ...stage, hasStdin: stage.stdin !== undefined }, sandbox), stage);
}

function startUnsandboxed(stage: StageCommand): StageProcess {
	return begin(prepareUnsandboxed({ ...stage, hasStdin: stage.stdin !== undefined }), stage);
}

function begin(stageProcess: StageProcess, stage: StageCommand): StageProcess {
	writeArguments(stage.namespace, stage.argumentsJson);
	stageProcess.begin(stage);
	return stageProcess;
}

interface Ended {
	readonly code: number | undefined;
	readonly stdout: string;
	readonly stderr: string;
}

function command(
	argv: readonly string[],
	change: Partial<StageCommand> = {},
): StageCommand & { readonly seen: { stdout: string; stderr: string } } {
	const seen = { stdout: "", stderr: "" };
	return {
		name: "test",
		argv,
		environment: stageEnvironment(
			{
				tree: "/run/devhost/tree",
				argumentsFile: "/run/devhost/arguments.json",
				devices: new Map(),
				mounts: new Map(),
			},
			{},
		),
		argumentsJson: "{}",
		tree,
		capabilities: [],
		namespace,
		onOutput: (stream, text) => {
			seen[stream] += text;
		},
		seen,
		...change,
	};
}

async function run(argv: readonly string[], change: Partial<StageCommand> = {}): Promise<Ended> {
	const options = command(argv, change);
	const { status } = await startSandbox(options, { tools, root: "/" }).ended;
	return { code: status.code, ...options.seen };
}

async function shell(script: string, change: Partial<StageCommand> = {}): Promise<string> {
	const { stdout } = await run(["sh", "-c", script], change);
	return stdout.trimEnd();
}

describeAsRoot("a sandbox", () => {
	beforeAll(() => {
		namespace = makeRunNamespace();
	});
	afterAll(() => namespace[Symbol.dispose]());
	beforeEach(() => {
		tree = mkdtempSync(join(tmpdir(), "devhost-tree-"));
	});
	afterEach(() => rmSync(tree, { recursive: true, force: true }));

	test("has exactly the standard devices and the stage's own in /dev", async ({ expect }) => {
		mknodat(namespace.stageDevices, "loop7", "block", { major: 7, minor: 7 }, 0o600);

		const listed = await shell("ls -A /dev; stat -c '%F %t:%T %a' /dev/loop7 /dev/null");

		unlinkat(namespace.stageDevices, "loop7");
		expect(listed.split("\n")).toEqual([
			"fd",
			"full",
			"loop7",
			"null",
			"ptmx",
			"pts",
			"random",
			"shm",
			"stderr",
			"stdin",
			"stdout",
			"tty",
			"urandom",
			"zero",
			"block special file 7:7 600",
			"character special file 1:3 666",
		]);
		expect(await shell("ls /dev | grep loop")).toBe("");
	});

	test("has a /dev that works and that it cannot change", async ({ expect }) => {
		const script = [
			"echo x > /dev/null && echo null",
			"head -c 3 /dev/zero | wc -c",
			"echo to-stdout > /dev/stdout",
			"echo shared > /dev/shm/x && cat /dev/shm/x",
			"stat -c %a /dev/shm",
			"python3 -c 'import os; m, s = os.openpty(); print(os.ttyname(s))' || echo no python",
			"touch /dev/x 2>&1; rm /dev/null 2>&1",
		].join("; ");

		expect((await shell(script)).split("\n")).toEqual([
			"null",
			"3",
			"to-stdout",
			"shared",
			"1777",
			"/dev/pts/0",
			"touch: cannot touch '/dev/x': Read-only file system",
			"rm: cannot remove '/dev/null': Read-only file system",
		]);
	});

	test("gives each stage a shm of its own", async ({ expect }) => {
		await shell("echo left > /dev/shm/behind; echo left > /tmp/behind");

		expect(await shell("ls -A /dev/shm /tmp /var/tmp")).toBe("/dev/shm:\n\n/tmp:\n\n/var/tmp:");
	});

	test("cannot make a device node, anywhere", async ({ expect }) => {
		const script = [
			"mknod /tmp/sda b 8 0",
			"mknod /run/devhost/tree/sda b 8 0",
			"mknod /dev/shm/sda b 8 0",
			"mknod /tmp/null c 1 3",
		];
		const { stdout } = await run(["sh", "-c", `(${script.join("; ")}) 2>&1`]);

		expect(stdout.match(/Operation not permitted/g)).toHaveLength(4);
	});

	test("finds no way around by a user namespace", async ({ expect }) => {
		const script =
			"unshare -Ur sh -c 'mknod /tmp/sda b 8 0; umount /dev; mount -o remount,rw /' 2>&1";

		const output = await shell(script);

		expect(output).toContain("mknod: /tmp/sda: Operation not permitted");
		expect(output).toContain("umount: /dev: must be superuser to unmount.");
		expect(output).not.toContain("succe");
	});

	test("cannot open a device node that lies in the tree", async ({ expect }) => {
		mknodat(namespace.stageDevices, "loop6", "block", { major: 7, minor: 6 }, 0o600);
		const { stdout } = await run([
			"sh",
			"-c",
			"mount | grep ' /run/devhost/tree ' | grep -o nodev",
		]);

		unlinkat(namespace.stageDevices, "loop6");
		expect(stdout).toBe("nodev\n");
	});

	test("cannot reach what makes devices, which services have", async ({ expect }) => {
		const controls = [
			["loop-control", { major: 10, minor: 237 }],
			["mapper/control", { major: 10, minor: 236 }],
		] as const;
		for (const [name, node] of controls) {
			const inServices = statSync(`/proc/self/fd/${namespace.devices.fd}/${name}`);
			expect(inServices.rdev).toBe((node.major << 8) | node.minor);
			// Somebody has left one in the tree.
			using folder = openat2(AT_FDCWD, tree, { flags: constants.O_RDONLY });
			mknodat(folder, name.replace("/", "-"), "char", node, 0o666);
		}
		const script = [
			"ls /dev | grep -E 'loop|mapper|dm'",
			"exec 3<>/run/devhost/tree/loop-control",
			"exec 3<>/run/devhost/tree/mapper-control",
			"mknod /tmp/control c 10 236",
			"mknod /dev/shm/control c 10 236",
		];

		const { stdout } = await run(["bash", "-c", `(${script.join("; ")}) 2>&1`]);

		const lines = stdout.trimEnd().split("\n");
		expect(lines.map((line) => line.split(": ").at(-1))).toEqual([
			"Permission denied",
			"Permission denied",
			"Operation not permitted",
			"Operation not permitted",
		]);
	});

	test("holds exactly the granted capabilities, and no way to CAP_MKNOD", async ({ expect }) => {
		const held = await shell(
			"grep -E '^Cap(Prm|Eff|Bnd)' /proc/self/status; grep NoNew /proc/self/status",
		);

		const { granted } = stageCapabilities([], capabilities());
		const hex = granted.toString(16).padStart(16, "0");
		expect(held).toContain(`CapPrm:\t${hex}`);
		expect(held).toContain(`CapEff:\t${hex}`);
		expect(held).toContain(`CapBnd:\t${hex}`);
		expect(capabilityNames(granted)).not.toContain("CAP_MKNOD");
		expect(held).toContain("NoNewPrivs:\t1");
	});

	test("holds a capability that its stage asks for", async ({ expect }) => {
		const held = await shell(
			"mount -t tmpfs none /mnt && echo mounted; mknod /tmp/x b 8 0 2>&1",
			{
				capabilities: ["CAP_SYS_ADMIN"],
			},
		);

		expect(held).toContain("mounted");
		expect(held).toContain("Operation not permitted");
	});

	test("sees the host's files read-only and the tree read-write", async ({ expect }) => {
		writeFileSync(join(tree, "in"), "from the host");

		const script =
			"cat in; cp in out; touch /etc/x /usr/x /root/x /work 2>&1 | grep -c Read-only";
		const output = await shell(script);

		expect(output).toBe("from the host4");
		expect(readFileSync(join(tree, "out"), "utf8")).toBe("from the host");
		expect(statSync(join(tree, "out")).mode & 0o777).toBe(0o644);
	});

	test("has nothing of the host in /run, /tmp and /var/tmp", async ({ expect }) => {
		const script =
			"ls -A /tmp /var/tmp; ls -A /run /run/devhost; stat -c %a /tmp /var/tmp /run";

		expect((await shell(script)).split("\n")).toEqual([
			"/tmp:",
			"",
			"/var/tmp:",
			"/run:",
			"devhost",
			"",
			"/run/devhost:",
			"arguments.json",
			"exec-checked",
			"mounts",
			"tree",
			"1777",
			"1777",
			"755",
		]);
	});

	test("cannot change a setting of the kernel", async ({ expect }) => {
		// Each would be root on the host, or act on all of it: a program for core dumps, sysrq, interrupts, block devices.
		const settings = [
			"/proc/sys/kernel/core_pattern",
			"/proc/sys/kernel/hostname",
			"/proc/sys/vm/swappiness",
			"/proc/sys/net/ipv4/ip_forward",
			"/proc/irq/default_smp_affinity",
			"/sys/kernel/mm/transparent_hugepage/enabled",
			"/sys/block/loop0/queue/read_ahead_kb",
		];
		const script = `for file in ${settings.join(" ")}; do
			[ -e $file ] || { echo "$file: not here"; continue; }
			was=$(cat $file)
			(echo "$was" > $file) 2>/dev/null && echo "$file: written"
			[ "$(cat $file)" = "$was" ] || echo "$file: changed"
		done`;

		const output = await shell(script);

		expect(output).not.toContain("written");
		expect(output).not.toContain("changed");
		expect(output).not.toContain("/proc/sys/");
	});

	test("can write nothing in /proc but what is of its own processes", async ({ expect }) => {
		const script =
			"find /proc /sys -path '/proc/[0-9]*' -prune -o -type f -perm /222 -writable -print 2>/dev/null | " +
			'while read -r file; do [ -c "$file" ] || echo "$file"; done'; // the null device

		const found = (await shell(script)).split("\n").filter(Boolean);

		// The kernel itself asks for CAP_SYS_ADMIN there: mtrr_write in arch/x86/kernel/cpu/mtrr/if.c.
		expect(found.filter((file) => file !== "/proc/mtrr")).toEqual([]);
	}, 20_000);

	test("finds no memory of the kernel, no keys, timers or firmware of the host", async ({
		expect,
	}) => {
		const script =
			"cat /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug 2>/dev/null | wc -c; " +
			"ls -A /sys/firmware /proc/acpi /proc/scsi 2>/dev/null | grep -v :";

		const [bytes, ...files] = (await shell(script)).split("\n").filter(Boolean);

		expect(bytes).toBe("0");
		expect(files).toEqual([]);
	});

	test("finds no way to the kernel's settings by a user namespace", async ({ expect }) => {
		const attempt = "echo 1 > /proc/sys/vm/drop_caches && echo written";
		const script =
			`unshare -Ur sh -c 'umount /proc/sys; mount -o remount,rw /proc/sys; ${attempt}'; ` +
			`unshare -Urpmf --mount-proc sh -c '${attempt}'; ` +
			`unshare -Urnmf sh -c 'mount -t proc proc /mnt && ls /mnt && ${attempt}'; ` +
			`unshare -Urpmf sh -c 'mount -t sysfs none /mnt && touch /mnt/kernel/mm && ${attempt}'`;

		expect(await shell(`(${script}) 2>/dev/null`)).toBe("");
	});

	test("does not run a command that could change the kernel's settings", async ({ expect }) => {
		// As bubblewrap before its sandbox is whole: with a /proc of its own, and nothing that covers part of it.
		const careless = join(tree, "bwrap");
		const wanted = capabilityNames(stageCapabilities([], capabilities()).granted);
		const caps = wanted.map((name) => `--cap-add ${name}`).join(" ");
		const script =
			`#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift 2\n` +
			`exec ${tools.bwrap} --bind / / --dev-bind /dev /dev --proc /proc ` +
			`--cap-drop ALL ${caps} ${execCheckedPath()} "$@"\n`;
		writeFileSync(careless, script, { mode: 0o755 });
		const stage = command(["touch", join(tree, "was-run")]);

		await expect(
			startSandbox(stage, { tools: { ...tools, bwrap: careless }, root: "/" }).ended,
		).rejects.toMatchObject({
			code: "ERR_SANDBOX_SETUP",
			message: expect.stringContaining("/proc/sys"),
		});
		expect(() => statSync(join(tree, "was-run"))).toThrow("ENOENT");
	});

	test("cannot change a setting of the kernel in its tree either", async ({ expect }) => {
		// As the tree of a build that somebody prepared for chroot, with a name that mountinfo has to escape.
		const proc = join(tree, "a root", "proc");
		mkdirSync(proc, { recursive: true });
		const own = spawnSync("mount", ["-t", "proc", "proc", proc]);
		expect(own.status).toBe(0);
		using mounted = new DisposableStack();
		mounted.defer(() => spawnSync("umount", [proc]));
		using itsNamespace = makeRunNamespace();
		const script =
			"touch own && cd 'a root/proc/sys/vm' && cat swappiness > swappiness && echo written";

		const { stdout, stderr } = await run(["sh", "-c", script], { namespace: itsNamespace });

		expect(stdout).toBe("");
		expect(stderr).toContain("Read-only file system");
		expect(statSync(join(tree, "own")).isFile()).toBe(true);
	});

	test("cannot make anything else of its loop device, nor act on more by it", async ({
		expect,
	}) => {
		// In the tree: the stage reads it there.
		copyFileSync(new URL("fixtures/loop-requests.py", import.meta.url), join(tree, "ask.py"));
		const file = join(tree, "disk.img");
		writeFileSync(file, "");
		truncateSync(file, 4 << 20);
		await using loop = await attachLoop({ file, startBytes: 1 << 20, sizeBytes: 1 << 20 });
		const name = "loop-under-test";
		mknodat(namespace.stageDevices, name, "block", loop.node, 0o600);
		using handle = openat2(AT_FDCWD, loop.path, { flags: constants.O_RDONLY });
		const before = loopStatus(handle);

		const { code, stdout } = await run(["python3", "ask.py", `/dev/${name}`]);

		unlinkat(namespace.stageDevices, name);
		expect(code).toBe(0);
		const lines = stdout.trimEnd().split("\n");
		const changing = lines.filter((line) => !/LOOP_GET|BLKGETSIZE64/.test(line));
		// ENOSYS: this kernel has no such system calls at all.
		expect(changing.filter((line) => !/ (EPERM|ENOSYS)$/.test(line))).toEqual([]);
		expect(lines).toContain("own: LOOP_SET_STATUS64 EPERM");
		expect(lines).toContain("own: BLKTRACESETUP EPERM");
		expect(lines).toContain("own: LOOP_GET_STATUS64 ok");
		expect(lines).toContain("own: BLKGETSIZE64 ok");
		expect(loopStatus(handle)).toEqual(before);
	});

	test("does not run a command without a filter of system calls", async ({ expect }) => {
		// SECCOMP_SET_MODE_FILTER fails as in a kernel that is built without it.
		const seccomp = { x64: 317, arm64: 277 };
		const refusal = {
			number: seccomp,
			argument: 0,
			value: 1,
			errno: systemConstants.errno.EINVAL,
		};
		writeFileSync(join(tree, "filter"), systemCallFilter(refusal));
		const old = join(tree, "bwrap");
		const script = `#!/bin/sh\nexec ${tools.bwrap} --seccomp 9 "$@" 9<${tree}/filter\n`;
		writeFileSync(old, script, { mode: 0o755 });
		const stage = command(["touch", "was-run"]);

		await expect(
			startSandbox(stage, { tools: { ...tools, bwrap: old }, root: "/" }).ended,
		).rejects.toMatchObject({
			code: "ERR_SANDBOX_SETUP",
			message: expect.stringContaining("(seccomp: EINVAL)"),
		});
		expect(() => statSync(join(tree, "was-run"))).toThrow("ENOENT");
	});

	test("gets its environment and nothing of ours", async ({ expect }) => {
		process.env["SECRET_OF_THE_HOST"] = "1";
		const output = await shell("env", { environment: { PATH: "/usr/bin:/bin", X: "a=b c" } });
		delete process.env["SECRET_OF_THE_HOST"];

		// PWD is bubblewrap's, and says where it begins.
		expect(output.split("\n").toSorted()).toEqual([
			"PATH=/usr/bin:/bin",
			"PWD=/run/devhost/tree",
			"X=a=b c",
		]);
	});

	test("does not let the stage's environment act on bubblewrap", async ({ expect }) => {
		const environment = { PATH: "/usr/bin:/bin", LD_PRELOAD: "/nowhere.so", LD_DEBUG: "files" };
		const { stderr, stdout } = await run(["/bin/echo", "hello"], { environment });

		expect(stdout).toBe("hello\n");
		expect(stderr).toContain("/nowhere.so");
		expect(stderr).not.toContain("bwrap");
	});

	test("keeps its environment out of sight of other users", async ({ expect }) => {
		const stage = command(["sleep", "30"], {
			environment: { PATH: "/bin", SECRET: "hidden-4711" },
		});
		const running = startSandbox(stage, { tools, root: "/" });
		await expect.poll(() => processesWith("sleep", "30")).not.toEqual([]);

		expect(processesWith("hidden-4711")).toEqual([]);
		running.kill();
		await running.ended;
	});

	test("reads its arguments and cannot change them by accident", async ({ expect }) => {
		const output = await shell(
			"cat /run/devhost/arguments.json; stat -c ' %a' /run/devhost/arguments.json",
			{
				argumentsJson: '{"tree":"ä"}',
			},
		);

		expect(output).toBe('{"tree":"ä"} 444');
	});

	test("has no network, its own host name, its own processes", async ({ expect }) => {
		const script =
			"hostname; ls /sys/class/net 2>/dev/null; cut -d: -f1 /proc/net/dev | tail -n +3; ls -d /proc/[0-9]* | wc -l";

		const lines = (await shell(script)).split("\n").map((line) => line.trim());

		expect(lines[0]).toBe("devhost");
		expect(lines.at(-2)).toBe("lo");
		expect(Number(lines.at(-1))).toBeLessThan(6);
	});

	test("reads its standard input to the end, and /dev/null without one", async ({ expect }) => {
		const stdin = "label: gpt\n".repeat(20_000);

		expect((await run(["wc", "-c"], { stdin })).stdout).toBe(`${stdin.length}\n`);
		expect((await run(["wc", "-c"])).stdout).toBe("0\n");
		expect((await run(["wc", "-c"], { stdin: "" })).stdout).toBe("0\n");
	});

	test("passes on every byte of its output, also what is not UTF-8", async ({ expect }) => {
		const { stdout, stderr } = await run([
			"sh",
			"-c",
			String.raw`printf 'caf\303'; sleep 0.05; printf '\251 \377 \342\202'; printf e >&2`,
		]);

		expect(stdout).toBe(String.raw`café \xff \xe2\x82`);
		expect(stderr).toBe("e");
	});

	test("passes on 10 MB in order and keeps the last of it", async ({ expect }) => {
		const options = command(["sh", "-c", "seq 1 1400000; echo the end >&2"]);
		const { output } = await startSandbox(options, { tools, root: "/" }).ended;

		const numbers = options.seen.stdout.trimEnd().split("\n");
		expect(options.seen.stdout.length).toBeGreaterThan(10_000_000);
		expect(numbers.every((number, index) => number === String(index + 1))).toBe(true);
		expect(output.length).toBeLessThan(20_000);
		expect(output.startsWith("…")).toBe(true);
		expect(output).toContain("the end");
	}, 20_000);

	test("ends with all that it started, before anybody is told", async ({ expect }) => {
		const script =
			"setsid sleep 4242 & (setsid sleep 4242 </dev/null >/dev/null 2>&1 &); exit 3";

		const { code } = await run(["sh", "-c", script]);

		expect(code).toBe(3);
		expect(processesWith("sleep", "4242")).toEqual([]);
	});

	test("tells exit statuses and signals", async ({ expect }) => {
		expect((await run(["true"])).code).toBe(0);
		expect((await run(["sh", "-c", "exit 255"])).code).toBe(255);
		expect((await run(["sh", "-c", "kill -SEGV $$"])).code).toBe(128 + 11);
		expect((await run(["sh", "-c", "kill -9 $$"])).code).toBe(128 + 9);
	});

	test.for([
		[["no-such-command"], "not found in the sandbox", 127],
		[["/etc/passwd"], "not executable", 126],
		[["/tmp"], "not executable", 126],
	] as const)("says why %j cannot be run", async ([argv, message, exitCode], { expect }) => {
		await expect(run(argv)).rejects.toMatchObject({
			code: "ERR_STAGE_COMMAND",
			exitCode,
			message: expect.stringContaining(message),
		});
	});

	test("dies with all its processes when it is killed, whenever", async ({ expect }) => {
		for (const waitMs of [0, 1, 3, 6, 10, 40]) {
			const script = "trap '' TERM INT HUP; setsid sleep 4343 & sleep 4343";
			const running = startSandbox(command(["sh", "-c", script]), { tools, root: "/" });
			await new Promise((resolve) => setTimeout(resolve, waitMs));
			running.kill();

			await running.ended;
			expect(processesWith("sleep", "4343")).toEqual([]);
			expect(processesWith("4343")).toEqual([]);
		}
	});

	test(
		"does not begin, and does not stay, when we are killed meanwhile",
		{
			// Five programs of ours, which take a tenth of a second each where nobody else wants the machine.
			timeout: 30_000,
		},
		async ({ expect }) => {
			const script = new URL("fixtures/die-after-start.ts", import.meta.url).pathname;
			for (let i = 0; i < 5; i++) spawnSync(process.execPath, [script]);

			await expect.poll(() => processesWith("sleep", "4646"), { timeout: 2000 }).toEqual([]);
		},
	);

	test("leaves nothing when its command is never begun, however far it has come", async ({
		expect,
	}) => {
		const descriptors = descriptorCount();
		// Under a name that no other test's processes have. When it is gone, so is its pid namespace with all in it.
		const bwrap = join(tree, "bwrap");
		symlinkSync(tools.bwrap, bwrap);
		for (const waitMs of [0, 2, 5, 10, 20, 50]) {
			const plan = { ...command([]), hasStdin: true, tree };
			const prepared = prepareSandbox(plan, { tools: { ...tools, bwrap }, root: "/" });
			await new Promise((resolve) => setTimeout(resolve, waitMs));
			await prepared[Symbol.asyncDispose]();
		}

		expect(processesWith(bwrap)).toEqual([]);
		expect(descriptorCount()).toBe(descriptors);
	});

	test("sees a device that was opened after it was made", async ({ expect }) => {
		const options = command(["sh", "-c", "sleep 0.1; stat -c %t:%T /dev/late; cat"], {
			stdin: "known late too",
		});
		const prepared = prepareSandbox({ ...options, hasStdin: true }, { tools, root: "/" });
		await new Promise((resolve) => setTimeout(resolve, 50));

		mknodat(namespace.stageDevices, "late", "block", { major: 7, minor: 200 }, 0o600);
		begin(prepared, options);
		await prepared.ended;
		unlinkat(namespace.stageDevices, "late");

		expect(options.seen.stdout).toBe("7:c8\nknown late too");
	});

	test("is asked to end by SIGTERM, also while it is being made", async ({ expect }) => {
		for (const waitMs of [0, 50]) {
			const script =
				"trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
			const options = command(["sh", "-c", script]);
			const running = startSandbox(options, { tools, root: "/" });
			await new Promise((resolve) => setTimeout(resolve, waitMs));
			running.terminate();

			const { status } = await running.ended;
			// At once it may come before the shell has set its trap.
			expect([7, 143]).toContain(status.code);
		}
	});

	test("is an error with bubblewrap's words when it cannot be made", async ({ expect }) => {
		const stage = command(["true"], { tree: "/no/such/tree" });

		await expect(startSandbox(stage, { tools, root: "/" }).ended).rejects.toMatchObject({
			code: "ERR_SANDBOX_SETUP",
			message: expect.stringContaining("Can't find source path /no/such/tree"),
			output: "",
		});
		// Nothing of the stage has said anything.
		expect(stage.seen).toEqual({ stdout: "", stderr: "" });
	});

	test("keeps what its builders say out of its stage's output", async ({ expect }) => {
		// unshare complains when what it waits for is killed.
		for (const script of [
			"echo ready; exec sleep 30",
			"echo ready; kill -9 1; exec sleep 30",
		]) {
			const stage = command(["sh", "-c", script]);
			const running = startSandbox(stage, { tools, root: "/" });
			await expect.poll(() => stage.seen.stdout).toBe("ready\n");
			running.kill();

			const { output } = await running.ended;

			expect(output).toBe("ready\n");
			expect(stage.seen.stderr).toBe("");
		}
	});

	test("gives its stage no descriptor but the standard three", async ({ expect }) => {
		// 3 is that of ls itself.
		expect(await shell("ls /proc/self/fd; ls /proc/$$/fd")).toBe("0\n1\n2\n3\n0\n1\n2");
		expect(await shell("readlink /proc/self/fd/1 /proc/self/fd/2 | sort -u | wc -l")).toBe("2");
	});

	test("does not run a command that would hold too much", async ({ expect }) => {
		// A launcher that drops nothing, as bubblewrap itself where the host lacks a capability that it is to keep.
		const helper = join(tree, "exec-checked");
		copyFileSync(execCheckedPath(), helper);
		const careless = join(tree, "bwrap");
		const script = `#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift 2\nexec ${helper} "$@"\n`;
		writeFileSync(careless, script, { mode: 0o755 });
		const stage = command(["touch", join(tree, "was-run")]);

		await expect(
			startSandbox(stage, { tools: { ...tools, bwrap: careless }, root: "/" }).ended,
		).rejects.toMatchObject({
			code: "ERR_SANDBOX_CAPABILITIES",
			message: expect.stringContaining("It was not run"),
		});
		expect(() => statSync(join(tree, "was-run"))).toThrow("ENOENT");
	});

	test("takes a build tree as its root", async ({ expect }) => {
		const root = join(tree, "root");
		for (const folder of ["proc", "sys", "dev", "run", "tmp", "var/tmp", "usr"]) {
			mkdirSync(join(root, folder), { recursive: true });
		}
		copyFileSync(execCheckedPath(), join(root, "usr/program"));
		const stage = command(["/usr/program"]);

		const { status, output } = await startSandbox(stage, { tools, root }).ended;

		expect(status.code).toBe(125);
		expect(output).toContain("usage: exec-checked");
	});

	test("leaves no descriptor, process or mount", async ({ expect }) => {
		await run(["true"]);
		const before = { descriptors: descriptorCount(), mounts: ownMounts() };

		for (let i = 0; i < 10; i++) await run(["true"]);
		await run(["no-such-command"]).catch(() => {});

		expect({ descriptors: descriptorCount(), mounts: ownMounts() }).toEqual(before);
	});
});

describeAsRoot("a stage without a sandbox", () => {
	beforeEach(() => {
		tree = mkdtempSync(join(tmpdir(), "devhost-tree-"));
		namespace = makeRunNamespace();
	});
	afterEach(() => {
		namespace[Symbol.dispose]();
		rmSync(tree, { recursive: true, force: true });
	});

	async function bare(
		argv: readonly string[],
		change: Partial<StageCommand> = {},
	): Promise<Ended> {
		const options = command(argv, change);
		const { status } = await startUnsandboxed(options).ended;
		return { code: status.code, ...options.seen };
	}

	test("runs on the host's files, in the run's /dev", async ({ expect }) => {
		mknodat(namespace.devices, "loop9", "block", { major: 7, minor: 9 }, 0o600);

		const { stdout } = await bare([
			"sh",
			"-c",
			"pwd; ls /dev/loop9; touch made; env | grep -c .",
		]);

		expect(stdout).toBe(`${tree}\n/dev/loop9\n8\n`);
		expect(statSync(join(tree, "made")).isFile()).toBe(true);
	});

	test("still cannot make a device node", async ({ expect }) => {
		const { stdout } = await bare(["sh", "-c", `mknod ${tree}/x b 8 0 2>&1`]);

		expect(stdout).toContain("Operation not permitted");
	});

	test("ends with what it left in its session", async ({ expect }) => {
		await bare(["sh", "-c", "sleep 4444 >/dev/null 2>&1 & exit 0"]);

		await expect.poll(() => processesWith("sleep", "4444")).toEqual([]);
	});

	test("is killed", async ({ expect }) => {
		const running = startUnsandboxed(command(["sh", "-c", "trap '' TERM; sleep 4545 & wait"]));
		running.kill();

		const { status } = await running.ended;

		expect(status).toEqual({ signal: "SIGKILL" });
		await expect.poll(() => processesWith("sleep", "4545")).toEqual([]);
	});

	/** A daemon that has its outputs still, and a session of its own, with its number. */
	const daemon =
		"setsid sh -c 'echo daemon $$; touch up; exec sleep 20' & until [ -e up ]; do sleep 0.01; done";
	const pidOf = (text: string): number => Number(/daemon (\d+)/.exec(text)?.[1]);

	test("ends with its command, whoever has its outputs still", async ({ expect }) => {
		const stage = command(["sh", "-c", `${daemon}; printf the-end; exit 3`]);

		const { status, output } = await startUnsandboxed(stage).ended;

		// In a session of its own nobody finds it: it still runs when the stage has ended.
		process.kill(pidOf(stage.seen.stdout), "SIGKILL");
		expect(status).toEqual({ code: 3 });
		expect(output).toMatch(/the-end$/);
	});

	test("leaves no survivor when it is killed but its daemon is not", async ({ expect }) => {
		const stage = command(["sh", "-c", `${daemon}; echo ready; sleep 20`]);
		const running = startUnsandboxed(stage);
		await expect.poll(() => stage.seen.stdout).toContain("ready");
		running.kill();

		const { status } = await running.ended;

		process.kill(pidOf(stage.seen.stdout), "SIGKILL");
		expect(status).toEqual({ signal: "SIGKILL" });
	});

	test("passes on all of its output, however busy we are when it ends", async ({ expect }) => {
		const stage = command(["sh", "-c", "seq 1 9000"]);
		const running = startUnsandboxed(stage);
		// For longer than the stage runs, and than its outputs are waited for.
		Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);

		await running.ended;

		expect(stage.seen.stdout.trimEnd().split("\n")).toHaveLength(9000);
	});
});

describeAsRoot("findTools", () => {
	test("looks in absolute folders only", ({ expect }) => {
		expect(findTools("relative:/nowhere:/usr/bin")).toEqual(tools);
	});

	test("says how to install it", ({ expect }) => {
		expect(() => findTools("/nowhere")).toThrow(
			expect.objectContaining({
				code: "ERR_SANDBOX_MISSING",
				message:
					"bubblewrap: no bwrap in /nowhere. Install it with: apt-get install -y bubblewrap; " +
					"without isolation: --sandbox none",
			}),
		);
	});
});
