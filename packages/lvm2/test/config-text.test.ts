import { isDeviceError } from "@devhost/core";
import fc from "fast-check";
import { test } from "vitest";
import { ConfigSection } from "../src/config-section.ts";
import { maxNesting, parseConfigText } from "../src/config-text.ts";

/** Plain objects, for comparing. */
function plain({ entries }: ConfigSection): Record<string, unknown> {
	return Object.fromEntries(
		[...entries].map(([key, value]) => [
			key,
			value instanceof ConfigSection ? plain(value) : value,
		]),
	);
}

test.for([
	["nothing", "", {}],
	["white space and comments", " \t\n\v\f\r# a = 1\n#", {}],
	["a number", "a=1", { a: 1 }],
	["numbers with signs", "a = -1 b = +2 c = 0", { a: -1, b: 2, c: 0 }],
	["a number of 64 bits", "a = 9223372036854775807", { a: 9223372036854775807n }],
	["a fraction", "a = 0.25 b = 3.", { a: 0.25, b: 3 }],
	["a string", 'a = "b c # {}[]= \\n"', { a: "b c # {}[]= \\n" }],
	["escapes", 'a = "\\"x\\\\" b = "\\\\\\"" ', { a: '"x\\', b: '\\"' }],
	["single quotes", "a = 'x\\' b = '\"'", { a: "x\\", b: '"' }],
	["a string over lines", 'a = "x\ny"', { a: "x\ny" }],
	["lists", 'a=[] b=[1] c = [ "x" , 2,] d=[1 2]', { a: [], b: [1], c: ["x", 2], d: [1, 2] }],
	["sections", "a { b { c=1 } d {} }", { a: { b: { c: 1 }, d: {} } }],
	["keys in quotes", `"a b" = 1 'c"' { d = 2 }`, { "a b": 1, 'c"': { d: 2 } }],
	["keys of any characters", "a-b.c+d_e/é=1", { "a-b.c+d_e/é": 1 }],
	["comments behind", "a = 1# x\nb = [1, # y\n2]", { a: 1, b: [1, 2] }],
	["what ends with a NUL", "a = 1\0b = {", { a: 1 }],
	[
		"names that objects have",
		"__proto__ = 1 constructor = 2",
		{ ["__proto__"]: 1, constructor: 2 },
	],
] as const)("reads %s", ([, text, expected], { expect }) => {
	expect(Object.entries(plain(parseConfigText(text)))).toEqual(Object.entries(expected));
});

test.for([
	["a", 'line 1, column 2: the end, expected "=" or "{"'],
	["\n a }", 'line 2, column 4: "}", expected "=" or "{"'],
	["a =", "line 1, column 4: the end, expected a value"],
	["a = b", 'line 1, column 5: "b", expected a value'],
	["a = -", 'line 1, column 5: "-", expected a value'],
	["= 1", 'line 1, column 1: "=", expected a key'],
	["a {\n", 'line 1, column 3: "{" without its "}"'],
	["a = 1 }", 'line 1, column 7: "}" without a section'],
	["a = [1", 'line 1, column 5: "[" without its "]"'],
	["a = [[1]]", 'line 1, column 6: "[", expected a value'],
	['a = 1\nb = "x', "line 2, column 5: a string without its end"],
	['a = "x\\"', "line 1, column 5: a string without its end"],
	["a = 'x", "line 1, column 5: a string without its end"],
	["a = 1\na = 2", 'line 2, column 1: "a" is there twice'],
	["a = 010", "line 1, column 5: a number that begins with 0"],
	["a = 123456789012345678901", "line 1, column 5: a number of more than 64 bits"],
] as const)("says where %j is wrong", ([text, message], { expect }) => {
	expect(() => parseConfigText(text)).toThrow(
		expect.objectContaining({ code: "ERR_DEVICE_METADATA", message }),
	);
});

test("sections may be in each other, but not without end", ({ expect }) => {
	const nested = (depth: number) => "a{".repeat(depth) + "}".repeat(depth);

	expect(() => parseConfigText(nested(maxNesting))).not.toThrow();
	expect(() => parseConfigText(nested(maxNesting + 1))).toThrow("sections in each other");
	expect(() => parseConfigText(nested(2_000_000))).toThrow("sections in each other");
});

test.for([
	["a string", `a = "${"x".repeat(4 << 20)}"`],
	["escapes", `a = "${"\\x".repeat(10_000)}"`],
	["quotes", `a = "${'\\"'.repeat(10_000)}"`],
	["a string in single quotes", `a = '${"\\".repeat(4 << 20)}'`],
	["a key", `${"a".repeat(4 << 20)} = 1`],
	["white space", " ".repeat(4 << 20)],
	["a comment", "#".repeat(4 << 20)],
	["comments", "#\n".repeat(2 << 20)],
	["a list", `a = [${"1,".repeat(1 << 20)}]`],
] as const)("reads a great deal of %s", ([, text], { expect }) => {
	expect(() => parseConfigText(text)).not.toThrow();
});

test.for([
	["a string without its end", `a = "${"x".repeat(4 << 20)}`],
	["backslashes without an end", `a = "${"\\".repeat(4 << 20)}`],
	["escapes", `a = "${"\\x".repeat(2 << 20)}"`],
	["quotes", `a = "${'\\"'.repeat(2 << 20)}"`],
	["quotes without an end", `a = "${'\\"'.repeat(2 << 20)}`],
	["digits", `a = ${"1".repeat(4 << 20)}`],
] as const)("refuses a great deal of %s", ([, text], { expect }) => {
	expect(() => parseConfigText(text)).toThrow(
		expect.objectContaining({ code: "ERR_DEVICE_METADATA" }),
	);
});

test("anything that is written comes back", ({ expect }) => {
	const key = fc.stringMatching(/^[A-Za-z0-9+_.-]{1,20}$/);
	const scalar = fc.oneof(
		fc.maxSafeInteger(),
		fc.string({ unit: "binary-ascii" }).map((text) => text.replaceAll("\0", "")),
	);
	const { section } = fc.letrec((tie) => ({
		section: fc.dictionary(
			key,
			fc.oneof({ maxDepth: 4 }, scalar, fc.array(scalar), tie("section")),
		),
	}));
	const written = (value: unknown): string => {
		if (typeof value === "string") return `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
		if (Array.isArray(value)) return `[${value.map(written).join(", ")}]`;
		return String(value);
	};
	const text = (of: object): string =>
		Object.entries(of)
			.map(([name, value]) =>
				typeof value === "object" && !Array.isArray(value)
					? `${name} {\n${text(value)}}\n`
					: `${name} = ${written(value)}\n`,
			)
			.join("");

	fc.assert(
		fc.property(section, (value) => {
			const read = plain(parseConfigText(text(value)));
			expect(JSON.stringify(read)).toBe(JSON.stringify(value));
		}),
	);
});

test("whatever the text, it is read or refused", ({ expect }) => {
	const piece = fc.constantFrom(...Array.from("{}[]=,\"'\\#\n\0 a1-.é"));
	fc.assert(
		fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
			let failure: unknown;
			try {
				parseConfigText(pieces.join(""));
			} catch (error) {
				failure = error;
			}
			expect(failure === undefined || isDeviceError(failure, "ERR_DEVICE_METADATA")).toBe(
				true,
			);
		}),
		{ numRuns: 2000 },
	);
});
