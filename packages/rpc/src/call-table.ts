import { maxCallsInFlight } from "./limits.ts";

/** What a {@link CallTable} holds. */
export interface NumberedCall {
	readonly id: number;
}

/**
 * The calls that are open, by their ids: at most one more than 256.
 *
 * Not a `Map`: V8's leaves a table behind when it grows or sheds deleted entries, which refers to the calls that were open
 * then and to the next table. Once one of them is old, all later calls outlive the young generation: with 64 calls at once a
 * third of the time went into collecting them.
 */
export class CallTable<C extends NumberedCall> {
	/** Linear probing; ids count up, so that each usually stands in its own place. */
	readonly #slots: (C | undefined)[] = Array.from({ length: slotCount }, () => undefined);
	#size = 0;

	/** How many there are. */
	get size(): number {
		return this.#size;
	}

	get(id: number): C | undefined {
		for (let at = id & mask; ; at = (at + 1) & mask) {
			const call = this.#slots[at];
			if (call === undefined || call.id === id) return call;
		}
	}

	/** Adds a call, whose id must not be here yet. */
	add(call: C): void {
		let at = call.id & mask;
		while (this.#slots[at] !== undefined) at = (at + 1) & mask;
		this.#slots[at] = call;
		this.#size++;
	}

	/** Removes a call that is here. */
	delete(call: C): void {
		let hole = call.id & mask;
		while (this.#slots[hole] !== call) hole = (hole + 1) & mask;
		this.#size--;
		// Those behind it that could not have their own place move up, or they would no longer be found.
		for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
			const next = this.#slots[at];
			if (next === undefined) break;
			const distance = (at - next.id) & mask;
			if (distance < ((at - hole) & mask)) continue;
			this.#slots[hole] = next;
			hole = at;
		}
		this.#slots[hole] = undefined;
	}

	/** All calls, in no particular order. */
	values(): C[] {
		return this.#slots.filter((call) => call !== undefined);
	}

	clear(): void {
		this.#slots.fill(undefined);
		this.#size = 0;
	}
}

// About half of it is always free, so that probing ends soon.
const slotCount = 2 ** Math.ceil(Math.log2(2 * maxCallsInFlight));
const mask = slotCount - 1;
