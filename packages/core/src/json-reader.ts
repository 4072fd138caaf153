import { JsonError, type JsonErrorCode } from "./json-error.ts";
import { LineMap } from "./json-position.ts";
import { JsonNumber, type JsonValue } from "./json-value.ts";

/**
 * How deep arrays and objects may be nested in each other.
 *
 * Python's reader gives up between 995 and 1000, depending on its caller's depth. A limit of our own
 * below that keeps a hostile text from ending in an overflow of the stack.
 */
export const maxJsonNesting = 990;

/**
 * Integers longer than this are refused; numbers with a fraction or an exponent are not.
 *
 * Source: `sys.int_info.default_max_str_digits`, Python 3.11.
 */
const maxIntegerDigits = 4300;

/** Told of everything that {@link JsonReader} finds, with offsets, while it reads. */
export interface JsonListener {
	/** The outermost value begins here. */
	root(valueOffset: number): void;
	/** An item of an array or object is about to be read. `keyOffset` is -1 in an array. */
	item(key: string | number, keyOffset: number, valueOffset: number): void;
	/** The items that follow are one level deeper. */
	enter(): void;
	/** The container whose items were told is complete. */
	leave(): void;
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const ASTERISK = 0x2a;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const BYTE_ORDER_MARK = 0xfeff;

/** One character after a backslash; `u` is read apart. */
const escapes: ReadonlyMap<string, string> = new Map([
	['"', '"'],
	["\\", "\\"],
	["/", "/"],
	["b", "\b"],
	["f", "\f"],
	["n", "\n"],
	["r", "\r"],
	["t", "\t"],
]);

/** What Python's reader knows by name. */
const literals: ReadonlyMap<string, null | boolean> = new Map<string, null | boolean>([
	["null", null],
	["true", true],
	["false", false],
]);

/** One pass over one text. Works on UTF-16 units, because JSON's own characters are all ASCII. */
export class JsonReader {
	readonly #text: string;
	readonly #comments: boolean;
	readonly #listener: JsonListener | undefined;
	#offset = 0;

	constructor(text: string, comments: boolean, listener: JsonListener | undefined) {
		this.#text = text;
		this.#comments = comments;
		this.#listener = listener;
	}

	/** Reads the whole text, which must be one value. */
	readDocument(): JsonValue {
		if (this.#text.charCodeAt(0) === BYTE_ORDER_MARK) {
			this.#fail("a text without a byte order mark", "U+FEFF");
		}
		this.#skipSpace();
		this.#listener?.root(this.#offset);
		const value = this.#value(0);
		this.#skipSpace();
		if (this.#offset < this.#text.length) this.#fail("the end of the text");
		return value;
	}

	/** Moves over white space, and over comments where they are allowed. */
	#skipSpace(): void {
		const text = this.#text;
		let offset = this.#offset;
		for (;;) {
			const unit = text.charCodeAt(offset);
			if (unit === SPACE || unit === LINE_FEED || unit === CARRIAGE_RETURN || unit === TAB) {
				offset += 1;
			} else if (unit === SLASH && this.#comments) {
				offset = this.#endOfComment(offset);
			} else {
				this.#offset = offset;
				return;
			}
		}
	}

	#endOfComment(start: number): number {
		const text = this.#text;
		const kind = text.charCodeAt(start + 1);
		if (kind === SLASH) {
			const end = text.indexOf("\n", start);
			return end < 0 ? text.length : end + 1;
		}
		if (kind !== ASTERISK) {
			this.#offset = start + 1;
			return this.#fail('"/" or "*" to begin a comment');
		}
		const end = text.indexOf("*/", start + 2);
		if (end >= 0) return end + 2;
		this.#offset = start;
		return this.#fail('a comment that ends in "*/"', "one that never ends");
	}

