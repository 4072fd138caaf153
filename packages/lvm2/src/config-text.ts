import {
	type ConfigScalar,
	ConfigSection,
	type ConfigValue,
	tokenError,
	type Tokens,
} from "./config-section.ts";

/** Sections within sections. The metadata of lvm2 have 5 of them. */
export const maxNesting = 16;

/**
 * Parses the text in which LVM2 keeps its metadata.
 *
 * Shape: `KEY { … }`, `KEY = VALUE` and `KEY = [ VALUE, … ]`, in any number, with white space anywhere; `#` begins a comment
 * that runs to the end of its line. A value is a decimal number or a string in double quotes, where `\"` and `\\` stand for
 * the second character, or in single quotes, where nothing stands for anything else. A NUL ends the text.
 *
 * Stricter than libdevmapper, which also reads what lvm2 never writes there: octal numbers, strings without quotes, keys that
 * are paths or have brackets in them, a key that is there twice.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_METADATA` with line and column.
 *
 * Source: lvm2, libdm/libdm-config.c.
 */
export function parseConfigText(text: string): ConfigSection {
	const tokens = tokensOf(text);
	const { all } = tokens;
	let at = 0;

	/** Takes everything up to the end of the section, of which the brace is not taken, or of the text. */
	function fill(section: ConfigSection, depth: number): void {
		if (depth > maxNesting) throw wrong(`more than ${maxNesting} sections in each other`);
		for (;;) {
			const token = peek();
			if (token === undefined || token === "}") return;
			const start = at;
			const key = keyOf(token);
			if (section.entries.has(key)) throw wrong(`${quoted(key)} is there twice`);
			at++;
			section.entries.set(key, behindKey(section, key, start, depth));
		}
	}

	function keyOf(token: string): string {
		const first = token.charCodeAt(0);
		if (first === DOUBLE_QUOTE || first === SINGLE_QUOTE) return stringOf(token);
		if (isPunctuation(token)) throw unexpected("a key");
		return token;
	}

	function behindKey(
		parent: ConfigSection,
		key: string,
		start: number,
		depth: number,
	): ConfigValue {
		const token = peek();
		if (token === "{") {
			const from = at++;
			const section = new ConfigSection(tokens, key, start);
			parent.sections.push(section);
			fill(section, depth + 1);
			if (peek() === undefined) throw wrong('"{" without its "}"', from);
			at++;
			return section;
		}
		if (token !== "=") throw unexpected('"=" or "{"');
		at++;
		return peek() === "[" ? list() : scalar();
	}

	function list(): ConfigScalar[] {
		const from = at++;
		const values: ConfigScalar[] = [];
		for (;;) {
			const token = peek();
			if (token === undefined) throw wrong('"[" without its "]"', from);
			if (token === "]") break;
			values.push(scalar());
			if (peek() === ",") at++;
		}
		at++;
		return values;
	}

	function scalar(): ConfigScalar {
		const token = peek() ?? "";
		const first = token.charCodeAt(0);
		if (first === DOUBLE_QUOTE || first === SINGLE_QUOTE) {
			const value = stringOf(token);
			at++;
			return value;
		}
		if (!/^[+-]?\d+(?:\.\d*)?$/.test(token)) throw unexpected("a value");
		if (token.length > 1 && /^[+-]?0\d/.test(token)) throw wrong("a number that begins with 0");
		const value = Number(token);
		if (!Number.isSafeInteger(value) && !token.includes(".")) {
			if (token.length > 20) throw wrong("a number of more than 64 bits");
			at++;
			return BigInt(token);
		}
		at++;
		return value;
	}

	/** What stands in quotes. */
	function stringOf(token: string): string {
		// One without its end is always the last.
		const isWhole = at < all.length - 1 || wholeString.test(token);
		if (!isWhole) throw wrong("a string without its end");
		const content = token.slice(1, -1);
		const isPlain = token.charCodeAt(0) === SINGLE_QUOTE || !content.includes("\\");
		return isPlain ? content : content.replaceAll(/\\(["\\])/g, "$1");
	}

	/** The next token that counts; undefined at the end. */
	function peek(): string | undefined {
		for (;;) {
			const token = all[at];
			const first = token?.charCodeAt(0);
			if (first === HASH) at++;
			else return first === 0 ? undefined : token;
		}
	}

	function unexpected(expected: string): Error {
		const token = peek();
		return wrong(`${token === undefined ? "the end" : quoted(token)}, expected ${expected}`);
	}

	function wrong(what: string, index: number = at): Error {
		return tokenError(tokens, index, what);
	}

	const root = new ConfigSection(tokens, "", -1);
	fill(root, 0);
	if (peek() !== undefined) throw wrong('"}" without a section');
	return root;
}

/**
 * Cuts a text into its words, strings, comments, and characters that have a meaning: all of it but the white space, at one
 * go, which is where V8 is quick from the first time on. A string without its end is all that follows; so is a NUL.
 */
function tokensOf(text: string): Tokens {
	return {
		all: text.match(tokenText) ?? [],
		text,
		offsetOf(index) {
			let count = 0;
			for (const { index: offset } of text.matchAll(tokenText)) {
				if (count++ === index) return offset;
			}
			return text.length;
		},
	};
}

function isPunctuation(token: string): boolean {
	return token.length === 1 && "{}=[],".includes(token);
}

function quoted(text: string): string {
	return JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text);
}

/**
 * What repeats as a group would take V8 stack for each time, so there is an end to that: strings have no more than 10,000 escapes.
 * No two alternatives begin alike but those of strings, where the second takes all that is left: nothing is looked at more
 * than twice.
 */
const tokenText =
	/[{}=[\],]|"[^"\\\0]*(?:\\[^\0][^"\\\0]*){0,10000}"|"[^]*|'[^'\0]*'|'[^]*|#[^\n]*|\0[^]*|[^\t-\r #{}=[\],"'\0]+/g;

/** As in {@link tokenText}. */
const wholeString = /^(?:"[^"\\\0]*(?:\\[^\0][^"\\\0]*){0,10000}"|'[^'\0]*')$/;

const DOUBLE_QUOTE = 0x22;
const HASH = 0x23;
const SINGLE_QUOTE = 0x27;
