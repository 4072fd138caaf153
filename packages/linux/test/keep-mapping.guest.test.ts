import { readdirSync, readFileSync, readSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { describe, test } from "vitest";
import { descriptorCount } from "@devhost/tools/testing";
import {
	blockReadOnly,
	blockSizeBytes,
	type Child,
	DeviceMapper,
	detachedMount,
	type DmTarget,
	type Fd,
	ioctl,
	keepMappingPath,
	keepCommand,
	type KeepCommandOptions,
	type KeeperResult,
	type KeepTableOptions,
	type KeptMapping,
	MappingKeeper,
	memfd,
	pipe,
	sendmsg,
	setNonBlocking,
	socketpair,
	spawn,
} from "../src/index.ts";
import { encodeTable } from "../src/dm-struct.ts";
import { encodeKeepRequest } from "../src/mapping-keeper.ts";

const mapper = DeviceMapper.open();
const directory = detachedMount("tmpfs");
const zeros: DmTarget = { startSectors: 0, lengthSectors: 2048, type: "zero", parameters: "" };

let count = 0;

function newName(): string {
	return `keep-${process.pid}-${count++}`;
}

/** The mappings whose names begin so. */
function mappingsOf(name: string): string[] {
	return mapper
		.list()
		.filter((mapping) => mapping.name.startsWith(name))
		.map((mapping) => mapping.name)
		.toSorted();
}

/** What there is still of a mapping and its processes after a second, as nothing may take longer. */
async function leftOf(name: string): Promise<string[]> {
	for (let look = 0; ; look++) {
		const nodes = readdirSync(`/proc/self/fd/${directory.fd}`);
		const left = [...mappingsOf(name), ...processesLike(name), ...nodes];
		if (left.length === 0 || look === 200) return left;
		await delay(5);
	}
}

const keeper = MappingKeeper.start(mapper);

function byTable(name: string, further: Partial<KeepTableOptions> = {}): Promise<KeeperResult> {
	return keeper.keepTable({ directory, name, uuid: name, table: [zeros], ...further });
}

/** Has a shell make mappings. */
function byCommand(
	top: string,
	script: string,
	{ fds, ...further }: Partial<KeepCommandOptions & { fds: Record<number, Fd> }> = {},
): ReturnType<typeof keepCommand> {
	const environment = { PATH: process.env["PATH"] ?? "", DM_DISABLE_UDEV: "1" };
	const command = { file: "/bin/sh", argv: ["sh", "-c", script], environment, fds };
	const { control } = mapper;
	return keepCommand({ control, directory, top, further: [`${top}_dif`], command, ...further });
}

function twoMappings(name: string): string {
	return (
		`dmsetup create ${name}_dif --table '0 2048 zero' && ` +
		`dmsetup create ${name} --table '0 2048 linear /dev/mapper/${name}_dif 0'`
	);
}

function kept(result: KeeperResult): KeptMapping {
	if (!result.ok) throw new Error(`${result.step}: ${result.errno}`);
	return result;
}

describe("a mapping of a table", () => {
	test("is there, open and armed, and goes with its descriptor", async ({ expect }) => {
		const name = newName();
		const before = descriptorCount();
		{
			using mapping = kept(await byTable(name));
			const { node } = mapping;

			expect(mapper.status({ name })).toMatchObject({
				uuid: name,
				node,
				openCount: 1,
				isArmed: true,
				suspended: false,
			});
			expect(blockSizeBytes(mapping.fd)).toBe(2048 * 512);
			expect(descriptorCount()).toBe(before + 1);
		}
		expect(await leftOf(name)).toEqual([]);
		expect(descriptorCount()).toBe(before);
	});

	test("may have thousands of targets", async ({ expect }) => {
		const name = newName();
		const table = Array.from({ length: 3000 }, (_, index) => {
			return { ...zeros, startSectors: index, lengthSectors: 1 };
		});

		using mapping = kept(await byTable(name, { table }));

		expect(blockSizeBytes(mapping.fd)).toBe(3000 * 512);
		expect(mapper.table({ name })).toHaveLength(3000);
	});

	test("is read-only where that is asked for", async ({ expect }) => {
		const name = newName();

		using mapping = kept(await byTable(name, { readOnly: true }));

		expect(blockReadOnly(mapping.fd)).toBe(true);
		expect(mapper.status({ name })?.readOnly).toBe(true);
	});

	test("has blocks of the size that it would have if it was opened now", async ({ expect }) => {
		const odd = newName();
		const even = newName();
		using first = kept(await byTable(odd, { table: [{ ...zeros, lengthSectors: 2049 }] }));
		using second = kept(await byTable(even));

		expect([blockBytes(first.fd), blockBytes(second.fd)]).toEqual([512, 4096]);
	});

	test("is not made beside a foreign one of its name or uuid, which stays", async ({
		expect,
	}) => {
		const name = newName();
		await mapper.create(name, `${name}-theirs`);

		const sameName = await byTable(name);
		const sameUuid = await byTable(`${name}-ours`, { uuid: `${name}-theirs` });

		for (const result of [sameName, sameUuid])
			expect(result).toMatchObject({ ok: false, step: "create", errno: 16 });
		expect(mapper.status({ name })).toMatchObject({ uuid: `${name}-theirs`, isArmed: false });
		await mapper.remove({ name });
		expect(await leftOf(name)).toEqual([]);
	});

	test.for<[string, DmTarget, number]>([
		["no such target", { ...zeros, type: "nope" }, 22],
		["what the target does not take", { ...zeros, type: "linear", parameters: "x" }, 22],
		["no such device", { ...zeros, type: "linear", parameters: "240:77777 0" }, 6],
		["a device that is too small", { ...zeros, type: "linear", parameters: "BASE 2000" }, 22],
	])("leaves nothing where the kernel refuses it: %s", async ([, target, errno], { expect }) => {
		const name = newName();
		using base = kept(await byTable(`base-${name}`));
		const number = `${base.node.major}:${base.node.minor}`;
		const parameters = target.parameters.replace("BASE", number);

		const result = await byTable(name, { table: [{ ...target, parameters }] });

		expect(result).toMatchObject({ ok: false, step: "load", errno, leftCount: 0 });
		expect(await leftOf(name)).toEqual([]);
	});

	test("is made after others that were asked for before, each with its own name", async ({
		expect,
	}) => {
		const names = Array.from({ length: 10 }, newName);

		const results = await Promise.all(names.map((name) => byTable(name)));

		for (const [index, result] of results.entries()) {
			using mapping = kept(result);
			expect(mapper.status({ name: names[index] ?? "" })?.node).toEqual(mapping.node);
		}
		for (const name of names) expect(await leftOf(name)).toEqual([]);
	});

	test("is not made by a keeper that was killed, which says so", async ({ expect }) => {
		const before = descriptorCount();
		const name = newName();
		const [steps, keeperSteps] = socketpair("stream");
		setNonBlocking(keeperSteps, false);
		const doomed = MappingKeeper.start({ control: mapper.control, steps: keeperSteps });
		keeperSteps.close();

		const making = doomed.keepTable({ directory, name, uuid: name, table: [zeros] });
		expect(await readable(steps)).toBe("a");
		const [pid] = processesLike("keep-mapping\0tables\0-t");
		process.kill(Number(pid), "SIGKILL");

		expect(await making).toMatchObject({ ok: false, step: "keeper" });
		expect(doomed.isRunning).toBe(false);
		const again = await doomed.keepTable({ directory, name, uuid: name, table: [zeros] });
		expect(again).toMatchObject({ ok: false, step: "keeper" });
		steps.close();
		// Its end is noticed a moment later.
		for (let look = 0; look < 200 && descriptorCount() > before; look++) await delay(5);
		expect(descriptorCount()).toBe(before);
		expect(await leftOf(name)).toEqual([]);
	});

	test("is refused with a name that the kernel would cut", async ({ expect }) => {
		await expect(byTable("n".repeat(128))).rejects.toThrow("128 bytes, at most 127");
		await expect(byTable("a\0b")).rejects.toThrow("has a NUL");
		using mapping = kept(await byTable(newName()));
		expect(mapping.fd.isOpen).toBe(true);
	});

	test("is not made when the signal aborts", async ({ expect }) => {
		const name = newName();
		const before = descriptorCount();

		const result = await byTable(name, { signal: AbortSignal.abort() });

		expect(result).toMatchObject({ ok: false, step: "service" });
		expect(await leftOf(name)).toEqual([]);
		expect(descriptorCount()).toBe(before);
	});
});

/** `BLKBSZGET`, linux/fs.h. */
function blockBytes(device: Fd): number {
	const out = new Uint8Array(4);
	ioctl(device, { request: 0x80081270, name: "BLKBSZGET", argument: out });
	return new DataView(out.buffer).getInt32(0, true);
}

describe("a mapping of a command", () => {
	test("is there, open and armed, with what is beneath, and takes that along", async ({
		expect,
	}) => {
		const name = newName();
		using input = memfd("input");
		writeSync(input.fd, "secret\n\0", 0); // the position stays where a program begins to read

		const script = `cat <&9; echo told >&2; ${twoMappings(name)}`;
		const result = await byCommand(name, script, { fds: { 9: input } });

		const mapping = kept(result);
		expect(Buffer.from(result.stdout).toString()).toBe("secret\n\0");
		expect(Buffer.from(result.stderr).toString()).toBe("told\n");
		expect(mapping.beneath).toEqual([mapper.status({ name: `${name}_dif` })?.node]);
		expect(mapper.status({ name })).toMatchObject({ isArmed: true, openCount: 1 });
		expect(mapper.status({ name: `${name}_dif` })).toMatchObject({
			isArmed: true,
			openCount: 2,
		});
		mapping[Symbol.dispose]();
		expect(await leftOf(name)).toEqual([]);
	});

	test("gets our names where that is asked for", async ({ expect }) => {
		const name = newName();
		const prefix = `vg-${name}`;

		const result = await byCommand(`${prefix}-top`, twoMappings(`${prefix}-top`), {
			furtherPrefix: `${prefix}-`,
			renameTo: name,
		});

		expect(mappingsOf(name)).toEqual([name, `${name}.1`]);
		expect(mappingsOf(prefix)).toEqual([]);
		kept(result)[Symbol.dispose]();
		expect(await leftOf(name)).toEqual([]);
	});

	test("stays beside another one on which it does not stand, and goes with it", async ({
		expect,
	}) => {
		const name = newName();
		const beside = `${name}-beside`;
		const make = (each: string) => `dmsetup create ${each} --table '0 8 zero'`;

		const result = await byCommand(name, `${make(beside)}; ${make(name)}`, {
			further: [beside],
		});

		expect(mapper.status({ name: beside })).toMatchObject({ isArmed: true, openCount: 1 });
		kept(result)[Symbol.dispose]();
		expect(await leftOf(name)).toEqual([]);
	});

	test("is not made beside a foreign one of its name, which stays", async ({ expect }) => {
		const name = newName();
		await mapper.create(name, `${name}-theirs`);

		const result = await byCommand(name, "echo ran");

		expect(result).toMatchObject({ ok: false, step: "exists" });
		expect(result.stdout).toHaveLength(0);
		expect(mapper.status({ name })).toMatchObject({ uuid: `${name}-theirs`, isArmed: false });
		await mapper.remove({ name });
	});

	test("leaves alone what was there before, also when it fails", async ({ expect }) => {
		const name = newName();
		await mapper.create(`${name}_dif`);

		const result = await byCommand(name, `dmsetup create ${name} --table '0 8 zero'; exit 5`);

		expect(result).toMatchObject({
			ok: false,
			step: "command",
			status: { code: 5 },
			leftCount: 0,
		});
		expect(mappingsOf(name)).toEqual([`${name}_dif`]);
		expect(mapper.status({ name: `${name}_dif` })?.isArmed).toBe(false);
		await mapper.remove({ name: `${name}_dif` });
	});

	test.for([
		["fails", "exit 7", { step: "command", status: { code: 7 } }],
		["is killed", "kill -9 $$", { step: "command", status: { signal: "SIGKILL" } }],
		["makes something else", "true", { step: "missing" }],
	] as const)("leaves nothing when it %s", async ([, end, expected], { expect }) => {
		const name = newName();

		const result = await byCommand(
			name,
			`dmsetup create ${name}_dif --table '0 8 zero'; ${end}`,
		);

		expect(result).toMatchObject({ ok: false, ...expected, leftCount: 0 });
		expect(mappingsOf(name)).toEqual([]);
	});

	test("wakes what it left suspended", async ({ expect }) => {
		const name = newName();
		const suspend = `dmsetup suspend ${name}`;

		const result = await byCommand(
			name,
			`dmsetup create ${name} --table '0 8 zero'; ${suspend}; exit 1`,
		);

		expect(result).toMatchObject({ step: "command", leftCount: 0 });
		expect(mappingsOf(name)).toEqual([]);
	});

	test("says what cannot be executed", async ({ expect }) => {
		const { control } = mapper;
		const command = { file: "/no/such", argv: ["x"], environment: {} };

		const result = await keepCommand({ control, directory, top: newName(), command });

		expect(result).toMatchObject({ ok: false, step: "exec", errno: 2 });
	});

	test("ends with all that it started when the signal aborts", async ({ expect }) => {
		const name = newName();
		const [reader, writer] = pipe();
		using _reader = reader;
		using _writer = writer;
		const controller = new AbortController();
		const seconds = `7${process.pid}`;
		const sleep = `sleep\0${seconds}`;
		const script = `dmsetup create ${name}_dif --table '0 8 zero'; sleep ${seconds} & echo >&9; wait`;

		const running = byCommand(name, script, { fds: { 9: writer }, signal: controller.signal });
		await readable(reader);
		expect(mappingsOf(name)).toEqual([`${name}_dif`]);
		for (let look = 0; look < 500 && processesLike(sleep).length === 0; look++) await delay(2);
		expect(processesLike(sleep)).toHaveLength(1);
		controller.abort();

		expect(await running).toMatchObject({ ok: false, step: "service" });
		expect(mappingsOf(name)).toEqual([]);
		expect(processesLike(sleep)).toEqual([]);
	});

	test("has no descriptor but those that it was given", async ({ expect }) => {
		const { stdout } = await byCommand(newName(), "ls /proc/self/fd; exit 1");

		// ls opens the directory itself.
		expect(Buffer.from(stdout).toString().trim().split("\n")).toEqual(["0", "1", "2", "3"]);
	});
});

/** Pids of the processes whose command line has this in it. */
function processesLike(text: string): string[] {
	return readdirSync("/proc").filter((pid) => {
		if (!/^\d+$/.test(pid)) return false;
		try {
			return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text);
		} catch {
			return false; // it has ended
		}
	});
}

