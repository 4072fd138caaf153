import {
	constants,
	existsSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenContext, OpenDevice, ParentDevice } from "@devhost/core";
import { sealedMemory } from "@devhost/core/secret";
import {
	AT_FDCWD,
	detachedMount,
	DeviceMapper,
	type Fd,
	isSysError,
	LO_FLAGS_AUTOCLEAR,
	LO_FLAGS_READ_ONLY,
	loopConfigure,
	loopGetFree,
	mknodat,
	openat2,
} from "@devhost/linux";
import { linuxLuks } from "../src/linux-luks.ts";
import type { LuksSys } from "../src/luks.ts";
import { luks2 } from "../src/luks2.ts";

/** A place for a test's files and device nodes; nothing of either is elsewhere. */
export class Machine implements Disposable {
	readonly folder: string = mkdtempSync(join(tmpdir(), "devhost-luks2-"));
	readonly tree: Fd = openat2(AT_FDCWD, this.folder, {
		flags: constants.O_RDONLY | constants.O_DIRECTORY,
	});
	/** The device directory. */
	readonly devices: Fd = detachedMount("tmpfs", { mode: "0755" });

	/** A file of the folder. */
	path(name: string): string {
		return join(this.folder, name);
	}

	/** Where a node of the device directory can be opened. */
	node(path: string): string {
		return `/proc/${process.pid}/fd/${this.devices.fd}/${path}`;
	}

	/** Nodes in the device directory. */
	nodes(): string[] {
		return readdirSync(this.node("."));
	}

	/** Binds a file to a loop device, until it is disposed. */
	async bind(
		file: string,
		{ readOnly = false }: { readonly readOnly?: boolean } = {},
	): Promise<ParentDevice & Disposable> {
		const flags = readOnly ? constants.O_RDONLY : constants.O_RDWR;
		using backing = openat2(AT_FDCWD, file, { flags });
		using control = openat2(AT_FDCWD, "/dev/loop-control", { flags: constants.O_RDWR });
		for (;;) {
			const number = await loopGetFree(control);
			const node = { major: 7, minor: number };
			const path = `loop${number}`;
			if (!existsSync(this.node(path))) mknodat(this.devices, path, "block", node, 0o600);
			const loop = openat2(this.devices, path, { flags });
			try {
				await loopConfigure(loop, {
					file: backing,
					offsetBytes: 0,
					sizeBytes: 0,
					sectorBytes: 512,
					flags: LO_FLAGS_AUTOCLEAR | (readOnly ? LO_FLAGS_READ_ONLY : 0),
					tag: "devhost-luks2-test",
				});
				const dispose = (): void => {
					loop.close();
					rmSync(this.node(path));
				};
				return { path, node, [Symbol.dispose]: dispose };
			} catch (error) {
				loop.close();
				// Somebody was quicker.
				if (!isSysError(error, "EBUSY")) throw error;
			}
		}
	}

	/** Opens a container in this process. */
	async open(parent: ParentDevice, request: OpenRequest = {}): Promise<OpenDevice> {
		const {
			passphrase = "secret",
			name = "disk",
			run = "luks2-test",
			sys = linuxLuks(),
		} = request;
		const { options = { passphrase: { fd: 0 } }, signal, log = () => {} } = request;
		const driver = luks2(() => sys);
		const context: OpenContext = {
			name,
			run,
			tree: this.tree,
			devices: this.devices,
			parents: [parent],
			parent,
			signal: signal ?? new AbortController().signal,
			secret: (pointer) =>
				pointer.slice(1) in options ? sealedMemory(Buffer.from(passphrase)) : undefined,
			log,
		};
		return await driver.open(driver.parseOptions(options), context);
	}

	[Symbol.dispose](): void {
		this.tree.close();
		this.devices.close();
		rmSync(this.folder, { recursive: true });
	}
}

/** What {@link Machine.open} opens. */
export interface OpenRequest {
	/** @default unlocks by the passphrase */
	readonly options?: Readonly<Record<string, unknown>>;
	/** Whatever option is a secret. @default "secret" */
	readonly passphrase?: string | Uint8Array;
	readonly name?: string;
	readonly run?: string;
	readonly sys?: LuksSys;
	readonly signal?: AbortSignal;
	readonly log?: (text: string) => void;
}

/** What is there of opened containers on the whole machine: mappings, their names, keys, programs, lock files. */
export function traces(): string[] {
	using mapper = DeviceMapper.open();
	const names = existsSync("/dev/mapper") ? readdirSync("/dev/mapper") : [];
	const keys = readFileSync("/proc/keys", "utf8").split("\n");
	return [
		...mapper.list().map(({ name }) => `mapping ${name}`),
		...names.filter((name) => name !== "control").map((name) => `/dev/mapper/${name}`),
		...keys.filter((line) => line.includes("cryptsetup")).map((line) => `key ${line}`),
		...programs(),
		...(existsSync("/run/cryptsetup") ? ["/run/cryptsetup"] : []),
	];
}

/** As {@link traces}, when the kernel has had time to collect keys that nobody has any more: it does so by and by. */
export async function lastingTraces(): Promise<string[]> {
	for (let look = 0; look < 2_000 && traces().some((each) => each.startsWith("key ")); look++) {
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
	return traces();
}

/** Those that open containers. */
function programs(): string[] {
	return readdirSync("/proc").flatMap((pid) => {
		try {
			const name = readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd();
			return ["cryptsetup", "keep-mapping"].includes(name) ? [`process ${pid} ${name}`] : [];
		} catch {
			return []; // it has ended, or is no process
		}
	});
}

/** Makes a file of a size. */
export function makeFile(path: string, sizeBytes: number): void {
	writeFileSync(path, "");
	truncateSync(path, sizeBytes);
}

/** Bytes that no other call returns. */
export function pattern(sizeBytes: number, seed: number): Uint8Array {
	const bytes = new Uint8Array(sizeBytes);
	let state = seed * 2654435761 + 1;
	for (let i = 0; i < sizeBytes; i++) {
		state = (Math.imul(state, 1103515245) + 12345) >>> 0;
		bytes[i] = state >>> 24;
	}
	return bytes;
}
