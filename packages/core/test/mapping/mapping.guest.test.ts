import { execFileSync, spawn as spawnProgram } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
	constants,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readSync,
	rmSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
	AT_FDCWD,
	DeviceMapper,
	type DeviceNumber,
	type DmTarget,
	detachedMount,
	type Fd,
	LO_FLAGS_AUTOCLEAR,
	LO_FLAGS_READ_ONLY,
	loopConfigure,
	loopGetFree,
	mknodat,
	openat2,
	statFd,
} from "@devhost/linux";
import { afterAll, describe, test } from "vitest";
import { toolEnvironment } from "../../src/command.ts";
import { isDeviceError } from "../../src/error.ts";
import { describeHolder } from "../../src/holder.ts";
import {
	linuxMappings,
	type OpenMapping,
	openCommand,
	openTable,
	removeMapping,
	taggedMappings,
} from "../../src/mapping/index.ts";
import { mappingTag } from "../../src/tag.ts";

const folder = mkdtempSync(join(tmpdir(), "devhost-mapping-"));
afterAll(() => rmSync(folder, { recursive: true }));

const sys = linuxMappings();
const mapper = DeviceMapper.open();
const devices = detachedMount("tmpfs");
const run = `guest-${process.pid}`;
const megabyte = 2 ** 20;

let count = 0;

function newName(): string {
	return `device${count++}`;
}

/** A request without what it is made of. */
function requestOf(name: string): Parameters<typeof openTable>[1] {
	return { run, name, subject: name, devices, readOnly: false, closeTimeoutMs: 500, table: [] };
}

interface Loop extends Disposable {
	readonly fd: Fd;
	readonly node: DeviceNumber;
	readonly file: string;
}

/** A megabyte in a file, as a loop device that goes with its descriptor. */
async function newLoop({ readOnly = false } = {}): Promise<Loop> {
	const file = join(folder, `file${count++}`);
	writeFileSync(file, "");
	truncateSync(file, megabyte);
	using control = openat2(AT_FDCWD, "/dev/loop-control", { flags: constants.O_RDWR });
	const number = await loopGetFree(control);
	const fd = openat2(AT_FDCWD, `/dev/loop${number}`, { flags: constants.O_RDWR });
	using backing = openat2(AT_FDCWD, file, {
		flags: readOnly ? constants.O_RDONLY : constants.O_RDWR,
	});
	const flags = LO_FLAGS_AUTOCLEAR | (readOnly ? LO_FLAGS_READ_ONLY : 0);
	const range = { offsetBytes: 0, sizeBytes: megabyte, sectorBytes: 512 };
	await loopConfigure(fd, { ...range, file: backing, flags, tag: "" });
	const { node } = statFd(fd);
	if (node === undefined) throw new Error("no device");
	return { fd, node, file, [Symbol.dispose]: () => fd.close() };
}

function linear({ major, minor }: DeviceNumber, lengthSectors = 2048): DmTarget[] {
	return [{ startSectors: 0, lengthSectors, type: "linear", parameters: `${major}:${minor} 0` }];
}

async function openLinear(name: string, loop: Loop): Promise<OpenMapping> {
	return await openTable(sys, { ...requestOf(name), table: linear(loop.node) });
}

function sha256(bytes: Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}

async function failureOf(work: PromiseLike<unknown>): Promise<unknown> {
	return await work.then(
		() => undefined,
		(error: unknown) => error,
	);
}

/** What there is still of a device's mappings after a second. */
async function leftOf(name: string): Promise<string[]> {
	const isOurs = (other: string): boolean => other.startsWith(mappingTag(run, name));
	for (let look = 0; ; look++) {
		const names = mapper.list().map((mapping) => mapping.name);
		const left = names.filter(isOurs);
		if (left.length === 0 || look === 200) return left;
		await delay(5);
	}
}

