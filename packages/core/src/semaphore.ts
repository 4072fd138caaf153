/** Lets a limited number pass at once, in the order of asking. */
export class Semaphore {
	readonly #waiting: (() => void)[] = [];
	#free: number;

	constructor(places: number) {
		this.#free = places;
	}

	/** Waits for a place, which is held until the result is disposed. */
	async acquire(): Promise<Disposable> {
		if (this.#free > 0) {
			this.#free -= 1;
		} else {
			const { promise, resolve } = Promise.withResolvers<void>();
			this.#waiting.push(resolve);
			await promise;
		}
		let isHeld = true;
		return {
			[Symbol.dispose]: (): void => {
				if (!isHeld) return;
				isHeld = false;
				const next = this.#waiting.shift();
				if (next === undefined) this.#free += 1;
				else next();
			},
		};
	}
}
