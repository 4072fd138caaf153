import { DeviceError, type OpenContext, type OpenDevice } from "@devhost/core";
import type { KeptCommand } from "@devhost/linux";
import { describe, test } from "vitest";
import { logicalVolume } from "../src/logical-volume.ts";
import { type FakeVolume, fakeVolume, type FakeVolumeOptions } from "./fake-volume.ts";
import { fixture, smallText, writeText } from "./metadata-image.ts";

const disks = [0, 1, 2, 3] as const;
const kinds = Object.fromEntries(disks.map((disk) => [`loop${disk}`, fixture(disk)]));
const thin = ["kinds-pool_tmeta", "kinds-pool_tdata", "kinds-pool-tpool", "kinds-thin"];

function small(text: string): FakeVolumeOptions {
	return { images: { loop0: writeText(fixture(0), text) } };
}

interface Opening {
	readonly machine: FakeVolume;
	readonly logged: readonly string[];
	open(): Promise<OpenDevice>;
}

function opening(
	options: object,
	machineOptions: FakeVolumeOptions,
	further: Partial<OpenContext> = {},
): Opening {
	const machine = fakeVolume(machineOptions);
	const driver = logicalVolume(() => machine.sys);
	const logged: string[] = [];
	const context: OpenContext = {
		name: "root",
		run: "test",
		tree: 10,
		devices: 11,
		parents: machine.parents,
		signal: new AbortController().signal,
		log: (text) => void logged.push(text),
		secret: () => undefined,
		...further,
	};
	return { machine, logged, open: () => driver.open(driver.parseOptions(options), context) };
}

describe("a linear volume", () => {
	test("is a mapping of the run's", async ({ expect }) => {
		const { machine, open } = opening({ volume: "root" }, small(smallText));
		const device = await open();

		expect(device.details).toEqual({
			lvm: { vg_name: "small", lv_name: "root" },
			groupUuid: "0MH8Zs-Vg6j-zwSS-NxoZ-5oJE-vuYG-254sZL",
			uuid: "yGduma-vmDJ-DR9F-G2lT-9YBI-2fD7-Sfq6CK",
			sizeBytes: 1 << 20, // the fake's
			sectorBytes: 512,
			readOnly: false,
			diskSequence: 1,
		});
		expect([...machine.mappings.mappings.values()]).toMatchObject([
			{
				name: "devhost-test-root",
				table: [
					{
						startSectors: 0,
						lengthSectors: 32768,
						type: "linear",
						parameters: "7:0 83968",
					},
				],
				readOnly: false,
			},
		]);
		await device[Symbol.asyncDispose]();
		expect(machine.leftovers()).toEqual([]);
	});

	test("lets go of the parents as soon as it is open", async ({ expect }) => {
		const { machine, open } = opening({ volume: "root" }, small(smallText));
		const device = await open();

		expect(machine.leftovers()).toEqual(["mapping", "dm-0", "devhost-test-root"]);
		await device[Symbol.asyncDispose]();
	});

	test("is read-only where it is asked for, and must be asked for where it may only be read", async ({
		expect,
	}) => {
		const text = smallText.replace('["READ", "WRITE", "VISIBLE"]', '["READ", "VISIBLE"]');
		const readOnly = opening({ volume: "root", "read-only": true }, small(text));
		await readOnly.open();

		expect([...readOnly.machine.mappings.mappings.values()][0]?.readOnly).toBe(true);
		await expect(opening({ volume: "root" }, small(text)).open()).rejects.toMatchObject({
			code: "ERR_DEVICE_READ_ONLY_FILE",
			pointer: "/read-only",
			message: expect.stringContaining("root: volume small/root may only be read"),
		});
		const group = smallText.replace('"RESIZEABLE", "READ", "WRITE"', '"READ"');
		await expect(opening({ volume: "root" }, small(group)).open()).rejects.toMatchObject({
			message: expect.stringContaining("volume group small may only be read"),
		});
	});

	test("says whose message it is, what was passed over, and which parent is none", async ({
		expect,
	}) => {
		await expect(opening({ volume: "home" }, small(smallText)).open()).rejects.toMatchObject({
			code: "ERR_DEVICE_OPTIONS",
			pointer: "/volume",
			message: "root: volume: no home in volume group small; there is root",
		});

		const damaged = { ...kinds, loop0: Buffer.from(kinds["loop0"] ?? []).fill(0, 4096, 8192) };
		const { logged, open } = opening({ volume: "plain" }, { images: damaged });
		await open();
		expect(logged).toEqual(["loop0: the metadata at byte 4096: its header is none"]);

		await expect(
			opening(
				{ volume: "root" },
				{ images: { ...kinds, loop7: new Uint8Array(8192) } },
			).open(),
		).rejects.toMatchObject({
			code: "ERR_DEVICE_FORMAT",
			message: "root: loop7: not a physical volume of LVM2",
		});
	});

	test("is on the parent that was given, and not on another of its name", async ({ expect }) => {
		const parents = [{ path: "loop0", node: { major: 7, minor: 9 } }];

		await expect(
			opening({ volume: "root" }, small(smallText), { parents }).open(),
		).rejects.toMatchObject({ code: "ERR_DEVICE_NOT_OURS" });
	});

	test("is on a partition whose node is there", async ({ expect }) => {
		const images = { loop0: new Uint8Array(8192), loop0p2: fixture(0) };
		const { machine, open } = opening({ volume: "plain", vg_partnum: 2 }, { images });
		await open();

		expect([...machine.mappings.mappings.values()][0]?.table[0]?.parameters).toBe("259:2 2048");
		await expect(
			opening({ volume: "plain", vg_partnum: 3 }, { images }).open(),
		).rejects.toMatchObject({
			code: "ERR_DEVICE_PARENT",
			pointer: "/vg_partnum",
			message: expect.stringContaining(
				"root: vg_partnum: loop0 has no node for its partition 3",
			),
		});
	});

	test("is given up when nobody waits for it", async ({ expect }) => {
		const aborted = (reason: unknown) => ({ signal: AbortSignal.abort(reason) });

		await expect(
			opening({ volume: "root" }, small(smallText), aborted(new Error("no more"))).open(),
		).rejects.toMatchObject({ code: "ERR_DEVICE_CANCELLED" });
		await expect(
			opening(
				{ volume: "root" },
				small(smallText),
				aborted(new DOMException("late", "TimeoutError")),
			).open(),
		).rejects.toMatchObject({ code: "ERR_DEVICE_TIMEOUT" });
	});
});

