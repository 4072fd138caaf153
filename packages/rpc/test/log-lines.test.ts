import fc from "fast-check";
import { describe, test } from "vitest";
import { maxLogLineBytes } from "../src/limits.ts";
import { LogLines } from "../src/log-lines.ts";

function linesOf(...pieces: (string | Uint8Array)[]): string[] {
	const lines: string[] = [];
	const log = new LogLines((line) => lines.push(line));
	for (const piece of pieces) log.push(typeof piece === "string" ? Buffer.from(piece) : piece);
	log.end();
	return lines;
}

describe("log lines", () => {
	test.for([
		["one line", ["one\n"], ["one"]],
		["two lines in one piece", ["one\ntwo\n"], ["one", "two"]],
		["a line in three pieces", ["o", "n", "e\ntwo\n"], ["one", "two"]],
		["the rest without a newline", ["one\ntw", "o"], ["one", "two"]],
		["empty lines", ["\n\na\n\n"], ["", "", "a", ""]],
		["nothing", [""], []],
		["carriage returns, kept", ["a\r\nb"], ["a\r", "b"]],
		["a byte order mark, kept", ["\ufeffa\n"], ["\ufeffa"]],
		["NULs, kept", ["a\0b\n"], ["a\0b"]],
	] as const)("%s", ([, pieces, expected], { expect }) => {
		expect(linesOf(...pieces)).toEqual(expected);
	});

	test("show bytes that are not UTF-8, and lose none", ({ expect }) => {
		const bytes = Buffer.from(
			"61ff62c3280a f09f92bdf09f92 0a c0af eda080".replaceAll(" ", ""),
			"hex",
		);

		expect(linesOf(bytes)).toEqual([
			"a\\xffb\\xc3(",
			"💽\\xf0\\x9f\\x92",
			"\\xc0\\xaf\\xed\\xa0\\x80",
		]);
	});

	test("put characters together that came in two pieces", ({ expect }) => {
		const bytes = Buffer.from("grün 💽\n");
		const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));

		expect(linesOf(...pieces)).toEqual(["grün 💽"]);
	});

	test("are not touched when the buffer is used again", ({ expect }) => {
		const buffer = Buffer.from("begin");
		const lines: string[] = [];
		const log = new LogLines((line) => lines.push(line));

		log.push(buffer);
		buffer.fill(0);
		log.push(Buffer.from("ning\n"));

		expect(lines).toEqual(["beginning"]);
	});

	test("of a megabyte without a newline come in pieces, none of them too long", ({ expect }) => {
		const text = "💽".repeat(262_144);

		const lines = linesOf(Buffer.from(`x${text}`));

		expect(lines.join("")).toBe(`x${text}`);
		expect(lines.every((line) => Buffer.byteLength(line) <= maxLogLineBytes)).toBe(true);
		expect(lines.length).toBeGreaterThan(15);
		expect(lines.length).toBeLessThan(18);
	});

	test("of exactly the longest length are one line", ({ expect }) => {
		const line = "x".repeat(maxLogLineBytes);

		expect(linesOf(`${line}\nnext\n`)).toEqual([line, "next"]);
		expect(linesOf(`${line}y\n`)).toEqual([line, "y"]);
	});

	test("do not depend on how the bytes are cut", ({ expect }) => {
		fc.assert(
			fc.property(
				fc.uint8Array({ maxLength: 400 }),
				fc.array(fc.nat(400), { maxLength: 8 }),
				(bytes, cuts) => {
					const sorted = [0, ...cuts, bytes.length].toSorted((a, b) => a - b);
					const pieces = sorted.slice(1).map((to, i) => bytes.slice(sorted[i], to));
					expect(linesOf(...pieces)).toEqual(linesOf(bytes));
				},
			),
		);
	});
});
