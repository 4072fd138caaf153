import fc from "fast-check";
import { test } from "vitest";
import { loopTag, maxLoopTagBytes } from "../src/tag.ts";

test("says whose the device is", ({ expect }) => {
	expect(loopTag("20251122-af31", "root")).toBe("devhost:20251122-af31:root");
});

test("is cut between characters", ({ expect }) => {
	expect(loopTag("r", "é".repeat(40))).toBe(`devhost:r:${"é".repeat(26)}`);
	expect(loopTag("r", "😀".repeat(40))).toBe(`devhost:r:${"😀".repeat(13)}`);
});

test("breaks no line of losetup's output", ({ expect }) => {
	expect(loopTag("r", "a\nb\0c\x7f")).toBe("devhost:r:a?b?c?");
});

test("always fits, and survives the way through bytes", ({ expect }) => {
	const text = fc.string({ unit: "binary", maxLength: 80 });
	const survives = fc.property(text, text, (run, name) => {
		const tag = loopTag(run, name);
		const bytes = Buffer.from(tag);
		return bytes.length <= maxLoopTagBytes && !bytes.includes(0) && bytes.toString() === tag;
	});

	expect(fc.check(survives)).toMatchObject({ failed: false });
});
