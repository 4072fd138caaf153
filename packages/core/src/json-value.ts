/**
 * A value as it stands in a JSON text: nothing that the text says is lost.
 *
 * Objects are maps, because a JavaScript object moves keys such as `"10"` to the front. Strings are
 * JavaScript strings, lone surrogates included.
 */
export type JsonValue = null | boolean | string | JsonNumber | JsonValue[] | JsonObject;

/**
 * An object of a JSON text: its keys in the order of the text.
 *
 * A key that occurs twice has its last value at its first position, as in Python.
 */
export interface JsonObject extends ReadonlyMap<string, JsonValue> {}

/**
 * A number with the text it was written in: `1.0`, `1e0` and `1` are three different numbers here,
 * and an integer has as many digits as it likes.
 */
export class JsonNumber {
	/** As in the source; also `NaN`, `Infinity` and `-Infinity`, which Python's reader accepts. */
	readonly text: string;

	constructor(text: string) {
		this.text = text;
	}

	/** Whether Python would read it as an `int`: the spelling decides, so `2.0` and `1e3` are not. */
	get isInteger(): boolean {
		return /^-?\d+$/.test(this.text);
	}

	/** The nearest double; integers beyond 2^53 lose digits, `1e400` is `Infinity`. */
	toNumber(): number {
		return Number(this.text);
	}

	/** @throws {@link SyntaxError} when {@link JsonNumber.isInteger} is false. */
	toBigInt(): bigint {
		return BigInt(this.text);
	}

	valueOf(): number {
		return Number(this.text);
	}

	toString(): string {
		return this.text;
	}

	/** For `JSON.stringify`, where a double must do. */
	toJSON(): number {
		return Number(this.text);
	}
}

/** Whether a value of {@link parseJson} is an object. */
export function isJsonObject(value: unknown): value is JsonObject {
	return value instanceof Map;
}

/**
 * The same value in plain JavaScript, for validators: numbers become doubles and objects get no
 * prototype, so that a key `__proto__` is a key like any other.
 *
 * What is plain already comes back as it is.
 */
export function toPlain(value: unknown): unknown {
	if (value instanceof JsonNumber) return value.toNumber();
	if (Array.isArray(value)) return value.map(toPlain);
	if (!isJsonObject(value)) return value;
	const plain: Record<string, unknown> = Object.create(null);
	for (const [key, item] of value) plain[key] = toPlain(item);
	return plain;
}
