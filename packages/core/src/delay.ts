/**
 * Waits; 0 lets other work of this process run first.
 *
 * @throws the signal's reason, as soon as it aborts.
 */
export function delay(waitMs: number, signal?: AbortSignal): Promise<void> {
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	if (signal?.aborted) {
		reject(signal.reason as Error);
		return promise;
	}
	if (waitMs === 0) {
		setImmediate(resolve);
		return promise;
	}
	const abort = () => reject(signal?.reason as Error);
	const timer = setTimeout(resolve, waitMs);
	signal?.addEventListener("abort", abort, { once: true });
	return promise.finally(() => {
		clearTimeout(timer);
		signal?.removeEventListener("abort", abort);
	});
}
