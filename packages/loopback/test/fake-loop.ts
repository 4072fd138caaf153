import { constants } from "node:os";
import { SysError } from "@devhost/linux";
import { delay } from "@devhost/core";
import {
	type FakePartitions,
	fakePartitions,
	type FakePartitionsOptions,
} from "@devhost/core/testing-partition";
import { Claims } from "../src/claim-range.ts";
import type { Handle, LoopConfig, LoopFacts, LoopSys } from "../src/loop.ts";

/** A system call that fails, by the name of its error. */
export function sysError(code: keyof typeof constants.errno, syscall: string): SysError {
	return new SysError(syscall, constants.errno[code]);
}

/** A file of the fake machine. */
export interface FakeFile {
	readonly type: "file" | "directory" | "block" | "char" | "fifo" | "socket" | "symlink";
	readonly sizeBytes: number;
	readonly mode?: number;
	/** Opening it for writing, or at all, fails with this. */
	readonly refuses?: {
		readonly writing?: keyof typeof constants.errno;
		readonly reading?: keyof typeof constants.errno;
	};
}

/** A machine with loop devices that exist only in this object, written by hand against {@link LoopSys}. */
export interface FakeLoop {
	readonly sys: LoopSys;
	/** The steps taken, in order. */
	readonly log: readonly string[];
	/** What is still open, bound, or has a name in the device directory. */
	leftovers(): readonly string[];
	/** Names in the device directory, with the loop that each stands for; what is no number is somebody else's. */
	readonly nodes: Map<string, number | "foreign">;
	/** What each loop is bound to. */
	readonly bound: Map<number, LoopFacts>;
	/** Loops that somebody told to stay bound, by number. */
	readonly staying: Set<number>;
	readonly partitions: FakePartitions;
}

/** How the fake machine behaves. */
export interface FakeOptions {
	readonly files?: Readonly<Record<string, FakeFile>>;
	/** Called at each step: before something is acquired, after something was released. May throw. */
	readonly step?: (name: string) => void;
	/** What binding a loop fails with, each time it is tried. */
	readonly configure?: (
		number: number,
		attempt: number,
	) => keyof typeof constants.errno | undefined;
	/** Changes what the kernel says it has bound. */
	readonly describe?: (facts: LoopFacts) => LoopFacts;
	/** Whether somebody else holds the BSD lock of a loop. */
	readonly isLocked?: (number: number) => boolean;
	/** Others that have a loop open: how many looks until they are gone. */
	readonly openedElsewhere?: number;
	/** Others that have claimed a loop: how many tries until they are gone. */
	readonly claimedElsewhere?: number;
	/** Another loop device that shows the same bytes: how many looks until it is gone. */
	readonly lockedElsewhere?: number;
	readonly freeBytes?: number;
	/** What a bound device shows, to whoever reads its partition table. @default nothing */
	readonly content?: Buffer;
	readonly partitions?: FakePartitionsOptions;
}

export const oneMiB: Readonly<Record<string, FakeFile>> = {
	"disk.img": { type: "file", sizeBytes: 1 << 20 },
};

