import { otherHolders, takeEvery, throwFailures, timeoutMsOf, waitUntil } from "@devhost/core";
import { isSysError } from "@devhost/linux";
import { type BoundLoop, releaseLoop } from "./bind-free-loop.ts";
import { busy } from "./busy.ts";
import type { Binding, Handle, LoopSys } from "./loop.ts";
import type { LoopRequest } from "./loop-request.ts";
import { verifyUnchanged } from "./verify-unchanged.ts";
import { lost, syncFile } from "./write-back.ts";

/** A bound loop device that is to go. */
export interface ClosingLoop {
	readonly bound: BoundLoop;
	/** See `BackingFile.witness`; stays the caller's. */
	readonly witness: Handle;
	/** As messages begin: the file and the device. */
	readonly subject: string;
	readonly request: LoopRequest;
	/** Until when others are waited for. @default the request's `closeTimeoutMs` from now on */
	readonly deadlineMs?: number | undefined;
}

/**
 * Closes a bound loop device: every step, whatever becomes of those before.
 *
 * Nothing says how closing went but a look: it succeeds while others have the device open, and unbinding may go on after
 * it (util-linux#431, OSInside/kiwi#2580).
 *
 * @throws {@link DeviceBusy} others still use the device at the deadline; it is unbound when they let go.
 * @throws {@link DeviceError} `ERR_DEVICE_CLOSE` something that was written is lost.
 * @throws {@link DeviceError} `ERR_DEVICE_NOT_OURS` somebody has changed the device; it is closed all the same.
 */
export async function closeLoop(sys: LoopSys, closing: ClosingLoop): Promise<void> {
	const { bound, witness, subject, request } = closing;
	const { readOnly, devices, closeTimeoutMs } = request;
	const { number, loop, lock, path, facts } = bound;
	const binding: Binding = { number, tag: facts.tag, diskSequence: facts.diskSequence };
	const { deadlineMs = sys.nowMs() + timeoutMsOf(closeTimeoutMs) } = closing;
	let claim: Handle | undefined;
	let isKnownBusy = false;
	let isLate = false;
	let isSeenGone = false;

	const waitForClaim = async (): Promise<void> => {
		await waitUntil(sys, deadlineMs, () => (claim = tryClaim(sys, loop)) !== undefined);
		if (claim !== undefined) return;
		const error = await busy(sys, number, subject, otherHolders);
		isKnownBusy = true;
		throw error;
	};
	const isGone = (): boolean => !sys.isBound(devices, binding);
	const waitUntilGone = async (): Promise<void> => {
		isLate = true;
		if (await waitUntil(sys, deadlineMs, isGone)) return;
		if (!isKnownBusy) throw await busy(sys, number, subject);
	};

	await takeEvery([
		() => {
			if (readOnly) return undefined;
			claim = tryClaim(sys, loop);
			return claim === undefined ? waitForClaim() : undefined;
		},
		// While the number is ours: its next owner makes a node of the same name.
		() => (devices === undefined ? undefined : sys.removeNode(devices, path)),
		// Nobody of the run can change it any more. Before it is closed: one that would stay is told to go.
		() => verifyUnchanged(sys, { bound, binding, devices, subject }),
		async () => {
			const unbinding = await sys.unbind(
				loop,
				{ number, claim },
				readOnly ? undefined : witness,
			);
			isSeenGone = unbinding.isGone;
			const { flush, sync, close } = unbinding;
			throwFailures([
				flush && lost(sys, witness, subject, flush),
				sync && lost(sys, witness, subject, sync),
				close,
			]);
		},
		() => lock?.[Symbol.asyncDispose](),
		() => (isSeenGone || isGone() ? undefined : waitUntilGone()),
		// What others wrote until they let go.
		() => (isLate && !readOnly ? syncFile(sys, { witness, subject }) : undefined),
		() => releaseLoop(bound),
	]);
}

/**
 * Keeps file systems, swap and other devices off ours.
 *
 * Only who has the device open is told of writes that fail. So whoever writes last has to go before us: a file system
 * whose mount namespace ended with its last process is unmounted, and written back, some milliseconds after that.
 *
 * @returns Undefined when one of them stands on it.
 */
function tryClaim(sys: LoopSys, loop: Handle): Handle | undefined {
	try {
		return sys.claim(loop);
	} catch (error) {
		if (isSysError(error, "EBUSY")) return undefined;
		throw error;
	}
}
