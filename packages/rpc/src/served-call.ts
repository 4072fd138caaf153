import type { FdLike } from "@devhost/linux";
import { RpcError } from "./error.ts";
import { closeFds, duplicateFds } from "./fd-list.ts";
import type { FdSet } from "./fd-set.ts";
import { maxWaitingSignals, minSignalCost, signalWindowBytes } from "./limits.ts";
import { type Message, type OutgoingMessage, SIGNAL } from "./message.ts";
import { encodeMsgpack } from "./msgpack-encode.ts";
import { discardResult, type Extras } from "./reply.ts";

/** What a handler is given beside its parameters. */
export interface HandlerCall {
	/** Descriptors that came with the call: closed when the handler has ended, unless taken. */
	readonly fds: FdSet;
	/** Raw bytes that came with the call; undefined when none did. */
	readonly blob: Uint8Array | undefined;
	/** Aborted when the caller no longer waits, the deadline has passed or the host is gone. */
	readonly signal: AbortSignal;
	/**
	 * Tells one listener when {@link HandlerCall.signal} would abort, or did; a later one takes its place. For whoever has a signal of
	 * his own to abort: it costs a tenth of an event listener.
	 */
	onAbort(listener: (reason: unknown) => void): void;
	/**
	 * Tells the host something during the call. It arrives before the result.
	 *
	 * Signals use up credit that the host renews as it reads. Without credit they wait here; of those named
	 * `"progress"` without descriptors and blob only the newest does. Nothing happens when nobody waits any more.
	 *
	 * @param value - Plain data, which must not change any more.
	 * @param extras - The descriptors stay the handler's; a blob must not change any more.
	 * @throws {@link RpcError} `ERR_RPC_LIMIT` when 4,096 signals wait: await {@link HandlerCall.ready} now and then.
	 * @throws TypeError for a value that cannot travel.
	 */
	signalHost(name: string, value?: unknown, extras?: Extras): void;
	/** Resolves when a signal would be sent at once, or when nobody waits any more. */
	ready(): Promise<void>;
}

/** How a handler ended. */
export type Outcome =
	| { readonly failed: false; readonly result: unknown }
	| { readonly failed: true; readonly error: unknown };

/** What a {@link ServedCall} needs of its connection. */
export interface CallConnection {
	/** Sends a frame of a call. Returns its size in bytes. */
	send(message: OutgoingMessage): number;
	/** Ends the call: once, when its signals are sent. */
	answer(call: ServedCall, outcome: Outcome): void;
}

/** A call that is being served. */
export class ServedCall implements HandlerCall {
	readonly id: number;
	readonly fds: FdSet;
	readonly blob: Uint8Array | undefined;
	/** In ms of {@link nowMs}. */
	deadline: number = Infinity;
	/** Its RESULT or ERROR was sent: the id is free again. */
	isAnswered = false;
	readonly #connection: CallConnection;
	#controller: AbortController | undefined;
	#abortReason: RpcError | undefined;
	#onAbort: ((reason: unknown) => void) | undefined;
	#credit = signalWindowBytes;
	/** Signals without credit. */
	#waiting: WaitingSignal[] = [];
	#isReady: PromiseWithResolvers<void> | undefined;
	/** What the handler ended with, as long as its signals wait. */
	#outcome: Outcome | undefined;
	/** A signal that waited could not be sent. */
	#failure: Outcome | undefined;
	/** The handler has ended. */
	#isEnded = false;

	constructor(message: Message, connection: CallConnection) {
		this.id = message.id;
		this.fds = message.fds;
		this.blob = message.blob;
		this.#connection = connection;
	}

	get signal(): AbortSignal {
		if (this.#controller === undefined) {
			this.#controller = new AbortController();
			if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
		}
		return this.#controller.signal;
	}

