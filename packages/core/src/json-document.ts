import { LineMap, type JsonPosition } from "./json-position.ts";
import { JsonReader, type JsonListener } from "./json-reader.ts";
import type { JsonValue } from "./json-value.ts";
import type { ParseJsonOptions } from "./json.ts";

/** The way to a value: keys and indexes, from the outside in. */
export type JsonPath = readonly (string | number)[];

/** A key that an object has twice. Its first value is gone from the document. */
export interface DuplicateKey {
	/** The way to the key, which is its last step. */
	readonly path: JsonPath;
	readonly first: JsonPosition;
	readonly second: JsonPosition;
}

/** A JSON text with the place of everything in it, for messages about what it says. */
export interface JsonDocument {
	readonly value: JsonValue;
	/** In the order of the text; empty in a document as it should be. */
	readonly duplicates: readonly DuplicateKey[];

	/**
	 * Where the value at a path begins, or its key.
	 *
	 * @returns `undefined` when the document has no such value, or the value has no key.
	 */
	locate(path: JsonPath, part?: "value" | "key"): JsonPosition | undefined;
}

/**
 * Like {@link parseJson}, and remembers where every value and key stands.
 *
 * @throws {@link JsonError} as {@link parseJson}.
 */
export function parseJsonDocument(text: string, options: ParseJsonOptions = {}): JsonDocument {
	const lines = new LineMap(text);
	const places = new Places(lines);
	const reader = new JsonReader(text, options.comments ?? false, places);
	const value = reader.readDocument();
	return {
		value,
		duplicates: places.duplicates,
		locate(path, part = "value"): JsonPosition | undefined {
			const place = places.find(path);
			const offset = part === "key" ? place?.keyOffset : place?.valueOffset;
			return offset === undefined || offset < 0 ? undefined : lines.position(offset);
		},
	};
}

interface Place {
	keyOffset: number;
	valueOffset: number;
	/** Of an array or object. */
	items?: Map<string | number, Place>;
}

/** Builds a tree of places beside the tree of values. */
class Places implements JsonListener {
	readonly duplicates: DuplicateKey[] = [];
	readonly #lines: LineMap;
	readonly #root: Place;
	/** The containers around the reader, outermost first, each with the item being read. */
	readonly #open: Place[] = [];
	readonly #path: (string | number)[] = [];
	#current: Place;

	constructor(lines: LineMap) {
		this.#lines = lines;
		this.#root = { keyOffset: -1, valueOffset: -1 };
		this.#current = this.#root;
	}

	root(valueOffset: number): void {
		this.#root.valueOffset = valueOffset;
	}

	enter(): void {
		// A value that replaces an earlier one of the same key starts with no items of the earlier.
		this.#current.items = new Map();
		this.#open.push(this.#current);
		this.#path.push("");
	}

	item(key: string | number, keyOffset: number, valueOffset: number): void {
		const items = this.#open.at(-1)?.items;
		if (items === undefined) throw new TypeError("an item outside of every container");
		this.#path[this.#path.length - 1] = key;
		const earlier = items.get(key);
		if (earlier !== undefined) {
			this.duplicates.push({
				path: [...this.#path],
				first: this.#lines.position(earlier.keyOffset),
				second: this.#lines.position(keyOffset),
			});
		}
		this.#current = { keyOffset, valueOffset };
		items.set(key, this.#current);
	}

	leave(): void {
		this.#open.pop();
		this.#path.pop();
	}

	find(path: JsonPath): Place | undefined {
		let place: Place | undefined = this.#root;
		for (const step of path) place = place?.items?.get(step);
		return place;
	}
}
