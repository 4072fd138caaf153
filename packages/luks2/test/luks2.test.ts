import type { OpenContext, OpenDevice } from "@devhost/core";
import type { FakeCommandResult } from "@devhost/core/testing-mapping";
import { describe, expect as matching, test } from "vitest";
import { luks2 } from "../src/luks2.ts";
import {
	fakeLuks,
	type FakeLuks,
	type FakeLuksOptions,
	headerWithToken,
	parentNode,
	realHeader,
} from "./fake-luks.ts";

const passphrase = { fd: 0 };
const parent = { path: "loop3", node: parentNode };

async function open(
	machine: FakeLuks,
	options: object = { passphrase },
	further: Partial<OpenContext> = {},
): Promise<OpenDevice> {
	const driver = luks2(() => machine.sys);
	return await driver.open(driver.parseOptions(options), {
		name: "disk",
		run: "test",
		tree: 10,
		devices: 11,
		parents: [parent],
		parent,
		signal: new AbortController().signal,
		secret: machine.secret,
		log() {},
		...further,
	});
}

/** What cryptsetup says beside anything that goes wrong. */
const always =
	"No usable token is available.\nCommand failed with code -1 (wrong or missing parameters).\n";

test("tells what was opened", async ({ expect }) => {
	const machine = fakeLuks();

	await using device = await open(machine);

	expect(device).toMatchObject({ path: "dm-1", node: { major: 254, minor: 1 } });
	expect(device.details).toEqual({
		uuid: "3a1f2c0e-7b0a-4b6e-9c63-5dfd1c9a4d10",
		cipher: "aes-xts-plain64",
		keySlot: 0,
		sizeBytes: 1 << 20,
		sectorBytes: 512,
		readOnly: false,
		diskSequence: 1,
	});
});

test("hands cryptsetup the parent, the header and the secret by descriptor", async ({ expect }) => {
	const commands: unknown[] = [];
	const machine = fakeLuks({
		run(command) {
			commands.push(command);
			return {};
		},
	});

	await using _ = await open(machine, { passphrase, header: "luks.hdr" });

	expect(commands).toEqual([
		{
			file: "/sbin/cryptsetup",
			argv: [
				"cryptsetup",
				"--batch-mode",
				"--verbose",
				"open",
				"--type=luks2",
				"--disable-locks",
				"--header=/proc/self/fd/4",
				"/proc/self/fd/3",
				"devhost-test-disk",
			],
			environment: expect.objectContaining({ LC_ALL: "C", DM_DISABLE_UDEV: "1" }),
			fds: { 0: expect.anything(), 3: expect.any(Number), 4: expect.any(Number) },
		},
	]);
});

describe("refuses", () => {
	test.for<[string, FakeLuksOptions, object]>([
		[
			"a node that leads to another device",
			{ node: { major: 7, minor: 4 } },
			{ code: "ERR_DEVICE_NOT_OURS" },
		],
		[
			"a parent that can only be read",
			{ isReadOnly: true },
			{ code: "ERR_DEVICE_READ_ONLY_FILE", pointer: "/read-only" },
		],
		[
			"a parent without a header",
			{ header: Buffer.alloc(4096) },
			{ code: "ERR_DEVICE_FORMAT" },
		],
		[
			"a mapping of another container",
			{ uuid: "CRYPT-LUKS2-00000000000000000000000000000000-disk" },
			{ code: "ERR_DEVICE_NOT_OURS" },
		],
	])("%s", async ([, options, error], { expect }) => {
		const machine = fakeLuks(options);

		await expect(open(machine)).rejects.toMatchObject(error);

		expect(machine.leftovers()).toEqual([]);
	});

	test.for(["directory", "fifo", "char", "socket"] as const)(
		"a header that is a %s",
		async (headerFile, { expect }) => {
			const machine = fakeLuks({ headerFile });

			await expect(open(machine, { passphrase, header: "luks.hdr" })).rejects.toMatchObject({
				code: "ERR_DEVICE_FILE",
				pointer: "/header",
				message: "disk: header luks.hdr: expected a regular file or a block device",
			});

			expect(machine.mappings.log).toEqual([]);
		},
	);

	test("a host that sends no secret", async ({ expect }) => {
		const machine = fakeLuks();

		await expect(
			open(machine, { passphrase }, { secret: () => undefined }),
		).rejects.toMatchObject({ code: "ERR_DEVICE_SERVICE", pointer: "/passphrase" });
	});
});

