import { metadataError } from "./metadata-error.ts";

/** One value. An integer that JavaScript does not count exactly is a bigint. */
export type ConfigScalar = string | number | bigint;

/** What stands behind a key: a section, a value, or a list of values. */
export interface ConfigEntry {
	/** Of the key, in characters from the beginning of the text. */
	readonly offset: number;
	readonly value: ConfigSection | ConfigScalar | readonly ConfigScalar[];
}

/** Keys and what stands behind them, in their order. */
export type ConfigSection = ReadonlyMap<string, ConfigEntry>;

/** Sections within sections. The metadata of lvm2 have 5 of them. */
export const maxNesting = 16;

/**
 * Parses the text in which LVM2 keeps its metadata.
 *
 * Shape: `KEY { … }`, `KEY = VALUE` and `KEY = [ VALUE, … ]`, in any number, with white space anywhere; `#` begins a comment
 * that runs to the end of its line. A value is a decimal number or a string in double quotes, where `\"` and `\\` stand for
 * the second character, or in single quotes, where nothing stands for anything else. A NUL ends the text.
 *
 * Stricter than libdevmapper, which also reads what lvm2 never writes there: octal numbers, strings without quotes, a key
 * that is there twice or that is a path.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_METADATA` with line and column.
 *
 * Source: lvm2, libdm/libdm-config.c.
 */
export function parseConfigText(text: string): ConfigSection {
	let at = 0;

	/** Everything up to the end of a section, of which the brace is not taken, or of the text. */
	function entries(depth: number): ConfigSection {
		if (depth > maxNesting) throw wrong(`more than ${maxNesting} sections in each other`);
		const found = new Map<string, ConfigEntry>();
		for (;;) {
			const code = peek();
			if (code === END || code === CLOSE_BRACE) return found;
			const offset = at;
			const key = keyFrom(code);
			if (found.has(key)) throw wrong(`${quoted(key)} is there twice`, offset);
			found.set(key, { offset, value: behindKey(depth) });
		}
	}

	function keyFrom(first: number): string {
		if (first === DOUBLE_QUOTE || first === SINGLE_QUOTE) return string(first);
		const key = take(keyText);
		if (key === "") throw unexpected("a key");
		return key;
	}

	function behindKey(depth: number): ConfigEntry["value"] {
		const code = peek();
		if (code === OPEN_BRACE) {
			const from = at++;
			const section = entries(depth + 1);
			if (peek() !== CLOSE_BRACE) throw wrong('"{" without its "}"', from);
			at++;
			return section;
		}
		if (code !== EQUALS) throw unexpected('"=" or "{"');
		at++;
		const first = peek();
		return first === OPEN_BRACKET ? list() : scalar(first);
	}

	function list(): ConfigScalar[] {
		const from = at++;
		const values: ConfigScalar[] = [];
		for (;;) {
			const code = peek();
			if (code === END) throw wrong('"[" without its "]"', from);
			if (code === CLOSE_BRACKET) break;
			values.push(scalar(code));
			if (peek() === COMMA) at++;
		}
		at++;
		return values;
	}

	function scalar(first: number): ConfigScalar {
		if (first === DOUBLE_QUOTE || first === SINGLE_QUOTE) return string(first);
		const from = at;
		const token = take(numberText);
		if (token === "") throw unexpected("a value");
		if (/^[+-]?0\d/.test(token)) throw wrong("a number that begins with 0", from);
		const value = Number(token);
		if (Number.isSafeInteger(value) || token.includes(".")) return value;
		if (token.length > 20) throw wrong("a number of more than 64 bits", from);
		return BigInt(token);
	}

	function string(quote: number): string {
		const from = at;
		const end = quote === DOUBLE_QUOTE ? endOfDouble(from) : text.indexOf("'", from + 1);
		const content = text.slice(from + 1, Math.max(end, from));
		if (end < 0 || content.includes("\0")) throw wrong("a string without its end", from);
		at = end + 1;
		if (quote !== DOUBLE_QUOTE || !content.includes("\\")) return content;
		return content.replaceAll(/\\(["\\])/g, "$1");
	}

	function endOfDouble(from: number): number {
		for (let end = text.indexOf('"', from + 1); ; end = text.indexOf('"', end + 1)) {
			if (end < 0 || !isEscaped(end)) return end;
		}
	}

	/** Whether there is an odd number of backslashes before a place. */
	function isEscaped(place: number): boolean {
		let first = place;
		while (text.charCodeAt(first - 1) === BACKSLASH) first--;
		return (place - first) % 2 === 1;
	}

	/** The next character that counts. */
	function peek(): number {
		for (;;) {
			const code = text.charCodeAt(at); // NaN at the end
			if (code === SPACE || (code >= TAB && code <= CARRIAGE_RETURN)) at++;
			else if (code === HASH) {
				const end = text.indexOf("\n", at);
				at = end < 0 ? text.length : end;
			} else return Number.isNaN(code) ? END : code;
		}
	}

	/** What matches from here on; empty where nothing does. By V8's regular expressions, which are quick at once. */
	function take(pattern: RegExp): string {
		pattern.lastIndex = at;
		if (!pattern.test(text)) return "";
		const from = at;
		at = pattern.lastIndex;
		return text.slice(from, at);
	}

	function unexpected(expected: string): Error {
		const code = peek();
		const found = code === END ? "the end" : quoted(String.fromCharCode(code));
		return wrong(`${found}, expected ${expected}`);
	}

	function wrong(what: string, offset: number = at): Error {
		return metadataError("ERR_DEVICE_METADATA", `${positionText(text, offset)}: ${what}`);
	}

	const root = entries(0);
	if (peek() !== END) throw wrong('"}" without a section');
	return root;
}

/** A place in a text, as people count: `line 12, column 3`. */
export function positionText(text: string, offset: number): string {
	const before = text.slice(0, offset);
	const line = before.split("\n").length;
	const column = offset - (before.lastIndexOf("\n") + 1) + 1;
	return `line ${line}, column ${column}`;
}

function quoted(text: string): string {
	return JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text);
}

// Sticky: they match from `lastIndex` on or not at all. What repeats in them is one character, which takes V8 no stack.
const keyText = /[^\t-\r #={}\0]+/y;
const numberText = /[+-]?\d+(?:\.\d*)?/y;

const END = 0; // a NUL, too, ends the text
const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const DOUBLE_QUOTE = 0x22;
const HASH = 0x23;
const SINGLE_QUOTE = 0x27;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