	#value(depth: number): JsonValue {
		const unit = this.#text.charCodeAt(this.#offset);
		if (unit === QUOTE) return this.#string();
		if (unit === OPEN_BRACE) return this.#object(depth + 1);
		if (unit === OPEN_BRACKET) return this.#array(depth + 1);
		if (unit === MINUS || (unit >= ZERO && unit <= NINE)) return this.#number();
		return this.#literal();
	}

	#object(depth: number): JsonValue {
		this.#checkDepth(depth);
		const listener = this.#listener;
		const object = new Map<string, JsonValue>();
		this.#offset += 1;
		listener?.enter();
		this.#skipSpace();
		let mayEnd = true;
		while (!mayEnd || !this.#eat(CLOSE_BRACE)) {
			if (this.#text.charCodeAt(this.#offset) !== QUOTE) {
				this.#fail(mayEnd ? 'a key in double quotes or "}"' : "a key in double quotes");
			}
			const keyOffset = this.#offset;
			const key = this.#string();
			this.#skipSpace();
			if (!this.#eat(COLON)) this.#fail('":" after the key');
			this.#skipSpace();
			listener?.item(key, keyOffset, this.#offset);
			object.set(key, this.#value(depth));
			this.#skipSpace();
			if (!this.#eat(COMMA)) {
				if (!this.#eat(CLOSE_BRACE)) this.#fail('"," or "}"');
				break;
			}
			this.#skipSpace();
			mayEnd = this.#comments;
		}
		listener?.leave();
		return object;
	}

	#array(depth: number): JsonValue {
		this.#checkDepth(depth);
		const listener = this.#listener;
		const array: JsonValue[] = [];
		this.#offset += 1;
		listener?.enter();
		this.#skipSpace();
		let mayEnd = true;
		while (!mayEnd || !this.#eat(CLOSE_BRACKET)) {
			listener?.item(array.length, -1, this.#offset);
			array.push(this.#value(depth));
			this.#skipSpace();
			if (!this.#eat(COMMA)) {
				if (!this.#eat(CLOSE_BRACKET)) this.#fail('"," or "]"');
				break;
			}
			this.#skipSpace();
			mayEnd = this.#comments;
		}
		listener?.leave();
		return array;
	}

	#string(): string {
		const text = this.#text;
		const start = this.#offset + 1;
		let pieces = "";
		let from = start;
		for (let offset = start; ; offset += 1) {
			const unit = text.charCodeAt(offset);
			if (unit === QUOTE) {
				this.#offset = offset + 1;
				return pieces + text.slice(from, offset);
			}
			if (unit === BACKSLASH) {
				pieces += text.slice(from, offset);
				this.#offset = offset + 1;
				pieces += this.#escape();
				from = this.#offset;
				offset = from - 1;
			} else if (!(unit >= SPACE)) {
				// Also true of NaN, the unit behind the end of the text.
				this.#offset = offset;
				if (offset < text.length) this.#fail("no control character in a string");
				this.#fail("the quote that ends the string");
			}
		}
	}

	#escape(): string {
		const character = this.#text.charAt(this.#offset);
		if (character === "u") {
			const digits = this.#text.slice(this.#offset + 1, this.#offset + 5);
			if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
				// Only the first wrong character is shown: the string may be a secret.
				this.#offset += 1 + digits.search(/[^0-9a-fA-F]|$/);
				this.#fail("four hexadecimal digits");
			}
			this.#offset += 5;
			// Two halves that follow each other become one character by standing together.
			return String.fromCharCode(Number.parseInt(digits, 16));
		}
		const plain = escapes.get(character);
		if (plain === undefined) this.#fail('one of "\\/bfnrtu after the backslash');
		this.#offset += 1;
		return plain;
	}

	#number(): JsonValue {
		const text = this.#text;
		const start = this.#offset;
		let offset = start;
		if (text.charCodeAt(offset) === MINUS) {
			offset += 1;
			if (text.startsWith("Infinity", offset)) {
				this.#offset = offset + "Infinity".length;
				return new JsonNumber("-Infinity");
			}
		}
		const digits = offset;
		offset = text.charCodeAt(offset) === ZERO ? offset + 1 : this.#digits(offset);
		if (offset === digits) {
			this.#offset = offset;
			this.#fail("a digit");
		}
		const integerEnd = offset;
		// A dot or an exponent without digits is not part of the number: the caller complains of it.
		if (text.charCodeAt(offset) === DOT) {
			const end = this.#digits(offset + 1);
			if (end > offset + 1) offset = end;
		}
		const exponent = text.charCodeAt(offset);
		if (exponent === LOWER_E || exponent === UPPER_E) {
			const sign = text.charCodeAt(offset + 1);
			const first = sign === PLUS || sign === MINUS ? offset + 2 : offset + 1;
			const end = this.#digits(first);
			if (end > first) offset = end;
		}
		if (offset === integerEnd && integerEnd - digits > maxIntegerDigits) {
			const found = `one of ${integerEnd - digits} digits`;
			const expected = `an integer of at most ${maxIntegerDigits} digits`;
			this.#fail(expected, found, "ERR_JSON_LIMIT");
		}
		this.#offset = offset;
		return new JsonNumber(text.slice(start, offset));
	}

	/** The end of a possibly empty row of digits. */
	#digits(start: number): number {
		const text = this.#text;
		let offset = start;
		for (;;) {
			const unit = text.charCodeAt(offset);
			if (!(unit >= ZERO && unit <= NINE)) return offset;
			offset += 1;
		}
	}

	#literal(): JsonValue {
		const text = this.#text;
		for (const [word, value] of literals) {
			if (!text.startsWith(word, this.#offset)) continue;
			this.#offset += word.length;
			return value;
		}
		for (const word of ["NaN", "Infinity"]) {
			if (!text.startsWith(word, this.#offset)) continue;
			this.#offset += word.length;
			return new JsonNumber(word);
		}
		return this.#fail("a value");
	}

	/** Moves over one character if it is the next one. */
	#eat(unit: number): boolean {
		if (this.#text.charCodeAt(this.#offset) !== unit) return false;
		this.#offset += 1;
		return true;
	}

	#checkDepth(depth: number): void {
		if (depth <= maxJsonNesting) return;
		const expected = `at most ${maxJsonNesting} arrays and objects inside each other`;
		this.#fail(expected, "one more", "ERR_JSON_LIMIT");
	}

	#fail(expected: string, found?: string, code: JsonErrorCode = "ERR_JSON_SYNTAX"): never {
		const position = new LineMap(this.#text).position(this.#offset);
		throw new JsonError(code, position, { expected, found: found ?? this.#next() });
	}

	/** The next character, as an error message shows it. */
	#next(): string {
		const codePoint = this.#text.codePointAt(this.#offset);
		if (codePoint === undefined) return "the end of the text";
		const visible = codePoint > SPACE && codePoint !== 0x7f && codePoint !== BYTE_ORDER_MARK;
		if (visible) return JSON.stringify(String.fromCodePoint(codePoint));
		if (codePoint === LINE_FEED) return "the end of the line";
		return `U+${codePoint.toString(16).toUpperCase().padStart(4, "0")}`;
	}
}
