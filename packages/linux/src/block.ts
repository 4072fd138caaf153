import type { FdLike } from "./fd.ts";
import { ioctl, ioctlAsync } from "./ioctl.ts";
import { isSysError } from "./errno.ts";

/** Size of a block device in bytes. Source: `BLKGETSIZE64`, linux/fs.h. */
export function blockSizeBytes(device: FdLike): number {
	const out = new Uint8Array(8);
	ioctl(device, { request: BLKGETSIZE64, name: "BLKGETSIZE64", argument: out });
	return Number(new DataView(out.buffer).getBigUint64(0, true));
}

/** Bytes of a logical sector of a block device. Source: `BLKSSZGET`, linux/fs.h. */
export function blockSectorBytes(device: FdLike): number {
	const out = new Uint8Array(4);
	ioctl(device, { request: BLKSSZGET, name: "BLKSSZGET", argument: out });
	return new DataView(out.buffer).getInt32(0, true);
}

/** Whether a block device refuses writes. Source: `BLKROGET`, linux/fs.h. */
export function blockReadOnly(device: FdLike): boolean {
	const out = new Uint8Array(4);
	ioctl(device, { request: BLKROGET, name: "BLKROGET", argument: out });
	return new DataView(out.buffer).getInt32(0, true) !== 0;
}

/**
 * The sequence number of what stands behind a block device's node now: another loop bound to the same number has
 * another one.
 *
 * @returns Undefined before Linux 5.15.
 *
 * Source: `BLKGETDISKSEQ`, linux/fs.h.
 */
export function diskSequence(device: FdLike): bigint | undefined {
	const out = new Uint8Array(8);
	try {
		ioctl(device, { request: BLKGETDISKSEQ, name: "BLKGETDISKSEQ", argument: out });
	} catch (error) {
		if (isSysError(error, "ENOTTY") || isSysError(error, "EINVAL")) return undefined;
		throw error;
	}
	return new DataView(out.buffer).getBigUint64(0, true);
}

/**
 * Writes back and drops the device's own page cache, on a thread of the pool.
 *
 * @throws {@link SysError} `EACCES` without `CAP_SYS_ADMIN`. Lost writes are not reported here but by {@link fsync} of the
 * device, through a descriptor that was open when they were lost.
 *
 * Source: `BLKFLSBUF`, linux/fs.h.
 */
export async function flushBlock(device: FdLike): Promise<void> {
	await ioctlAsync(device, { request: BLKFLSBUF, name: "BLKFLSBUF" });
}

/**
 * Takes a partition off a block device, for the kernel only: what is on the device stays as it is.
 *
 * Shape: `struct blkpg_ioctl_arg` with a pointer to `struct blkpg_partition`, of which only `pno` counts here.
 *
 * @throws {@link SysError} `EBUSY` somebody uses it; `ENXIO` there is none of this number; `EACCES` without `CAP_SYS_ADMIN`.
 *
 * Source: linux/blkpg.h.
 */
export function deletePartition(device: FdLike, partitionNumber: number): void {
	const partition = new Uint8Array(152);
	new DataView(partition.buffer).setInt32(16, partitionNumber, true);
	const argument = new Uint8Array(24);
	const view = new DataView(argument.buffer);
	view.setInt32(0, BLKPG_DEL_PARTITION, true);
	view.setInt32(8, partition.length, true);
	const pointers = [{ offset: 16, target: partition }];
	ioctl(device, { request: BLKPG, name: "BLKPG_DEL_PARTITION", argument, pointers });
}

// Source: linux/fs.h, with the ioctl encoding of x86-64 and arm64 (powerpc, mips and sparc have another).
const BLKROGET = 0x125e;
const BLKFLSBUF = 0x1261;
const BLKSSZGET = 0x1268;
const BLKGETSIZE64 = 0x80081272;
const BLKGETDISKSEQ = 0x80081280;
// Source: linux/blkpg.h.
const BLKPG = 0x1269;
const BLKPG_DEL_PARTITION = 2;
