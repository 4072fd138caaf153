import { describe, test } from "vitest";
import { isCommandError } from "../../src/command-error.ts";
import type { DeviceDriver } from "../../src/driver.ts";
import { DeviceError, isDeviceError } from "../../src/error.ts";
import {
	type CommandRequest,
	type MappingSys,
	openCommand,
	openTable,
	type TableRequest,
} from "../../src/mapping/index.ts";
import { mappingTag } from "../../src/tag.ts";
import { fakeMappings, type FakeMappingsOptions } from "../../src/testing-mapping.ts";
import { describeDriver } from "../../src/testing.ts";

const table = [{ startSectors: 0, lengthSectors: 2048, type: "linear", parameters: "7:0 0" }];
const command = { file: "/sbin/tool", argv: ["tool", "open"], environment: {} };
const base = {
	run: "run-1",
	name: "root",
	subject: "root",
	devices: 11,
	readOnly: false,
	closeTimeoutMs: 50,
} as const;
const tag = mappingTag("run-1", "root");
const byTable: TableRequest = { ...base, table };
const byCommand: CommandRequest = { ...base, command, top: tag, further: [`${tag}_dif`] };

/** A driver that does nothing but make a mapping. */
function driver(
	open: (context: typeof base & { signal: AbortSignal }) => ReturnType<typeof openTable>,
): DeviceDriver {
	return {
		types: ["test.mapping"],
		parent: "none",
		schema: {},
		parseOptions(value) {
			const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
			const [unknown] = isObject ? Object.keys(value) : [""];
			if (unknown === undefined) return value;
			const pointer = `/${unknown}`;
			throw new DeviceError("ERR_DEVICE_OPTIONS", "options: there are none", { pointer });
		},
		open: (_options, { name, run, signal }) => open({ ...base, name, run, signal } as never),
	};
}

describe.for([
	["table", (sys: MappingSys, context: object) => openTable(sys, { ...byTable, ...context })],
	[
		"read-only table",
		(sys: MappingSys, context: object) =>
			openTable(sys, { ...byTable, ...context, readOnly: true }),
	],
	[
		"command",
		(sys: MappingSys, context: { readonly run: string; readonly name: string }) => {
			const top = mappingTag(context.run, context.name);
			return openCommand(sys, { ...byCommand, ...context, top, further: [`${top}_dif`] });
		},
	],
	[
		"command whose mappings are renamed",
		(sys: MappingSys, context: { readonly name: string }) => {
			const top = `vg-${context.name}`;
			const names = { top, further: [`${top}_x`], furtherPrefix: top, rename: true };
			return openCommand(sys, { ...byCommand, ...context, ...names });
		},
	],
] as const)("by %s", ([, open]) => {
	describeDriver({ describe, test }, "a mapping", {
		canWait: true,
		setup({ step, neverReady }) {
			const machine = fakeMappings({ step, neverReady });
			return {
				driver: driver((context) => open(machine.sys, context)),
				options: {},
				context: { name: "root", run: "run-1", tree: 10, devices: 11 },
				leftovers: machine.leftovers,
				hasNode: ({ path, node }) => machine.nodes.get(path) === node?.minor,
				async [Symbol.asyncDispose]() {},
			};
		},
	});
});

async function failureOf(open: Promise<AsyncDisposable>): Promise<unknown> {
	try {
		await (await open)[Symbol.asyncDispose]();
		return undefined;
	} catch (error) {
		return error;
	}
}

