import { test } from "vitest";
import { MemoryQueue } from "../src/memory-queue.ts";

/** Work that is done when the test says so. */
function work(log: string[], name: string): { run: () => Promise<string>; end: () => void } {
	const { promise, resolve } = Promise.withResolvers<string>();
	return {
		run() {
			log.push(name);
			return promise;
		},
		end: () => resolve(name),
	};
}

const never = new AbortController().signal;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("lets those begin who have room together, and the others when there is room again", async ({
	expect,
}) => {
	const log: string[] = [];
	const queue = new MemoryQueue(() => 100);
	const a = work(log, "a");
	const b = work(log, "b");
	const c = work(log, "c");
	const d = work(log, "d");

	const runs = [
		queue.run(60, never, a.run),
		queue.run(40, never, b.run),
		queue.run(60, never, c.run),
		queue.run(10, never, d.run),
	] as const;
	await settled();
	const atFirst = [...log];
	b.end();
	await settled();
	const withoutB = [...log];
	a.end();
	await settled();
	c.end();
	d.end();

	expect(atFirst).toEqual(["a", "b"]);
	// In order: whoever needs little does not overtake whoever needs much for ever.
	expect(withoutB).toEqual(["a", "b"]);
	expect(await Promise.all(runs)).toEqual(["a", "b", "c", "d"]);
	expect(log).toEqual(["a", "b", "c", "d"]);
});

test("lets anybody begin who is alone, and all where nobody knows what there is", async ({
	expect,
}) => {
	const little = new MemoryQueue(() => 10);
	const unknown = new MemoryQueue(() => undefined);

	expect(await little.run(1000, never, async () => "alone")).toBe("alone");
	expect(
		await Promise.all([1, 2, 3].map((n) => unknown.run(1000, never, async () => n))),
	).toEqual([1, 2, 3]);
});

test("goes on when work fails, and when somebody who waits gives up", async ({ expect }) => {
	const log: string[] = [];
	const queue = new MemoryQueue(() => 100);
	const first = work(log, "first");
	const third = work(log, "third");
	const controller = new AbortController();

	const failing = queue.run(100, never, async () => {
		await first.run();
		throw new Error("failed");
	});
	const waiting = queue.run(100, controller.signal, async () => "never begun");
	const last = queue.run(100, never, third.run);
	controller.abort(new Error("given up"));
	first.end();
	third.end();

	await expect(failing).rejects.toThrow("failed");
	await expect(waiting).rejects.toThrow("given up");
	expect(await last).toBe("third");
	await expect(queue.run(1, controller.signal, async () => 1)).rejects.toThrow("given up");
	expect(log).toEqual(["first", "third"]);
});
