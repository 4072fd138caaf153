import type { FdLike } from "@devhost/linux";
import { recycleBlob } from "./blob-pool.ts";
import { closeFds } from "./fd-list.ts";

/** What a message carries beside plain data. */
export interface Extras {
	/** At most 253 descriptors. */
	readonly fds?: readonly FdLike[] | undefined;
	/** Raw bytes, at most 16 MiB. */
	readonly blob?: Uint8Array | undefined;
}

/** A handler's result with descriptors or a blob. */
export class ReplyWithExtras {
	readonly value: unknown;
	readonly fds: readonly FdLike[] | undefined;
	readonly blob: Uint8Array | undefined;

	constructor(value: unknown, extras: Extras) {
		this.value = value;
		this.fds = extras.fds;
		this.blob = extras.blob;
	}
}

/**
 * Makes the result of a {@link Handler} that carries descriptors or a blob.
 *
 * Both are moved: the descriptors are closed once they are sent, or when they cannot be, and a blob that came with a
 * call is recycled. So do not touch them any more.
 */
export function reply(value: unknown, extras: Extras): ReplyWithExtras {
	return new ReplyWithExtras(value, extras);
}

/** Closes what a result moved that is not sent after all. */
export function discardResult(result: unknown): void {
	if (!(result instanceof ReplyWithExtras)) return;
	closeFds(result.fds);
	recycleBlob(result.blob);
}
