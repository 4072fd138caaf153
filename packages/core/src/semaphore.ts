/** Lets a limited number pass at once, in the order of asking. */
export class Semaphore {
	readonly #waiting: (() => void)[] = [];
	#free: number;

	constructor(places: number) {
		this.#free = places;
	}

	/** Takes a place if one is free, as {@link Semaphore.acquire}. */
	tryAcquire(): Disposable | undefined {
		if (this.#free === 0) return undefined;
		this.#free -= 1;
		return this.#place();
	}

	/** Waits for a place, which is held until the result is disposed. */
	async acquire(): Promise<Disposable> {
		const place = this.tryAcquire();
		if (place !== undefined) return place;
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#waiting.push(resolve);
		await promise;
		return this.#place();
	}

	#place(): Disposable {
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
