import { DeviceBusy, timeoutMsOf, waitUntil } from "@devhost/core";
import type { BackingFile } from "./backing-file.ts";
import type { ByteRange } from "./byte-range.ts";
import type { FileFacts, LoopSys } from "./loop.ts";
import type { LoopRequest } from "./loop-request.ts";

/** What devices of one process show, by file. */
export class Claims {
	readonly #ranges = new Map<string, Set<ByteRange>>();

	/** What of a range none of them shows. */
	without(file: FileFacts, range: ByteRange): ByteRange[] {
		let parts = [range];
		for (const { offsetBytes, sizeBytes } of this.#ranges.get(keyOf(file)) ?? []) {
			parts = parts.flatMap((part) => [
				between(part.offsetBytes, Math.min(offsetBytes, endOf(part))),
				between(Math.max(offsetBytes + sizeBytes, part.offsetBytes), endOf(part)),
			]);
			parts = parts.filter((part) => part.sizeBytes > 0);
		}
		return parts;
	}

	/** Adds one, until what is returned is disposed. */
	add(file: FileFacts, range: ByteRange): Disposable {
		const key = keyOf(file);
		const ranges = this.#ranges.get(key) ?? new Set();
		this.#ranges.set(key, ranges.add(range));
		return {
			[Symbol.dispose]: () => {
				ranges.delete(range);
				if (ranges.size === 0) this.#ranges.delete(key);
			},
		};
	}
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
 * The lock belongs to the open file, which the loop device keeps open, and so it goes with the device, however that ends. Waits a
 * while for one that is just being closed. A file that the caller has opened is the caller's to lock.
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
	const { file, readOnly } = request;
	const { facts } = backing;
	if (typeof file !== "string" || facts.type !== "file") return nothing;
	const isOurs = (): boolean => {
		const parts = sys.claims.without(facts, range);
		return parts.every((part) => sys.lockRange(backing.file, part, readOnly));
	};
	const claim = (): Disposable => sys.claims.add(facts, range);
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
