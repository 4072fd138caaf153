import { abandoned, causeFirst, DeviceError, timeoutMsOf } from "@devhost/core";
import type { DeviceNumber } from "@devhost/linux";
import { openBackingFile } from "./backing-file.ts";
import { bindFreeLoop } from "./bind-free-loop.ts";
import { byteRange } from "./byte-range.ts";
import { claimRange } from "./claim-range.ts";
import { closeLoop } from "./close-loop.ts";
import type { LoopFacts, LoopSys } from "./loop.ts";
import type { LoopRequest } from "./loop-request.ts";
import type { LoopPartition, ScannedPartitions } from "./scan-partitions.ts";
import { flushDevice } from "./write-back.ts";

/** An open loop device. */
export interface OpenLoop extends AsyncDisposable {
	/** Of `loopN`. */
	readonly number: number;
	readonly node: DeviceNumber;
	/** Where it can be opened: a name in the device directory, or a path. */
	readonly path: string;
	readonly facts: LoopFacts;
	/** With `partscan`: what the table that was there says, each with a node of its own. */
	readonly partitions: readonly LoopPartition[];
	/** Brings what was written to the device, and to its partitions, to the file's disk. */
	flush(): Promise<void>;
}

/**
 * Opens a file, or a range of it, as a loop device.
 *
 * Disposal is {@link closeLoop}, once.
 *
 * @throws {@link DeviceError} with nothing left behind.
 */
export async function openLoop(sys: LoopSys, request: LoopRequest): Promise<OpenLoop> {
	const { filename, readOnly, directIo, sectorBytes, tag, signal } = request;
	try {
		// Whatever is acquired here is released, last first, if a later step throws.
		await using acquired = new AsyncDisposableStack();
		signal?.throwIfAborted();
		const backing = acquired.use(openBackingFile(sys, request));
		const { witness } = backing;
		const { offsetBytes, sizeBytes } = byteRange(request, backing.sizeBytes);
		const claim = claimRange(sys, request, backing, { offsetBytes, sizeBytes });
		acquired.use(claim instanceof Promise ? await claim : claim);
		const config = { offsetBytes, sizeBytes, sectorBytes, readOnly, directIo, tag };
		const bound = await bindFreeLoop(sys, { request, backing, config });
		const subject = `${filename}: loop${bound.number}`;
		let deadlineMs: number | undefined;
		acquired.defer(() => closeLoop(sys, { request, bound, witness, subject, deadlineMs }));
		// With its code before the device is closed again, which may fail, too.
		if (signal?.aborted) throw abandoned(filename, signal.reason);

		let scanned: ScannedPartitions | undefined;
		if (request.partscan) {
			const { scanPartitions } = await import("./scan-partitions.ts");
			scanned = await scanPartitions(sys, request, bound);
			if (scanned !== undefined) acquired.use(scanned);
			// One for both: whoever uses a partition keeps the whole device busy, too.
			acquired.defer(
				() => void (deadlineMs = sys.nowMs() + timeoutMsOf(request.closeTimeoutMs)),
			);
		}

		const { number, path, facts, loop } = bound;
		const node = sys.nodeOf(number);
		const owned = acquired.move(); // nothing below can throw
		return {
			number,
			node,
			path,
			facts,
			partitions: scanned?.partitions ?? [],
			async flush() {
				if (owned.disposed)
					throw new DeviceError("ERR_DEVICE_CLOSED", `${subject}: closed already`);
				await scanned?.flush();
				if (!readOnly) await flushDevice(sys, { loop, witness, subject });
			},
			async [Symbol.asyncDispose]() {
				try {
					await owned.disposeAsync();
				} catch (error) {
					throw causeFirst(error, subject);
				}
			},
		};
	} catch (error) {
		const cause = causeFirst(error, filename);
		throw signal?.aborted && cause === signal.reason ? abandoned(filename, cause) : cause;
	}
}
