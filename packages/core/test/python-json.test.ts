import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, test } from "vitest";
import { deviceId } from "../src/device-id.ts";
import { parseJson } from "../src/json.ts";
import { pythonJson } from "../src/python-json.ts";

describe("pythonJson", () => {
	test.for([
		[{ b: [1, 2, { y: null, x: [] }], a: {} }, '{"a": {}, "b": [1, 2, {"x": [], "y": null}]}'],
		[[true, false, null], "[true, false, null]"],
		[{ z: undefined, a: 1 }, '{"a": 1}'],
		[
			{ "\uffff": 1, "😀": 2, "\ud800": 3 },
			'{"\\ud800": 3, "\\uffff": 1, "\\ud83d\\ude00": 2}',
		],
		[-0, "0"],
		[0.1, "0.1"],
		[1e21, "1e+21"],
		[Number.NaN, "NaN"],
		[-Infinity, "-Infinity"],
		[12345678901234567890n, "12345678901234567890"],
		[Object.create(null), "{}"],
		[new Map([["a", 1]]), '{"a": 1}'],
	])("writes plain values: %o", ([value, expected], { expect }) => {
		expect(pythonJson(value)).toBe(expected);
	});

	test("refuses what has no form in JSON", ({ expect }) => {
		const cycle: unknown[] = [];
		cycle.push(cycle);

		expect(() => pythonJson([undefined])).toThrow("a undefined has no form in JSON");
		expect(() => pythonJson({ a: new Date(0) })).toThrow("a Date has no form in JSON");
		expect(() => pythonJson(() => 0)).toThrow(TypeError);
		expect(() => pythonJson(cycle)).toThrow("in itself");
	});

	// Where the test machine has no Python this fails rather than passes unseen.
	test(
		"writes and hashes what Python does, for random documents",
		{ timeout: 60_000 },
		({ expect }) => {
			const texts = fc.sample(documents, { numRuns: 3000 });

			const expected = python(texts);

			for (const [index, text] of texts.entries()) {
				const value = parseJson(text);
				const actual = { json: pythonJson(value), id: deviceId("t", value, "p") };
				expect(actual, text).toEqual(expected[index]);
			}
		},
	);

	test(
		"accepts exactly what Python accepts, of damaged documents",
		{ timeout: 60_000 },
		({ expect }) => {
			const texts = fc.sample(damagedDocuments, { numRuns: 3000 });

			const expected = python(texts);

			for (const [index, text] of texts.entries()) {
				expect(accepts(text), JSON.stringify(text)).toBe(expected[index] !== null);
			}
			// The damage must neither be harmless nor fatal always, or the test says nothing.
			const accepted = expected.filter((answer) => answer !== null).length;
			expect(accepted).toBeGreaterThan(100);
			expect(accepted).toBeLessThan(texts.length - 100);
		},
	);

	test("writes every power of two and ten as Python does", { timeout: 60_000 }, ({ expect }) => {
		const powers = [];
		for (let exponent = -1080; exponent <= 1024; exponent += 1)
			powers.push(String(2 ** exponent));
		for (let exponent = -330; exponent <= 310; exponent += 1)
			powers.push(`1e${exponent}`, `-9.5e${exponent}`);

		const expected = python(powers);

		const actual = powers.map((text) => pythonJson(parseJson(text)));
		expect(actual).toEqual(expected.map((answer) => answer?.json));
	});
});

function accepts(text: string): boolean {
	try {
		parseJson(text);
		return true;
	} catch {
		return false;
	}
}

/** What the system's Python makes of each text; null where it refuses. */
function python(texts: readonly string[]): ({ json: string; id: string } | null)[] {
	const script = `
import hashlib, json, sys
J = lambda value: json.dumps(value, sort_keys=True)
def answer(text):
    try:
        value = json.loads(text)
    except ValueError:
        return None
    device = J("t") + J("p") + J(value or {})
    return {"json": J(value), "id": hashlib.sha256(device.encode()).hexdigest()}
print(json.dumps([answer(text) for text in json.loads(sys.stdin.read())]))
`;
	const { status, stdout, stderr, error } = spawnSync("/usr/bin/python3", ["-I", "-c", script], {
		input: JSON.stringify(texts),
		encoding: "utf8",
		maxBuffer: 1 << 28,
	});
	if (error) throw error;
	if (status !== 0) throw new Error(`python3 ended with ${status}: ${stderr}`);
	return JSON.parse(stdout) as ({ json: string; id: string } | null)[];
}

const digits = fc.stringMatching(/^(0|[1-9][0-9]{0,39})$/);
const numberTexts = fc.oneof(
	fc.integer().map(String),
	fc.double({ noDefaultInfinity: true, noNaN: true }).map(String),
	fc
		.tuple(
			fc.constantFrom("", "-"),
			digits,
			fc.option(fc.stringMatching(/^[0-9]{1,25}$/)),
			fc.option(fc.stringMatching(/^[eE][-+]?[0-9]{1,3}$/)),
		)
		.map(
			([sign, whole, fraction, exponent]) =>
				`${sign}${whole}${fraction === null ? "" : `.${fraction}`}${exponent ?? ""}`,
		),
	fc.constantFrom(
		"NaN",
		"Infinity",
		"-Infinity",
		"-0",
		"-0.0",
		"1e400",
		"5e-324",
		"1e16",
		"1e15",
	),
);

const character = fc.oneof(
	fc
		.string({ unit: "binary", minLength: 1, maxLength: 1 })
		.map((unit) => JSON.stringify(unit).slice(1, -1)),
	// Any UTF-16 unit, lone surrogates and halves that happen to meet among them.
	fc.integer({ min: 0, max: 0xffff }).map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`),
	fc.constantFrom(
		"\\ud83d",
		"\\uDE00",
		"\\/",
		"\\b",
		"\\f",
		"\u007f",
		"\u2028",
		"\uffff",
		"a",
		"Z",
		"1",
	),
);
const stringTexts = fc.array(character, { maxLength: 6 }).map((parts) => `"${parts.join("")}"`);
const space = fc.constantFrom("", "", "", " ", "\n", "\t", " \r\n ");

const { documents } = fc.letrec<{ documents: string; array: string; object: string }>((tie) => ({
	documents: fc.oneof(
		{ maxDepth: 4, withCrossShrink: true },
		numberTexts,
		stringTexts,
		fc.constantFrom("true", "false", "null"),
		tie("array"),
		tie("object"),
	),
	array: fc
		.tuple(fc.array(tie("documents"), { maxLength: 4 }), space)
		.map(([items, gap]) => `[${gap}${items.join(`${gap},${gap}`)}${gap}]`),
	object: fc
		.tuple(fc.array(fc.tuple(stringTexts, tie("documents")), { maxLength: 5 }), space)
		.map(([items, gap]) => {
			const members = items.map(([key, value]) => `${gap}${key}${gap}:${gap}${value}${gap}`);
			return `{${gap}${members.join(",")}}`;
		}),
}));

const damage = fc.oneof(
	fc.constantFrom(..."\u0000\u001f\ufeff\u00a0\v\f/Nné'".split("")),
	fc.constantFrom(...',:"\\[]{}-+.e01'.split(""), "/**/", "\\u", "\\ud8"),
);
const damagedDocuments = fc
	.tuple(documents, fc.nat(), fc.nat({ max: 2 }), damage)
	.map(([text, at, length, inserted]) => {
		const offset = at % (text.length + 1);
		return text.slice(0, offset) + inserted + text.slice(offset + length);
	})
	// JSON.stringify on the way to Python and Python's own strings agree only on whole characters.
	.filter((text) => text.isWellFormed());