describe("opening", () => {
	test("leaves a mapping of the same name alone", async ({ expect }) => {
		const machine = fakeMappings();
		const foreign = machine.addForeign(tag);

		for (const open of [openTable(machine.sys, byTable), openCommand(machine.sys, byCommand)]) {
			const error = await failureOf(open);
			expect(error).toMatchObject({ code: "ERR_DEVICE_BUSY", details: { mapping: tag } });
		}

		expect([...machine.mappings.values()]).toEqual([foreign]);
		expect(foreign.isArmed).toBe(false);
	});

	test("leaves a mapping alone that has our uuid", async ({ expect }) => {
		const machine = fakeMappings();
		const foreign = machine.addForeign("theirs", tag);

		const error = await failureOf(openTable(machine.sys, byTable));

		expect(isDeviceError(error, "ERR_DEVICE_BUSY")).toBe(true);
		expect(foreign.isArmed).toBe(false);
	});

	test.for<[string, FakeMappingsOptions["refuse"], string, string]>([
		["EINVAL", () => ({ step: "load", code: "EINVAL" }), "ERR_DEVICE_SYSTEM", "dmesg"],
		["ENXIO", () => ({ step: "load", code: "ENXIO" }), "ERR_DEVICE_SYSTEM", "ENXIO"],
		["EBUSY", () => ({ step: "load", code: "EBUSY" }), "ERR_DEVICE_BUSY", "beneath is in use"],
		[
			"EROFS",
			() => ({ step: "load", code: "EROFS" }),
			"ERR_DEVICE_READ_ONLY_FILE",
			"read-only",
		],
		["ENOMEM", () => ({ step: "resume", code: "ENOMEM" }), "ERR_DEVICE_MEMORY", "ENOMEM"],
		["EACCES", () => ({ step: "open", code: "EACCES" }), "ERR_DEVICE_PERMISSION", "nodev"],
	])("says why a table is refused: %s", async ([, refuse, code, words], { expect }) => {
		const machine = fakeMappings({ ...(refuse !== undefined && { refuse }) });

		const error = await failureOf(openTable(machine.sys, byTable));

		expect(error).toMatchObject({ code, message: expect.stringContaining(words) as string });
		expect(machine.leftovers()).toEqual([]);
	});

	test("writes nothing to what can only be read", async ({ expect }) => {
		const machine = fakeMappings({ readOnlyBeneath: true });

		const error = await failureOf(openTable(machine.sys, byTable));

		expect(error).toMatchObject({ code: "ERR_DEVICE_READ_ONLY_FILE", pointer: "/read-only" });
		expect(
			await failureOf(openTable(machine.sys, { ...byTable, readOnly: true })),
		).toBeUndefined();
	});

	test("says which target the kernel lacks", async ({ expect }) => {
		const machine = fakeMappings({
			targetTypes: ["crypt"],
			refuse: () => ({ step: "load", code: "EINVAL" }),
		});

		const error = await failureOf(openTable(machine.sys, byTable));

		expect(error).toMatchObject({
			code: "ERR_DEVICE_UNSUPPORTED",
			message:
				'root: this kernel has no device-mapper target "linear". Load its module: modprobe dm-linear',
		});
	});

	test("tells what a program said that failed", async ({ expect }) => {
		const machine = fakeMappings({
			run: () => ({ exitCode: 2, stdout: "x", stderr: "Warning.\nNo key available.\n" }),
		});

		const error = await failureOf(openCommand(machine.sys, byCommand));

		expect(isCommandError(error)).toBe(true);
		expect(error).toMatchObject({
			code: "ERR_DEVICE_COMMAND",
			message: "root: tool ended with status 2: No key available.",
			argv: ["tool", "open"],
			exitCode: 2,
			stdout: "x",
			stderr: "Warning.\nNo key available.\n",
		});
		expect(machine.leftovers()).toEqual([]);
	});

	test("tells of a program that made no mapping, and removes what it made", async ({
		expect,
	}) => {
		const machine = fakeMappings({ run: () => ({ makes: [`${tag}_dif`] }) });

		const error = await failureOf(openCommand(machine.sys, byCommand));

		expect(error).toMatchObject({ code: "ERR_DEVICE_SYSTEM", details: { step: "missing" } });
		expect(machine.leftovers()).toEqual([]);
	});
});

describe("closing", () => {
	test("takes what is beneath with it", async ({ expect }) => {
		const machine = fakeMappings();
		const mapping = await openCommand(machine.sys, byCommand);
		expect(mapping.beneath).toMatchObject([{ name: `${tag}_dif` }]);

		await mapping[Symbol.asyncDispose]();

		expect(machine.leftovers()).toEqual([]);
	});

	test("names nobody when it stays in use, and leaves it to the kernel", async ({ expect }) => {
		const machine = fakeMappings({ openedElsewhere: 1000 });
		const mapping = await openTable(machine.sys, byTable);

		const error = await failureOf(Promise.resolve(mapping));

		expect(error).toMatchObject({ code: "ERR_DEVICE_BUSY", holders: [] });
		expect(machine.leftovers()).toEqual([tag]);
		expect([...machine.mappings.values()]).toMatchObject([{ isArmed: true, openCount: 0 }]);
	});

	test("waits for a file system that goes", async ({ expect }) => {
		const machine = fakeMappings({ claimedElsewhere: 3 });
		const mapping = await openTable(machine.sys, byTable);

		await mapping[Symbol.asyncDispose]();

		expect(machine.log.filter((name) => name === "claim")).toHaveLength(4);
		expect(machine.leftovers()).toEqual([]);
	});

	test.for([
		[
			"another table",
			(mapping: { table: unknown }) => void (mapping.table = []),
			"it has another table",
		],
		[
			"suspended",
			(mapping: { suspended: boolean }) => void (mapping.suspended = true),
			"it is suspended",
		],
		[
			"not armed",
			(mapping: { isArmed: boolean }) => void (mapping.isArmed = false),
			"it would have stayed",
		],
	] as const)("tells when somebody has changed it: %s", async ([, change, words], { expect }) => {
		const machine = fakeMappings();
		const mapping = await openTable(machine.sys, byTable);
		for (const each of machine.mappings.values()) change(each);

		const error = await failureOf(Promise.resolve(mapping));

		expect(error).toMatchObject({
			code: "ERR_DEVICE_NOT_OURS",
			message: expect.stringContaining(words) as string,
		});
		expect(machine.leftovers()).toEqual([]);
	});

	test("does not wait for what another device stands on", async ({ expect }) => {
		const machine = fakeMappings();
		const mapping = await openCommand(machine.sys, byCommand);
		const other = machine.addForeign("another volume of the pool");
		const beneath = [...machine.mappings.values()].find(({ name }) => name === `${tag}_dif`);
		Object.assign(beneath ?? {}, { on: other.minor, openCount: 2 });

		await mapping[Symbol.asyncDispose]();

		expect(machine.leftovers()).toEqual([`${tag}_dif`]);
	});
});
