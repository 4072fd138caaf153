/**
 * A device-mapper that exists only in memory, for tests of drivers that make mappings.
 *
 * @packageDocumentation
 */
import { constants } from "node:os";
import {
	type DeviceNumber,
	type DmStatus,
	type DmTarget,
	type KeeperFailure,
	type KeptCommand,
	SysError,
} from "@devhost/linux";
import type { ReleaseFailures } from "./block-device.ts";
import { nowMs } from "./clock.ts";
import { delay } from "./delay.ts";
import type { Handle } from "./handle.ts";
import type { MappingSys } from "./mapping/mapping-sys.ts";

/** How a fake program ends. */
export interface FakeCommandResult {
	/** @default 0 */
	readonly exitCode?: number;
	/** @default nothing */
	readonly stdout?: string;
	/** @default nothing */
	readonly stderr?: string;
	/** The names of the mappings that it has made. @default those that it may make: `top` and `further` */
	readonly makes?: readonly string[];
}

/** How the fake device-mapper behaves. */
export interface FakeMappingsOptions {
	/** Called at each step: before something is acquired, after something was released. May throw. */
	readonly step?: (name: string) => void;
	/** Making a mapping goes on until the signal aborts. @default false */
	readonly neverReady?: boolean;
	/** What a program does. @default it makes what it may, and ends well */
	readonly run?: (command: KeptCommand) => FakeCommandResult;
	/** What becomes of a table; undefined: it is loaded. @default all are */
	readonly refuse?: (
		table: readonly DmTarget[],
	) =>
		| { readonly step: KeeperFailure["step"]; readonly code: keyof typeof constants.errno }
		| undefined;
	/** What tables name can only be read. @default false */
	readonly readOnlyBeneath?: boolean;
	/** The kinds of targets that there are. @default crypt, linear, striped */
	readonly targetTypes?: readonly string[];
	/** Others that have each mapping open: how many looks until they are gone. @default none */
	readonly openedElsewhere?: number;
	/** Others that stand on each mapping: how many tries until they are gone. @default none */
	readonly claimedElsewhere?: number;
	/** Bytes of a logical sector. @default 512 */
	readonly sectorBytes?: number;
}

/** A mapping of the fake device-mapper. */
export interface FakeMapping {
	name: string;
	uuid: string;
	readonly minor: number;
	readonly table: readonly DmTarget[];
	readonly readOnly: boolean;
	isArmed: boolean;
	suspended: boolean;
	/** Descriptors, and mappings that stand on it. */
	openCount: number;
	/** The minor of the mapping that stands on it. */
	on: number | undefined;
	readonly sequence: number;
}

/** See {@link fakeMappings}. */
export interface FakeMappings {
	readonly sys: MappingSys;
	/** The steps taken, in order. */
	readonly log: readonly string[];
	/** The mappings that there are, by minor. A test may change them. */
	readonly mappings: Map<number, FakeMapping>;
	/** Names in the device directory, with the minor that each stands for. */
	readonly nodes: Map<string, number>;
	/** What is still open, mapped, or has a name in the device directory. */
	leftovers(): readonly string[];
	/** Adds a mapping that somebody else has made. It is no leftover. */
	addForeign(name: string, uuid?: string): FakeMapping;
}

/** The major number of the fake mappings. */
export const fakeMajor = 254;

