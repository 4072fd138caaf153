import fc from "fast-check";
import { describe, test } from "vitest";
import {
	loopTag,
	mappingTag,
	maxLoopTagBytes,
	maxMappingTagBytes,
	parseLoopTag,
	parseMappingTag,
} from "../src/tag.ts";

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

test("a loop's tag says whose it is", ({ expect }) => {
	expect(parseLoopTag("devhost:20251122-af31:root:x")).toEqual({
		run: "20251122-af31",
		name: "root:x",
		isCut: false,
	});
	expect(parseLoopTag(loopTag("r", "é".repeat(40)))?.isCut).toBe(true);
	expect(parseLoopTag("/srv/disk.img")).toBeUndefined();
	expect(parseLoopTag("devhost:")).toBeUndefined();
});

describe("a mapping's tag", () => {
	test("is a name that people can read", ({ expect }) => {
		expect(mappingTag("mifd4d2-1z-0", "boot-efi")).toBe("devhost-mifd4d2.1z.0-boot-efi");
	});

	test("has no character that the kernel or libdevmapper minds", ({ expect }) => {
		expect(mappingTag("r/1.5", "a b\\=#é-_.")).toBe(
			"devhost-r=2f1=2e5-a=20b=5c=3d=23=c3=a9-_.",
		);
	});

	test("is cut, and still another one for another device", ({ expect }) => {
		const [one, other] = ["1", "2"].map((end) =>
			mappingTag("run", `${"long".repeat(30)}${end}`),
		);

		expect(one).toHaveLength(maxMappingTagBytes);
		expect(one).toMatch(/^devhost-run-(long){14}lo#[0-9a-f]{8}$/);
		expect(one).not.toBe(other);
		expect(parseMappingTag(one ?? "")).toMatchObject({ run: "run", isCut: true });
		expect(parseMappingTag(mappingTag("r".repeat(200), "n"))?.isCut).toBe(true);
	});

	test("is read back, of what cryptsetup makes of it, too", ({ expect }) => {
		expect(parseMappingTag("devhost-a.b-root_dif")).toEqual({
			run: "a-b",
			name: "root_dif",
			isCut: false,
		});
		for (const foreign of ["vg-root", "devhost", "devhost-", "devhost-run", "my-devhost-a-b"])
			expect(parseMappingTag(foreign)).toBeUndefined();
	});

	test("is of one run and name only, and always fits", ({ expect }) => {
		const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
		const survives = fc.property(text, text, (run, name) => {
			const tag = mappingTag(run, name);
			const parsed = parseMappingTag(tag);
			const fits = tag.length <= maxMappingTagBytes && /^[ -~]+$/.test(tag);
			return (
				fits && (parsed?.isCut === true || (parsed?.run === run && parsed.name === name))
			);
		});

		expect(fc.check(survives)).toMatchObject({ failed: false });
	});
});
