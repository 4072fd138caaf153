import { constants, readFileSync, statfsSync } from "node:fs";
import { delay, findHolders, nowMs } from "@devhost/core";
import {
	AT_FDCWD,
	type BatchCall,
	blockSectorBytes,
	blockSizeBytes,
	type DeviceNumber,
	diskSequence,
	type Fd,
	fdNumber,
	fsync,
	ioctl,
	isSysError,
	lockFileRange,
	LO_FLAGS_AUTOCLEAR,
	LO_FLAGS_DIRECT_IO,
	LO_FLAGS_PARTSCAN,
	LO_FLAGS_READ_ONLY,
	loopAdd,
	loopClear,
	loopConfigure,
	loopSetStatus,
	loopStatus,
	mknodat,
	openat2,
	performInOrder,
	RESOLVE_IN_ROOT,
	RESOLVE_NO_MAGICLINKS,
	statFd,
	unlinkat,
} from "@devhost/linux";
import { Claims } from "./claim-range.ts";
import {
	boundPath,
	isBoundByStatus,
	isBoundInSysfs,
	isLoopBound,
	isSysfsMounted,
} from "./is-bound.ts";
import { loopLocks } from "./lock-node.ts";
import type { DeviceDirectory, Handle, LoopConfig, LoopFacts, LoopSys, Unbinding } from "./loop.ts";
import { openMachineNode, openPrivateNode } from "./open-loop-node.ts";

/**
 * The kernel's loop devices: one or two system calls for each method of {@link LoopSys}. Keeps a descriptor of
 * `loop-control` once a device was asked for.
 *
 * @param places - `control`: where `loop-control` is.
 */
