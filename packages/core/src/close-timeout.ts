/** How long closing waits for others to let go, in milliseconds. A function is asked when the waiting begins. */
export type CloseTimeout = number | (() => number);

/** Milliseconds to wait from now on. */
export function timeoutMsOf(timeout: CloseTimeout): number {
	return typeof timeout === "number" ? timeout : timeout();
}

/**
 * How long the closing of a device waits for others to let go: as long as its driver wants to, unless its host knows that to be of no
 * use (`closeTimeout` of the context).
 */
export function closeTimeoutOf(
	{ closeTimeout }: { readonly closeTimeout?: (longestMs: number) => number },
	longestMs: number,
): CloseTimeout {
	return closeTimeout === undefined ? longestMs : () => closeTimeout(longestMs);
}
