import type { FdLike } from "@devhost/linux";
import { closeFds } from "./fd-list.ts";
import type { FdSet } from "./fd-set.ts";

/** What goes with a call. */
export interface CallOptions {
	/** At most 253 descriptors. They stay the caller's, who may close them as soon as `call` has returned. */
	readonly fds?: readonly FdLike[];
	/** Raw bytes, at most 16 MiB, not copied: they must not change before the call has ended. */
	readonly blob?: Uint8Array;
	/** Cancels the call. It rejects at once; the service's handler is told. */
	readonly signal?: AbortSignal;
	/** Deadline of the call, which the service is told too; Infinity for none. @default that of the client */
	readonly timeoutMs?: number;
	/**
	 * Gets the call's signals, in order, before its result. What it throws fails the call. Descriptors that it does not
	 * take are closed when it returns.
	 */
	readonly onSignal?: (signal: CallSignal) => void;
}

/** What a service tells during a call. */
export interface CallSignal {
	readonly name: string;
	readonly value: unknown;
	readonly blob: Uint8Array | undefined;
	readonly fds: FdSet;
}

/** The result of a call. Whoever gets it closes what he does not take of `fds`, by `using` or {@link Reply.close}. */
export class Reply implements Disposable {
	/** What the handler returned; undefined when it returned nothing. */
	readonly value: unknown;
	/** Raw bytes. {@link recycleBlob} makes the next ones quicker. */
	readonly blob: Uint8Array | undefined;
	readonly fds: FdSet;

	constructor(value: unknown, blob: Uint8Array | undefined, fds: FdSet) {
		this.value = value;
		this.blob = blob;
		this.fds = fds;
	}

	/** Closes the descriptors that were not taken. */
	close(): void {
		this.fds.close();
	}

	[Symbol.dispose](): void {
		this.fds.close();
	}
}

/** A call that was made: the host's side of it. */
export class PendingCall {
	readonly method: string;
	readonly onSignal: ((signal: CallSignal) => void) | undefined;
	readonly promise: Promise<Reply>;
	readonly resolve: (reply: Reply) => void;
	readonly reject: (error: unknown) => void;
	readonly timeoutMs: number;
	params: unknown;
	blob: Uint8Array | undefined;
	fds: readonly FdLike[] | undefined;
	ownsFds = false;
	id = 0;
	deadline: number = Infinity;
	/** The caller has his answer. */
	isSettled = false;
	stopListening: (() => void) | undefined;
	/** Credit to be given back. */
	consumedBytes = 0;

	constructor(method: string, params: unknown, timeoutMs: number, options: CallOptions) {
		this.method = method;
		this.timeoutMs = timeoutMs;
		this.params = params;
		this.blob = options.blob;
		this.fds = options.fds;
		this.onSignal = options.onSignal;
		const { promise, resolve, reject } = Promise.withResolvers<Reply>();
		this.promise = promise;
		this.resolve = resolve;
		this.reject = reject;
	}

	/** Lets go of what was sent, or never will be. */
	release(): void {
		if (this.ownsFds) closeFds(this.fds);
		this.ownsFds = false;
		this.params = undefined;
		this.fds = undefined;
		this.blob = undefined;
	}
}
