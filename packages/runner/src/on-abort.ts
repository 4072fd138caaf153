import { RunError } from "./error.ts";

/** Does something when a signal aborts, or at once if it has; not any more once `limits` is disposed. */
export function onAbort(signal: AbortSignal, limits: DisposableStack, action: () => void): void {
	if (signal.aborted) return action();
	signal.addEventListener("abort", action, { once: true });
	limits.defer(() => signal.removeEventListener("abort", action));
}

/** Does something when the time of a run is over, unless `limits` is disposed before. */
export function afterTimeout(
	timeoutMs: number | undefined,
	limits: DisposableStack,
	action: (reason: RunError) => void,
): void {
	if (timeoutMs === undefined) return;
	const message = `the run is not done after its ${timeoutMs / 1000} s, and ended`;
	const expire = (): void => action(new RunError("ERR_RUN_TIMEOUT", message));
	const timer = setTimeout(expire, Math.min(timeoutMs, maxTimerMs));
	limits.defer(() => clearTimeout(timer));
}

/** The longest time that a timer takes. Source: `TIMEOUT_MAX`, lib/internal/timers.js in Node. */
const maxTimerMs = 2 ** 31 - 1;
