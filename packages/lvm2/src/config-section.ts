import { metadataError } from "./metadata-error.ts";

/** One value. An integer that JavaScript does not count exactly is a bigint. */
export type ConfigScalar = string | number | bigint;

/** What stands behind a key. */
export type ConfigValue = ConfigSection | ConfigScalar | readonly ConfigScalar[];

/** A text as the words it consists of: see `tokensOf`. */
export interface Tokens {
	readonly all: readonly string[];
	/** Where one of them begins, in characters from the beginning of the text; where the text ends for one behind the last. */
	offsetOf(index: number): number;
	readonly text: string;
}

/** Keys and what stands behind them, and taking out of them what is expected there. */
export class ConfigSection {
	/** Its own key; empty for the whole text. */
	readonly name: string;
	/** In their order. */
	readonly entries: Map<string, ConfigValue> = new Map<string, ConfigValue>();
	/** Those of the values that are sections. */
	readonly sections: ConfigSection[] = [];
	readonly #tokens: Tokens;
	readonly #start: number;

	/** @param start - Which token its key is; -1 for the whole text. */
	constructor(tokens: Tokens, name: string, start: number) {
		this.#tokens = tokens;
		this.name = name;
		this.#start = start;
	}

	/** Whether its key begins there, in characters from the beginning of the text. */
	isAt(offset: number): boolean {
		return this.#tokens.offsetOf(this.#start) === offset;
	}

	has(key: string): boolean {
		return this.entries.has(key);
	}

	get(key: string): ConfigValue | undefined {
		return this.entries.get(key);
	}

	/** What is in a section that may be missing, and that holds nothing but sections. */
	sectionsOf(key: string): readonly ConfigSection[] {
		const value = this.entries.get(key);
		if (value === undefined) return [];
		if (!(value instanceof ConfigSection)) throw this.wrong(`${key} is no section`, key);
		if (value.sections.length === value.entries.size) return value.sections;
		for (const [name, inner] of value.entries) {
			if (!(inner instanceof ConfigSection)) throw value.wrong(`${name} is no section`, name);
		}
		return value.sections;
	}

	/** A whole number from 0 to `maximum`. */
	integer(key: string, maximum: number = maxUint32): number {
		const value = this.entries.get(key);
		if (typeof value === "number" && value >= 0 && value <= maximum && Number.isInteger(value))
			return value;
		throw this.#unfit(key, `is no whole number from 0 to ${maximum}`);
	}

	string(key: string): string {
		const value = this.entries.get(key);
		if (typeof value === "string") return value;
		throw this.#unfit(key, "is no string");
	}

	optionalString(key: string): string | undefined {
		return this.entries.has(key) ? this.string(key) : undefined;
	}

	list(key: string): readonly ConfigScalar[] {
		const value = this.entries.get(key);
		if (Array.isArray(value)) return value as readonly ConfigScalar[];
		// lvm2 takes a single value for a list of one.
		if (value !== undefined && !(value instanceof ConfigSection))
			return [value as ConfigScalar];
		throw this.#unfit(key, "is no list");
	}

	/** A list of strings. */
	strings(key: string): readonly string[] {
		const list = this.list(key);
		if (list.every((value) => typeof value === "string")) return list;
		throw this.#unfit(key, "has what is no string");
	}

	/** `ERR_DEVICE_METADATA` with the place of a key, or the section's own. */
	wrong(what: string, key?: string): Error {
		const place = key === undefined ? this.#start : this.#placeOf(key);
		return tokenError(this.#tokens, Math.max(0, place), what);
	}

	#unfit(key: string, what: string): Error {
		if (!this.entries.has(key)) return this.wrong(`${key} is missing`);
		return this.wrong(`${key} ${what}`, key);
	}

	/** Which token a key is. Only looked for when there is something to say of it: texts are mostly right. */
	#placeOf(key: string): number {
		const { all } = this.#tokens;
		let depth = this.#start < 0 ? 1 : 0;
		for (let index = this.#start + 1; index < all.length; index++) {
			const token = all[index];
			if (token === "{") depth++;
			else if (token === "}") depth--;
			else if (depth === 1 && token !== undefined && stripped(token) === key) {
				const next = all[index + 1];
				if (next === "=" || next === "{") return index;
			}
		}
		return this.#start;
	}
}

/** `ERR_DEVICE_METADATA` with the place of a token, as people count: `line 12, column 3`. */
export function tokenError(tokens: Tokens, index: number, what: string): Error {
	const offset = tokens.offsetOf(index);
	const before = tokens.text.slice(0, offset);
	const line = before.split("\n").length;
	const column = offset - before.lastIndexOf("\n");
	return metadataError("ERR_DEVICE_METADATA", `line ${line}, column ${column}: ${what}`);
}

/** A key without its quotes, as far as they are easily taken away: this is for messages. */
function stripped(token: string): string {
	return /^["']/.test(token) ? token.slice(1, -1) : token;
}

const maxUint32 = 0xffffffff;
