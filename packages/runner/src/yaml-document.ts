import { type JsonPath, type JsonPosition, type JsonValue, LineMap } from "@devhost/core";
import { getScalarValue, parseEvents, YAMLException, type Event, type ScalarEvent } from "js-yaml";
import type { DocumentProblem, ManifestDocument } from "./manifest-document.ts";
import type { ManifestErrorCode } from "./problem.ts";
import { resolvePlainScalar } from "./yaml-scalar.ts";

/** How deep lists and mappings may be nested in each other: each level costs stack while a text is read. */
const maxNesting = 100;

/**
 * How many values all aliases together may stand for.
 *
 * Ten lines of aliases to aliases are a billion values ("billion laughs"); a manifest that shares the options of a
 * thousand devices through one anchor has ten thousand.
 */
const maxAliasedValues = 100_000;

/** js-yaml's numbers of events and styles, which it does not export. Source: `EVENT_ID`, `SCALAR_STYLE`, js-yaml 5.5. */
const DOCUMENT = 1;
const SEQUENCE = 2;
const MAPPING = 3;
const SCALAR = 4;
const ALIAS = 5;
const POP = 6;
const PLAIN = 1;
const LITERAL_BLOCK = 4;

/**
 * Reads a manifest in YAML 1.2 with its core schema: `yes` and `12:30` are strings, `010` is ten. Never throws for what the text says.
 *
 * Numbers keep their text, in JSON's spelling. Anchors and aliases are understood, within a limit. What would change the
 * meaning of a manifest without being seen is refused: tags, merge keys, keys that are no strings, a second document.
 */
export function parseYamlManifest(text: string): ManifestDocument {
	try {
		return new Composer(text, parseEvents(text, { maxDepth: maxNesting })).compose();
	} catch (error) {
		if (!(error instanceof YAMLException) || error.mark === undefined) throw error;
		const offset = error.mark.position;
		const problem = explainSyntaxError(text, offset, error.reason);
		const position = new LineMap(text).position(offset);
		return {
			value: undefined,
			problems: [{ ...problem, position, path: [] }],
			locate: () => undefined,
		};
	}
}

