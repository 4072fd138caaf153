import type { FdLike } from "./fd.ts";
import { ioctl, ioctlAsync } from "./ioctl.ts";
import { isSysError } from "./errno.ts";

/** What the kernel answers, as long as it takes to read it: calls on this thread follow one another. */
const out = new Uint8Array(8);
const outView = new DataView(out.buffer);

/** Size of a block device in bytes. Source: `BLKGETSIZE64`, linux/fs.h. */
export function blockSizeBytes(device: FdLike): number {
	ioctl(device, { request: BLKGETSIZE64, name: "BLKGETSIZE64", argument: out });
	return Number(outView.getBigUint64(0, true));
}

/** Bytes of a logical sector of a block device. Source: `BLKSSZGET`, linux/fs.h. */
export function blockSectorBytes(device: FdLike): number {
	ioctl(device, { request: BLKSSZGET, name: "BLKSSZGET", argument: out });
	return outView.getInt32(0, true);
}

/** Whether a block device refuses writes. Source: `BLKROGET`, linux/fs.h. */
export function blockReadOnly(device: FdLike): boolean {
	ioctl(device, { request: BLKROGET, name: "BLKROGET", argument: out });
	return outView.getInt32(0, true) !== 0;
}

/**
 * Has a block device refuse writes from now on, or take them; of a partition, this one only.
 *
 * @throws {@link SysError} `EACCES` without `CAP_SYS_ADMIN`.
 *
 * Source: `BLKROSET`, linux/fs.h.
 */
export function setBlockReadOnly(device: FdLike, readOnly: boolean): void {
	const argument = new Uint8Array(4);
	new DataView(argument.buffer).setInt32(0, readOnly ? 1 : 0, true);
	ioctl(device, { request: BLKROSET, name: "BLKROSET", argument });
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
	try {
		ioctl(device, { request: BLKGETDISKSEQ, name: "BLKGETDISKSEQ", argument: out });
	} catch (error) {
		if (isSysError(error, "ENOTTY") || isSysError(error, "EINVAL")) return undefined;
		throw error;
	}
	return outView.getBigUint64(0, true);
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

/** A range of a block device as the kernel is told of it. */
export interface BlockPartition {
	/** Of `loop3p2`: 1 to 255. */
	readonly number: number;
	/** Bytes from the device's beginning; a multiple of its logical sector. */
	readonly startBytes: number;
	/** Bytes; a multiple of the device's logical sector. */
	readonly sizeBytes: number;
}

/**
 * Has the kernel show a range of a block device as a device of its own; nothing is written.
 *
 * Also where the device would not be looked at for partitions: a loop device without `LO_FLAGS_PARTSCAN`, a kernel without
 * parsers. It stays until {@link deletePartition}, or until the kernel looks for partitions anew while nobody has one open.
 *
 * Shape: `struct blkpg_ioctl_arg` with a pointer to `struct blkpg_partition`: `s64 start`, `s64 length`, `s32 pno`, two
 * names of 64 bytes, which the kernel does not read; 152 bytes.
 *
 * @param device - The whole disk.
 * @throws {@link SysError} `EBUSY` there is one of this number, or one that has a sector in common with it.
 * @throws {@link SysError} `EINVAL` it is empty or not whole sectors, its number is not 1 to 255, or it leaves the device;
 * Linux 6.1 takes one that leaves it.
 * @throws {@link SysError} `ENXIO` the device is being removed; `EACCES` without `CAP_SYS_ADMIN`.
 *
 * Source: linux/blkpg.h; block/ioctl.c, `blkpg_do_ioctl`; block/partitions/core.c, `bdev_add_partition`.
 */
export function addPartition(device: FdLike, partition: BlockPartition): void {
	const { number, startBytes, sizeBytes } = partition;
	blkpg(device, { op: BLKPG_ADD_PARTITION, name: "BLKPG_ADD_PARTITION" }, (view) => {
		view.setBigInt64(0, BigInt(startBytes), true);
		view.setBigInt64(8, BigInt(sizeBytes), true);
		view.setInt32(16, number, true);
	});
}

/**
 * Takes a partition off a block device, for the kernel only: what is on the device stays as it is.
 *
 * Shape: as of {@link addPartition}, but only `pno` counts here.
 *
 * @throws {@link SysError} `EBUSY` somebody uses it; `ENXIO` there is none of this number; `EACCES` without `CAP_SYS_ADMIN`.
 *
 * Source: linux/blkpg.h.
 */
export function deletePartition(device: FdLike, partitionNumber: number): void {
	blkpg(device, { op: BLKPG_DEL_PARTITION, name: "BLKPG_DEL_PARTITION" }, (view) =>
		view.setInt32(16, partitionNumber, true),
	);
}

function blkpg(
	device: FdLike,
	{ op, name }: { readonly op: number; readonly name: string },
	describe: (partition: DataView) => void,
): void {
	const partition = new Uint8Array(152);
	describe(new DataView(partition.buffer));
	const argument = new Uint8Array(24);
	const view = new DataView(argument.buffer);
	view.setInt32(0, op, true);
	view.setInt32(8, partition.length, true);
	const pointers = [{ offset: 16, target: partition }];
	ioctl(device, { request: BLKPG, name, argument, pointers });
}

// Source: linux/fs.h, with the ioctl encoding of x86-64 and arm64 (powerpc, mips and sparc have another).
const BLKROSET = 0x125d;
const BLKROGET = 0x125e;
const BLKFLSBUF = 0x1261;
const BLKSSZGET = 0x1268;
const BLKGETSIZE64 = 0x80081272;
const BLKGETDISKSEQ = 0x80081280;
// Source: linux/blkpg.h.
const BLKPG = 0x1269;
const BLKPG_ADD_PARTITION = 1;
const BLKPG_DEL_PARTITION = 2;