/** Waits for a byte, and takes it. */
async function readable(fd: Fd): Promise<string> {
	setNonBlocking(fd, true);
	const byte = new Uint8Array(1);
	for (;;) {
		try {
			return readSync(fd.fd, byte) === 0 ? "" : String.fromCharCode(byte[0] as number);
		} catch {
			await delay(1); // EAGAIN
		}
	}
}

/** The keeper, which waits before each of its steps, and its service. */
interface Kept extends Disposable {
	/** Ends with SIGKILL; the process group is that of the service. */
	readonly service: Child;
	/** Lets the keeper go on until it is about to take this step. */
	reach(letter: string): Promise<void>;
	/** Lets it go on to the end. */
	release(): void;
}

function stepper(socket: Fd, service: Child): Kept {
	return {
		service,
		async reach(letter) {
			for (;;) {
				const now = await readable(socket);
				if (now === letter) return;
				if (now === "") throw new Error(`the keeper ended before step ${letter}`);
				writeSync(socket.fd, "!");
			}
		},
		release: () => socket.close(),
		[Symbol.dispose]: () => socket.close(),
	};
}

/** A keeper whose service is a process that does nothing but hold the other end of its socket: a quick one to start. */
function startKeeper(argv: readonly string[], request?: KeepTableOptions): Kept {
	const [steps, keeperSteps] = socketpair("stream");
	const [socket, keeperSocket] = socketpair("seqpacket");
	using ends = new DisposableStack();
	for (const end of [keeperSteps, socket, keeperSocket]) ends.use(end);
	for (const end of [keeperSteps, keeperSocket]) setNonBlocking(end, false);
	const service = spawn({
		file: "/bin/sleep",
		argv: ["sleep", "1000"],
		environment: {},
		fds: { 3: socket },
	});
	spawn({
		file: keepMappingPath(),
		argv: ["keep-mapping", ...argv],
		environment: { PATH: process.env["PATH"] ?? "", DM_DISABLE_UDEV: "1" },
		fds: { 63: keeperSocket, 64: mapper.control, 65: keeperSteps, 66: directory },
		newSession: true,
	});
	if (request !== undefined) {
		using file = memfd("table");
		writeSync(file.fd, encodeTable(request.table));
		const { name, uuid, table } = request;
		const head = encodeKeepRequest({ name, uuid, flags: "-", targetCount: table.length });
		sendmsg(
			socket.fd,
			head,
			0,
			head.length,
			undefined,
			0,
			Int32Array.of(file.fd, directory.fd),
			2,
		);
	}
	return stepper(steps, service);
}