/** Makes a device-mapper without mappings. */
export function fakeMappings(options: FakeMappingsOptions = {}): FakeMappings {
	const log: string[] = [];
	const step = (name: string): void => {
		log.push(name);
		options.step?.(name);
	};
	const open = new Map<number, string>();
	const byFd = new Map<number, FakeMapping>();
	const mappings = new Map<number, FakeMapping>();
	const foreign = new Set<FakeMapping>();
	const nodes = new Map<string, number>();
	let nextFd = 1000;
	let nextMinor = 0;
	let sequence = 0;
	let looks = options.openedElsewhere ?? 0;
	let claims = options.claimedElsewhere ?? 0;

	function sysError(code: keyof typeof constants.errno, syscall: string): SysError {
		return new SysError(syscall, constants.errno[code]);
	}

	function add(mapping: Pick<FakeMapping, "name" | "uuid" | "table" | "readOnly">): FakeMapping {
		const minor = nextMinor++;
		const added: FakeMapping = {
			...mapping,
			minor,
			isArmed: false,
			suspended: false,
			openCount: 0,
			on: undefined,
			sequence: sequence++,
		};
		mappings.set(minor, added);
		return added;
	}

	/** As the kernel does it: what nobody has open any more goes, and lets go of what is beneath. */
	function removeUnused(): void {
		for (const [minor, mapping] of mappings) {
			if (!mapping.isArmed || mapping.openCount > 0 || looks > 0) continue;
			mappings.delete(minor);
			for (const beneath of mappings.values()) {
				if (beneath.on !== minor) continue;
				beneath.on = undefined;
				beneath.openCount--;
			}
			removeUnused();
			return;
		}
	}

	function handle(what: string, mapping: FakeMapping): Handle {
		const fd = nextFd++;
		open.set(fd, what);
		byFd.set(fd, mapping);
		mapping.openCount++;
		const close = (): void => {
			if (!open.delete(fd)) return;
			mapping.openCount--;
			removeUnused();
			step(`close ${what}`);
		};
		return {
			get fd() {
				if (!open.has(fd)) throw new Error(`${what} is closed`);
				return fd;
			},
			take: () => fd,
			close,
			async closeAsync() {
				await Promise.resolve();
				close();
			},
			[Symbol.dispose]: close,
			async [Symbol.asyncDispose]() {
				await Promise.resolve();
				close();
			},
		};
	}

	function failure(failed: Partial<KeeperFailure> & Pick<KeeperFailure, "step">): KeeperFailure {
		return { ok: false, errno: undefined, status: undefined, leftCount: 0, ...failed };
	}

	/** Undefined where it goes on; else the signal has aborted. */
	async function untilReady(signal: AbortSignal | undefined): Promise<KeeperFailure | undefined> {
		await Promise.resolve();
		if (options.neverReady === true && signal?.aborted !== true) {
			const { promise, resolve } = Promise.withResolvers<void>();
			signal?.addEventListener("abort", () => resolve(), { once: true });
			await promise;
		}
		return signal?.aborted === true ? failure({ step: "service" }) : undefined;
	}

	function nodeOf({ minor }: FakeMapping): DeviceNumber {
		return { major: fakeMajor, minor };
	}

	function statusOf(mapping: FakeMapping): DmStatus {
		const { name, uuid, openCount, table, readOnly, suspended, isArmed } = mapping;
		return {
			name,
			uuid,
			node: nodeOf(mapping),
			openCount,
			targetCount: table.length,
			eventNumber: 0,
			readOnly,
			suspended,
			hasLiveTable: true,
			hasInactiveTable: false,
			isArmed,
		};
	}

	function find({ minor }: DeviceNumber): FakeMapping {
		const found = mappings.get(minor);
		if (found === undefined) throw sysError("ENXIO", "DM_DEV_STATUS");
		return found;
	}

	const sys: MappingSys = {
		prepare() {},
		async keepTable({ tag, uuid, table, readOnly, signal }) {
			step("keepTable");
			const stopped = await untilReady(signal);
			if (stopped !== undefined) return stopped;
			if ([...mappings.values()].some((each) => each.name === tag || each.uuid === uuid))
				return failure({ step: "create", errno: constants.errno.EBUSY });
			const refused = options.refuse?.(table);
			if (refused !== undefined)
				return failure({ step: refused.step, errno: constants.errno[refused.code] });
			const mapping = add({ name: tag, uuid, table, readOnly });
			mapping.isArmed = true;
			const fd = handle("mapping", mapping);
			return { ok: true, fd, node: nodeOf(mapping), beneath: [], held: [] };
		},
		async keepCommand({ command, top, further, renameTo, readOnly, signal }) {
			step("keepCommand");
			const nothing = { stdout: new Uint8Array(), stderr: new Uint8Array() };
			const stopped = await untilReady(signal);
			if (stopped !== undefined) return { ...stopped, ...nothing };
			if ([...mappings.values()].some(({ name }) => name === top))
				return {
					...failure({ step: "exists", errno: constants.errno.EEXIST }),
					...nothing,
				};
			const result = options.run?.(command) ?? {};
			const { exitCode = 0, stdout = "", stderr = "", makes = [...further, top] } = result;
			const output = { stdout: Buffer.from(stdout), stderr: Buffer.from(stderr) };
			if (exitCode !== 0)
				return { ...failure({ step: "command", status: { code: exitCode } }), ...output };
			if (!makes.includes(top))
				return { ...failure({ step: "missing", errno: constants.errno.ENXIO }), ...output };
			const made = makes.map((name) =>
				add({ name, uuid: `FAKE-${name}`, table: fakeTable, readOnly }),
			);
			const opened = made.find(({ name }) => name === top) as FakeMapping;
			const beneath = made.filter((each) => each !== opened);
			for (const [index, each] of beneath.entries()) {
				each.on = opened.minor;
				each.openCount++;
				each.isArmed = true;
				if (renameTo !== undefined) each.name = `${renameTo}.${index + 1}`;
			}
			opened.isArmed = true;
			if (renameTo !== undefined) opened.name = renameTo;
			const fd = handle("mapping", opened);
			const held = beneath.map((each) => handle("what is beneath", each));
			return {
				ok: true,
				fd,
				node: nodeOf(opened),
				beneath: beneath.map(nodeOf),
				held,
				...output,
			};
		},
		list() {
			step("list");
			return [...mappings.values()].map((mapping) => {
				return { name: mapping.name, uuid: mapping.uuid, node: nodeOf(mapping) };
			});
		},
		targetTypes: () => options.targetTypes ?? ["crypt", "linear", "striped"],
		status({ minor }) {
			step("status");
			const found = mappings.get(minor);
			return found === undefined ? undefined : statusOf(found);
		},
		targets(node) {
			step("targets");
			return find(node).table.map(({ startSectors, lengthSectors, type }) => {
				return { startSectors, lengthSectors, type };
			});
		},
		async arm(node) {
			await Promise.resolve();
			step("arm");
			find(node).isArmed = true;
			removeUnused();
		},
		async resume(node) {
			await Promise.resolve();
			step("resume");
			find(node).suspended = false;
		},
		makeNode(_devices, name, { minor }) {
			step("makeNode");
			nodes.set(name, minor);
		},
		removeNode(_devices, name) {
			nodes.delete(name);
			step("removeNode");
		},
		describe() {
			step("describe");
			const { sectorBytes = 512 } = options;
			return { sizeBytes: 1 << 20, sectorBytes, readOnly: false, diskSequence: 1n };
		},
		identify(node) {
			step("identify");
			const attributes = { diskseq: String(find(node).sequence) };
			return { node, attributes, exists: [] };
		},
		isPresent({ node, attributes }) {
			step("isPresent");
			if (looks > 0) looks--;
			removeUnused();
			return String(mappings.get(node.minor)?.sequence) === attributes["diskseq"];
		},
		isReadOnly: () => options.readOnlyBeneath,
		devicesOn({ minor }) {
			const upper = mappings.get(minor)?.on;
			return upper === undefined ? [] : [`dm-${upper}`];
		},
		async holders() {
			await Promise.resolve();
			return [];
		},
		claim(mapping) {
			step("claim");
			if (claims-- > 0) throw sysError("EBUSY", "openat2");
			const claimed = byFd.get(mapping.fd);
			if (claimed === undefined) throw sysError("EBADF", "openat2");
			return handle("claim", claimed);
		},
		async flush() {
			await Promise.resolve();
			step("flush");
		},
		async release(mapping, claim, { flush }) {
			await Promise.resolve();
			const failures: { -readonly [Key in keyof ReleaseFailures]: unknown } = {};
			const attempt = (what: keyof ReleaseFailures, act: () => void): void => {
				try {
					act();
				} catch (error) {
					failures[what] ??= error;
				}
			};
			if (flush) attempt("flush", () => step("flush"));
			attempt("close", () => mapping.close());
			attempt("close", () => claim?.close());
			return failures;
		},
		delay,
		nowMs,
	};

	return {
		sys,
		log,
		mappings,
		nodes,
		leftovers: () => [
			...open.values(),
			...nodes.keys(),
			...[...mappings.values()].filter((each) => !foreign.has(each)).map(({ name }) => name),
		],
		addForeign(name, uuid = "") {
			const mapping = add({ name, uuid, table: fakeTable, readOnly: false });
			foreign.add(mapping);
			return mapping;
		},
	};
}

const fakeTable: readonly DmTarget[] = [
	{ startSectors: 0, lengthSectors: 2048, type: "linear", parameters: "7:0 0" },
];
