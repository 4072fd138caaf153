/** What somebody waits for, and gives up when a signal says so. */
interface Watched<Item> {
	readonly items: Set<Item>;
	readonly onAbort: () => void;
}

/**
 * Tells of signals that abort: once for each of the items that were watched with it. One listener for all of a signal's items:
 * what adds or removes one looks at each of the others first.
 */
export class AbortWatch<Item> {
	readonly #onAbort: (item: Item, reason: unknown) => void;
	readonly #bySignal = new Map<AbortSignal, Watched<Item>>();

	constructor(onAbort: (item: Item, reason: unknown) => void) {
		this.#onAbort = onAbort;
	}

	/** Watches a signal that has not aborted. Returns what ends that. */
	add(item: Item, signal: AbortSignal): () => void {
		const { items, onAbort } = this.#bySignal.get(signal) ?? this.#listen(signal);
		items.add(item);
		return () => {
			items.delete(item);
			if (items.size > 0) return;
			signal.removeEventListener("abort", onAbort);
			this.#bySignal.delete(signal);
		};
	}

	#listen(signal: AbortSignal): Watched<Item> {
		const items = new Set<Item>();
		const onAbort = (): void => {
			for (const item of items) this.#onAbort(item, signal.reason);
		};
		const watched = { items, onAbort };
		signal.addEventListener("abort", onAbort);
		this.#bySignal.set(signal, watched);
		return watched;
	}
}
