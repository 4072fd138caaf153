import { describe, test } from "vitest";
import { isJsonObject, JsonNumber, toPlain, type JsonValue } from "../src/json-value.ts";
import { parseJson } from "../src/json.ts";
import { maxJsonNesting } from "../src/json-reader.ts";

function failure(text: string, comments = false): unknown {
	try {
		return parseJson(text, { comments });
	} catch (error) {
		return error;
	}
}

describe("parseJson", () => {
	test("keeps the text of numbers", ({ expect }) => {
		const texts = ["1", "1.0", "1e3", "1E+3", "-0", "-0.0", "123456789012345678901234567890"];

		const numbers = parseJson(`[${texts.join(",")}]`);

		expect(numbers).toEqual(texts.map((text) => new JsonNumber(text)));
	});

	test("keeps the order of keys, integer-like ones and __proto__ included", ({ expect }) => {
		const object = parseJson('{"b":1,"10":2,"9":3,"__proto__":4,"":5,"a":6}');

		expect(isJsonObject(object) && [...object.keys()]).toEqual([
			"b",
			"10",
			"9",
			"__proto__",
			"",
			"a",
		]);
	});

	test("lets the last of two equal keys win, at the place of the first", ({ expect }) => {
		const object = parseJson('{"a":true,"b":false,"a":null}');

		expect(object).toEqual(
			new Map([
				["a", null],
				["b", false],
			]),
		);
		expect(isJsonObject(object) && [...object.keys()]).toEqual(["a", "b"]);
	});

	test.for([
		['"\\ud800x\\udc00"', "\ud800x\udc00"],
		['"\\uD83D\\uDE00"', "😀"],
		['"\\udfff"', "\udfff"],
		['"\ud800"', "\ud800"],
		['"\\" \\\\ \\/ \\b\\f\\n\\r\\t"', '" \\ / \b\f\n\r\t'],
		['"\u2028\u007f é"', "\u2028\u007f é"],
	])("reads the string %j", ([text = "", expected], { expect }) => {
		expect(parseJson(text)).toBe(expected);
	});

	test("accepts what Python accepts beyond JSON", ({ expect }) => {
		const numbers = parseJson("[NaN, Infinity, -Infinity]");

		expect(toPlain(numbers)).toEqual([Number.NaN, Infinity, -Infinity]);
	});

	test.for([
		["", "line 1, column 1: expected a value, found the end of the text"],
		[
			"{",
			'line 1, column 2: expected a key in double quotes or "}", found the end of the text',
		],
		["[1,]", 'line 1, column 4: expected a value, found "]"'],
		['{"a":1,}', 'line 1, column 8: expected a key in double quotes, found "}"'],
		['{"a" 1}', 'line 1, column 6: expected ":" after the key, found "1"'],
		['{\n\t"a": 1\n\t"b": 2\n}', 'line 3, column 2: expected "," or "}", found "\\""'],
		["[1 2]", 'line 1, column 4: expected "," or "]", found "2"'],
		["{a:1}", 'line 1, column 2: expected a key in double quotes or "}", found "a"'],
		[
			'"a\nb"',
			"line 1, column 3: expected no control character in a string, found the end of the line",
		],
		['"\u0000"', "line 1, column 2: expected no control character in a string, found U+0000"],
		[
			'"abc',
			"line 1, column 5: expected the quote that ends the string, found the end of the text",
		],
		['"\\x"', 'line 1, column 3: expected one of "\\/bfnrtu after the backslash, found "x"'],
		['"\\u12g4"', 'line 1, column 6: expected four hexadecimal digits, found "g"'],
		["01", 'line 1, column 2: expected the end of the text, found "1"'],
		["+1", 'line 1, column 1: expected a value, found "+"'],
		[".5", 'line 1, column 1: expected a value, found "."'],
		["1.", 'line 1, column 2: expected the end of the text, found "."'],
		["1e+", 'line 1, column 2: expected the end of the text, found "e"'],
		["-", "line 1, column 2: expected a digit, found the end of the text"],
		["-NaN", 'line 1, column 2: expected a digit, found "N"'],
		["tru", 'line 1, column 1: expected a value, found "t"'],
		["1 2", 'line 1, column 3: expected the end of the text, found "2"'],
		["\u00a01", 'line 1, column 1: expected a value, found "\u00a0"'],
		["\ufeff1", "line 1, column 1: expected a text without a byte order mark, found U+FEFF"],
		["// no\n1", 'line 1, column 1: expected a value, found "/"'],
	])("refuses %j", ([text = "", message], { expect }) => {
		expect(failure(text)).toMatchObject({
			name: "JsonError",
			code: "ERR_JSON_SYNTAX",
			message,
		});
	});

	test("says where in fields", ({ expect }) => {
		expect(failure('[\n  1,\n  "😀" x')).toMatchObject({
			line: 3,
			column: 8,
			offset: 14,
			expected: '"," or "]"',
		});
	});

	test("bounds nesting instead of overflowing the stack", ({ expect }) => {
		const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

		expect(Array.isArray(parseJson(nested(maxJsonNesting)))).toBe(true);
		expect(failure(nested(maxJsonNesting + 1))).toMatchObject({ code: "ERR_JSON_LIMIT" });
		expect(failure('{"a":'.repeat(200_000))).toMatchObject({ code: "ERR_JSON_LIMIT" });
	});

	test("refuses integers of more than 4300 digits, not other numbers", ({ expect }) => {
		expect(parseJson(`-${"9".repeat(4300)}`)).toBeInstanceOf(JsonNumber);
		expect(parseJson(`${"9".repeat(4301)}.0`)).toBeInstanceOf(JsonNumber);
		expect(failure("9".repeat(4301))).toMatchObject({ code: "ERR_JSON_LIMIT", column: 1 });
	});

	test("accepts comments and trailing commas when asked", ({ expect }) => {
		const text = '// head\n{ "a": [1, /* two\n */ 2, ], "b": {"c": "// no",}, } // tail';

		const value = parseJson(text, { comments: true });

		expect(toPlain(value)).toEqual({ a: [1, 2], b: { c: "// no" } });
	});

	test.for([
		["[,]", 'line 1, column 2: expected a value, found ","'],
		["[1,,]", 'line 1, column 4: expected a value, found ","'],
		["{,}", 'line 1, column 2: expected a key in double quotes or "}", found ","'],
		[
			"1 /",
			'line 1, column 4: expected "/" or "*" to begin a comment, found the end of the text',
		],
		[
			"1 /* *",
			'line 1, column 3: expected a comment that ends in "*/", found one that never ends',
		],
	])("refuses %j even with comments", ([text = "", message], { expect }) => {
		expect(failure(text, true)).toMatchObject({ code: "ERR_JSON_SYNTAX", message });
	});

	test("reads a megabyte in tens of milliseconds", ({ expect }) => {
		const item = {
			name: "a",
			options: { filename: "disk.img", start: 2048, size: 1.5 },
			x: [true],
		};
		const text = JSON.stringify(Array.from({ length: 12_500 }, () => item));
		const times = [0, 1, 2, 3, 4].map(() => {
			const start = performance.now();
			parseJson(text);
			return performance.now() - start;
		});

		expect(text.length).toBeGreaterThan(1_000_000);
		expect(Math.min(...times)).toBeLessThan(150);
	});
});

describe("JsonNumber", () => {
	test.for([
		["1", true, 1],
		["-0", true, -0],
		["1.0", false, 1],
		["1e3", false, 1000],
		["1e400", false, Infinity],
		["NaN", false, Number.NaN],
	] as const)("%s", ([text, isInteger, value], { expect }) => {
		const number = new JsonNumber(text);

		expect(number.isInteger).toBe(isInteger);
		expect(number.toNumber()).toBe(value);
		expect(Number(number)).toBe(value);
		expect(String(number)).toBe(text);
	});

	test("converts integers of any size", ({ expect }) => {
		expect(new JsonNumber("9007199254740993").toBigInt()).toBe(9007199254740993n);
		expect(() => new JsonNumber("1.0").toBigInt()).toThrow(SyntaxError);
	});
});

describe("toPlain", () => {
	test("makes objects without a prototype", ({ expect }) => {
		const value: JsonValue = parseJson('{"__proto__":{"polluted":1},"a":[{"b":null}]}');

		const plain = toPlain(value);

		expect(Object.getPrototypeOf(plain)).toBe(null);
		expect(JSON.stringify(plain)).toBe('{"__proto__":{"polluted":1},"a":[{"b":null}]}');
	});
});
