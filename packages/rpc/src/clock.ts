/**
 * Milliseconds of a clock that only goes forward. The first `performance.now()` of a process loads `node:perf_hooks`,
 * which takes a millisecond of a service's start.
 */
export function nowMs(): number {
	const [seconds, nanoseconds] = process.hrtime();
	return seconds * 1000 + nanoseconds / 1e6;
}
