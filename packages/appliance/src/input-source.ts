import { read as readFile } from "node:fs";
import { promisify } from "node:util";
import { Fd, type FdLike, fdNumber, Poller, READABLE, read, SysError } from "@devhost/linux";
import type { GuestStdin } from "./guest.ts";

const readFileAsync = promisify(readFile);
const pieceBytes = 65_536;
const EAGAIN = 11;
const EINTR = 4;

/**
 * The pieces of a command's standard input.
 *
 * @param signal - Aborted when nobody wants more: a wait for input ends then.
 */
export function inputPieces(
	stdin: GuestStdin | undefined,
	signal: AbortSignal,
): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
	if (stdin === undefined || stdin === "") return [];
	if (typeof stdin === "string") return [Buffer.from(stdin)];
	if (typeof stdin === "number" || stdin instanceof Fd) return descriptorPieces(stdin, signal);
	if (stdin instanceof Uint8Array) return [stdin];
	return stdin;
}

/** Reads a descriptor from where it stands; it stays as it is, also its blocking mode. */
async function* descriptorPieces(
	lent: FdLike,
	signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
	const fd = fdNumber(lent);
	const readiness = waitFor(fd, signal);
	try {
		while (!signal.aborted) {
			const piece = Buffer.allocUnsafe(pieceBytes);
			let size: number;
			if (readiness === undefined) {
				({ bytesRead: size } = await readFileAsync(fd, piece, 0, pieceBytes, null));
			} else {
				await readiness.ready();
				if (signal.aborted) return;
				size = read(fd, piece, 0, pieceBytes);
			}
			if (size === -EAGAIN || size === -EINTR) continue;
			if (size < 0) throw new SysError("read", -size);
			if (size === 0) return;
			yield piece.subarray(0, size);
		}
	} finally {
		readiness?.close();
	}
}

/** Waits for what can be waited for: pipes, sockets, terminals. Undefined for a regular file, which is always ready. */
function waitFor(
	fd: number,
	signal: AbortSignal,
): { ready(): Promise<void>; close(): void } | undefined {
	let wake: (() => void) | undefined;
	let poller: Poller;
	const onReady = (): void => {
		poller.set(0);
		wake?.();
	};
	try {
		poller = new Poller(fd, onReady);
	} catch (error) {
		if (error instanceof SysError && error.code === "EPERM") return undefined;
		throw error;
	}
	const onAbort = (): void => wake?.();
	signal.addEventListener("abort", onAbort);
	return {
		async ready() {
			const { promise, resolve } = Promise.withResolvers<void>();
			wake = resolve;
			poller.set(READABLE);
			await promise;
		},
		close() {
			signal.removeEventListener("abort", onAbort);
			poller.close();
		},
	};
}
