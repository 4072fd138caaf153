import { test } from "vitest";
import { readMutated } from "./mutations.ts";

test("of 10000 mutated tables each is refused or read right", { timeout: 60_000 }, ({ expect }) => {
	const { same, other, refused, mostBytes } = readMutated(10_000, 1);

	expect(same + other + refused).toBe(10_000);
	// It does reach all of them.
	for (const count of [same, other, refused]) expect(count).toBeGreaterThan(500);
	expect(mostBytes).toBeLessThan(16 << 20);
});
