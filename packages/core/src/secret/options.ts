import { jsonPointer } from "../json-pointer.ts";

/** An option that is a secret, as it stands in a device's options. */
export interface SecretOption {
	/** JSON pointer (RFC 6901) into the options: `/passphrase`. */
	readonly pointer: string;
	/** A string or a reference, if it is right: see `secretComplaint`. */
	readonly value: unknown;
}

/**
 * The options of a device that are secrets by the JSON Schema of its type: those at `"x-secret": true`, as far as they are
 * there.
 *
 * It follows `properties`, `patternProperties`, `additionalProperties`, lists, alternatives and local `$ref`s.
 *
 * @param options - Plain.
 */
export function findSecretOptions(schema: object, options: unknown): SecretOption[] {
	const found = new Map<string, unknown>();
	const look = (at: unknown, value: unknown, path: readonly string[], hops: number): void => {
		if (!isObject(at) || value === undefined) return;
		if (at["x-secret"] === true) {
			found.set(jsonPointer(path), value);
			return;
		}
		// A schema that refers to itself for the same value says nothing the second time.
		if (hops < maxHops) {
			for (const other of alternatives(schema, at)) look(other, value, path, hops + 1);
		}
		if (Array.isArray(value)) {
			for (const [index, item] of value.entries()) {
				look(itemSchema(at, index), item, [...path, String(index)], 0);
			}
		} else if (isObject(value)) {
			for (const [key, item] of Object.entries(value)) {
				for (const each of propertySchemas(at, key)) look(each, item, [...path, key], 0);
			}
		}
	};
	look(schema, options, [], 0);
	return [...found].map(([pointer, value]) => ({ pointer, value }));
}

/**
 * A copy of options with other values at some places, which are there.
 *
 * @param replacements - By JSON pointer.
 */
export function replaceOptions(
	options: unknown,
	replacements: ReadonlyMap<string, unknown>,
	pointer = "",
): unknown {
	if (replacements.has(pointer)) return replacements.get(pointer);
	const inside = (key: string, value: unknown): unknown =>
		replaceOptions(value, replacements, pointer + jsonPointer([key]));
	if (Array.isArray(options)) {
		return options.map((item, index) => inside(String(index), item));
	}
	if (!isObject(options)) return options;
	const entries = Object.entries(options).map(([key, value]) => [key, inside(key, value)]);
	// No prototype: a key "__proto__" is one like any other.
	return Object.assign(Object.create(null) as object, Object.fromEntries(entries));
}

const maxHops = 16;

/** Schemas that hold for the same value. */
function alternatives(root: object, at: Schema): unknown[] {
	const { $ref, allOf, anyOf, oneOf } = at;
	const conditional = [at["if"], at["then"], at["else"]];
	return [resolve(root, $ref), [allOf, anyOf, oneOf].map(list), conditional].flat(2);
}

function itemSchema({ prefixItems, items }: Schema, index: number): unknown {
	return list(prefixItems)[index] ?? items;
}

function propertySchemas(at: Schema, key: string): unknown[] {
	const { properties, patternProperties, additionalProperties } = at;
	const byName = isObject(properties) && Object.hasOwn(properties, key) ? [properties[key]] : [];
	const byPattern = isObject(patternProperties)
		? Object.entries(patternProperties).flatMap(([pattern, each]) =>
				new RegExp(pattern, "u").test(key) ? [each] : [],
			)
		: [];
	const named = [...byName, ...byPattern];
	return named.length > 0 ? named : [additionalProperties];
}

/** What a `$ref` into the same schema refers to. */
function resolve(root: object, $ref: unknown): unknown {
	if (typeof $ref !== "string" || !$ref.startsWith("#")) return undefined;
	let at: unknown = root;
	for (const step of decodeURIComponent($ref).split("/").slice(1)) {
		if (!isObject(at)) return undefined;
		at = at[step.replaceAll("~1", "/").replaceAll("~0", "~")];
	}
	return at;
}

type Schema = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Schema {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(value: unknown): readonly unknown[] {
	return Array.isArray(value) ? value : [];
}
