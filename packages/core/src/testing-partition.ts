/**
 * Partitions that exist only in memory, for tests of drivers that have the kernel show some.
 *
 * @packageDocumentation
 */
import { constants } from "node:os";
import { type FdLike, fdNumber, SysError } from "@devhost/linux";
import type { BlockFacts, ReleaseFailures } from "./block-device.ts";
import { nowMs } from "./clock.ts";
import { delay } from "./delay.ts";
import type { Handle } from "./handle.ts";
import type { KernelPartition, PartitionSys } from "./partition/kernel-sys.ts";

/** How the fake kernel behaves. */
export interface FakePartitionsOptions {
	/** Called at each step: before something is acquired, after something was released. May throw. */
	readonly step?: (name: string) => void;
	/** What the disk is. @default 64 MiB with sectors of 512 bytes, which can be written */
	readonly disk?: Partial<BlockFacts>;
	/** The kernel's name of the disk that a descriptor is of. @default always `loop3` */
	readonly diskOf?: (fd: number) => string;
	/** Others that have each partition open: how many tries of removing it until they are gone. @default none */
	readonly openedElsewhere?: number;
	/** Others that stand on each partition: how many tries until they are gone. @default none */
	readonly claimedElsewhere?: number;
	/** How many partitions are dropped again before they can be opened. @default none */
	readonly droppedBefore?: number;
	/** How many partitions are dropped by their opening, which succeeds, as by Linux 6.1. @default none */
	readonly droppedBy?: number;
}

/** A partition of the fake kernel. */
export interface FakePartition extends KernelPartition {
	/** `loop3` */
	readonly disk: string;
	/** Descriptors; more than there are: somebody else's. */
	openCount: number;
	readOnly: boolean;
}

/** See {@link fakePartitions}. */
export interface FakePartitions {
	readonly sys: PartitionSys;
	/** The steps taken, in order. */
	readonly log: readonly string[];
	/** What is shown, by name: `loop3p1`. A test may change it. */
	readonly shown: Map<string, FakePartition>;
	/** Names in the device directory, with the minor that each stands for. */
	readonly nodes: Map<string, number>;
	/** What is still open, shown, or has a name in the device directory. */
	leftovers(): readonly string[];
	/** Adds a partition of `loop3` that somebody else has added. It is no leftover. */
	addForeign(partition: Omit<KernelPartition, "node">, openCount?: number): FakePartition;
}

/** The major number of the fake partitions. */
export const fakePartitionMajor: number = 259;

