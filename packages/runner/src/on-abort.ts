/** Does something when a signal aborts, or at once if it has; not any more once `limits` is disposed. */
export function onAbort(signal: AbortSignal, limits: DisposableStack, action: () => void): void {
	if (signal.aborted) return action();
	signal.addEventListener("abort", action, { once: true });
	limits.defer(() => signal.removeEventListener("abort", action));
}
