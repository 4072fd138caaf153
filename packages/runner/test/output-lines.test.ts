import { describe, test } from "vitest";
import { displayLine, OutputLines } from "../src/output-lines.ts";

describe("OutputLines", () => {
	test("makes whole lines of pieces and keeps a last one without end", ({ expect }) => {
		const lines: string[] = [];
		const output = new OutputLines((line) => lines.push(line));

		for (const piece of ["on", "e\ntw", "o\n", "\nthree"]) output.add(piece);
		output.end();
		output.end();

		expect(lines).toEqual(["one", "two", "", "three"]);
	});
});

test.for([
	["a carriage return", "10%\r20%\r100%", "100%"],
	["a shorter text over a longer one", "working\rdone", "doneing"],
	["a DOS line end", "text\r", "text"],
	["mkfs's progress", "Writing: 0/2\b\b\b   \b\b\bdone", "Writing: done"],
	["an escape sequence", "\u001b[2J\u001b]0;title\u0007", String.raw`\x1b[2J\x1b]0;title\x07`],
	["a C1 control character", "\u009b31m", String.raw`\x9b31m`],
	["a tab", "a\tb", "a\tb"],
	["characters of other alphabets", "naïve ✓ 日本", "naïve ✓ 日本"],
] as const)("displayLine shows %s as a terminal leaves it", ([, line, shown], { expect }) => {
	expect(displayLine(line)).toBe(shown);
});
