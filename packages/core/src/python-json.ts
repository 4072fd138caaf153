import { maxJsonNesting } from "./json-reader.ts";
import { JsonNumber } from "./json-value.ts";

/**
 * Writes a value byte for byte as Python's `json.dumps(value, sort_keys=True)`, the form in which
 * osbuild hashes devices.
 *
 * Takes what {@link parseJson} returns, plain JavaScript values, and mixtures. A plain number is written as
 * Python would after reading `JSON.stringify(number)`, so `2048` is an `int` and `0.5` a `float`;
 * a value that needs `2048.0` has to come from {@link parseJson}. Properties that are `undefined`
 * are left out, and a `bigint` is an `int`.
 *
 * @throws {@link TypeError} when a value has no form in JSON (a function, a `Date`, a cycle).
 *
 * Source: Lib/json/encoder.py and `float.__repr__`, Python 3.11; osbuild/devices.py.
 */
export function pythonJson(value: unknown): string {
	return write(value, 0);
}

function write(value: unknown, depth: number): string {
	if (depth > maxJsonNesting) {
		throw new TypeError(`a value nested deeper than ${maxJsonNesting}, or in itself`);
	}
	switch (typeof value) {
		case "string":
			return writeString(value);
		case "number":
			return writePlainNumber(value);
		case "boolean":
		case "bigint":
			return String(value);
		case "object":
			return value === null ? "null" : writeObject(value, depth);
		default:
			throw new TypeError(`a ${typeof value} has no form in JSON`);
	}
}

function writeObject(value: object, depth: number): string {
	if (value instanceof JsonNumber) return writeNumberText(value.text);
	if (Array.isArray(value)) {
		return `[${value.map((item: unknown) => write(item, depth + 1)).join(", ")}]`;
	}
	const items = entries(value)
		.filter(([, item]) => item !== undefined)
		.toSorted(([a], [b]) => compareCodePoints(a, b))
		.map(([key, item]) => `${writeString(key)}: ${write(item, depth + 1)}`);
	return `{${items.join(", ")}}`;
}

function entries(value: object): [string, unknown][] {
	if (value instanceof Map) return [...value];
	const prototype: unknown = Object.getPrototypeOf(value);
	const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
	if (isPlain) return Object.entries(value);
	throw new TypeError(`a ${value.constructor.name} has no form in JSON`);
}

/** Python sorts by code point; JavaScript by UTF-16 unit, which puts U+1F600 before U+FFFF. */
function compareCodePoints(a: string, b: string): number {
	const end = Math.min(a.length, b.length);
	for (let offset = 0; offset < end; offset += 1) {
		const left = a.codePointAt(offset) ?? 0;
		const right = b.codePointAt(offset) ?? 0;
		if (left !== right) return left - right;
	}
	return a.length - b.length;
}

const shortEscapes: ReadonlyMap<string, string> = new Map([
	["\b", "\\b"],
	["\t", "\\t"],
	["\n", "\\n"],
	["\f", "\\f"],
	["\r", "\\r"],
	['"', '\\"'],
	["\\", "\\\\"],
]);

/** Everything but printable ASCII is escaped, unit by unit, so U+007F and lone surrogates are too. */
function writeString(value: string): string {
	const escaped = value.replace(/[^ !#-[\]-~]/g, (unit) => {
		const escape = shortEscapes.get(unit);
		return escape ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
	});
	return `"${escaped}"`;
}

function writePlainNumber(value: number): string {
	return Number.isFinite(value) ? writeNumberText(JSON.stringify(value)) : String(value);
}

/** The spelling decides: only digits make an `int`, which Python writes as it stands. */
function writeNumberText(text: string): string {
	if (/^-?\d+$/.test(text)) return text === "-0" ? "0" : text;
	return writeFloat(Number(text));
}

/**
 * `float.__repr__`: the shortest digits that read back as the same double, as in JavaScript, but
 * written without an exponent from 1e-4 up to 1e16, and with two digits of exponent at least.
 *
 * Source: `format_float_short` in Python/pystrtod.c, with `repr`'s bounds of -4 and 16.
 */
function writeFloat(value: number): string {
	if (!Number.isFinite(value)) return String(value);
	const sign = value < 0 || Object.is(value, -0) ? "-" : "";
	const [mantissa = "0", power = "0"] = Math.abs(value).toExponential().split("e");
	const digits = mantissa.replace(".", "");
	const exponent = Number(power);

	if (exponent < -4 || exponent >= 16) {
		const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
		const exponentSign = exponent < 0 ? "-" : "+";
		const exponentDigits = String(Math.abs(exponent)).padStart(2, "0");
		return `${sign}${digits.charAt(0)}${fraction}e${exponentSign}${exponentDigits}`;
	}
	if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
	const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
	return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}
