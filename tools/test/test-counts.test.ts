import { test } from "vitest";
import { closingLine, countTests, type EndedTest } from "../src/test-counts.ts";

const tests: readonly EndedTest[] = [
	{ name: "a", state: "passed" },
	{ name: "b", state: "failed" },
	{ name: "c", state: "skipped", note: "needs root" },
	{ name: "d", state: "skipped", note: "impossible here: the kernel has no loop devices" },
	{ name: "e", state: "pending" },
];

test("a skipped test fails where skips fail, unless nobody could run it", ({ expect }) => {
	expect(countTests(tests, true)).toEqual({ passed: 1, failed: 3 });
	expect(countTests(tests, false)).toEqual({ passed: 1, failed: 2 });
});

test("the closing line is what machines read", ({ expect }) => {
	expect(closingLine({ passed: 12, failed: 0 })).toBe("12 passed, 0 failed");
});
