import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sealedMemory } from "@devhost/core/secret";
import {
	type FakeCommandResult,
	type FakeMappings,
	fakeMappings,
} from "@devhost/core/testing-mapping";
import type { DeviceNumber, Fd, KeptCommand } from "@devhost/linux";
import type { FileFacts, Handle, LuksSys } from "../src/luks.ts";
import { bytesOf, copyBytes, cryptsetup, makeContainer } from "./container.ts";

/** What {@link fakeLuks} is like. */
export interface FakeLuksOptions {
	/** Called at each step: before something is acquired, after something was released. May throw. */
	readonly step?: (name: string) => void;
	/** Making a mapping goes on until the signal aborts. @default false */
	readonly neverReady?: boolean;
	/** What cryptsetup does. @default it makes what it may */
	readonly run?: (command: KeptCommand) => FakeCommandResult;
	/** What stands on the parent, and in the tree under `luks.hdr`. @default a header that cryptsetup has made */
	readonly header?: Buffer;
	/** @default false */
	readonly isReadOnly?: boolean;
	/** What the node of the parent leads to. @default the parent */
	readonly node?: DeviceNumber;
	/** What the mapping says to be. @default what cryptsetup calls it */
	readonly uuid?: string;
	/** What `cryptsetup --version` says. @default "2.6.1" */
	readonly version?: string | undefined;
	/** What is under `luks.hdr`. @default "file" */
	readonly headerFile?: FileFacts["type"];
}

/** A machine in memory. */
export interface FakeLuks {
	readonly sys: LuksSys;
	readonly mappings: FakeMappings;
	/** What is still open, mapped, or has a name. */
	leftovers(): readonly string[];
	/** What the driver's context has for secrets. */
	secret(pointer: string): Fd | undefined;
	/** How often cryptsetup was asked for its version. */
	versionCount(): number;
}

export const parentNode = { major: 7, minor: 3 };

/** A machine with one container, `loop3`. */
export function fakeLuks(options: FakeLuksOptions = {}): FakeLuks {
	const { step = () => {}, header = realHeader, isReadOnly = false } = options;
	const mappings = fakeMappings({
		step,
		neverReady: options.neverReady ?? false,
		run: options.run ?? (() => ({ stdout: "Key slot 0 unlocked.\nCommand successful.\n" })),
	});
	const open = new Map<number, string>();
	let nextFd = 5000;
	let versionCount = 0;
	const handle = (what: string): Handle => {
		const fd = nextFd++;
		open.set(fd, what);
		return {
			fd,
			[Symbol.dispose]() {
				open.delete(fd);
			},
		};
	};
	const { uuid = `CRYPT-LUKS2-${realUuid.replaceAll("-", "")}-disk` } = options;

	const sys: LuksSys = {
		mappings: {
			...mappings.sys,
			status(node) {
				const status = mappings.sys.status(node);
				return status === undefined ? undefined : { ...status, uuid };
			},
		},
		openNode(_devices, path) {
			step("openNode");
			return handle(path);
		},
		findFile(_tree, path) {
			step("findFile");
			return handle(path);
		},
		openFile() {
			step("openFile");
			return handle("header");
		},
		statFile({ fd }) {
			step("statFile");
			return open.get(fd) === "loop3"
				? { type: "block", sizeBytes: 0, node: options.node ?? parentNode }
				: { type: options.headerFile ?? "file", sizeBytes: header.length };
		},
		blockSizeBytes() {
			step("blockSizeBytes");
			return 64 << 20;
		},
		isReadOnly() {
			step("isReadOnly");
			return isReadOnly;
		},
		readerOf({ fd }) {
			// With a detached header the parent has none.
			const bytes = open.get(fd) === "loop3" && [...open.values()].includes("header");
			return async (position, length) => {
				await Promise.resolve();
				step("read");
				return bytes ? Buffer.alloc(length) : header.subarray(position, position + length);
			};
		},
		async holders() {
			await Promise.resolve();
			return [
				{ kind: "process", pid: 1, command: "loopback", path: "/dev/loop3" },
				{ kind: "device", device: "dm-7" },
			];
		},
		findCryptsetup() {
			step("findCryptsetup");
			return "/sbin/cryptsetup";
		},
		async cryptsetupVersion() {
			await Promise.resolve();
			versionCount++;
			return "version" in options ? options.version : "2.6.1";
		},
		availableBytes: () => 1 << 30,
		bytesToInnerLineEnd: () => undefined,
	};

	return {
		sys,
		mappings,
		leftovers: () => [...open.values(), ...mappings.leftovers()],
		secret: () => {
			step("secret");
			return sealedMemory(Buffer.from("secret"));
		},
		versionCount: () => versionCount,
	};
}

const realUuid = "3a1f2c0e-7b0a-4b6e-9c63-5dfd1c9a4d10";

const { plain, withToken } = makeHeaders();
/** Both copies of a header that the real cryptsetup has made; its data begin behind 16 MiB. */
export const realHeader: Buffer = plain;
/** The same with a token. */
export const headerWithToken: Buffer = withToken;

function makeHeaders(): { readonly plain: Buffer; readonly withToken: Buffer } {
	const folder = mkdtempSync(join(tmpdir(), "devhost-luks2-"));
	try {
		const file = join(folder, "container.img");
		makeContainer(file, { further: ["--uuid", realUuid] });
		const plain = bytesOf(file, 0, 2 * copyBytes);
		cryptsetup(["token", "add", "--key-description", "k", "-S", "0", file], "");
		return { plain, withToken: bytesOf(file, 0, 2 * copyBytes) };
	} finally {
		rmSync(folder, { recursive: true });
	}
}
