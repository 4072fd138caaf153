import { DeviceBusy, throwFailures, timeoutMsOf, waitUntil } from "@devhost/core";
import type { BackingFile } from "./backing-file.ts";
import type { ByteRange } from "./byte-range.ts";
import type { FileFacts, Handle, LoopSys } from "./loop.ts";
import type { LoopRequest } from "./loop-request.ts";

/** Bytes of a file that a device shows. */
export interface Claim {
	readonly range: ByteRange;
	/** The open file that has the lock, but for what others had before. */
	readonly file: Handle;
	/** Lets go of some of it. */
	readonly unlock: (part: ByteRange) => void;
}

/** What devices of one process show of a file. */
interface FileClaims {
	/** Of devices that are open. */
	readonly open: Set<Claim>;
	/** Of devices that are closed, for as long as others show bytes of which these have the lock. */
	readonly kept: Set<Claim>;
}

/** What devices of one process show, by file. */
export class Claims {
	readonly #byFile = new Map<string, FileClaims>();

	/** What of a range none of them shows. */
	without(file: FileFacts, range: ByteRange): ByteRange[] {
		return partsWithout(range, this.#byFile.get(keyOf(file))?.open ?? []);
	}

	/** Adds one, until what is returned is disposed. Takes its file, and closes it when nobody needs its lock any more. */
	add(file: FileFacts, claim: Claim): Disposable {
		const key = keyOf(file);
		const claims = this.#byFile.get(key) ?? { open: new Set(), kept: new Set() };
		this.#byFile.set(key, claims);
		claims.open.add(claim);
		return {
			[Symbol.dispose]: () => {
				claims.open.delete(claim);
				claims.kept.add(claim);
				if (claims.open.size === 0) this.#byFile.delete(key);
				throwFailures(letGo(claims));
			},
		};
	}
}

/** Closes the files of closed devices, or lets go of what no device shows that is open. Returns what failed. */
function letGo({ open, kept }: FileClaims): unknown[] {
	const failures: unknown[] = [];
	for (const claim of kept) {
		const parts = partsWithout(claim.range, open);
		const isNeeded = sizeOf(parts) < claim.range.sizeBytes;
		try {
			if (isNeeded) {
				for (const part of parts) claim.unlock(part);
			} else {
				kept.delete(claim);
				claim.file.close();
			}
		} catch (error) {
			failures.push(error);
		}
	}
	return failures;
}

function partsWithout(range: ByteRange, claims: Iterable<Claim>): ByteRange[] {
	let parts = [range];
	for (const { range: shown } of claims) {
		if (parts.length === 0) break;
		parts = parts.flatMap((part) => [
			between(part.offsetBytes, Math.min(shown.offsetBytes, endOf(part))),
			between(Math.max(endOf(shown), part.offsetBytes), endOf(part)),
		]);
		parts = parts.filter((part) => part.sizeBytes > 0);
	}
	return parts;
}

function sizeOf(parts: readonly ByteRange[]): number {
	return parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function keyOf({ device: { major, minor }, inode }: FileFacts): string {
	return `${major}:${minor}:${inode}`;
}

function between(offsetBytes: number, endBytes: number): ByteRange {
	return { offsetBytes, sizeBytes: endBytes - offsetBytes };
}

function endOf({ offsetBytes, sizeBytes }: ByteRange): number {
	return offsetBytes + sizeBytes;
}

const nothing: Disposable = { [Symbol.dispose]() {} };

/**
 * Makes sure that no loop device of another process shows the same bytes of a file, if one of the two can be written: the kernel
 * would take them for two devices and mount the same file system twice, each with a cache of its own, and destroy it. Devices of
 * one process may overlap: whoever has a whole disk and a part of it in one stage says so himself.
 *
 * The lock belongs to the open file, which the loop device keeps open, and so it goes with the device, however that ends. Where
 * several devices show the same bytes, the first has the lock, and it stays until the last of them is closed. Waits a while for one
 * that is just being closed. A file that the caller has opened is the caller's to lock.
 *
 * @returns disposed when the device is closed.
 * @throws {@link DeviceBusy} somebody has them.
 */
export function claimRange(
	sys: LoopSys,
	request: LoopRequest,
	backing: BackingFile,
	range: ByteRange,
): Disposable | Promise<Disposable> {
	const { facts, file } = backing;
	if (typeof request.file !== "string" || facts.type !== "file") return nothing;
	const mode = request.readOnly ? "shared" : "exclusive";
	const isOurs = (): boolean => {
		const parts = sys.claims.without(facts, range);
		return parts.every((part) => sys.lockRange(file, part, mode));
	};
	const claim = (): Disposable => {
		const own = backing.handOver();
		if (own === undefined) return nothing;
		const unlock = (part: ByteRange): void => void sys.lockRange(own.fd, part, "unlock");
		return sys.claims.add(facts, { range, file: own, unlock });
	};
	return isOurs() ? claim() : waitForOthers(sys, { request, facts, range, isOurs, claim });
}

/** Somebody has some of the bytes. */
interface Dispute {
	readonly request: LoopRequest;
	readonly facts: FileFacts;
	readonly range: ByteRange;
	/** Whether nobody has them any more. */
	readonly isOurs: () => boolean;
	readonly claim: () => Disposable;
}

async function waitForOthers(
	sys: LoopSys,
	{ request, facts, range, isOurs, claim }: Dispute,
): Promise<Disposable> {
	const { filename, closeTimeoutMs, signal } = request;
	const clock = {
		nowMs: () => sys.nowMs(),
		delay: (waitMs: number) => sys.delay(waitMs, signal),
	};
	const deadlineMs = sys.nowMs() + timeoutMsOf(closeTimeoutMs);
	if (await waitUntil(clock, deadlineMs, isOurs)) return claim();
	const loops = await sys.loopsOf(facts, range);
	const names = loops.map((number) => `loop${number}`);
	const who = names.length === 0 ? "somebody" : names.join(", ");
	const last = range.offsetBytes + range.sizeBytes - 1;
	throw new DeviceBusy(
		`${filename}: its bytes ${range.offsetBytes} to ${last} are in use by ${who}, and one of the two can write them. ` +
			"Wait until that is closed, or use a copy",
		names.map((device) => ({ kind: "device", device })),
	);
}