describe("a mapping", () => {
	test("has its node, and what is written is in the file when it is closed", async ({
		expect,
	}) => {
		using loop = await newLoop();
		const data = randomBytes(megabyte);

		const name = newName();
		const mapping = await openLinear(name, loop);
		expect(mapping).toMatchObject({ sizeBytes: megabyte, sectorBytes: 512, beneath: [] });
		expect(mapping.path).toBe(`dm-${mapping.node.minor}`);
		using device = openat2(devices, mapping.path, { flags: constants.O_RDWR });
		expect(statFd(device).node).toEqual(mapping.node);
		writeSync(device.fd, data);
		await mapping.flush();
		device.close();
		await mapping[Symbol.asyncDispose]();
		await mapping[Symbol.asyncDispose]();

		expect(sha256(readFileSync(loop.file))).toBe(sha256(data));
		expect(readdirSync(`/proc/self/fd/${devices.fd}`)).toEqual([]);
		expect(await leftOf(name)).toEqual([]);
		await expect(mapping.flush()).rejects.toMatchObject({ code: "ERR_DEVICE_CLOSED" });
	});

	test("is of one run: another run's has another name", async ({ expect }) => {
		using loop = await newLoop();
		const name = newName();
		const table = linear(loop.node);

		const ours = await openTable(sys, { ...requestOf(name), table });
		const theirs = await openTable(sys, { ...requestOf(name), table, run: `${run}-b` });

		expect(ours.name).not.toBe(theirs.name);
		expect(await failureOf(openTable(sys, { ...requestOf(name), table }))).toMatchObject({
			code: "ERR_DEVICE_BUSY",
			details: { mapping: ours.name },
		});
		await ours[Symbol.asyncDispose]();
		expect(mapper.status({ name: theirs.name })?.isArmed).toBe(true);
		await theirs[Symbol.asyncDispose]();
		expect(await leftOf(name)).toEqual([]);
	});

	test("can be had read-only of what can only be read", async ({ expect }) => {
		using loop = await newLoop({ readOnly: true });
		const name = newName();
		const request = { ...requestOf(name), table: linear(loop.node) };

		const writable = await failureOf(openTable(sys, request));
		const mapping = await openTable(sys, { ...request, readOnly: true });

		expect(writable).toMatchObject({ code: "ERR_DEVICE_READ_ONLY_FILE" });
		expect(mapping.readOnly).toBe(true);
		expect(readSync(mapping.fd, new Uint8Array(512))).toBe(512);
		await mapping[Symbol.asyncDispose]();
		expect(await leftOf(name)).toEqual([]);
	});

	test("tells that something that was written is lost", async ({ expect }) => {
		using loop = await newLoop();
		const [first] = linear(loop.node, 1024);
		const errors = { startSectors: 1024, lengthSectors: 1024, type: "error", parameters: "" };
		const table = [first as DmTarget, errors];
		const name = newName();
		const mapping = await openTable(sys, { ...requestOf(name), table });

		using device = openat2(devices, mapping.path, { flags: constants.O_RDWR });
		writeSync(device.fd, new Uint8Array(4096), 0, 4096, 768 * 1024);
		device.close();

		expect(await failureOf(mapping[Symbol.asyncDispose]())).toMatchObject({
			code: "ERR_DEVICE_CLOSE",
			details: { errno: "EIO" },
		});
		expect(await leftOf(name)).toEqual([]);
	});

	test("tells that somebody has suspended and disarmed it, and goes all the same", async ({
		expect,
	}) => {
		using loop = await newLoop();
		const name = newName();
		const mapping = await openLinear(name, loop);
		await mapper.cancelDeferredRemoval({ name: mapping.name });
		await mapper.suspend({ name: mapping.name });

		const error = await failureOf(mapping[Symbol.asyncDispose]());

		expect(error).toMatchObject({ code: "ERR_DEVICE_NOT_OURS" });
		expect(String(error)).toContain("it is suspended, it would have stayed");
		expect(await leftOf(name)).toEqual([]);
	});
});