describe("a volume that the tools open", () => {
	test("is activated knowing of the parents only, and renamed", async ({ expect }) => {
		const commands: KeptCommand[] = [];
		const { machine, open } = opening(
			{ volume: "thin" },
			{
				images: kinds,
				run(command) {
					commands.push(command);
					return { makes: thin };
				},
			},
		);
		const device = await open();

		expect(commands).toHaveLength(1);
		expect(commands[0]?.argv).toEqual([
			"lvm",
			"lvchange",
			"--yes",
			"--activate",
			"y",
			"--ignoreactivationskip",
			"--poll",
			"n",
			"--devices",
			"/system/dev/pv0,/system/dev/pv1,/system/dev/pv2,/system/dev/pv3",
			"kinds/thin",
		]);
		expect(commands[0]?.environment).toMatchObject({
			LC_ALL: "C",
			LVM_SYSTEM_DIR: "/system",
			DM_DISABLE_UDEV: "1",
		});
		expect(machine.targets).toEqual(["thin-pool"]);
		expect([...machine.mappings.mappings.values()].map(({ name }) => name).toSorted()).toEqual([
			"devhost-test-root",
			"devhost-test-root.1",
			"devhost-test-root.2",
			"devhost-test-root.3",
		]);
		await device[Symbol.asyncDispose]();
		expect(machine.leftovers()).toEqual([]);
	});

	test("is read-only by the tools' own means", async ({ expect }) => {
		const commands: KeptCommand[] = [];
		const { open } = opening(
			{ volume: "thin", "read-only": true },
			{
				images: kinds,
				run(command) {
					commands.push(command);
					return { makes: thin };
				},
			},
		);
		await open();

		expect(commands[0]?.argv).toContain('activation/read_only_volume_list=["kinds/thin"]');
	});

	test("waits until no other process has the tools at work", async ({ expect }) => {
		const { machine, open } = opening(
			{ volume: "thin" },
			{ images: kinds, lockedElsewhere: 3, run: () => ({ makes: thin }) },
		);
		const device = await open();

		expect(machine.leftovers()).not.toContain("lockTools");
		await device[Symbol.asyncDispose]();
	});

	test("knows the kernel's names of what it needs", async ({ expect }) => {
		const targetsOf = async (volume: string): Promise<readonly string[]> => {
			const { machine, open } = opening(
				{ volume },
				{ images: kinds, run: () => ({ makes: [`kinds-${volume}`] }) },
			);
			await open();
			return machine.targets;
		};

		expect(await targetsOf("raid5")).toEqual(["raid"]);
		expect(await targetsOf("sealed")).toEqual(["raid", "integrity"]);
		expect(await targetsOf("cached")).toEqual(["cache", "cache-smq"]);
		expect(await targetsOf("wc")).toEqual(["writecache"]);
		expect(await targetsOf("snap")).toEqual(["snapshot"]);
		expect(await targetsOf("origin")).toEqual(["snapshot"]);
		expect(await targetsOf("mirror")).toEqual(["mirror"]);
		expect(await targetsOf("error")).toEqual([]);
	});

	test.for([
		[
			"  lvchange: unrecognized option '--devices'\n  Error during parsing of command line.\n",
			"ERR_DEVICE_TOOL",
			/^root: the lvm tools are too old .* 2\.03\.12 or newer/,
		],
		[
			"  thin: Required device-mapper target(s) not detected in your kernel.\n  Run `lvchange --help' for more information.\n",
			"ERR_DEVICE_UNSUPPORTED",
			/^root: this kernel lacks what volume kinds\/thin is made of \(thin\): thin: Required .*; Run/,
		],
		[
			"  something else\n",
			"ERR_DEVICE_COMMAND",
			/^root: lvm ended with status 5: something else$/,
		],
	] as const)("says what the tools mean by %j", async ([stderr, code, message], { expect }) => {
		const { machine, open } = opening(
			{ volume: "thin" },
			{ images: kinds, run: () => ({ exitCode: 5, stderr }) },
		);

		await expect(open()).rejects.toMatchObject({
			code,
			message: expect.stringMatching(message),
		});
		expect(machine.leftovers()).toEqual([]);
	});

	test("names what is missing where the tools cannot do without", async ({ expect }) => {
		const { loop0, loop1 } = kinds;
		const { logged, open } = opening(
			{ volume: "raid5" },
			{
				images: { loop0: loop0 ?? new Uint8Array(), loop1: loop1 ?? new Uint8Array() },
				run: () => ({ exitCode: 5, stderr: "  Refusing activation of partial LV\n" }),
			},
		);

		await expect(open()).rejects.toMatchObject({
			code: "ERR_DEVICE_PARENT",
			message: expect.stringMatching(
				/U13OS0-\S+ \(it was \/dev\/loop2\), oN8oSA-\S+ .* are missing among the parents/,
			),
		});
		expect(logged).toHaveLength(1);
	});

	test.for([
		["kinds-other", "", "the mapping kinds-other"],
		["anything", "LVM-yK14cdnZpoi0S5Td4KueqiRfnJo9whwlsomeothervolume", "the mapping anything"],
		["anything", "LVM-yK14cdnZpoi0S5Td4KueqiRfnJo9whwl", "the mapping anything"],
	] as const)(
		"is refused while there is a mapping %s (%s)",
		async ([name, uuid, text], { expect }) => {
			const { machine, open } = opening({ volume: "thin" }, { images: kinds });
			machine.mappings.addForeign(name, uuid);

			await expect(open()).rejects.toMatchObject({
				code: "ERR_DEVICE_BUSY",
				message: expect.stringContaining(text),
			});
			expect(machine.mappings.mappings.size).toBe(1);
		},
	);

	test.for(["kinds--b-root", "other-thin", "kindsx-thin"])(
		"is opened beside %s, of another group",
		async (name, { expect }) => {
			const { machine, open } = opening(
				{ volume: "thin" },
				{ images: kinds, run: () => ({ makes: thin }) },
			);
			machine.mappings.addForeign(name);
			await using device = await open();

			expect(device.path).toBe("dm-4");
		},
	);

	test("is opened beside a pool on the same parents", async ({ expect }) => {
		const { machine, open } = opening(
			{ volume: "thin" },
			{
				images: kinds,
				run: () => ({ makes: ["kinds-thin"] }),
				beneath: [{ major: 7, minor: 3 }],
			},
		);
		machine.mappings.addForeign(
			"devhost-test-other.1",
			"LVM-yK14cdnZpoi0S5Td4KueqiRfnJo9whwlpool-tpool",
		);
		await using device = await open();

		expect(device.path).toBe("dm-1");
	});

	test("needs the tools", async ({ expect }) => {
		const { open } = opening({ volume: "thin" }, { images: kinds, hasTools: false });

		await expect(open()).rejects.toThrow(
			new DeviceError(
				"ERR_DEVICE_TOOL",
				"root: volume kinds/thin is not linear or striped but thin: lvm not found",
			),
		);
	});
});
