import { JsonNumber, pythonJson, type JsonValue } from "@devhost/core";

/**
 * A value as Python's `repr()` writes what its JSON reader made of it: strings in single quotes, `True`, `None`.
 *
 * Source: `unicode_repr`, Objects/unicodeobject.c, Python 3.11. Of what is not printable only control characters are escaped.
 */
export function pythonRepr(value: JsonValue): string {
	if (value === null) return "None";
	if (value === true) return "True";
	if (value === false) return "False";
	if (typeof value === "string") return reprOfString(value);
	if (value instanceof JsonNumber) return reprOfNumber(value);
	if (Array.isArray(value)) return `[${value.map(pythonRepr).join(", ")}]`;
	const entries = [...value].map(([key, each]) => `${reprOfString(key)}: ${pythonRepr(each)}`);
	return `{${entries.join(", ")}}`;
}

function reprOfNumber(value: JsonNumber): string {
	const { text } = value;
	if (text === "NaN") return "nan";
	// As the float that it is: 1e400 is inf.
	return pythonJson(value).replace("Infinity", "inf");
}

function reprOfString(text: string): string {
	const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
	// oxlint-disable-next-line no-control-regex -- control characters are what is escaped
	const escaped = text.replaceAll(/[\\\u0000-\u001f\u007f-\u00a0\u00ad]/g, (character) => {
		const short = shortEscapes[character];
		if (short !== undefined) return short;
		return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
	});
	return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

const shortEscapes: Readonly<Record<string, string>> = {
	"\\": "\\\\",
	"\n": "\\n",
	"\r": "\\r",
	"\t": "\\t",
};
