import { DeviceError } from "@devhost/core";
import { isSysError } from "@devhost/linux";
import type { Handle, LoopSys } from "./loop.ts";

/** A bound device and the file behind it. */
export interface WrittenLoop {
	readonly loop: Handle;
	/** See `BackingFile.witness`. */
	readonly witness: Handle;
	/** As messages begin: the file and the device. */
	readonly subject: string;
}

/**
 * Brings what was written to the device to the file's page cache.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_CLOSE` something that was written is lost, even if long ago and unnoticed by
 * whoever wrote it: a full disk shows only when a sparse file is filled.
 */
export async function flushDevice(
	sys: LoopSys,
	{ loop, witness, subject }: WrittenLoop,
): Promise<void> {
	try {
		await sys.flush(loop);
	} catch (error) {
		throw lost(sys, witness, subject, error);
	}
}

/**
 * Brings the file to its disk.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_CLOSE` something that was written is lost.
 */
export async function syncFile(
	sys: LoopSys,
	{ witness, subject }: Pick<WrittenLoop, "witness" | "subject">,
): Promise<void> {
	try {
		await sys.syncFile(witness);
	} catch (error) {
		throw lost(sys, witness, subject, error);
	}
}

/** What somebody is told when writing back failed: part of what was written is lost. */
export function lost(sys: LoopSys, witness: Handle, subject: string, cause: unknown): unknown {
	if (!isSysError(cause)) return cause;
	const freeBytes = sys.freeBytes(witness);
	// A loop device says EIO for whatever became of the file.
	const isFull = cause.code === "ENOSPC" || (freeBytes !== undefined && freeBytes < 1 << 20);
	const why = isFull ? "the file system of the file is full" : `${cause.syscall}: ${cause.code}`;
	return new DeviceError(
		"ERR_DEVICE_CLOSE",
		`${subject}: part of what was written to the device is lost, ${why}. Do not use the file`,
		{ cause, details: { errno: cause.code, ...(freeBytes !== undefined && { freeBytes }) } },
	);
}
