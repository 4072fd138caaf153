import { nowMs } from "./clock.ts";

/**
 * One timer for all deadlines of a connection: a timer per call would cost 0.4 µs each, and most calls end long before
 * their deadline. It does not keep the process alive.
 *
 * Deadlines are in ms of {@link nowMs}.
 */
export class DeadlineTimer {
	readonly #sweep: (now: number) => number;
	#timer: NodeJS.Timeout | undefined;
	#firesAt = Infinity;

	/** @param sweep - Expires what has passed and returns the nearest deadline that is left, or Infinity. */
	constructor(sweep: (now: number) => number) {
		this.#sweep = sweep;
	}

	/** Sees to it that a sweep comes at this time, or soon after. */
	watch(deadline: number): void {
		if (deadline >= this.#firesAt) return;
		clearTimeout(this.#timer);
		this.#firesAt = deadline;
		const delay = Math.min(Math.max(deadline - nowMs(), 0), longestDelayMs);
		this.#timer = setTimeout(() => this.#fire(), Math.ceil(delay)).unref();
	}

	/** No sweep comes after this. */
	close(): void {
		clearTimeout(this.#timer);
		this.#firesAt = -Infinity;
	}

	#fire(): void {
		this.#firesAt = Infinity;
		this.watch(this.#sweep(nowMs()));
	}
}

// What setTimeout takes; a longer one would fire at once.
const longestDelayMs = 2 ** 31 - 1;