/** Makes a kernel whose loop devices have no partitions. */
export function fakePartitions(options: FakePartitionsOptions = {}): FakePartitions {
	const log: string[] = [];
	const step = (name: string): void => {
		log.push(name);
		options.step?.(name);
	};
	const open = new Map<number, string>();
	const byFd = new Map<number, FakePartition>();
	const shown = new Map<string, FakePartition>();
	const diskOf = (fd: FdLike): string => options.diskOf?.(fdNumber(fd)) ?? "loop3";
	const foreign = new Set<FakePartition>();
	const nodes = new Map<string, number>();
	const facts: BlockFacts = {
		sizeBytes: 64 << 20,
		sectorBytes: 512,
		readOnly: false,
		diskSequence: 1n,
		...options.disk,
	};
	let nextFd = 2000;
	let nextMinor = 0;
	let looks = options.openedElsewhere ?? 0;
	let claims = options.claimedElsewhere ?? 0;
	let droppedBefore = options.droppedBefore ?? 0;
	let droppedBy = options.droppedBy ?? 0;

	function sysError(code: keyof typeof constants.errno, syscall: string): SysError {
		return new SysError(syscall, constants.errno[code]);
	}

	function handle(what: string, partition: FakePartition): Handle {
		const fd = nextFd++;
		open.set(fd, what);
		byFd.set(fd, partition);
		partition.openCount++;
		const close = (): void => {
			if (!open.delete(fd)) return;
			partition.openCount--;
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

	function show(disk: string, partition: Omit<KernelPartition, "node">): FakePartition {
		const node = { major: fakePartitionMajor, minor: nextMinor++ };
		const { number, startBytes, sizeBytes } = partition;
		const { readOnly } = facts;
		const added = { disk, number, startBytes, sizeBytes, node, openCount: 0, readOnly };
		shown.set(`${disk}p${number}`, added);
		return added;
	}

	const sys: PartitionSys = {
		nameOf: ({ major, minor }) => (major === 7 ? `loop${minor}` : undefined),
		describe(device) {
			step("describe");
			const readOnly = byFd.get(device.fd)?.readOnly;
			return readOnly === undefined ? facts : { ...facts, readOnly };
		},
		async dropWithDisk() {
			await Promise.resolve();
			step("dropWithDisk");
		},
		async flush() {
			await Promise.resolve();
			step("flush");
		},
		async invalidate() {
			await Promise.resolve();
			step("invalidate");
		},
		add(fd, partition) {
			step("add");
			const disk = diskOf(fd);
			const end = partition.startBytes + partition.sizeBytes;
			const isTaken = [...shown.values()].some(
				(each) =>
					each.disk === disk &&
					(each.number === partition.number ||
						(each.startBytes < end &&
							partition.startBytes < each.startBytes + each.sizeBytes)),
			);
			if (isTaken) throw sysError("EBUSY", "BLKPG_ADD_PARTITION");
			show(disk, partition);
		},
		remove(fd, number) {
			const name = `${diskOf(fd)}p${number}`;
			const found = shown.get(name);
			if (found === undefined) throw sysError("ENXIO", "BLKPG_DEL_PARTITION");
			if (found.openCount > 0 || looks-- > 0) throw sysError("EBUSY", "BLKPG_DEL_PARTITION");
			shown.delete(name);
			step("remove");
		},
		list: (disk) => [...shown.values()].filter((each) => each.disk === disk),
		find: (disk, number) => shown.get(`${disk}p${number}`),
		open(devices, name, node) {
			step("open");
			const found = [...shown.values()].find((each) => each.node.minor === node.minor);
			if (found === undefined) throw sysError("ENXIO", "openat2");
			if (droppedBefore-- > 0) {
				shown.delete(name);
				throw sysError("ENXIO", "openat2");
			}
			const hasMadeNode = devices !== undefined && nodes.get(name) !== node.minor;
			if (hasMadeNode) nodes.set(name, node.minor);
			if (droppedBy-- > 0) shown.delete(name);
			return { handle: handle("partition", found), path: name, hasMadeNode };
		},
		setReadOnly(partition) {
			step("setReadOnly");
			const found = byFd.get(partition.fd);
			if (found !== undefined) found.readOnly = true;
		},
		removeNode(_devices, name) {
			nodes.delete(name);
			step("removeNode");
		},
		async holders() {
			await Promise.resolve();
			return [{ kind: "process", pid: 4711, command: "qemu", path: "/dev/loop0p1" }];
		},
		claim(partition) {
			step("claim");
			if (claims-- > 0) throw sysError("EBUSY", "openat2");
			const found = byFd.get(partition.fd);
			if (found === undefined) throw sysError("EBADF", "openat2");
			return handle("claim", found);
		},
		async release(partition, claim, { flush }) {
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
			attempt("close", () => partition.close());
			attempt("close", () => claim?.close());
			return failures;
		},
		delay,
		nowMs,
	};

	return {
		sys,
		log,
		shown,
		nodes,
		leftovers: () => [
			...open.values(),
			...nodes.keys(),
			...[...shown.values()]
				.filter((each) => !foreign.has(each))
				.map(({ disk, number }) => `partition ${disk}p${number}`),
		],
		addForeign(partition, openCount = 0) {
			const added = show("loop3", partition);
			foreign.add(added);
			added.openCount = openCount;
			return added;
		},
	};
}