export function linuxLoop({
	control = "/dev/loop-control",
}: { readonly control?: string } = {}): LoopSys {
	const locks = loopLocks();
	let controlFd: Fd | undefined;
	const openControl = (): Fd => (controlFd ??= openat2(AT_FDCWD, control, openForUse));
	let minorShift: number | undefined;
	const nodeOf = (number: number): DeviceNumber => {
		// Not before a number was asked for: the first opening of loop-control loads the kernel's module.
		minorShift ??= readMinorShift();
		return { major: LOOP_MAJOR, minor: number << minorShift };
	};
	const openNode = (devices: DeviceDirectory, number: number) =>
		devices === undefined
			? openMachineNode(number, nodeOf(number))
			: openPrivateNode(devices, number, nodeOf(number));

	return {
		claims: new Claims(),
		findFile: (tree, path) =>
			tree === undefined
				? openat2(AT_FDCWD, path, { flags: O_PATH })
				: openat2(tree, path, {
						flags: O_PATH,
						resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
					}),
		// By the descriptor and not by the path again: what is opened is what was looked at.
		openFile: (file, readOnly) =>
			openat2(AT_FDCWD, `/proc/self/fd/${fdNumber(file)}`, {
				flags: (readOnly ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NONBLOCK,
			}),
		statFile: statFd,
		lockRange(file, { offsetBytes, sizeBytes }, mode) {
			try {
				return lockFileRange(file, { mode, startBytes: offsetBytes, sizeBytes });
			} catch (error) {
				// A file system without locks: there is nobody to ask.
				if (isSysError(error) && noLocks.includes(error.code)) return true;
				throw error;
			}
		},
		async loopsOf(file, range) {
			const { loopsOfFile } = await import("./loops-of-file.ts");
			return loopsOfFile(file, range);
		},
		blockSizeBytes,
		syncFile: (file) => fsync(file.fd),
		freeBytes(file) {
			const { bavail, bsize } = statfsSync(`/proc/self/fd/${file.fd}`);
			return bavail * bsize;
		},

		// On this thread: 1 µs, and half a millisecond without any waiting when the kernel makes a new device.
		getFree: () =>
			ioctl(openControl(), { request: LOOP_CTL_GET_FREE, name: "LOOP_CTL_GET_FREE" }),
		getFreeAfter(number, isTaken) {
			let next = number + 1;
			while (isTaken(next)) next++;
			loopAdd(openControl(), next);
			return next;
		},
		isInUse: isLoopBound,
		nodeOf,
		openNode,
		lock: (devices, loop, number) => locks.lock(loop, number, devices !== undefined),
		async bind(loop, file, config) {
			await loopConfigure(loop.fd, { ...config, file, flags: flagsOf(config) });
			return describe(loop.fd);
		},
		setPartscan: (loop, config) =>
			loopSetStatus(loop.fd, { ...config, flags: flagsOf(config) | LO_FLAGS_PARTSCAN }),

		content: (loop) => loop.fd,
		async loadPartitions() {
			const { linuxPartitions } = await import("@devhost/core/partition");
			return linuxPartitions();
		},
		makeNode(devices, name, number) {
			try {
				mknodat(devices, name, "block", nodeOf(number), 0o600);
			} catch (error) {
				// Somebody's leftover, by whatever name: trust nothing that we did not make (osbuild keeps it).
				if (!isSysError(error, "EEXIST")) throw error;
				unlinkat(devices, name);
				mknodat(devices, name, "block", nodeOf(number), 0o600);
			}
		},
		removeNode(devices, name) {
			try {
				unlinkat(devices, name);
			} catch (error) {
				if (!isSysError(error, "ENOENT")) throw error;
			}
		},

		examine(loop) {
			const { device, inode, offsetBytes, sizeBytes, flags, tag } = loopStatus(loop.fd);
			return {
				device: decodeDevice(device),
				inode,
				offsetBytes: Number(offsetBytes),
				limitBytes: Number(sizeBytes),
				readOnly: (flags & LO_FLAGS_READ_ONLY) !== 0,
				goesWithLastClose: (flags & LO_FLAGS_AUTOCLEAR) !== 0,
				tag,
			};
		},
		clear: (loop) => loopClear(loop.fd),
		claim: (loop) =>
			openat2(AT_FDCWD, `/proc/self/fd/${loop.fd}`, {
				flags: constants.O_RDONLY | constants.O_EXCL | constants.O_NONBLOCK,
			}),
		// Not BLKFLSBUF, which writes back too but keeps to itself what failed (block/ioctl.c, `blkdev_flushbuf`, seen on
		// Linux 6.18). fsync tells of all writes that failed since `loop` was opened.
		flush: (loop) => fsync(loop.fd),
		unbind,
		isBound: (devices, binding) =>
			isBoundInSysfs(binding) ??
			isBoundByStatus(() => openNode(devices, binding.number), binding),
		holders: (number) => findHolders(nodeOf(number)),

		delay,
		random: Math.random,
		nowMs,
	};
}

/** All on one way to a thread of the pool and back, which costs as much as the calls. The last close unbinds. */
async function unbind(
	loop: Handle,
	{ number, claim }: { readonly number: number; readonly claim: Handle | undefined },
	witness: Handle | undefined,
): Promise<Unbinding> {
	const calls: BatchCall[] = [];
	if (witness !== undefined) {
		calls.push({ call: "sync_file_range", fd: loop.fd }, { call: "fsync", fd: witness.fd });
	}
	calls.push({ call: "close", fd: loop });
	if (claim !== undefined) calls.push({ call: "close", fd: claim });
	calls.push({ call: "exists", path: boundPath(number) });
	const results = [...(await performInOrder(calls))];
	// Whether that look itself fails is nothing to tell of: whoever closes looks again.
	const isGone = results.pop() === 0 && isSysfsMounted();
	const failures = results.map((result) => (isSysError(result) ? result : undefined));
	const [flush, sync] = witness === undefined ? [] : failures.splice(0, 2);
	return { isGone, flush, sync, close: failures.find((failure) => failure !== undefined) };
}

function flagsOf({ readOnly, directIo }: LoopConfig): number {
	return (
		LO_FLAGS_AUTOCLEAR |
		(readOnly ? LO_FLAGS_READ_ONLY : 0) |
		(directIo ? LO_FLAGS_DIRECT_IO : 0)
	);
}

function describe(loop: number): LoopFacts {
	const { device, inode, offsetBytes, flags, tag } = loopStatus(loop);
	return {
		device: decodeDevice(device),
		inode,
		offsetBytes: Number(offsetBytes),
		sizeBytes: blockSizeBytes(loop),
		sectorBytes: blockSectorBytes(loop),
		readOnly: (flags & LO_FLAGS_READ_ONLY) !== 0,
		directIo: (flags & LO_FLAGS_DIRECT_IO) !== 0,
		tag,
		diskSequence: diskSequence(loop),
	};
}

const noLocks: readonly string[] = ["EINVAL", "ENOLCK", "ENOSYS", "EOPNOTSUPP"];
const LOOP_MAJOR = 7; // linux/major.h
// linux/loop.h
const LOOP_CTL_GET_FREE = 0x4c82;
const O_PATH = 0o10000000; // asm-generic/fcntl.h; Node has no name for it
const openForUse = { flags: constants.O_RDWR } as const;

/** `lo_device` as the kernel packs it. Source: linux/kdev_t.h, `huge_encode_dev`. */
function decodeDevice(packed: bigint): DeviceNumber {
	const device = Number(packed);
	return {
		major: (device & 0xfff00) >>> 8,
		minor: (device & 0xff) | ((device >>> 12) & 0xfff00),
	};
}

/** With the module's `max_part` each loop has that many minors. Source: drivers/block/loop.c, `loop_init`. */
function readMinorShift(): number {
	try {
		const maxPartitions = Number(readFileSync("/sys/module/loop/parameters/max_part", "utf8"));
		return maxPartitions > 0 ? 32 - Math.clz32(maxPartitions) : 0;
	} catch {
		return 0; // no sysfs
	}
}