/** What cryptsetup 2.6.1 says, seen in a guest with Linux 6.1 or read in its source. */
describe("knows what it means when cryptsetup says", () => {
	test.for<[string, FakeCommandResult, object]>([
		[
			"No key available with this passphrase.",
			{ exitCode: 2, stderr: "No key available with this passphrase.\n", stdout: always },
			{
				code: "ERR_DEVICE_KEY",
				pointer: "/passphrase",
				message: "disk: the passphrase does not open any of its key slots (0)",
			},
		],
		[
			"Volume key does not match the volume.",
			{ exitCode: 2, stderr: "Volume key does not match the volume.\n" },
			{ code: "ERR_DEVICE_KEY" },
		],
		[
			"Not enough available memory to open a keyslot.",
			{
				exitCode: 3,
				stderr: "Not enough available memory to open a keyslot.\n",
				stdout: always,
			},
			{ code: "ERR_DEVICE_MEMORY" },
		],
		["nothing, with status 3", { exitCode: 3 }, { code: "ERR_DEVICE_MEMORY" }],
		[
			"Kernel does not support dm-integrity mapping.",
			{
				exitCode: 1,
				stderr:
					"device-mapper: reload ioctl on devhost-test-disk_dif (254:0) failed: Invalid argument\n" +
					"Kernel does not support dm-integrity mapping.\n",
				stdout: always,
			},
			{
				code: "ERR_DEVICE_UNSUPPORTED",
				message: matching.stringContaining("no dm-integrity"),
			},
		],
		[
			"reload ioctl failed: No such file or directory",
			{
				exitCode: 4,
				stderr: "device-mapper: reload ioctl on devhost-test-disk (254:0) failed: No such file or directory\n",
				stdout: always,
			},
			{
				code: "ERR_DEVICE_UNSUPPORTED",
				message: matching.stringContaining(
					"no cipher aes-xts-plain64, with which its data",
				),
			},
		],
		[
			"reload ioctl failed: Invalid argument",
			{
				exitCode: 4,
				stderr: "device-mapper: reload ioctl on devhost-test-disk (254:0) failed: Invalid argument\n",
				stdout: always,
			},
			{
				code: "ERR_DEVICE_UNSUPPORTED",
				message: matching.stringContaining("modprobe dm-crypt"),
			},
		],
		[
			"Requested dm-crypt performance options are not supported.",
			{
				exitCode: 1,
				stderr: "Requested dm-crypt performance options are not supported.\n",
				stdout: always,
			},
			{
				code: "ERR_DEVICE_UNSUPPORTED",
				message: matching.stringContaining("Requested dm-crypt performance options"),
			},
		],
		[
			"Unmet LUKS2 requirements detected.",
			{ exitCode: 1, stderr: "Unmet LUKS2 requirements detected.\n", stdout: always },
			{ code: "ERR_DEVICE_REQUIREMENT" },
		],
		[
			"Device contains ambiguous signatures",
			{
				exitCode: 1,
				stderr:
					"Device contains ambiguous signatures, cannot auto-recover LUKS2.\n" +
					'Please run "cryptsetup repair" for recovery.\nDevice /proc/self/fd/3 is not a valid LUKS device.\n',
			},
			{
				code: "ERR_DEVICE_METADATA",
				message: matching.stringContaining("written over the secondary copy"),
			},
		],
		[
			"is not a valid LUKS device.",
			{ exitCode: 1, stderr: "Device /proc/self/fd/3 is not a valid LUKS device.\n" },
			{
				code: "ERR_DEVICE_METADATA",
				details: matching.objectContaining({
					stderr: "Device loop3 is not a valid LUKS device.\n",
				}),
			},
		],
		[
			"Requested offset is beyond real size of device",
			{
				exitCode: 1,
				stderr: "Requested offset is beyond real size of device /proc/self/fd/3.\n",
				stdout: always,
			},
			{ code: "ERR_DEVICE_OUT_OF_RANGE" },
		],
		[
			"Failed to load key in kernel keyring.",
			{ exitCode: 1, stderr: "Failed to load key in kernel keyring.\n", stdout: always },
			{ code: "ERR_DEVICE_PERMISSION", pointer: "/disable-keyring" },
		],
		[
			"Cannot initialize device-mapper.",
			{
				exitCode: 1,
				stderr: "Cannot initialize device-mapper. Is dm_mod kernel module loaded?\n",
				stdout: always,
			},
			{ code: "ERR_DEVICE_UNSUPPORTED" },
		],
		[
			"in use",
			{
				exitCode: 5,
				stderr: "Cannot use device /proc/self/fd/3 which is in use (already mapped or mounted).\n",
			},
			{
				code: "ERR_DEVICE_BUSY",
				message: "disk: loop3: still in use by device dm-7",
				holders: [{ kind: "device", device: "dm-7" }],
			},
		],
		[
			"an option that it does not know",
			{
				exitCode: 1,
				stderr: "Usage: cryptsetup [OPTION...]\n--disable-locks: unknown option\n",
			},
			{
				code: "ERR_DEVICE_TOOL",
				message:
					"disk: /sbin/cryptsetup is 2.6.1 and has no --disable-locks: install cryptsetup 2.4.0 or later",
			},
		],
		[
			"something that nobody has seen",
			{ exitCode: 1, stderr: "The disk is made of cheese.\n", stdout: always },
			{
				code: "ERR_DEVICE_COMMAND",
				message: "disk: cryptsetup ended with status 1: The disk is made of cheese.",
			},
		],
	])("%s", async ([, result, error], { expect }) => {
		const machine = fakeLuks({ run: () => result });

		await expect(open(machine)).rejects.toMatchObject(error);

		expect(machine.leftovers()).toEqual([]);
	});

	test("that no token helps, where tokens were to", async ({ expect }) => {
		const machine = fakeLuks({
			run: () => ({ exitCode: 1, stdout: always }),
			header: headerWithToken,
		});

		await expect(open(machine, { "token-only": true })).rejects.toMatchObject({
			code: "ERR_DEVICE_KEY",
			pointer: "/token-only",
			message: expect.stringContaining("of 0 (luks2-keyring): No usable token is available."),
		});
	});
});

