import { Semaphore } from "../semaphore.ts";

const turns = new Map<string, { readonly semaphore: Semaphore; count: number }>();

/**
 * Waits until nobody else in this process opens or closes a partition: who opens it would take one that is just being closed
 * for a stranger's.
 *
 * @param name - The kernel's: `loop3p2`.
 */
export async function oneAtATime(name: string): Promise<Disposable> {
	const turn = turns.get(name) ?? { semaphore: new Semaphore(1), count: 0 };
	turn.count++;
	turns.set(name, turn);
	const place = await turn.semaphore.acquire();
	return {
		[Symbol.dispose]() {
			place[Symbol.dispose]();
			turn.count--;
			if (turn.count === 0) turns.delete(name);
		},
	};
}
