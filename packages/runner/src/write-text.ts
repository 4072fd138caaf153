import { writeSync } from "node:fs";

/** Descriptors whose reader is gone: what is written to them is lost, which is no reason to stop a run half-way. */
const closed = new Set<number>();

/**
 * Writes text to standard output or error at once.
 *
 * Not through `process.stdout`, which costs 2 to 4 ms to make and loses what is queued when the process exits.
 */
export function writeText(fd: 1 | 2, text: string): void {
	if (closed.has(fd)) return;
	const bytes = new TextEncoder().encode(text);
	for (let at = 0; at < bytes.length;) {
		try {
			at += writeSync(fd, bytes, at);
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code === "EAGAIN") {
				// Somebody put the pipe into non-blocking mode, and its reader is slow.
				Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
				continue;
			}
			closed.add(fd);
			return;
		}
	}
}