test("asks cryptsetup for its version once, and only when nothing explains a failure", async ({
	expect,
}) => {
	const results: FakeCommandResult[] = [
		{},
		{ exitCode: 2, stderr: "No key available with this passphrase.\n" },
		{ exitCode: 1, stderr: "cryptsetup: Unknown device type luks2\n" },
		{ exitCode: 1, stderr: "cryptsetup: Unknown device type luks2\n" },
	];
	const machine = fakeLuks({ version: "1.7.5", run: () => results.shift() ?? {} });
	const driver = luks2(() => machine.sys);
	const context: OpenContext = {
		name: "disk",
		run: "test",
		tree: 10,
		devices: 11,
		parents: [parent],
		parent,
		signal: new AbortController().signal,
		secret: machine.secret,
		log() {},
	};
	const codes: unknown[] = [];
	while (results.length > 0) {
		try {
			await using opened = await driver.open(driver.parseOptions({ passphrase }), context);
			codes.push(opened.path);
		} catch (error) {
			codes.push((error as { code: string }).code);
		}
	}

	expect(codes).toEqual(["dm-1", "ERR_DEVICE_KEY", "ERR_DEVICE_TOOL", "ERR_DEVICE_TOOL"]);
	expect(machine.versionCount()).toBe(1);
});

test("says so when one copy of the header is damaged", async ({ expect }) => {
	const header = Buffer.from(realHeader);
	header.fill(0, 0, 4096);
	const told: string[] = [];

	await using _ = await open(
		fakeLuks({ header }),
		{ passphrase },
		{ log: (text) => told.push(text) },
	);

	expect(told).toEqual([
		"the primary copy of the LUKS2 header cannot be used (not there), the secondary one is in order. " +
			"cryptsetup repair mends it",
	]);
});
