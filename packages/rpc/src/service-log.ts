import { closeSync, fstatSync, openSync } from "node:fs";
import { type Fd, Poller, READABLE } from "@devhost/linux";
import { duplicateFds } from "./fd-list.ts";

/**
 * Keeps a broken log pipe from stopping what has to be done when the host is gone (osbuild's LUKS service left its
 * mapping behind because a `print()` before closing it failed with EPIPE).
 *
 * The streams get a listener for their errors when they are first used: using them costs 2 ms.
 */
export function ignoreStreamErrors(): void {
	for (const name of ["stdout", "stderr"] as const) {
		const original = Object.getOwnPropertyDescriptor(process, name)?.get;
		if (original === undefined) continue;
		Object.defineProperty(process, name, {
			configurable: true,
			enumerable: true,
			get() {
				const stream = original.call(process) as NodeJS.WriteStream;
				stream.on("error", () => {});
				Object.defineProperty(process, name, {
					configurable: true,
					enumerable: true,
					get: () => stream,
				});
				return stream;
			},
		});
	}
}

/**
 * From here on puts `/dev/null` in the place of standard output and error as soon as nobody reads them, so that writing
 * to the descriptors (`fs.writeSync(1, …)`) does not throw either.
 */
export function replaceBrokenLogs(): void {
	for (const fd of [1, 2]) {
		if (!isPipe(fd)) continue;
		try {
			replaceOnceBroken(fd);
		} catch {
			// No descriptor is left. What has to be closed comes first: it does not need any.
		}
	}
}

function replaceOnceBroken(fd: number): void {
	// Of its own: Node polls the descriptor itself while the pipe is full.
	const [watched] = duplicateFds([fd]) as [Fd];
	// The writing end of a pipe is never readable. What is reported is the end of its last reader.
	const poller = new Poller(watched.fd, () => {
		poller.close();
		watched.close();
		closeSync(fd);
		// The lowest number that is free: this one, because 0 is in use.
		openSync("/dev/null", "w");
	});
	poller.set(READABLE);
	poller.unref();
}

function isPipe(fd: number): boolean {
	try {
		return fstatSync(fd).isFIFO();
	} catch {
		// Closed: nothing is written to it.
		return false;
	}
}