/** A service that uses the keeper as all do. */
function startService(mode: string, name: string): Kept & { readonly output: Fd } {
	const [steps, keeperSteps] = socketpair("stream");
	const [output, stdout] = pipe();
	using _stdout = stdout;
	using _steps = keeperSteps;
	setNonBlocking(keeperSteps, false);
	const service = spawn({
		file: process.execPath,
		argv: ["node", new URL("fixtures/keep.ts", import.meta.url).pathname, mode, name],
		environment: { PATH: process.env["PATH"] ?? "" },
		fds: { 1: stdout, 2: 2, 3: keeperSteps },
		newSession: true,
	});
	const kept = stepper(steps, service);
	const close = (): void => {
		output.close();
		steps.close();
	};
	return { ...kept, output, [Symbol.dispose]: close };
}

// a begins, b created or started, c loaded or ended, o about to open, d opened, r armed, e to be sent, f sent
describe.for(["table", "command"] as const)("a mapping by %s", (mode) => {
	test.for(["a", "b", "c", "o", "d", "r", "e", "f"])(
		"is not left by a service that is killed before step %s",
		async (letter, { expect }) => {
			const name = newName();
			const command = [
				"command",
				"-t",
				name,
				"",
				`=${name}_dif`,
				"--",
				"/bin/sh",
				"sh",
				"-c",
			];
			const request = { name, uuid: name, table: [zeros], directory };
			using kept =
				mode === "table"
					? startKeeper(["tables", "-t"], request)
					: startKeeper([...command, twoMappings(name)]);
			await kept.reach(letter);

			kept.service.kill("SIGKILL");
			await kept.service.exited;
			kept.release();

			expect(await leftOf(name)).toEqual([]);
		},
	);

	test("is not left by a real service whose process group is killed", async ({ expect }) => {
		const name = newName();
		using kept = startService(mode, name);
		await kept.reach("b");

		process.kill(-kept.service.pid, "SIGKILL");
		await kept.service.exited;
		kept.release();

		expect(await leftOf(name)).toEqual([]);
	});
});

