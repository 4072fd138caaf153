import { constants } from "node:fs";
import {
	AT_FDCWD,
	type BatchCall,
	blockReadOnly,
	blockSectorBytes,
	blockSizeBytes,
	type DeviceNumber,
	diskSequence,
	type Fd,
	type FdLike,
	isSysError,
	mknodat,
	openat2,
	performInOrder,
	unlinkat,
} from "@devhost/linux";
import type { Handle } from "./handle.ts";

/** What an open block device is. */
export interface BlockFacts {
	readonly sizeBytes: number;
	/** Bytes of a logical sector. */
	readonly sectorBytes: number;
	readonly readOnly: boolean;
	/** Of a partition: its disk's. Undefined before Linux 5.15. */
	readonly diskSequence: bigint | undefined;
}

/** What failed of {@link releaseBlock}. */
export interface ReleaseFailures {
	readonly flush?: unknown;
	/** The descriptors are closed all the same. */
	readonly close?: unknown;
}

/** Makes a node of a block device in a directory, in the place of whatever has that name. */
export function makeBlockNode(devices: FdLike, name: string, node: DeviceNumber): void {
	try {
		mknodat(devices, name, "block", node, 0o600);
	} catch (error) {
		// Somebody's leftover, by whatever name: trust nothing that we did not make.
		if (!isSysError(error, "EEXIST")) throw error;
		unlinkat(devices, name);
		mknodat(devices, name, "block", node, 0o600);
	}
}

/** Removes a node; one that is gone already is no error. */
export function removeBlockNode(devices: FdLike, name: string): void {
	try {
		unlinkat(devices, name);
	} catch (error) {
		if (!isSysError(error, "ENOENT")) throw error;
	}
}

/** Asks the kernel what an open block device is. */
export function describeBlock(device: FdLike): BlockFacts {
	return {
		sizeBytes: blockSizeBytes(device),
		sectorBytes: blockSectorBytes(device),
		readOnly: blockReadOnly(device),
		diskSequence: diskSequence(device),
	};
}

/** Opens an open block device once more, for itself alone. `EBUSY`: a mount, swap or other device stands on it. */
export function claimBlock(device: Handle): Fd {
	return openat2(AT_FDCWD, `/proc/self/fd/${device.fd}`, {
		flags: constants.O_RDONLY | constants.O_EXCL | constants.O_NONBLOCK,
	});
}

/**
 * Flushes a block device unless nothing can have been written, and closes it, all on one way to a thread of the pool and back.
 * Every step is taken whatever became of those before; the failures are returned.
 *
 * @param claim - The device's other descriptor, if there is one, which is closed last.
 */
export async function releaseBlock(
	device: Handle,
	claim: Handle | undefined,
	{ flush }: { readonly flush: boolean },
): Promise<ReleaseFailures> {
	const calls: BatchCall[] = [];
	if (flush) calls.push({ call: "fsync", fd: device.fd });
	calls.push({ call: "close", fd: device });
	if (claim !== undefined) calls.push({ call: "close", fd: claim });
	const failures = (await performInOrder(calls)).map((result) =>
		isSysError(result) ? result : undefined,
	);
	const flushed = flush ? failures.shift() : undefined;
	return { flush: flushed, close: failures.find((failure) => failure !== undefined) };
}
