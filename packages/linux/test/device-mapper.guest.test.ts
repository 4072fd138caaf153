import { readFileSync, readSync, statSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { describe, test } from "vitest";
import {
	blockReadOnly,
	blockSizeBytes,
	DeviceMapper,
	detachedMount,
	type DmTarget,
	isSysError,
	memfd,
	mknodat,
} from "../src/index.ts";

const zeros: DmTarget = { startSectors: 0, lengthSectors: 2048, type: "zero", parameters: "" };
const errors: DmTarget = { startSectors: 2048, lengthSectors: 2048, type: "error", parameters: "" };

let count = 0;

/** A device-mapper device of a name of its own, which is gone at the end of the test. */
class Device implements AsyncDisposable {
	readonly mapper: DeviceMapper = DeviceMapper.open();
	readonly name: string = `test-${process.pid}-${count++}`;
	readonly which: { readonly uuid: string } = { uuid: `uuid-${this.name}` };

	async make(table: readonly DmTarget[] = [zeros]): Promise<this> {
		await this.mapper.create(this.name, this.which.uuid);
		await this.mapper.load(this.which, table);
		await this.mapper.resume(this.which);
		return this;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		using mapper = this.mapper;
		// Whether it is there is not asked before: one that is armed may go between the two.
		const code = await codeOf(mapper.removeDeferred(this.which));
		if (code !== undefined && code !== "ENXIO") throw new Error(`${this.name}: ${code}`);
	}
}

/** The kernel removes an armed device on a thread of its own, a moment after its last descriptor is closed. */
async function isGone({ mapper, which }: Device): Promise<boolean> {
	for (let look = 0; look < 200; look++) {
		if (mapper.status(which) === undefined) return true;
		await delay(5);
	}
	return false;
}

async function codeOf(call: Promise<unknown> | (() => unknown)): Promise<string | undefined> {
	try {
		await (typeof call === "function" ? call() : call);
		return undefined;
	} catch (error) {
		return isSysError(error) ? error.code : String(error);
	}
}

test("a guest has device-mapper, loaded when its control node is opened", ({ expect }) => {
	using mapper = DeviceMapper.open();

	const [major, minor] = mapper.version();
	expect([major, minor >= 27]).toEqual([4, true]);
	expect(mapper.targets()).toContainEqual({
		name: "linear",
		version: [1, expect.any(Number), expect.any(Number)],
	});
});

test("a kind of targets is loaded when its version is asked for", async ({ expect }) => {
	using mapper = DeviceMapper.open();

	expect(await mapper.targetVersion("thin-pool")).toEqual([
		1,
		expect.any(Number),
		expect.any(Number),
	]);
	expect(mapper.targets().map(({ name }) => name)).toContain("thin-pool");
	expect(await mapper.targetVersion("no-such-target")).toBeUndefined();
});

test("a control node may be named, and what is none is refused", async ({ expect }) => {
	using place = detachedMount("tmpfs");
	mknodat(place, "control", "char", { major: 10, minor: 236 }, 0o600);
	mknodat(place, "null", "char", { major: 1, minor: 3 }, 0o600);
	const folder = `/proc/self/fd/${place.fd}`;

	using mapper = DeviceMapper.open({ control: `${folder}/control` });
	using none = DeviceMapper.open({ control: `${folder}/null` });

	expect(mapper.version()[0]).toBe(4);
	expect(await codeOf(() => none.version())).toBe("ENOTTY");
	expect(await codeOf(() => DeviceMapper.open({ control: `${folder}/no` }))).toBe("ENOENT");
});

test("a device is made, loaded, resumed, suspended, renamed and removed", async ({ expect }) => {
	await using device = new Device();
	const { mapper, name, which } = device;

	const { node } = await mapper.create(name, which.uuid);
	expect(mapper.list()).toContainEqual({ name, ...which, node });
	expect(mapper.status({ name })).toMatchObject({ name, ...which, hasLiveTable: false });

	await mapper.load({ node }, [zeros, errors]);
	expect(mapper.status({ name })).toMatchObject({ hasInactiveTable: true, hasLiveTable: false });
	expect(mapper.table({ name }, { inactive: true })).toHaveLength(2);
	await mapper.clear(which);
	expect(mapper.status({ name })?.hasInactiveTable).toBe(false);
	await mapper.load(which, [zeros, errors]);
	await mapper.resume({ name });
	const live = { suspended: false, hasLiveTable: true, targetCount: 2, openCount: 0 };
	expect(mapper.status({ node })).toMatchObject(live);
	expect(mapper.table({ name })).toEqual([zeros, errors]);

	await mapper.suspend({ name }, { noFlush: true, skipLockfs: true });
	expect(mapper.status({ name })?.suspended).toBe(true);
	await mapper.resume({ name });

	await mapper.rename(name, `${name}-new`);
	expect(mapper.status({ name })).toBeUndefined();
	expect(mapper.status(which)?.name).toBe(`${name}-new`);
	await mapper.remove({ name: `${name}-new` });
	expect(mapper.status(which)).toBeUndefined();
	expect(await codeOf(mapper.remove(which))).toBe("ENXIO");
	expect(await codeOf(() => mapper.table(which))).toBe("ENXIO");
});

test("names and uuids are nobody else's, and a uuid is for good", async ({ expect }) => {
	await using device = await new Device().make();
	await using other = new Device();
	const { mapper } = device;

	expect(await codeOf(mapper.create(device.name, "another"))).toBe("EBUSY");
	expect(await codeOf(mapper.create(`${device.name}-other`, device.which.uuid))).toBe("EBUSY");
	await mapper.create(other.name);
	expect(mapper.list().find(({ name }) => name === other.name)?.uuid).toBe("");
	expect(await codeOf(mapper.rename(other.name, device.name))).toBe("EBUSY");
	expect(await codeOf(mapper.setUuid(other.name, device.which.uuid))).toBe("EBUSY");
	await mapper.setUuid(other.name, other.which.uuid);
	expect(mapper.status({ name: other.name })?.uuid).toBe(other.which.uuid);
	expect(await codeOf(mapper.setUuid(other.name, "again"))).toBe("EINVAL");
});

test("the longest name and uuid work, and longer ones never reach the kernel", async ({
	expect,
}) => {
	using mapper = DeviceMapper.open();
	const [name, uuid] = [`n${process.pid}-`.padEnd(127, "n"), `u${process.pid}-`.padEnd(128, "u")];

	await mapper.create(name, uuid);

	expect(mapper.list()).toContainEqual(expect.objectContaining({ name, uuid }));
	await mapper.remove({ uuid });
	await expect(mapper.create(`${name}n`)).rejects.toThrow("128 bytes, at most 127");
});

test("answers of more than 16 KiB come whole: tables, dependencies, lists", async ({ expect }) => {
	await using base = await new Device().make();
	const { mapper } = base;
	const node = mapper.status(base.which)?.node ?? { major: 0, minor: 0 };
	// Backwards, so that no two of them are one to the kernel.
	const table = Array.from({ length: 2048 }, (_, index) => ({
		startSectors: index,
		lengthSectors: 1,
		type: "linear",
		parameters: `${node.major}:${node.minor} ${2047 - index}`,
	}));
	await using device = await new Device().make(table);

	expect(mapper.table(device.which)).toEqual(table);
	expect(mapper.dependencies(device.which)).toEqual([node]);
	expect(mapper.dependencies(base.which)).toEqual([]);

	const names = Array.from({ length: 130 }, (_, index) => `many-${index}-`.padEnd(120, "x"));
	for (const name of names) await mapper.create(name, `uuid-${name}`);
	const listed = mapper.list().filter(({ name }) => name.startsWith("many-"));
	for (const name of names) await mapper.remove({ name });
	expect(listed.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
	expect(listed.every(({ name, uuid }) => uuid === `uuid-${name}`)).toBe(true);
});

test("a table says which target there is not, and what it does not take", async ({ expect }) => {
	await using device = new Device();
	const { mapper, which } = device;
	await mapper.create(device.name, which.uuid);

	for (const [type, parameters] of [
		["no-such-target", ""],
		["linear", "nonsense"],
		["linear", "240:77777 0"],
	] as const) {
		const code = await codeOf(mapper.load(which, [{ ...zeros, type, parameters }]));
		expect(["EINVAL", "ENXIO", "ENODEV"]).toContain(code);
	}
	// What begins behind a gap is no table either.
	expect(await codeOf(mapper.load(which, [errors]))).toBe("EINVAL");
});

test("a read-only table makes a read-only device", async ({ expect }) => {
	await using device = new Device();
	const { mapper, which } = device;
	await mapper.create(device.name, which.uuid);
	await mapper.load(which, [zeros], { readOnly: true });
	await mapper.resume(which);

	await using held = await mapper.hold(which, { readOnly: true });

	expect(mapper.status(which)?.readOnly).toBe(true);
	expect(blockReadOnly(held.fd)).toBe(true);
});

test("a table with a key is loaded, and the key is in the kernel alone", async ({ expect }) => {
	await using base = await new Device().make();
	await using device = new Device();
	const { mapper, which } = device;
	const node = mapper.status(base.which)?.node;
	const key = "0123456789abcdef".repeat(4);
	const parameters = `aes-xts-plain64 ${key} 0 ${node?.major}:${node?.minor} 0`;
	const table = [{ ...zeros, type: "crypt", parameters }];
	await mapper.create(device.name, which.uuid);

	await mapper.load(which, table, { secureData: true });
	await mapper.resume(which);

	expect(mapper.table(which, { secureData: true })).toEqual(table);
	expect(mapper.targetStatus(which)[0]?.parameters).toBe("");
	await using held = await mapper.hold(which);
	const bytes = new Uint8Array(512);
	readSync(held.fd.fd, bytes);
	// Zeros, decrypted.
	expect(bytes.some((byte) => byte !== 0)).toBe(true);
});

describe("a device that is held", () => {
	test("goes with its descriptor", async ({ expect }) => {
		await using device = await new Device().make();
		const { mapper, which } = device;
		const held = await mapper.hold(which);

		expect(blockSizeBytes(held.fd)).toBe(2048 * 512);
		expect(mapper.status(which)).toMatchObject({ isArmed: true, openCount: 1 });
		expect(await codeOf(mapper.remove(which))).toBe("EBUSY");

		await held[Symbol.asyncDispose]();
		expect(await isGone(device)).toBe(true);
	});

	test("stays when somebody takes that back, and goes when it is armed again", async ({
		expect,
	}) => {
		await using device = await new Device().make();
		const { mapper, which } = device;
		const held = await mapper.hold(which);

		await mapper.cancelDeferredRemoval(which);
		expect(mapper.status(which)?.isArmed).toBe(false);
		await held[Symbol.asyncDispose]();
		expect(mapper.status(which)).toMatchObject({ isArmed: false, openCount: 0 });

		expect(await mapper.removeDeferred(which)).toBe(true);
		expect(mapper.status(which)).toBeUndefined();
	});

	test("goes although it is suspended, or was never resumed", async ({ expect }) => {
		await using suspended = await new Device().make();
		await using fresh = new Device();
		const { mapper } = suspended;
		await mapper.create(fresh.name, fresh.which.uuid);
		await mapper.load(fresh.which, [zeros]);
		const holds = [await mapper.hold(suspended.which), await mapper.hold(fresh.which)];
		await mapper.suspend(suspended.which);

		for (const held of holds) await held[Symbol.asyncDispose]();

		expect(await isGone(suspended)).toBe(true);
		expect(await isGone(fresh)).toBe(true);
	});

	test("takes what it stands on with it, if that is armed", async ({ expect }) => {
		await using base = await new Device().make();
		const { mapper } = base;
		const node = mapper.status(base.which)?.node;
		const parameters = `${node?.major}:${node?.minor} 0`;
		await using top = await new Device().make([{ ...zeros, type: "linear", parameters }]);

		expect(await mapper.removeDeferred(base.which)).toBe(false);
		const held = await mapper.hold(top.which);
		await held[Symbol.asyncDispose]();

		expect(await isGone(top)).toBe(true);
		expect(await isGone(base)).toBe(true);
	});

	test("is opened in a directory that was given, in which nothing stays", async ({ expect }) => {
		await using device = await new Device().make();
		using directory = detachedMount("tmpfs");
		await using held = await device.mapper.hold(device.which, { directory });

		expect(statSync(`/proc/self/fd/${held.fd.fd}`).isBlockDevice()).toBe(true);
		expect(readFileSync(`/proc/self/mountinfo`, "utf8")).not.toContain("keep");
	});
});

test("a message reaches its target, and an answer comes back", async ({ expect }) => {
	await using device = await new Device().make();
	const { mapper, which } = device;

	const region = await mapper.message(which, "@stats_create - /1");
	expect(region).toBe("0");
	expect(await mapper.message(which, "@stats_list")).toMatch(/^0: 0\+2048 2048/);
	expect(await mapper.message(which, "@stats_delete 0")).toBeUndefined();
	expect(await codeOf(mapper.message(which, "nonsense"))).toBe("EINVAL");
});

test("what is no device-mapper says so", async ({ expect }) => {
	using file = memfd("no control");
	writeSync(file.fd, "x");
	using mapper = DeviceMapper.open({ control: `/proc/self/fd/${file.fd}` });

	expect(await codeOf(() => mapper.list())).toBe("ENOTTY");
});
