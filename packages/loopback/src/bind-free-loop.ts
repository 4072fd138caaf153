import { timeoutMsOf, waitUntil } from "@devhost/core";
import type { BackingFile } from "./backing-file.ts";
import { busy } from "./busy.ts";
import type { Binding, Handle, LoopConfig, LoopFacts, LoopLock, LoopSys } from "./loop.ts";
import { bindError, controlError, isTaken, noFreeLoop, type Refusal } from "./loop-error.ts";
import type { LoopRequest } from "./loop-request.ts";
import { verifyBinding } from "./verify-binding.ts";

/** A loop device that is to be bound. */
export interface BindRequest {
	readonly request: LoopRequest;
	/** Lent. */
	readonly backing: BackingFile;
	readonly config: LoopConfig;
}

/** A bound loop device. Whoever gets it closes it by {@link closeLoop}. */
export interface BoundLoop {
	/** Of `loopN`. */
	readonly number: number;
	readonly loop: Handle;
	/** Undefined: it was only needed during set-up. */
	readonly lock: LoopLock | undefined;
	/** Where the device can be opened: a name in the device directory, or a path. */
	readonly path: string;
	readonly facts: LoopFacts;
}

/** Far more than ever needed: at most 9 with 12 processes opening and closing all the time on two processors. */
const maxAttempts = 100;
/** Attempts without a pause between them: mostly the next device is free. */
const quickAttempts = 2;
/** The most that one pause lasts. All together last 3 s, as they are random. */
const maxPauseMs = 60;
/** How often one device may be refused before it is passed over: somebody holds it for longer than a moment. */
const patience = 3;

/**
 * Devices that this process is about to bind, or has bound. The kernel tells everybody who asks the same lowest free number,
 * so that two who ask at once would collide; who then looks further need not ask about these.
 */
const ours = new Set<number>();
/** Those of them that are not bound yet. */
let pending = 0;

/** A device that {@link bindFreeLoop} gave is bound no longer. */
export function releaseLoop({ number }: BoundLoop): void {
	ours.delete(number);
}

/**
 * Binds a file to a loop device that nobody uses. Whoever closes it says so by {@link releaseLoop}.
 *
 * Another process may take the device between our asking for one and our binding it ({@link isTaken}): then another one
 * is tried, after a growing random pause, a bounded number of times.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_NO_FREE` the kernel has no further device, or others were always quicker.
 * @throws {@link DeviceError} `ERR_DEVICE_UNSUPPORTED` no loop devices in this kernel, or not such a one.
 * @throws {@link DeviceError} `ERR_DEVICE_PERMISSION` not root, or a container's rules.
 * @throws the signal's reason, when it aborts.
 */
export async function bindFreeLoop(sys: LoopSys, wanted: BindRequest): Promise<BoundLoop> {
	const { filename, signal } = wanted.request;
	const refusals: Refusal[] = [];

	while (refusals.length < maxAttempts) {
		if (refusals.length >= quickAttempts) {
			const longestMs = Math.min(2 ** refusals.length, maxPauseMs);
			await sys.delay(sys.random() * longestMs, signal);
		}
		signal?.throwIfAborted();
		const number = freeNumber(sys, filename, refusals);
		ours.add(number);
		pending++;
		let result: BoundLoop | Refusal | undefined;
		try {
			result = await tryBind(sys, number, wanted);
			if ("loop" in result) return result;
			refusals.push(result);
		} finally {
			pending--;
			if (result === undefined || !("loop" in result)) ours.delete(number);
		}
	}
	throw noFreeLoop(filename, refusals);
}

function freeNumber(sys: LoopSys, filename: string, refusals: readonly Refusal[]): number {
	// Unbound, so that the kernel offers it for ever; but somebody has it locked, or open exclusively.
	const isHopeless = (number: number) =>
		refusals.filter((refusal) => refusal.number === number).length >= patience;
	// Looking takes as long as two steps of binding. Only once we have come across a device of somebody else's.
	const isTheirs = (number: number) => refusals.length > 0 && sys.isInUse(number);
	const isNotForUs = (number: number) => ours.has(number) || isHopeless(number);
	try {
		// The kernel would say the number that one of ours is about to be bound to.
		const number = pending > 0 ? -1 : sys.getFree();
		if (number >= 0 && !isNotForUs(number)) return number;
		// Ours are many where many are opened at once: nothing is free among them.
		return sys.getFreeAfter(
			Math.max(number, ...ours),
			(next) => isNotForUs(next) || isTheirs(next),
		);
	} catch (error) {
		throw controlError(error, filename);
	}
}

async function tryBind(
	sys: LoopSys,
	number: number,
	{ request, backing, config }: BindRequest,
): Promise<BoundLoop | Refusal> {
	const { devices, filename } = request;
	const name = `loop${number}`;
	let binding: Binding | undefined;
	let lock: LoopLock | undefined;

	// Released in the reverse order if a step fails.
	await using acquired = new AsyncDisposableStack();
	acquired.defer(() => binding && unbound(sys, binding, request));
	acquired.defer(() => lock?.[Symbol.asyncDispose]());
	try {
		const node = sys.openNode(devices, number);
		acquired.use(node.loop);
		lock = sys.lock(devices, node.loop, number);
		if (lock === undefined) return { number, why: "locked" };

		const facts = await sys.bind(node.loop, backing.file, config);
		binding = { number, tag: facts.tag, diskSequence: facts.diskSequence };
		verifyBinding(facts, { filename, config, file: backing.facts });
		// With PARTSCAN in LOOP_CONFIGURE the kernel announces the device before it has looked: partitions appear,
		// vanish and appear again (systemd#41425).
		if (request.partscan) await sys.setPartscan(node.loop, config);
		// Not before: only who has bound the device may use its name, and two processes may have tried.
		if (devices !== undefined) {
			sys.makeNode(devices, name, number);
			acquired.defer(() => sys.removeNode(devices, name));
		}
		if (!request.lock) lock.release();
		else if (devices !== undefined) lock.extend(devices, name);

		acquired.move(); // nothing below can throw
		const path = node.path ?? name;
		return { number, loop: node.loop, lock: request.lock ? lock : undefined, path, facts };
	} catch (error) {
		if (isTaken(error)) return { number, why: error.code };
		throw bindError(error, name, filename, config);
	}
}

/** A device that was bound in vain is gone when we give up. */
async function unbound(sys: LoopSys, binding: Binding, request: LoopRequest): Promise<void> {
	const { devices, closeTimeoutMs, filename } = request;
	const deadlineMs = sys.nowMs() + timeoutMsOf(closeTimeoutMs);
	if (await waitUntil(sys, deadlineMs, () => !sys.isBound(devices, binding))) return;
	throw await busy(sys, binding.number, `${filename}: loop${binding.number}`);
}
