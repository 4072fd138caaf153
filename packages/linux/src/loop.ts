import { binding } from "./binding.ts";
import { checked } from "./errno.ts";
import { type FdLike, fdNumber } from "./fd.ts";
import { ioctl, ioctlAsync } from "./ioctl.ts";

// Source: linux/loop.h.
/** The device refuses writes. */
export const LO_FLAGS_READ_ONLY = 1;
/** The device is unbound when its last descriptor is closed. */
export const LO_FLAGS_AUTOCLEAR = 4;
/** The kernel looks for partitions. */
export const LO_FLAGS_PARTSCAN = 8;
/** The backing file is read and written past its page cache. */
export const LO_FLAGS_DIRECT_IO = 16;

/** The most bytes of a {@link LoopConfig.tag}: one of the 64 is its end. */
export const maxLoopTagBytes = 63;

/** How a loop device is to be bound. */
export interface LoopConfig {
	/** The backing file, lent. */
	readonly file: FdLike;
	/** Bytes from the file's beginning. */
	readonly offsetBytes: number;
	/** Bytes; 0 for "to the end". The kernel takes what the file has where this is more. */
	readonly sizeBytes: number;
	/** Bytes of a logical sector: 512 to 4096, a power of two. */
	readonly sectorBytes: number;
	/** The `LO_FLAGS_…`. */
	readonly flags: number;
	/** What `losetup` shows as the file's name; at most {@link maxLoopTagBytes} bytes of UTF-8. */
	readonly tag: string;
}

/** What a loop device is bound to. */
export interface LoopStatus {
	/** Of `loopN`. */
	readonly number: number;
	/** `st_dev` of the backing file, as the kernel packs it. */
	readonly device: bigint;
	readonly inode: bigint;
	readonly offsetBytes: bigint;
	readonly sizeBytes: bigint;
	readonly flags: number;
	readonly tag: string;
}

/**
 * Asks for the number of a loop device that is free now, making one if need be. Another process may take it first.
 *
 * @param control - `/dev/loop-control`.
 * @throws {@link SysError} `ENOSPC` or `ENOMEM` no further device.
 */
export function loopGetFree(control: FdLike): Promise<number> {
	return ioctlAsync(control, { request: LOOP_CTL_GET_FREE, name: "LOOP_CTL_GET_FREE" });
}

/**
 * Makes a loop device, if it is not there.
 *
 * @param control - `/dev/loop-control`.
 * @throws {@link SysError} as {@link loopGetFree}.
 */
export function loopAdd(control: FdLike, number: number): void {
	const result = binding.ioctl(fdNumber(control), LOOP_CTL_ADD, number, undefined);
	if (result !== -EEXIST) checked(result, "LOOP_CTL_ADD");
}

/**
 * Binds a file to a loop device and sets all its properties in one call, on a thread of the pool. Linux 5.8.
 *
 * Shape: `struct loop_config`, 304 bytes, native byte order: `u32 fd`, `u32 block_size`, `struct loop_info64`
 * (232 bytes), eight reserved `u64`.
 *
 * @throws {@link SysError} `EBUSY` the device is bound or still draining: try another one.
 * @throws {@link SysError} `EINVAL` a sector size, or a kind of file, that the kernel refuses.
 *
 * Source: linux/loop.h; loop(4).
 */
export async function loopConfigure(loop: FdLike, config: LoopConfig): Promise<void> {
	draftView.setUint32(0, fdNumber(config.file), true);
	draftView.setUint32(4, config.sectorBytes, true);
	draftInfo(config);
	const argument = draft.slice();
	await ioctlAsync(loop, { request: LOOP_CONFIGURE, name: "LOOP_CONFIGURE", argument });
}

/**
 * Sets offset, size, flags and tag of a bound loop device, on a thread of the pool.
 *
 * @throws {@link SysError} `ENXIO` it is not bound.
 */
export async function loopSetStatus(
	loop: FdLike,
	status: Pick<LoopConfig, "offsetBytes" | "sizeBytes" | "flags" | "tag">,
): Promise<void> {
	draftInfo(status);
	const argument = draft.slice(8, 8 + loopInfoBytes);
	await ioctlAsync(loop, { request: LOOP_SET_STATUS64, name: "LOOP_SET_STATUS64", argument });
}

/**
 * Asks what a loop device is bound to.
 *
 * Shape: `struct loop_info64`, see the offsets in the code.
 *
 * @throws {@link SysError} `ENXIO` it is not bound.
 */
export function loopStatus(loop: FdLike): LoopStatus {
	ioctl(loop, { request: LOOP_GET_STATUS64, name: "LOOP_GET_STATUS64", argument: info });
	const end = info.indexOf(0, 56);
	return {
		device: infoView.getBigUint64(0, true),
		inode: infoView.getBigUint64(8, true),
		offsetBytes: infoView.getBigUint64(24, true),
		sizeBytes: infoView.getBigUint64(32, true),
		number: infoView.getUint32(40, true),
		flags: infoView.getUint32(52, true),
		tag: infoBuffer.toString("utf8", 56, end < 0 ? 120 : Math.min(end, 120)),
	};
}

/**
 * Unbinds a loop device; while others hold it open it only becomes one that is unbound at its last close.
 *
 * @throws {@link SysError} `ENXIO` it is not bound.
 */
export function loopClear(loop: FdLike): void {
	ioctl(loop, { request: LOOP_CLR_FD, name: "LOOP_CLR_FD" });
}

/** Writes into the draft's `struct loop_info64`. */
function draftInfo({
	offsetBytes,
	sizeBytes,
	flags,
	tag,
}: Pick<LoopConfig, "offsetBytes" | "sizeBytes" | "flags" | "tag">): void {
	draftView.setBigUint64(8 + 24, BigInt(offsetBytes), true);
	draftView.setBigUint64(8 + 32, BigInt(sizeBytes), true);
	draftView.setUint32(8 + 52, flags, true);
	draftTag.fill(0);
	// It would write as many characters as there is room for.
	const length = Buffer.byteLength(tag);
	if (length > maxLoopTagBytes) {
		throw new RangeError(`loop tag: ${length} bytes, at most ${maxLoopTagBytes}`);
	}
	draftTag.write(tag);
}

// Source: linux/loop.h.
const loopInfoBytes = 232;
// What the kernel answers, as long as it takes to read it: calls on this thread follow one another.
const info = new Uint8Array(loopInfoBytes);
const infoView = new DataView(info.buffer);
const infoBuffer = Buffer.from(info.buffer);
// A `struct loop_config`, as long as it takes to copy it. What is written nowhere is 0.
const draft = new Uint8Array(304);
const draftView = new DataView(draft.buffer);
const draftTag = Buffer.from(draft.buffer, 8 + 56, maxLoopTagBytes);

const LOOP_CLR_FD = 0x4c01;
const LOOP_SET_STATUS64 = 0x4c04;
const LOOP_GET_STATUS64 = 0x4c05;
const LOOP_CONFIGURE = 0x4c0a;
const LOOP_CTL_ADD = 0x4c80;
const LOOP_CTL_GET_FREE = 0x4c82;
const EEXIST = 17; // asm-generic/errno-base.h
