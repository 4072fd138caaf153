import { readSync } from "node:fs";
import { blockSizeBytes, type FdLike, fdNumber, statFd } from "@devhost/linux";
import { DeviceError } from "../error.ts";
import type { PartitionSource } from "./partition-table.ts";

/** A disk of which nothing is read that is not on it. */
export interface Disk {
	/** What messages call it. */
	readonly name: string;
	readonly sizeBytes: number;
	/** Its beginning: {@link headBytes}, or all where it has fewer. */
	readonly head: Buffer;
	/**
	 * Reads bytes.
	 *
	 * @returns Undefined where they are not all on the disk.
	 * @throws {@link DeviceError} `ERR_DEVICE_SYSTEM` the disk could not be read there.
	 */
	read(offsetBytes: number, lengthBytes: number): Buffer | undefined;
}

/**
 * What is read at once: an MBR and an ordinary GPT of any sector size, up to byte 24576, and what tells most other contents,
 * up to ISO 9660's descriptor at byte 32768.
 */
export const headBytes: number = 36 << 10;

/** What {@link openDisk} may be told about the disk. */
export interface DiskOptions {
	/** Default: the descriptor's number. */
	readonly name?: string | undefined;
	/** Default: as the kernel says, or the source. */
	readonly sizeBytes?: number | undefined;
}

/**
 * Makes a {@link Disk} of what can be read.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_UNSUPPORTED` it is larger than 8 PiB; `ERR_DEVICE_SYSTEM` its beginning could not be
 * read.
 */
export function openDisk(source: FdLike | PartitionSource, options: DiskOptions): Disk {
	const isSource = typeof source === "object" && "read" in source;
	const { name = isSource ? "disk" : `descriptor ${fdNumber(source)}` } = options;
	const { sizeBytes = isSource ? source.sizeBytes : sizeOf(source) } = options;
	if (Number.isNaN(sizeBytes) || sizeBytes < 0) {
		throw new RangeError(`sizeBytes: expected the bytes of a disk, not ${sizeBytes}`);
	}
	if (!Number.isSafeInteger(sizeBytes)) {
		throw new DeviceError(
			"ERR_DEVICE_UNSUPPORTED",
			`${name}: larger than 8 PiB, where bytes can no longer be counted exactly`,
		);
	}
	const readInto: PartitionSource["read"] = isSource
		? (buffer, offset) => source.read(buffer, offset)
		: (buffer, offset) => readSync(fdNumber(source), buffer, 0, buffer.length, offset);

	const readAll = (offsetBytes: number, lengthBytes: number): Buffer => {
		const bytes = Buffer.allocUnsafe(lengthBytes);
		let filled = 0;
		try {
			while (filled < lengthBytes) {
				const count = readInto(
					filled === 0 ? bytes : bytes.subarray(filled),
					offsetBytes + filled,
				);
				if (count <= 0) break;
				filled += count;
			}
		} catch (error) {
			const what = error instanceof Error && "code" in error ? String(error.code) : "error";
			throw new DeviceError(
				"ERR_DEVICE_SYSTEM",
				`${name}: ${lengthBytes} bytes at byte ${offsetBytes} could not be read (${what})`,
				{ cause: error },
			);
		}
		return filled < lengthBytes ? bytes.subarray(0, filled) : bytes;
	};
	const head = readAll(0, Math.min(headBytes, sizeBytes));
	return {
		name,
		sizeBytes,
		head,
		read(offsetBytes, lengthBytes) {
			const end = offsetBytes + lengthBytes;
			if (end <= head.length) return head.subarray(offsetBytes, end);
			// Also what is no number: an offset that has been calculated from Infinity.
			if (!(end <= sizeBytes)) return undefined;
			const bytes = readAll(offsetBytes, lengthBytes);
			return bytes.length === lengthBytes ? bytes : undefined;
		},
	};
}

function sizeOf(fd: FdLike): number {
	const { type, sizeBytes } = statFd(fd);
	return type === "block" ? blockSizeBytes(fd) : sizeBytes;
}

/** Bytes of the sectors that disks have: the most common ones first. */
export const sectorSizes: readonly number[] = [512, 4096, 2048, 1024];
