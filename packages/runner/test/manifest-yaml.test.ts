import { isJsonObject, JsonNumber, toPlain } from "@devhost/core";
import { describe, test } from "vitest";
import { parseYamlManifest } from "../src/yaml-document.ts";
import { resolvePlainScalar } from "../src/yaml-scalar.ts";

describe("values of YAML", () => {
	test.for([
		["a: text", { a: "text" }],
		["a: 'it''s'\nb: \"tab\\t\"", { a: "it's", b: "tab\t" }],
		["a: |\n  two\n  lines\nb: >-\n  one\n  line", { a: "two\nlines\n", b: "one line" }],
		["a:\n- 1\n- - 2\n  - 3", { a: [1, [2, 3]] }],
		["{a: [1, {b: c}], d}", { a: [1, { b: "c" }], d: null }],
		["a: !!x\n".replace(" !!x", ""), { a: null }],
		["--- # one document\na: 1\n...\n", { a: 1 }],
		["%YAML 1.2\n---\na: 1", { a: 1 }],
		["yes: no\non: off\ny: n", { yes: "no", on: "off", y: "n" }],
		[
			"a: 2001-01-01\nb: 12:30:45\nc: 1_000\nd: 0b1",
			{ a: "2001-01-01", b: "12:30:45", c: "1_000", d: "0b1" },
		],
		["? a\n: b", { a: "b" }],
		["a: b: ".replace(": b: ", ": 'b: '"), { a: "b: " }],
		['"": empty', { "": "empty" }],
		["'10': x", { 10: "x" }],
		["a: {devices.disk}", { a: { "devices.disk": null } }],
	] as const)("of %j", ([text, value], { expect }) => {
		const document = parseYamlManifest(text);

		expect(document.problems).toEqual([]);
		expect(plain(document.value)).toEqual(value);
	});

	test.for([
		["~", null],
		["null", null],
		["Null", null],
		["nULL", "nULL"],
		["true", true],
		["False", false],
		["tRUE", "tRUE"],
		["12", "12"],
		["+12", "12"],
		["-012", "-12"],
		["-0", "-0"],
		["0", "0"],
		["000", "0"],
		["0o17", "15"],
		["0x1F", "31"],
		["1.", "1.0"],
		[".5", "0.5"],
		["-.5", "-0.5"],
		["+1.50", "1.50"],
		["007.5", "7.5"],
		["1e3", "1e3"],
		["1.E+3", "1.0e+3"],
		[".inf", "Infinity"],
		["-.INF", "-Infinity"],
		[".NaN", "NaN"],
	] as const)("reads %s as %s", ([text, expected], { expect }) => {
		const value = resolvePlainScalar(text);

		expect(value instanceof JsonNumber ? value.text : value).toBe(expected);
		expect(value instanceof JsonNumber).toBe(/[0-9]|inf|nan/i.test(text));
	});

	test.for([
		"-",
		"+",
		".",
		"1.2.3",
		"1e",
		"e1",
		"0x",
		"0o8",
		"0xg",
		"--1",
		"1-2",
		"+.inf.",
		"..5",
	])("leaves %s a string", (text, { expect }) => {
		expect(resolvePlainScalar(text)).toBe(text);
	});

	test("reads a number of 4300 digits, not one of 4301", ({ expect }) => {
		expect(resolvePlainScalar("9".repeat(4300))).toBeInstanceOf(JsonNumber);
		expect(resolvePlainScalar("9".repeat(4301))).toBeUndefined();
	});

	test("keeps the order of keys", ({ expect }) => {
		const { value } = parseYamlManifest("b: 1\n'10': 2\na: 3\n'9': 4");

		expect(isJsonObject(value) && [...value.keys()]).toEqual(["b", "10", "a", "9"]);
	});
});

describe("anchors and aliases", () => {
	test("give the same value twice, with places at the anchor", ({ expect }) => {
		const document = parseYamlManifest("a: &x { b: 1 }\nc: *x\nd: &y 5\ne: *y");

		expect(document.problems).toEqual([]);
		expect(plain(document.value)).toEqual({ a: { b: 1 }, c: { b: 1 }, d: 5, e: 5 });
		expect(document.locate(["c"])).toMatchObject({ line: 2, column: 4 });
		expect(document.locate(["c", "b"])).toMatchObject({ line: 1, column: 12 });
	});

	test("stop at a billion laughs", ({ expect }) => {
		const lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]"];
		for (let level = 1; level <= 9; level += 1) {
			const before = `*a${level - 1}`;
			lines.push(`a${level}: &a${level} [${Array(9).fill(before).join(", ")}]`);
		}

		const { problems } = parseYamlManifest(lines.join("\n"));

		expect(problems).toHaveLength(1);
		expect(problems[0]).toMatchObject({
			code: "ERR_MANIFEST_LIMIT",
			message: "aliases that stand for more than 100000 values",
		});
	});

	test("may be used a thousand times", ({ expect }) => {
		const lines = ["a: &o { filename: disk.img, start: 1, size: 2, sector-size: 512 }"];
		for (let index = 0; index < 1000; index += 1) lines.push(`d${index}: *o`);

		expect(parseYamlManifest(lines.join("\n")).problems).toEqual([]);
	});
});