test("a mapping is not left by a real service that has it and is killed", async ({ expect }) => {
	const name = newName();
	using kept = startService("table", name);
	await kept.reach("f");
	kept.release();
	expect(await readable(kept.output)).toBe("h");
	expect(mappingsOf(name)).toEqual([name]);

	kept.service.kill("SIGKILL");
	await kept.service.exited;

	expect(await leftOf(name)).toEqual([]);
});

test("a command that runs is killed with its service, and what it made is removed", async ({
	expect,
}) => {
	const name = newName();
	const script = `dmsetup create ${name}_dif --table '0 8 zero'; sleep 1000`;
	const argv = ["command", "-t", name, "", `=${name}_dif`, "--", "/bin/sh", "sh", "-c", script];
	using kept = startKeeper(argv);
	await kept.reach("b");
	for (let look = 0; look < 500 && mappingsOf(name).length === 0; look++) await delay(2);
	expect(mappingsOf(name)).toEqual([`${name}_dif`]);

	kept.service.kill("SIGKILL");
	await kept.service.exited;
	kept.release();

	expect(await leftOf(name)).toEqual([]);
});

test("mappings of other names and of before are left alone by a service that is killed", async ({
	expect,
}) => {
	const name = newName();
	await mapper.create(`${name}_dif`);
	const script = `dmsetup create ${name}-foreign --table '0 8 zero'; exec sleep 1000`;
	const argv = ["command", "-t", name, "", `=${name}_dif`, "--", "/bin/sh", "sh", "-c", script];
	using kept = startKeeper(argv);
	await kept.reach("b");
	for (let look = 0; look < 500 && mappingsOf(name).length < 2; look++) await delay(2);

	kept.service.kill("SIGKILL");
	await kept.service.exited;
	kept.release();
	for (let look = 0; look < 500 && processesLike(name).length > 0; look++) await delay(2);

	const left = [`${name}-foreign`, `${name}_dif`];
	expect(mappingsOf(name)).toEqual(left);
	for (const each of left) {
		expect(mapper.status({ name: each })?.isArmed).toBe(false);
		await mapper.remove({ name: each });
	}
});
