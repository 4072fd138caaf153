import { constants, existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import {
	addPartition,
	AT_FDCWD,
	deletePartition,
	detachedMount,
	type DeviceNumber,
	type FdLike,
	flushBlock,
	fsync,
	isSysError,
	LO_FLAGS_PARTSCAN,
	loopSetStatus,
	loopStatus,
	mknodat,
	openat2,
	setBlockReadOnly,
	statFd,
} from "@devhost/linux";
import {
	claimBlock,
	describeBlock,
	makeBlockNode,
	releaseBlock,
	removeBlockNode,
} from "../block-device.ts";
import { nowMs } from "../clock.ts";
import { delay } from "../delay.ts";
import { findHolders } from "../find-holders.ts";
import type { KernelPartition, OpenedPartition, PartitionSys } from "./kernel-sys.ts";

/** This machine's partitions: some system calls for each method, and sysfs, which names numbers. */
export function linuxPartitions(): PartitionSys {
	return {
		nameOf({ major, minor }) {
			const directory = `/sys/dev/block/${major}:${minor}`;
			try {
				const name = basename(readlinkSync(directory));
				return existsSync(`${directory}/partition`) ? undefined : name;
			} catch {
				return undefined;
			}
		},
		describe: (device) => describeBlock(device.fd),
		async dropWithDisk(disk) {
			const { flags, offsetBytes, sizeBytes, tag } = loopStatus(disk);
			if ((flags & LO_FLAGS_PARTSCAN) !== 0) return;
			await loopSetStatus(disk, {
				offsetBytes: Number(offsetBytes),
				sizeBytes: Number(sizeBytes),
				flags: flags | LO_FLAGS_PARTSCAN,
				tag,
			});
		},
		flush: fsync,
		invalidate: flushBlock,
		add: addPartition,
		remove: deletePartition,
		list: (disk) =>
			readdirSync(`/sys/block/${disk}`).flatMap((entry) => {
				const [, number] = /^.*p(\d+)$/.exec(entry) ?? [];
				return number === undefined ? [] : (find(disk, Number(number)) ?? []);
			}),
		find,
		open: (devices, name, node) =>
			devices === undefined ? openNowhere(name, node) : openNode(devices, name, node),
		setReadOnly: (partition) => setBlockReadOnly(partition.fd, true),
		removeNode: removeBlockNode,
		holders: (node) => findHolders(node),
		claim: claimBlock,
		release: releaseBlock,
		nowMs,
		delay,
	};
}

/** Shape: in `/sys/block/loop3/loop3p2`, `dev` is `259:4`, `start` and `size` are in units of 512 bytes. */
function find(disk: string, number: number): KernelPartition | undefined {
	const directory = `/sys/block/${disk}/${disk}p${number}`;
	try {
		const [major, minor] = readFileSync(`${directory}/dev`, "utf8").split(":").map(Number);
		if (major === undefined || minor === undefined) return undefined;
		const startBytes = Number(readFileSync(`${directory}/start`, "utf8")) * 512;
		const sizeBytes = Number(readFileSync(`${directory}/size`, "utf8")) * 512;
		return { number, startBytes, sizeBytes, node: { major, minor } };
	} catch {
		return undefined; // there is none, or it went while we looked
	}
}

function openNode(devices: FdLike, name: string, node: DeviceNumber): OpenedPartition {
	// That of somebody who holds the partition already, as a loop device's service does for all of them.
	const hasMadeNode = !isNode(devices, name, node);
	if (hasMadeNode) makeBlockNode(devices, name, node);
	try {
		return { handle: openat2(devices, name, toHold), path: name, hasMadeNode };
	} catch (error) {
		if (hasMadeNode) removeBlockNode(devices, name);
		throw error;
	}
}

/** By number, on a file system that appears nowhere: the machine's `/dev` may lack it, or have something else there. */
function openNowhere(name: string, node: DeviceNumber): OpenedPartition {
	using nowhere = detachedMount("tmpfs", { size: "64k", mode: "0700" });
	mknodat(nowhere, name, "block", node, 0o600);
	const handle = openat2(nowhere, name, toHold);
	const path = `/dev/${name}`;
	return {
		handle,
		path: isNode(AT_FDCWD, path, node) ? path : `/proc/${process.pid}/fd/${handle.fd}`,
		hasMadeNode: false,
	};
}

function isNode(directory: FdLike, path: string, { major, minor }: DeviceNumber): boolean {
	try {
		using found = openat2(directory, path, { flags: O_PATH });
		const { type, node } = statFd(found);
		return type === "block" && node?.major === major && node.minor === minor;
	} catch (error) {
		if (isSysError(error)) return false;
		throw error;
	}
}

// Not for writing, which would keep others from mounting it where the kernel has no CONFIG_BLK_DEV_WRITE_MOUNTED.
const toHold = { flags: constants.O_RDONLY } as const;
const O_PATH = 0o10000000; // asm-generic/fcntl.h; Node has no name for it