describe("what is refused", () => {
	test.for([
		// [text, code, line, column, message]
		["", "SYNTAX", 1, 1, "the manifest is empty"],
		["# only a comment\n", "SYNTAX", 1, 1, "the manifest is empty"],
		[
			"a: 1\n--- # again\nb: 2",
			"UNSUPPORTED",
			2,
			1,
			"a second document, expected only one in a manifest",
		],
		["a: 1\n---\n", "UNSUPPORTED", 2, 1, "a second document, expected only one in a manifest"],
		["%YAML 1.1\n---\na: 1", "UNSUPPORTED", 1, 1, "YAML 1.1, expected YAML 1.2"],
		[
			"a: !!str 5",
			"UNSUPPORTED",
			1,
			4,
			"manifests have no tags such as !!str: put the value in quotes instead",
		],
		[
			"a: !secret x",
			"UNSUPPORTED",
			1,
			4,
			"manifests have no tags: a string that begins with ! has to be in quotes",
		],
		["- !!map {}", "UNSUPPORTED", 1, 3, "manifests have no tags such as !!map: leave it out"],
		["a: 1\nb: 2\na: 3", "DUPLICATE_KEY", 3, 1, "this key stands in line 1 already"],
		['{a: 1, "a": 3}', "DUPLICATE_KEY", 1, 8, "this key stands in line 1 already"],
		["a: 1\n10: 2", "UNSUPPORTED", 2, 1, "the key 10 is a number: put it in quotes"],
		["true: 2", "UNSUPPORTED", 1, 1, "the key true is a boolean: put it in quotes"],
		["~: 2", "UNSUPPORTED", 1, 1, "the key ~ is null: put it in quotes"],
		[": 2", "UNSUPPORTED", 1, 1, "a value without a key"],
		["? [a, b]\n: 2", "UNSUPPORTED", 1, 3, "a list or a mapping as a key, expected a string"],
		["a: &x b\n*x : 2", "UNSUPPORTED", 2, 1, "an alias as a key, expected a string"],
		[
			"a: &x {b: 1}\nc:\n  <<: *x",
			"UNSUPPORTED",
			3,
			3,
			"<< merges nothing in YAML 1.2: repeat the keys, or give the whole value an alias",
		],
		[
			"a: *x",
			"SYNTAX",
			1,
			4,
			"an alias without an anchor of its name before it: a string that begins with * has to be in quotes",
		],
		["a: &x [*x]", "SYNTAX", 1, 8, "*x stands for a value that it is part of"],
		["a:\n\t- b", "SYNTAX", 2, 1, "a tab indents this line, expected spaces"],
		["a:\n  b: 1\n \tc: 1", "SYNTAX", 3, 3, "a tab indents this line, expected spaces"],
		["a: @b", "SYNTAX", 1, 4, "a value that begins with @ has to be in quotes"],
		["a: `b`", "SYNTAX", 1, 4, "a value that begins with ` has to be in quotes"],
		["a: b: c", "SYNTAX", 1, 5, 'a value that holds ": " has to be in quotes'],
		["a: [1, 2", "SYNTAX", 1, 9, "unexpected end of the stream within a flow collection"],
		["a: 'b", "SYNTAX", 1, 6, "unexpected end of the stream within a single quoted scalar"],
		['a: "\\z"', "SYNTAX", 1, 6, "unknown escape sequence"],
		["a: 1\n  b: 2", "SYNTAX", 2, 4, "bad indentation of a mapping entry"],
		["a: \u0000", "SYNTAX", 1, 4, "null byte is not allowed in input"],
		[`a: ${"9".repeat(4301)}`, "LIMIT", 1, 4, "a number of more than 4300 digits"],
		["[".repeat(101), "LIMIT", 1, 100, "more than 100 lists and mappings inside each other"],
	] as const)("%j", ([text, code, line, column, message], { expect }) => {
		const { problems } = parseYamlManifest(text);

		expect(problems.map((problem) => problem.message)).toEqual([message]);
		expect(problems[0]).toMatchObject({
			code: `ERR_MANIFEST_${code}`,
			position: { line, column },
		});
	});

	test("twenty thousand times, in no time to speak of", ({ expect }) => {
		const startMs = performance.now();

		const { problems } = parseYamlManifest("a: 1\n".repeat(20_000));

		expect(problems).toHaveLength(19_999);
		expect(performance.now() - startMs).toBeLessThan(2000);
	});

	test("leaves the rest of the manifest readable", ({ expect }) => {
		const { value, problems } = parseYamlManifest(
			"a: !!str 1\n10: 2\n<<: { x: 1 }\n? [k]\n: 3\nb: 4\nb: 5\n",
		);

		expect(problems).toHaveLength(5);
		expect(plain(value)).toEqual({ a: 1, 10: 2, b: 5 });
	});
});

describe("places of values", () => {
	const text = "a: 'quoted'\nb: |\n  block\n  more\nc: >- # folded\n  text\nd:\ne: [x,\n  y]\n";

	test.for([
		[["a"], 1, 4],
		[["b"], 2, 4],
		[["c"], 5, 4],
		[["e"], 8, 4],
		[["e", 0], 8, 5],
		[["e", 1], 9, 3],
	] as const)("of %j", ([path, line, column], { expect }) => {
		expect(parseYamlManifest(text).locate(path)).toMatchObject({ line, column });
	});

	test("are none where there is no value", ({ expect }) => {
		const document = parseYamlManifest(text);

		expect(document.locate(["d"])).toBeUndefined();
		expect(document.locate(["d"], "key")).toMatchObject({ line: 7, column: 1 });
		expect(document.locate(["nothing"])).toBeUndefined();
		expect(document.locate(["e", 0], "key")).toBeUndefined();
	});
});

function plain(value: unknown): unknown {
	return value === undefined ? undefined : JSON.parse(JSON.stringify(toPlain(value)));
}
