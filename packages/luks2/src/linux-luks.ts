import { constants, read, readFileSync, readSync } from "node:fs";
import { findHolders } from "@devhost/core";
import { findTool, runCommand, toolEnvironment } from "@devhost/core/command";
import { linuxMappings } from "@devhost/core/mapping";
import {
	AT_FDCWD,
	blockReadOnly,
	blockSizeBytes,
	fdNumber,
	openat2,
	RESOLVE_BENEATH,
	RESOLVE_IN_ROOT,
	RESOLVE_NO_MAGICLINKS,
	RESOLVE_NO_SYMLINKS,
	statFd,
	SysError,
} from "@devhost/linux";
import type { Handle, LuksSys } from "./luks.ts";
import type { ReadAt } from "./read-header.ts";

/** This machine: one or two system calls for each method of {@link LuksSys}. */
export function linuxLuks(): LuksSys {
	return {
		mappings: linuxMappings(),
		openNode: (devices, path) =>
			openat2(devices, path, {
				flags: constants.O_RDONLY | constants.O_NONBLOCK,
				resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
			}),
		findFile: (tree, path) =>
			openat2(tree, path, {
				flags: O_PATH,
				resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
			}),
		// By the descriptor and not by the path again: what is opened is what was looked at.
		openFile: (found) =>
			openat2(AT_FDCWD, `/proc/self/fd/${found.fd}`, {
				flags: constants.O_RDONLY | constants.O_NONBLOCK,
			}),
		statFile: (file) => statFd(file.fd),
		blockSizeBytes: (device) => blockSizeBytes(device.fd),
		isReadOnly: (device) => blockReadOnly(device.fd),
		readerOf,
		holders: (node) => findHolders(node),
		findCryptsetup: (subject) =>
			findTool("cryptsetup", { subject, install: "apt-get install cryptsetup-bin" }),
		async cryptsetupVersion(file) {
			const argv = ["cryptsetup", "--version"];
			const { stdout } = await runCommand({ file, argv, environment: toolEnvironment() });
			return /^cryptsetup (\d+(?:\.\d+)+)/.exec(Buffer.from(stdout).toString())?.[1];
		},
		availableBytes() {
			try {
				const text = readFileSync("/proc/meminfo", "utf8");
				const of = (name: string) =>
					Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(text)?.[1]);
				const bytes = (of("MemAvailable") + of("SwapFree")) * 1024;
				return Number.isFinite(bytes) ? bytes : undefined;
			} catch {
				return undefined; // no procfs
			}
		},
		bytesToInnerLineEnd(secret) {
			// Wiped when it was looked at: nothing of a secret stays in this process's memory.
			const bytes = Buffer.alloc(statFd(secret).sizeBytes);
			try {
				const length = readSync(fdNumber(secret), bytes, 0, bytes.length, 0);
				const end = bytes.indexOf("\n");
				return end >= 0 && end < length - 1 ? end : undefined;
			} finally {
				bytes.fill(0);
			}
		},
	};
}

/** Reads on a thread of the pool: a device may take its time. */
function readerOf(file: Handle): ReadAt {
	return async (positionBytes, lengthBytes) => {
		const bytes = Buffer.alloc(lengthBytes);
		let filled = 0;
		while (filled < lengthBytes) {
			const count = await readSome(file.fd, bytes, filled, positionBytes + filled);
			if (count === 0) break;
			filled += count;
		}
		return bytes.subarray(0, filled);
	};
}

function readSome(fd: number, into: Buffer, at: number, position: number): Promise<number> {
	const { promise, resolve, reject } = Promise.withResolvers<number>();
	read(fd, into, at, into.length - at, position, (error, count) =>
		error === null ? resolve(count) : reject(new SysError("read", -(error.errno ?? -EIO))),
	);
	return promise;
}

const EIO = 5; // asm-generic/errno-base.h
const O_PATH = 0o10000000; // asm-generic/fcntl.h; Node has no name for it
