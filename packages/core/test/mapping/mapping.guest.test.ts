import { createHash, randomBytes } from "node:crypto";
import { constants, readdirSync, readFileSync, readSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type DmTarget, openat2, statFd } from "@devhost/linux";
import { afterAll, describe, test } from "vitest";
import { toolEnvironment } from "../../src/command.ts";
import { openCommand, openTable } from "../../src/mapping/index.ts";
import { mappingTag } from "../../src/tag.ts";
import { failureOf, linear, Machine, megabyte, newName } from "./machine.ts";

const machine = new Machine();
const { devices, mapper, run, sys } = machine;
afterAll(() => machine[Symbol.dispose]());

function sha256(bytes: Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}

describe("a mapping", () => {
	test("has its node, and what is written is in the file when it is closed", async ({
		expect,
	}) => {
		using disk = await machine.newDisk();
		const data = randomBytes(megabyte);

		const name = newName();
		const mapping = await machine.openLinear(name, disk);
		expect(mapping).toMatchObject({ sizeBytes: megabyte, sectorBytes: 512, beneath: [] });
		expect(mapping.path).toBe(`dm-${mapping.node.minor}`);
		using device = openat2(devices, mapping.path, { flags: constants.O_RDWR });
		expect(statFd(device).node).toEqual(mapping.node);
		writeSync(device.fd, data);
		await mapping.flush();
		device.close();
		await mapping[Symbol.asyncDispose]();
		await mapping[Symbol.asyncDispose]();

		expect(sha256(readFileSync(disk.file))).toBe(sha256(data));
		expect(readdirSync(`/proc/self/fd/${devices.fd}`)).toEqual([]);
		expect(await machine.leftOf(name)).toEqual([]);
		await expect(mapping.flush()).rejects.toMatchObject({ code: "ERR_DEVICE_CLOSED" });
	});

	test("is of one run: another run's has another name", async ({ expect }) => {
		using disk = await machine.newDisk();
		const name = newName();
		const table = linear(disk.node);

		const ours = await openTable(sys, { ...machine.requestOf(name), table });
		const theirs = await openTable(sys, { ...machine.requestOf(name), table, run: `${run}-b` });

		expect(ours.name).not.toBe(theirs.name);
		expect(
			await failureOf(openTable(sys, { ...machine.requestOf(name), table })),
		).toMatchObject({
			code: "ERR_DEVICE_BUSY",
			details: { mapping: ours.name },
		});
		await ours[Symbol.asyncDispose]();
		expect(mapper.status({ name: theirs.name })?.isArmed).toBe(true);
		await theirs[Symbol.asyncDispose]();
		expect(await machine.leftOf(name)).toEqual([]);
	});

	test("can be had read-only of what can only be read", async ({ expect }) => {
		using disk = await machine.newDisk({ readOnly: true });
		const name = newName();
		const request = { ...machine.requestOf(name), table: linear(disk.node) };

		const writable = await failureOf(openTable(sys, request));
		const mapping = await openTable(sys, { ...request, readOnly: true });

		expect(writable).toMatchObject({ code: "ERR_DEVICE_READ_ONLY_FILE" });
		expect(mapping.readOnly).toBe(true);
		expect(readSync(mapping.fd, new Uint8Array(512))).toBe(512);
		await mapping[Symbol.asyncDispose]();
		expect(await machine.leftOf(name)).toEqual([]);
	});

	test("tells that something that was written is lost", async ({ expect }) => {
		using disk = await machine.newDisk();
		const [first] = linear(disk.node, 1024);
		const errors = { startSectors: 1024, lengthSectors: 1024, type: "error", parameters: "" };
		const table = [first as DmTarget, errors];
		const name = newName();
		const mapping = await openTable(sys, { ...machine.requestOf(name), table });

		using device = openat2(devices, mapping.path, { flags: constants.O_RDWR });
		writeSync(device.fd, new Uint8Array(4096), 0, 4096, 768 * 1024);
		device.close();

		expect(await failureOf(mapping[Symbol.asyncDispose]())).toMatchObject({
			code: "ERR_DEVICE_CLOSE",
			details: { errno: "EIO" },
		});
		expect(await machine.leftOf(name)).toEqual([]);
	});

	test("tells that somebody has suspended and disarmed it, and goes all the same", async ({
		expect,
	}) => {
		using disk = await machine.newDisk();
		const name = newName();
		const mapping = await machine.openLinear(name, disk);
		await mapper.cancelDeferredRemoval({ name: mapping.name });
		await mapper.suspend({ name: mapping.name });

		const error = await failureOf(mapping[Symbol.asyncDispose]());

		expect(error).toMatchObject({ code: "ERR_DEVICE_NOT_OURS" });
		expect(String(error)).toContain("it is suspended, it would have stayed");
		expect(await machine.leftOf(name)).toEqual([]);
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
		return { ...machine.requestOf(name), command, top, further: [`${top}_dif`] };
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
		expect(await machine.leftOf(name)).toEqual([]);
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
		expect(await machine.leftOf(name)).toEqual([]);
		// the kernel has sent the command its signal by now; a process takes a moment to die of it
		await expect.poll(() => pidOf(`sleep\0${marker}`)).toBeUndefined();
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
		expect(await machine.leftOf(name)).toEqual([]);
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
