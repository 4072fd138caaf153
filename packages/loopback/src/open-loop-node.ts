import { constants } from "node:fs";
import {
	AT_FDCWD,
	detachedMount,
	type DeviceNumber,
	type Fd,
	type FdLike,
	isSysError,
	mknodat,
	openat2,
	statFd,
	unlinkat,
} from "@devhost/linux";
import type { OpenedNode } from "./loop.ts";

/** Whether a descriptor is the block device of this number: a name in `/dev` may be anything. */
function isLoopNode(loop: FdLike, { major, minor }: DeviceNumber): boolean {
	const { type, node } = statFd(loop);
	return type === "block" && node?.major === major && node.minor === minor;
}

/**
 * Opens a loop device by a node in the device directory that is there only for that.
 *
 * Its name is nobody else's: only who has bound the device may use `loopN`, and two processes may try for one device at
 * once.
 */
export function openPrivateNode(devices: FdLike, number: number, node: DeviceNumber): OpenedNode {
	const name = `.loop${number}-${unique}-${++opened}`;
	mknodat(devices, name, "block", node, 0o600);
	let loop: Fd | undefined;
	try {
		loop = openat2(devices, name, openForUse);
	} finally {
		removeName(devices, name, loop);
	}
	return { loop, path: undefined };
}

/** Processes in different namespaces may have the same number, and one directory. */
const unique = Math.random().toString(36).slice(2, 12);
let opened = 0;

function removeName(devices: FdLike, name: string, loop: Fd | undefined): void {
	try {
		unlinkat(devices, name);
	} catch (error) {
		loop?.close();
		throw error;
	}
}

/**
 * Opens a loop device by the machine's own node.
 *
 * Where that is missing, as in a container's static `/dev`, or is something else: by a node on a file system that
 * appears nowhere. Others then reach the device through `/proc`.
 */
export function openMachineNode(number: number, node: DeviceNumber): OpenedNode {
	const path = `/dev/loop${number}`;
	try {
		const loop = openat2(AT_FDCWD, path, openForUse);
		if (isLoopNode(loop, node)) return { loop, path };
		loop.close();
	} catch (error) {
		if (!isSysError(error, "ENOENT") && !isSysError(error, "ENOTDIR")) throw error;
	}
	using nowhere = detachedMount("tmpfs", { size: "64k", mode: "0700" });
	mknodat(nowhere, "loop", "block", node, 0o600);
	const loop = openat2(nowhere, "loop", openForUse);
	return { loop, path: `/proc/${process.pid}/fd/${loop.fd}` };
}

const openForUse = { flags: constants.O_RDWR } as const;
