import { JsonNumber, type JsonValue } from "@devhost/core";

/** As in JSON texts, where Python has this limit; parsing longer ones takes quadratic time. */
const maxDigits = 4300;

const integer = /^[-+]?[0-9]+$/;
const octalOrHexadecimal = /^0(?:o[0-7]+|x[0-9a-fA-F]+)$/;
const float = /^([-+]?)(?:\.([0-9]+)|([0-9]+)(?:\.([0-9]*))?)(?:[eE]([-+]?[0-9]+))?$/;
const infinity = /^([-+]?)\.(?:inf|Inf|INF)$/;

const words: ReadonlyMap<string, null | boolean> = new Map<string, null | boolean>([
	["", null],
	["~", null],
	["null", null],
	["Null", null],
	["NULL", null],
	["true", true],
	["True", true],
	["TRUE", true],
	["false", false],
	["False", false],
	["FALSE", false],
]);

/**
 * What a value without quotes means.
 *
 * Numbers come back in JSON's spelling, which decides the id of a device: `+1` is `1`, `010` is `10`, `0x10` is `16`,
 * `.5` is `0.5` and `1.` is `1.0`; `1e3` stays.
 *
 * @returns `undefined` for an integer of more than 4300 digits.
 *
 * Source: YAML 1.2.2 §10.3.2, the core schema.
 */
export function resolvePlainScalar(text: string): JsonValue | undefined {
	const word = words.get(text);
	if (word !== undefined) return word;
	// Most values are names, and begin as no number does.
	if (!/^[-+.0-9]/.test(text)) return text;
	if (integer.test(text)) {
		if (text.length > maxDigits) return undefined;
		return new JsonNumber(text.replace("+", "").replace(/^(-?)0+(?=[0-9])/, "$1"));
	}
	if (octalOrHexadecimal.test(text)) {
		return text.length > maxDigits ? undefined : new JsonNumber(BigInt(text).toString());
	}
	const sign = infinity.exec(text)?.[1];
	if (sign !== undefined) return new JsonNumber(sign === "-" ? "-Infinity" : "Infinity");
	if (/^\.(?:nan|NaN|NAN)$/.test(text)) return new JsonNumber("NaN");
	return resolveFloat(text);
}

function resolveFloat(text: string): JsonValue {
	const match = float.exec(text);
	if (match === null) return text;
	const [, sign, bareFraction, whole = "0", fraction, exponent] = match;
	const digits = bareFraction ?? fraction;
	const point = digits === undefined ? "" : `.${digits === "" ? "0" : digits}`;
	const power = exponent === undefined ? "" : `e${exponent}`;
	return new JsonNumber(
		`${sign === "-" ? "-" : ""}${whole.replace(/^0+(?=[0-9])/, "")}${point}${power}`,
	);
}