/** What js-yaml stumbled over, said in terms of what the author wrote where that can be told. */
function explainSyntaxError(
	text: string,
	offset: number,
	reason: string,
): { code: ManifestErrorCode; message: string } {
	const code = "ERR_MANIFEST_SYNTAX";
	if (/maxDepth|nesting/i.test(reason)) {
		return {
			code: "ERR_MANIFEST_LIMIT",
			message: `more than ${maxNesting} lists and mappings inside each other`,
		};
	}
	const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
	if (/^ *\t/.test(text.slice(lineStart, offset + 1))) {
		return { code, message: "a tab indents this line, expected spaces" };
	}
	const found = text.charAt(offset);
	if (/[@`%]/.test(found) && /[\s[{,]/.test(text.charAt(offset - 1))) {
		return { code, message: `a value that begins with ${found} has to be in quotes` };
	}
	// They show what follows, which may be a passphrase.
	if (/^(?:undeclared tag handle|tag name cannot)/.test(reason)) {
		return { code, message: "a value that begins with ! has to be in quotes" };
	}
	const isSecondColon = found === ":" && /:[ \t]/.test(text.slice(lineStart, offset));
	if (isSecondColon && reason.startsWith("bad indentation")) {
		return { code, message: 'a value that holds ": " has to be in quotes' };
	}
	return { code, message: reason };
}

/** Where a value stands. Offsets are -1 for what is not in the text: the key of a list's item, the value of `key:`. */
interface Place {
	keyOffset: number;
	valueOffset: number;
	/** Of a list or mapping. */
	items?: Map<string | number, Place>;
}

/** A value with its place, and how many values it stands for once aliases are followed. */
interface Composed {
	readonly value: JsonValue;
	readonly place: Place;
	readonly count: number;
}

/** Makes values and their places of a row of events. */
class Composer {
	readonly #text: string;
	readonly #lines: LineMap;
	readonly #events: readonly Event[];
	readonly #problems: DocumentProblem[] = [];
	readonly #anchors = new Map<string, Composed | "open">();
	readonly #path: (string | number)[] = [];
	#next = 0;
	#aliasedValues = 0;

	constructor(text: string, events: readonly Event[]) {
		this.#text = text;
		this.#lines = new LineMap(text);
		this.#events = events;
	}

	compose(): ManifestDocument {
		const lines = this.#lines;
		const root = this.#document();
		return {
			value: root?.value,
			problems: this.#problems,
			locate(path, part = "value"): JsonPosition | undefined {
				let place = root?.place;
				for (const step of path) place = place?.items?.get(step);
				const offset = part === "key" ? place?.keyOffset : place?.valueOffset;
				return offset === undefined || offset < 0 ? undefined : lines.position(offset);
			},
		};
	}

	#document(): Composed | undefined {
		const first = this.#events[this.#next++];
		if (first?.type !== DOCUMENT) {
			this.#complain("ERR_MANIFEST_SYNTAX", 0, "the manifest is empty");
			return undefined;
		}
		const yaml = first.directives.find((directive) => directive.kind === "yaml");
		if (yaml !== undefined && yaml.version !== "1.2") {
			const offset = Math.max(0, this.#text.indexOf("%YAML"));
			const message = `YAML ${yaml.version}, expected YAML 1.2`;
			this.#complain("ERR_MANIFEST_UNSUPPORTED", offset, message);
		}
		const root = this.#node(-1);
		this.#next += 1;
		if (this.#events[this.#next] !== undefined) this.#complainOfSecondDocument(root);
		return root;
	}

	/** The event of the second document has no place of its own, but what is in it has. */
	#complainOfSecondDocument(root: Composed): void {
		const later = this.#events.slice(this.#next);
		const offsets = later.map((event) => startOf(event, this.#text));
		const inside = offsets.find((offset) => offset >= 0) ?? this.#text.length;
		const marker = this.#text.lastIndexOf("\n---", inside) + 1;
		const offset = marker > root.place.valueOffset ? marker : inside;
		const message = "a second document, expected only one in a manifest";
		this.#complain("ERR_MANIFEST_UNSUPPORTED", offset, message);
	}

	#node(keyOffset: number): Composed {
		const event = this.#events[this.#next++];
		if (event === undefined) throw new TypeError("an event is missing");
		if (event.type === ALIAS) return this.#alias(event.anchorStart, event.anchorEnd, keyOffset);
		if (event.type !== SCALAR && event.type !== SEQUENCE && event.type !== MAPPING) {
			throw new TypeError(`an event of type ${event.type} instead of a value`);
		}
		if (event.tagStart >= 0) this.#complainOfTag(event.tagStart, event.tagEnd);

		const anchor =
			event.anchorStart < 0
				? undefined
				: this.#text.slice(event.anchorStart, event.anchorEnd);
		if (anchor !== undefined) this.#anchors.set(anchor, "open");
		const composed =
			event.type === SCALAR
				? this.#scalar(event, keyOffset)
				: event.type === SEQUENCE
					? this.#sequence(event.start, keyOffset)
					: this.#mapping(event.start, keyOffset);
		if (anchor !== undefined) this.#anchors.set(anchor, composed);
		return composed;
	}

	#alias(start: number, end: number, keyOffset: number): Composed {
		const offset = start - 1;
		const name = this.#text.slice(start, end);
		const target = this.#anchors.get(name);
		const place = { keyOffset, valueOffset: offset };
		if (target === undefined || target === "open") {
			const message =
				target === undefined
					? "an alias without an anchor of its name before it: a string that begins with * has to be in quotes"
					: `*${name} stands for a value that it is part of`;
			this.#complain("ERR_MANIFEST_SYNTAX", offset, message, { spoilsValue: true });
			return { value: null, place, count: 1 };
		}
		this.#aliasedValues += target.count;
		if (this.#aliasedValues > maxAliasedValues) {
			const message = `aliases that stand for more than ${maxAliasedValues} values`;
			// Once is enough: every further alias is beyond the limit, too.
			if (this.#aliasedValues - target.count <= maxAliasedValues) {
				this.#complain("ERR_MANIFEST_LIMIT", offset, message, { spoilsValue: true });
			}
			return { value: null, place, count: 1 };
		}
		const items = target.place.items;
		return { ...target, place: items === undefined ? place : { ...place, items } };
	}

	#scalar(event: ScalarEvent, keyOffset: number): Composed {
		const text = getScalarValue(this.#text, event);
		const valueOffset = startOf(event, this.#text);
		const place = { keyOffset, valueOffset };
		if (event.style !== PLAIN) return { value: text, place, count: 1 };
		const value = resolvePlainScalar(text);
		if (value === undefined) {
			const message = "a number of more than 4300 digits";
			this.#complain("ERR_MANIFEST_LIMIT", valueOffset, message, { spoilsValue: true });
			return { value: null, place, count: 1 };
		}
		return { value, place, count: 1 };
	}

	#sequence(valueOffset: number, keyOffset: number): Composed {
		const values: JsonValue[] = [];
		const items = new Map<string | number, Place>();
		let count = 1;
		while (this.#events[this.#next]?.type !== POP) {
			this.#path.push(values.length);
			const item = this.#node(-1);
			this.#path.pop();
			items.set(values.length, item.place);
			values.push(item.value);
			count += item.count;
		}
		this.#next += 1;
		return { value: values, place: { keyOffset, valueOffset, items }, count };
	}

	#mapping(valueOffset: number, keyOffset: number): Composed {
		const values = new Map<string, JsonValue>();
		const items = new Map<string | number, Place>();
		let count = 1;
		while (this.#events[this.#next]?.type !== POP) {
			const key = this.#key();
			this.#path.push(key?.name ?? "?");
			if (key !== undefined) this.#complainOfDuplicate(key, items.get(key.name));
			const item = this.#node(key?.offset ?? -1);
			this.#path.pop();
			if (key === undefined) continue;
			items.set(key.name, item.place);
			values.set(key.name, item.value);
			count += item.count;
		}
		this.#next += 1;
		return { value: values, place: { keyOffset, valueOffset, items }, count };
	}

	/** @returns `undefined` for a key that is complained of and whose value should be forgotten. */
	#key(): { readonly name: string; readonly offset: number } | undefined {
		const event = this.#events[this.#next];
		const offset = event === undefined ? -1 : startOf(event, this.#text);
		if (event?.type !== SCALAR) {
			const what = event?.type === ALIAS ? "an alias" : "a list or a mapping";
			this.#complainOfKey(offset, `${what} as a key, expected a string`);
			this.#skipNode();
			return undefined;
		}
		this.#next += 1;
		if (event.tagStart >= 0) this.#complainOfTag(event.tagStart, event.tagEnd);
		const name = getScalarValue(this.#text, event);
		if (event.style !== PLAIN) return { name, offset };
		if (name === "<<") {
			this.#complainOfKey(
				offset,
				"<< merges nothing in YAML 1.2: repeat the keys, or give the whole value an alias",
			);
			return undefined;
		}
		const value = resolvePlainScalar(name);
		if (name === "") {
			this.#complainOfKey(offset, "a value without a key");
			return undefined;
		}
		if (typeof value !== "string") {
			const kind =
				value === null ? "null" : typeof value === "boolean" ? "a boolean" : "a number";
			this.#path.push(name);
			this.#complainOfKey(offset, `the key ${name} is ${kind}: put it in quotes`);
			this.#path.pop();
		}
		return { name, offset };
	}

	/** Moves over a value and everything in it. */
	#skipNode(): void {
		let depth = 0;
		do {
			const event = this.#events[this.#next++];
			if (event?.type === SEQUENCE || event?.type === MAPPING) depth += 1;
			if (event?.type === POP) depth -= 1;
		} while (depth > 0);
	}

	#complainOfKey(offset: number, message: string): void {
		this.#complain("ERR_MANIFEST_UNSUPPORTED", this.#nearest(offset), message);
	}

	#complainOfDuplicate(
		key: { readonly name: string; readonly offset: number },
		earlier: Place | undefined,
	): void {
		if (earlier === undefined) return;
		const { line } = this.#lines.position(earlier.keyOffset);
		const message = `this key stands in line ${line} already`;
		this.#complain("ERR_MANIFEST_DUPLICATE_KEY", key.offset, message);
	}

	#complainOfTag(start: number, end: number): void {
		const tag = this.#text.slice(start, end);
		const isMeant = usualTags.test(tag);
		const instead =
			tag === "!!str" || tag === "!" ? "put the value in quotes instead" : "leave it out";
		// What is not shown may be a passphrase.
		const message = isMeant
			? `manifests have no tags such as ${tag}: ${instead}`
			: "manifests have no tags: a string that begins with ! has to be in quotes";
		this.#complain("ERR_MANIFEST_UNSUPPORTED", start, message, { spoilsValue: true });
	}

	/** The place of an event that has none is behind that of the event before it. */
	#nearest(offset: number): number {
		let found = offset;
		for (let index = this.#next - 1; found < 0 && index >= 0; index -= 1) {
			const event = this.#events[index];
			if (event !== undefined) found = startOf(event, this.#text);
		}
		return Math.max(0, found);
	}

	#complain(
		code: ManifestErrorCode,
		offset: number,
		message: string,
		options: { readonly spoilsValue?: boolean } = {},
	): void {
		const position = this.#lines.position(offset);
		const path: JsonPath = [...this.#path];
		this.#problems.push({ code, position, path, message, ...options });
	}
}

/** Source: https://yaml.org/type/, and the one for "a string". */
const usualTags =
	/^!(?:!(?:binary|bool|float|int|map|merge|null|omap|pairs|seq|set|str|timestamp|value|yaml))?$/;

/** Where an event's value begins, with its quote or its `|`; -1 for a value that is not there. */
function startOf(event: Event, text: string): number {
	switch (event.type) {
		case SEQUENCE:
		case MAPPING:
			return event.start;
		case ALIAS:
			return event.anchorStart - 1;
		case SCALAR:
			if (event.valueStart < 0 || event.style === PLAIN) return event.valueStart;
			// Of a block its first line is given, the one below its header.
			if (event.style >= LITERAL_BLOCK) return headerOf(text, event.valueStart);
			return event.valueStart - 1;
		default:
			return -1;
	}
}

function headerOf(text: string, contentStart: number): number {
	const line = text.slice(text.lastIndexOf("\n", contentStart - 2) + 1, contentStart);
	const header = /[|>][-+\d]*[ \t]*(?:#.*)?\r?\n?$/.exec(line);
	return header === null ? contentStart : contentStart - line.length + header.index;
}