describe("a mapping that is in use", () => {
	interface Use {
		/** Ends when it is told to on its standard input. */
		readonly script: string;
		readonly holder: RegExp;
	}

	test.for<[string, Use]>([
		["a process", { script: "exec 5<$DEV", holder: /^pid \d+ \(sh\) with \S+dm-\d+ open/ }],
		[
			"a mount in another namespace",
			{
				script: "mke2fs -qF $DEV; mount -t ext2 $DEV $PLACE",
				holder: /a mount at .*place in mnt:/,
			},
		],
		[
			"swap",
			{
				script: "mkswap -q $DEV; swapon $DEV; trap 'swapoff $DEV' EXIT",
				holder: /swap space/,
			},
		],
		[
			"another mapping",
			{
				script: `dmsetup create upper-$$ --table "0 8 linear $DEV 0"; trap 'dmsetup remove upper-$$' EXIT`,
				holder: /device dm-\d+/,
			},
		],
		[
			"a loop device",
			{
				script: "L=$(losetup -f --show $DEV); trap 'losetup -d $L' EXIT",
				holder: /device loop\d+/,
			},
		],
	])("names %s, stays for it, and goes after it", async ([, { script, holder }], { expect }) => {
		using loop = await newLoop();
		const name = newName();
		const mapping = await openLinear(name, loop);
		// A node that is there as long as it is used, unlike the mapping's own.
		using nodes = detachedMount("tmpfs");
		mknodat(nodes, mapping.path, "block", mapping.node, 0o600);
		const place = join(folder, "place");
		mkdirSync(place, { recursive: true });
		const user = spawnProgram(
			"unshare",
			["-m", "sh", "-ec", `${script}; echo up; read end || true`],
			{
				env: {
					...toolEnvironment(),
					DEV: `/proc/${process.pid}/fd/${nodes.fd}/${mapping.path}`,
					PLACE: place,
				},
				stdio: ["pipe", "pipe", "inherit"],
			},
		);
		await once(user.stdout, "data");

		const error = await failureOf(mapping[Symbol.asyncDispose]());

		expect(isDeviceError(error, "ERR_DEVICE_BUSY")).toBe(true);
		const { holders } = error as { holders: readonly Parameters<typeof describeHolder>[0][] };
		expect(holders.map(describeHolder).join("; ")).toMatch(holder);
		expect(mapper.status({ name: mapping.name })?.isArmed).toBe(true);

		user.stdin.end();
		await once(user, "exit");
		expect(await leftOf(name)).toEqual([]);
	});

	test("names a loop device that stands on the run's own node", async ({ expect }) => {
		using loop = await newLoop();
		const name = newName();
		const mapping = await openLinear(name, loop);
		const path = `/proc/${process.pid}/fd/${devices.fd}/${mapping.path}`;
		const upper = execFileSync("losetup", ["-f", "--show", path], {
			env: toolEnvironment(),
			encoding: "utf8",
		}).trim();

		const error = await failureOf(mapping[Symbol.asyncDispose]());
		execFileSync("losetup", ["-d", upper], { env: toolEnvironment() });

		expect(String(error)).toContain(`in use by device ${upper.replace("/dev/", "")}`);
		expect(await leftOf(name)).toEqual([]);
	});
});

