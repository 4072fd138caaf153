import { read } from "node:fs";
import { blockSizeBytes, type FdLike, fdNumber, statFd } from "@devhost/linux";

/** Something that may be a physical volume: a device, a file. */
export interface Source {
	/** What messages call it: `loop3`. */
	readonly name: string;
	readonly sizeBytes: number;
	/**
	 * Reads bytes.
	 *
	 * @returns Fewer than `lengthBytes` at the end.
	 */
	read(startBytes: number, lengthBytes: number): Promise<Uint8Array>;
}

/**
 * A block device or file that is open for reading. Reading waits on threads of the pool.
 *
 * @param fd - Lent for as long as the source is read.
 */
export function sourceOf(fd: FdLike, name: string = `descriptor ${fdNumber(fd)}`): Source {
	const { type, sizeBytes } = statFd(fd);
	return {
		name,
		sizeBytes: type === "block" ? blockSizeBytes(fd) : sizeBytes,
		async read(startBytes, lengthBytes) {
			const bytes = Buffer.allocUnsafe(lengthBytes);
			let filled = 0;
			while (filled < lengthBytes) {
				const count = await readSome(
					fdNumber(fd),
					bytes.subarray(filled),
					startBytes + filled,
				);
				if (count === 0) break;
				filled += count;
			}
			return bytes.subarray(0, filled);
		},
	};
}

function readSome(fd: number, into: Uint8Array, position: number): Promise<number> {
	const { promise, resolve, reject } = Promise.withResolvers<number>();
	read(fd, into, 0, into.length, position, (error, count) =>
		error === null ? resolve(count) : reject(error),
	);
	return promise;
}