/** Makes a machine. It has one file, `disk.img` of 1 MiB, unless told otherwise. */
export function fakeLoop(options: FakeOptions = {}): FakeLoop {
	const { files = oneMiB, openedElsewhere = 0, claimedElsewhere = 0 } = options;
	const { content = Buffer.alloc(0) } = options;
	const log: string[] = [];
	const step = (name: string): void => {
		log.push(name);
		options.step?.(name);
	};
	const partitions = fakePartitions({
		...options.partitions,
		step,
		diskOf: (fd) => `loop${loops.get(fd)}`,
	});
	const open = new Map<number, string>();
	const paths = new Map<number, string>();
	const loops = new Map<number, number>();
	const bound = new Map<number, LoopFacts>();
	const staying = new Set<number>();
	const nodes = new Map<string, number | "foreign">();
	const attempts = new Map<number, number>();
	let nextFd = 100;
	let sequence = 0n;
	let looks = openedElsewhere;
	let claims = claimedElsewhere;
	let lockLooks = options.lockedElsewhere ?? 0;

	function handle(what: string, released: () => void = () => {}): Handle {
		const fd = nextFd++;
		open.set(fd, what);
		const close = (): void => {
			if (!open.delete(fd)) return;
			released();
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

	/** A loop is unbound with its last descriptor. */
	function loopHandle(what: string, number: number): Handle {
		const opened = handle(what, () => {
			loops.delete(fd);
			if (staying.has(number)) return;
			if (![...loops.values()].includes(number) && looks <= 0) bound.delete(number);
		});
		const { fd } = opened;
		loops.set(fd, number);
		return opened;
	}

	function fileOf(fd: number): FakeFile {
		const file = files[paths.get(fd) ?? ""];
		if (file === undefined) throw sysError("EBADF", "fstat");
		return file;
	}

	const sys: LoopSys = {
		findFile(_tree, path) {
			step("findFile");
			if (files[path] === undefined) throw sysError("ENOENT", "openat2");
			const found = handle("found file");
			paths.set(found.fd, path);
			return found;
		},
		openFile(file, readOnly) {
			step(readOnly ? "openFile to read" : "openFile to write");
			const { refuses = {} } = fileOf(file as number);
			const refusal = (readOnly ? undefined : refuses.writing) ?? refuses.reading;
			if (refusal !== undefined) throw sysError(refusal, "openat2");
			const opened = handle(readOnly ? "file to read" : "file to write");
			paths.set(opened.fd, paths.get(file as number) ?? "");
			return opened;
		},
		statFile(file) {
			step("statFile");
			const { type, sizeBytes, mode = 0o644 } = fileOf(file as number);
			const device = { major: 8, minor: 1 };
			return { type, sizeBytes: type === "file" ? sizeBytes : 0, device, inode: 42n, mode };
		},
		claims: new Claims(),
		lockRange(_file, _range, mode) {
			step(mode === "unlock" ? "unlockRange" : "lockRange");
			if (mode === "unlock") return true;
			return lockLooks-- <= 0;
		},
		loopsOf: async () => [9],
		blockSizeBytes: (file) => fileOf(file as number).sizeBytes,
		async syncFile() {
			await Promise.resolve();
			step("syncFile");
		},
		freeBytes: () => options.freeBytes,

		getFree() {
			step("getFree");
			let number = 0;
			while (bound.has(number)) number++;
			return number;
		},
		getFreeAfter(number, isTaken) {
			step("getFreeAfter");
			let next = number + 1;
			while (isTaken(next)) next++;
			return next;
		},
		isInUse: (number) => bound.has(number),
		nodeOf: (number) => ({ major: 7, minor: number }),
		openNode(devices, number) {
			step("openNode");
			const path = devices === undefined ? `/dev/loop${number}` : undefined;
			return { loop: loopHandle("loop", number), path };
		},
		lock(_devices, _loop, number) {
			step("lock");
			if (options.isLocked?.(number)) return undefined;
			let isHeld = true;
			open.set(-1 - number, "lock");
			const release = (): void => {
				if (!isHeld) return;
				isHeld = false;
				open.delete(-1 - number);
				step("unlock");
			};
			return {
				extend: () => step("extend lock"),
				release,
				async [Symbol.asyncDispose]() {
					await Promise.resolve();
					release();
				},
			};
		},
		async bind(loop, file, config) {
			await Promise.resolve();
			step("bind");
			const number = loops.get(loop.fd) ?? -1;
			const attempt = (attempts.get(number) ?? 0) + 1;
			attempts.set(number, attempt);
			const refusal = options.configure?.(number, attempt);
			if (refusal !== undefined) throw sysError(refusal, "LOOP_CONFIGURE");
			if (bound.has(number)) throw sysError("EBUSY", "LOOP_CONFIGURE");
			fileOf(file as number);
			const found = facts(config);
			bound.set(number, found);
			return options.describe?.(found) ?? found;
		},
		async setPartscan() {
			await Promise.resolve();
			step("setPartscan");
		},
		content: () => ({
			sizeBytes: content.length,
			read: (buffer, offsetBytes) => content.copy(buffer, 0, offsetBytes),
		}),
		async loadPartitions() {
			await Promise.resolve();
			return partitions.sys;
		},
		makeNode(_devices, name, number) {
			step("makeNode");
			nodes.set(name, number);
		},
		removeNode(_devices, name) {
			nodes.delete(name);
			step("removeNode");
		},

		examine(loop) {
			step("examine");
			const number = loops.get(loop.fd) ?? -1;
			const found = bound.get(number);
			if (found === undefined) throw sysError("ENXIO", "LOOP_GET_STATUS64");
			return {
				...found,
				limitBytes: found.sizeBytes,
				goesWithLastClose: !staying.has(number),
			};
		},
		clear(loop) {
			step("clear");
			staying.delete(loops.get(loop.fd) ?? -1);
		},
		claim(loop) {
			step("claim");
			if (claims-- > 0) throw sysError("EBUSY", "openat2");
			return loopHandle("claim", loops.get(loop.fd) ?? -1);
		},
		async flush() {
			await Promise.resolve();
			step("flush");
		},
		async unbind(loop, { claim }, witness) {
			await Promise.resolve();
			const failures: { flush?: unknown; sync?: unknown; close?: unknown } = {};
			const attempt = (name: keyof typeof failures, body: () => void): void => {
				try {
					body();
				} catch (error) {
					failures[name] = error;
				}
			};
			if (witness !== undefined) {
				attempt("flush", () => step("flush"));
				attempt("sync", () => step("syncFile"));
			}
			attempt("close", () => loop.close());
			attempt("close", () => claim?.close());
			// Whoever closes has to look.
			return { isGone: false, ...failures };
		},
		isBound(_devices, { number, diskSequence, tag }) {
			step("isBound");
			if (looks > 0) {
				looks--;
				if (looks === 0) bound.delete(number);
				return true;
			}
			const found = bound.get(number);
			return found?.diskSequence === diskSequence && found?.tag === tag;
		},
		holders: async () => {
			await Promise.resolve();
			return [{ kind: "process", pid: 4711, command: "qemu", path: "/dev/loop0" }];
		},

		delay,
		random: () => 0.5,
		nowMs: () => performance.now(),
	};

	function facts(config: LoopConfig): LoopFacts {
		sequence += 1n;
		const { offsetBytes, sizeBytes, sectorBytes, readOnly, directIo, tag } = config;
		return {
			offsetBytes,
			sizeBytes,
			sectorBytes,
			readOnly,
			directIo,
			tag,
			device: { major: 8, minor: 1 },
			inode: 42n,
			diskSequence: sequence,
		};
	}

	return {
		sys,
		log,
		nodes,
		bound,
		staying,
		partitions,
		leftovers: () => [
			...partitions.leftovers(),
			...open.values(),
			...[...bound.keys()].map((number) => `bound loop${number}`),
			...[...nodes]
				.filter(([, number]) => number !== "foreign")
				.map(([name]) => `node ${name}`),
		],
	};
}
