/**
 * Milliseconds of a clock that only goes forward. The first `performance.now()` of a process loads `node:perf_hooks`,
 * which takes a millisecond of a service's start.
 */
export function nowMs(): number {
	return process.uptime() * 1000;
}