	onAbort(listener: (reason: unknown) => void): void {
		this.#onAbort = listener;
		if (this.#abortReason !== undefined) listener(this.#abortReason);
	}

	signalHost(name: string, value?: unknown, { fds, blob }: Extras = noExtras): void {
		if (this.#isMute) return;
		const body = value === undefined ? [name] : [name, value];
		if (this.#hasCredit) this.#send(body, fds, blob, false);
		else {
			const isProgress = name === "progress" && fds === undefined && blob === undefined;
			this.#wait({ body, fds, blob, isProgress });
		}
	}

	ready(): Promise<void> {
		if (this.#isMute || this.#hasCredit) return Promise.resolve();
		this.#isReady ??= Promise.withResolvers<void>();
		return this.#isReady.promise;
	}

	/** The host has read, and more signals may be sent. */
	grant(bytes: number): void {
		this.#credit += bytes;
		while (this.#credit > 0) {
			const signal = this.#waiting.shift();
			if (signal === undefined) break;
			try {
				this.#send(signal.body, signal.fds, signal.blob, true);
			} catch (error) {
				// Nothing can be thrown at the handler now: the call fails instead.
				this.#forgetSignals();
				this.#failure = { failed: true, error };
			}
		}
		this.#wake();
	}

	/** Nobody waits for the call any more. It goes on until its handler has ended. */
	abort(reason: RpcError): void {
		if (this.#abortReason !== undefined) return;
		this.#abortReason = reason;
		this.#forgetSignals();
		this.#controller?.abort(reason);
		this.#onAbort?.(reason);
		this.#wake();
	}

	/** The handler has ended. */
	end(outcome: Outcome): void {
		// A thenable that is no promise may say so twice.
		if (this.#isEnded) return;
		this.#isEnded = true;
		this.#outcome = outcome;
		this.#answer();
	}

	get #isMute(): boolean {
		return this.#isEnded || this.#abortReason !== undefined;
	}

	/** The last signal may take more than there is: it could never be sent otherwise. */
	get #hasCredit(): boolean {
		return this.#credit > 0 && this.#waiting.length === 0;
	}

	#send(
		body: readonly unknown[],
		fds: readonly FdLike[] | undefined,
		blob: Uint8Array | undefined,
		movesFds: boolean,
	): void {
		const bytes = this.#connection.send({
			type: SIGNAL,
			id: this.id,
			value: body,
			blob,
			fds,
			movesFds,
		});
		this.#credit -= Math.max(bytes, minSignalCost);
	}

	#wait(signal: WaitingSignal): void {
		// What cannot travel is told to the handler now, not when it is due.
		encodeMsgpack(signal.body, 0);
		const newest = this.#waiting.at(-1);
		if (signal.isProgress && newest?.isProgress) {
			newest.body = signal.body;
			return;
		}
		if (this.#waiting.length >= maxWaitingSignals) {
			const message = `${maxWaitingSignals} signals wait for the host to read already`;
			throw new RpcError("ERR_RPC_LIMIT", message);
		}
		if (signal.fds !== undefined) signal.fds = duplicateFds(signal.fds);
		this.#waiting.push(signal);
	}

	#forgetSignals(): void {
		for (const { fds } of this.#waiting) closeFds(fds);
		this.#waiting = [];
	}

	#wake(): void {
		if (this.#waiting.length > 0) return;
		if (this.#isMute || this.#hasCredit) {
			this.#isReady?.resolve();
			this.#isReady = undefined;
		}
		this.#answer();
	}

	#answer(): void {
		const outcome = this.#outcome;
		if (outcome === undefined || this.#waiting.length > 0) return;
		this.#outcome = undefined;
		if (this.#failure !== undefined && !outcome.failed) discardResult(outcome.result);
		this.#connection.answer(this, this.#failure ?? outcome);
	}
}

interface WaitingSignal {
	body: readonly unknown[];
	fds: readonly FdLike[] | undefined;
	readonly blob: Uint8Array | undefined;
	readonly isProgress: boolean;
}

const noExtras: Extras = {};
