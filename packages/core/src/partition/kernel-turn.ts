import { Semaphore } from "../semaphore.ts";

const turns = new Map<string, { readonly semaphore: Semaphore; count: number }>();

/**
 * Waits until nobody else in this process adds or removes partitions of a disk: two at once would take each other's for
 * strangers'.
 *
 * @param disk - The kernel's name.
 */
export async function oneAtATime(disk: string): Promise<Disposable> {
	const turn = turns.get(disk) ?? { semaphore: new Semaphore(1), count: 0 };
	turn.count++;
	turns.set(disk, turn);
	const place = await turn.semaphore.acquire();
	return {
		[Symbol.dispose]() {
			place[Symbol.dispose]();
			turn.count--;
			if (turn.count === 0) turns.delete(disk);
		},
	};
}
