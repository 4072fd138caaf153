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
	return new Parser(text).parse();
}

class Parser {
	readonly #text: string;
	#at = 0;

	constructor(text: string) {
		this.#text = text;
	}

	parse(): ConfigSection {
		const root = this.#entries(0);
		if (this.#peek() !== undefined) throw this.#wrong('"}" without a section');
		return root;
	}

	/** Everything up to the end of a section, of which the brace is not taken, or of the text. */
	#entries(depth: number): ConfigSection {
		if (depth > maxNesting) throw this.#wrong(`more than ${maxNesting} sections in each other`);
		const entries = new Map<string, ConfigEntry>();
		for (;;) {
			const code = this.#peek();
			if (code === undefined || code === CLOSE_BRACE) return entries;
			const offset = this.#at;
			const key = this.#key(code);
			if (entries.has(key)) throw this.#wrong(`${quoted(key)} is there twice`, offset);
			entries.set(key, { offset, value: this.#behindKey(depth) });
		}
	}

	#key(first: number): string {
		if (first === DOUBLE_QUOTE || first === SINGLE_QUOTE) return this.#string(first);
		const from = this.#at;
		while (this.#at < this.#text.length && !endsKey(this.#text.charCodeAt(this.#at)))
			this.#at++;
		if (this.#at === from) throw this.#unexpected("a key");
		return this.#text.slice(from, this.#at);
	}

	#behindKey(depth: number): ConfigEntry["value"] {
		const code = this.#peek();
		if (code === OPEN_BRACE) {
			const from = this.#at++;
			const section = this.#entries(depth + 1);
			if (this.#peek() !== CLOSE_BRACE) throw this.#wrong('"{" without its "}"', from);
			this.#at++;
			return section;
		}
		if (code !== EQUALS) throw this.#unexpected('"=" or "{"');
		this.#at++;
		return this.#peek() === OPEN_BRACKET ? this.#list() : this.#scalar();
	}

	#list(): ConfigScalar[] {
		const from = this.#at++;
		const values: ConfigScalar[] = [];
		for (;;) {
			const code = this.#peek();
			if (code === undefined) throw this.#wrong('"[" without its "]"', from);
			if (code === CLOSE_BRACKET) break;
			values.push(this.#scalar());
			if (this.#peek() === COMMA) this.#at++;
		}
		this.#at++;
		return values;
	}

	#scalar(): ConfigScalar {
		const code = this.#peek();
		if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE) return this.#string(code);
		const from = this.#at;
		if (code === PLUS || code === MINUS) this.#at++;
		const digits = this.#at;
		while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
		if (this.#at === digits) {
			this.#at = from;
			throw this.#unexpected("a value");
		}
		if (this.#text.charCodeAt(digits) === ZERO && this.#at > digits + 1)
			throw this.#wrong("a number that begins with 0", from);
		if (this.#text.charCodeAt(this.#at) === DOT) return this.#float(from);
		const token = this.#text.slice(from, this.#at);
		const value = Number(token);
		if (Number.isSafeInteger(value)) return value;
		if (token.length > 20) throw this.#wrong("a number of more than 64 bits", from);
		return BigInt(token);
	}

	#float(from: number): number {
		this.#at++;
		while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
		return Number(this.#text.slice(from, this.#at));
	}

	#string(quote: number): string {
		const from = this.#at++;
		const start = this.#at;
		let isEscaped = false;
		for (; ; this.#at++) {
			const code = this.#text.charCodeAt(this.#at); // NaN at the end
			if (code === quote) break;
			if (Number.isNaN(code) || code === 0)
				throw this.#wrong("a string without its end", from);
			if (code !== BACKSLASH || quote !== DOUBLE_QUOTE) continue;
			isEscaped = true;
			this.#at++;
		}
		const raw = this.#text.slice(start, this.#at++);
		return isEscaped ? raw.replaceAll(/\\(["\\])/g, "$1") : raw;
	}

	/** The next character that counts; undefined at the end. */
	#peek(): number | undefined {
		for (;;) {
			const code = this.#text.charCodeAt(this.#at); // NaN at the end
			if (isSpace(code)) this.#at++;
			else if (code === HASH) {
				const end = this.#text.indexOf("\n", this.#at);
				this.#at = end < 0 ? this.#text.length : end;
			} else return Number.isNaN(code) || code === 0 ? undefined : code;
		}
	}

	#unexpected(expected: string): Error {
		const code = this.#peek();
		const found = code === undefined ? "the end" : quoted(String.fromCharCode(code));
		return this.#wrong(`${found}, expected ${expected}`);
	}

	#wrong(what: string, offset: number = this.#at): Error {
		return metadataError("ERR_DEVICE_METADATA", `${positionText(this.#text, offset)}: ${what}`);
	}
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

/** isspace(3) of the C locale. */
function isSpace(code: number): boolean {
	return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function isDigit(code: number): boolean {
	return code >= ZERO && code <= NINE;
}

function endsKey(code: number): boolean {
	return (
		isSpace(code) ||
		code === HASH ||
		code === EQUALS ||
		code === OPEN_BRACE ||
		code === CLOSE_BRACE ||
		code === 0
	);
}

const DOUBLE_QUOTE = 0x22;
const HASH = 0x23;
const SINGLE_QUOTE = 0x27;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const EQUALS = 0x3d;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
