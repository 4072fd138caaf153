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

	test("does not wait for the end of a line that has none", ({ expect }) => {
		const lines: string[] = [];
		const output = new OutputLines((line) => lines.push(line));
		const piece = "x".repeat(64 * 1024);

		for (let count = 0; count < 1_000; count++) output.add(piece);

		expect(lines.length).toBe(1_000);
		expect(lines.every((line) => line === piece)).toBe(true);
		for (const character of piece) output.add(character);
		expect(lines.length).toBe(1_001);
	});

	test("takes a line that comes in small pieces as it is", ({ expect }) => {
		const lines: string[] = [];
		const output = new OutputLines((line) => lines.push(line));
		const text = `${"wörd ".repeat(5_000)}\r\nnext\r\n`;

		for (const character of text) output.add(character);

		expect(lines).toEqual(["wörd ".repeat(5_000), "next"]);
	});

	test("shows progress every second, and what it came to", ({ expect }) => {
		const lines: string[] = [];
		let nowMs = 0;
		const output = new OutputLines(
			(line) => lines.push(line),
			() => nowMs,
		);

		for (let percent = 0; percent <= 100; percent++) {
			output.add(`\r${percent} %`);
			nowMs += 30;
		}
		output.add("\ndone\n");

		expect(lines).toEqual(["1 %", "35 %", "69 %", "100 %", "done"]);
	});

	test("keeps no more of a line that is written anew than what it shows", ({ expect }) => {
		const lines: string[] = [];
		const output = new OutputLines(
			(line) => lines.push(line),
			() => 0,
		);
		output.add("x".repeat(60_000));

		for (let count = 0; count < 2_000; count++) output.add("\r.".repeat(1_000));
		output.end();

		expect(lines.length).toBe(2);
		expect(lines[1]).toBe(`.${"x".repeat(59_999)}`);
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