describe("a mapping by command", () => {
	/** As cryptsetup does it, with a device of its own beneath. */
	function commandOf(name: string, script: string): Parameters<typeof openCommand>[1] {
		const top = mappingTag(run, name);
		const command = {
			file: "/bin/sh",
			argv: ["sh", "-c", script],
			environment: toolEnvironment(),
		};
		return { ...requestOf(name), command, top, further: [`${top}_dif`] };
	}

	function twoMappings(name: string): string {
		const top = mappingTag(run, name);
		return (
			`dmsetup create ${top}_dif --table '0 2048 zero' && ` +
			`dmsetup create ${top} --table '0 2048 linear /dev/mapper/${top}_dif 0'`
		);
	}

	test("is closed with what is beneath", async ({ expect }) => {
		const name = newName();

		const mapping = await openCommand(sys, commandOf(name, twoMappings(name)));

		expect(mapping.beneath).toMatchObject([{ name: `${mapping.name}_dif` }]);
		await mapping[Symbol.asyncDispose]();
		expect(await leftOf(name)).toEqual([]);
	});

	test("is not left by a keeper that somebody kills", async ({ expect }) => {
		const name = newName();
		const marker = `8${process.pid}`;
		const opening = failureOf(
			openCommand(sys, commandOf(name, `${twoMappings(name)}; exec sleep ${marker}`)),
		);
		for (let look = 0; look < 1000 && pidOf(`sleep\0${marker}`) === undefined; look++)
			await delay(5);
		expect(mapper.status({ name: mappingTag(run, name) })).toBeDefined();

		process.kill(pidOf(`keep-mapping\0command\0-\0${mappingTag(run, name)}`) ?? 0, "SIGKILL");

		expect(await opening).toMatchObject({
			code: "ERR_DEVICE_SYSTEM",
			details: { step: "keeper" },
			closeFailures: [],
		});
		expect(await leftOf(name)).toEqual([]);
		expect(pidOf(`sleep\0${marker}`)).toBeUndefined();
	});

	test("is not there any more when opening is cancelled", async ({ expect }) => {
		const name = newName();
		const controller = new AbortController();
		const request = commandOf(name, `${twoMappings(name)}; exec sleep 1000`);

		const opening = failureOf(openCommand(sys, { ...request, signal: controller.signal }));
		for (
			let look = 0;
			look < 1000 && mapper.status({ name: request.top }) === undefined;
			look++
		)
			await delay(5);
		controller.abort();

		expect(await opening).toMatchObject({ code: "ERR_DEVICE_CANCELLED", closeFailures: [] });
		expect(await leftOf(name)).toEqual([]);
	});
});

function pidOf(commandLine: string): number | undefined {
	const found = readdirSync("/proc").find((pid) => {
		if (!/^\d+$/.test(pid)) return false;
		try {
			return readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(commandLine);
		} catch {
			return false; // it has ended
		}
	});
	return found === undefined ? undefined : Number(found);
}

describe("mappings that nobody owns", () => {
	test("are found by their tag and removed, and no others", async ({ expect }) => {
		const orphan = mappingTag(`${run}-gone`, "root");
		const foreign = ["vg-root", "devhost", `my-${orphan}`, "devhost-"];
		const table = [{ startSectors: 0, lengthSectors: 8, type: "zero", parameters: "" }];
		for (const name of [orphan, ...foreign]) {
			await mapper.create(name, `uuid-${name}`);
			await mapper.load({ name }, table);
			await mapper.resume({ name });
		}
		await mapper.suspend({ name: orphan });

		const found = taggedMappings(sys).filter(({ tag }) => tag.run === `${run}-gone`);
		expect(found).toMatchObject([
			{ name: orphan, tag: { name: "root" }, openCount: 0, isArmed: false },
		]);
		for (const mapping of found) await removeMapping(sys, mapping);

		expect(mapper.status({ name: orphan })).toBeUndefined();
		for (const name of foreign) {
			expect(mapper.status({ name })).toMatchObject({ isArmed: false });
			await mapper.remove({ name });
		}
		await expect(removeMapping(sys, found[0] as never)).resolves.toBeUndefined();
	});

	test("are left alone when their number is another's", async ({ expect }) => {
		const tag = mappingTag(`${run}-gone`, "home");
		await mapper.create(tag, tag);
		const [found] = taggedMappings(sys).filter(({ name }) => name === tag);
		await mapper.remove({ name: tag });
		await mapper.create("foreign", "foreign");
		const { node } = mapper.status({ name: "foreign" }) ?? {};

		const error = await failureOf(removeMapping(sys, { ...found, node } as never));

		expect(error).toMatchObject({ code: "ERR_DEVICE_NOT_OURS" });
		expect(mapper.status({ name: "foreign" })?.isArmed).toBe(false);
		await mapper.remove({ name: "foreign" });
	});
});
