import { test } from "vitest";
import { Semaphore } from "../src/semaphore.ts";

test("lets so many pass, then one for each that leaves, in order", async ({ expect }) => {
	const semaphore = new Semaphore(2);
	const passed: string[] = [];
	const pass = async (name: string): Promise<Disposable> => {
		const place = await semaphore.acquire();
		passed.push(name);
		return place;
	};

	const [a] = await Promise.all([pass("a"), pass("b")]);
	const c = pass("c");
	const d = pass("d");
	expect(passed).toEqual(["a", "b"]);
	a[Symbol.dispose]();
	a[Symbol.dispose]();
	await c;
	expect(passed).toEqual(["a", "b", "c"]);
	(await c)[Symbol.dispose]();
	await d;

	expect(passed).toEqual(["a", "b", "c", "d"]);
});

test("says at once when there is no place", ({ expect }) => {
	const semaphore = new Semaphore(1);
	const place = semaphore.tryAcquire();

	expect(semaphore.tryAcquire()).toBeUndefined();
	place?.[Symbol.dispose]();
	expect(semaphore.tryAcquire()).toBeDefined();
});
