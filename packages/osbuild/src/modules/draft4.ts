/**
 * Makes a JSON Schema of draft 2020-12 of one of draft 4, which means the same: what draft 4 does not know means nothing in it,
 * and is left out.
 *
 * @throws Error that says where the schema is none.
 *
 * Source: http://json-schema.org/draft-04/schema; the changes of later drafts in
 * https://json-schema.org/draft/2020-12/release-notes and those before.
 */
export function fromDraft4(schema: unknown): object {
	return schemaAt(schema, "");
}

type Schema = Record<string, unknown>;
type Convert = (value: unknown, at: string, schema: Schema) => Schema;

function schemaAt(schema: unknown, at: string): Schema {
	if (!isObject(schema)) throw wrong(at, "an object");
	// What stands beside it does not count.
	if (typeof schema["$ref"] === "string") return { $ref: schema["$ref"] };
	const converted: Schema = {};
	for (const [key, value] of Object.entries(schema)) {
		const convert = Object.hasOwn(keywords, key) ? keywords[key] : undefined;
		if (convert !== undefined) Object.assign(converted, convert(value, `${at}/${key}`, schema));
	}
	return converted;
}

/** Takes a value as it is, if it is right. */
function same(key: string, what: string, isRight: (value: unknown) => boolean): [string, Convert] {
	return [
		key,
		(value, at) => {
			if (!isRight(value)) throw wrong(at, what);
			return { [key]: value };
		},
	];
}

/** A limit, which another keyword may exclude. */
function limit(key: string, exclusive: string): [string, Convert] {
	return [
		key,
		(value, at, schema) => {
			if (typeof value !== "number") throw wrong(at, "a number");
			return { [schema[exclusive] === true ? exclusive : key]: value };
		},
	];
}

function excludes(key: string): [string, Convert] {
	return [
		key,
		(value, at) => {
			if (typeof value !== "boolean") throw wrong(at, "true or false");
			return {};
		},
	];
}

function schemas(key: string): [string, Convert] {
	return [
		key,
		(value, at) => {
			if (!isObject(value)) throw wrong(at, "an object of schemas");
			return { [key]: mapValues(value, (each, name) => schemaAt(each, `${at}/${name}`)) };
		},
	];
}

function choices(key: string): [string, Convert] {
	return [
		key,
		(value, at) => {
			if (!Array.isArray(value) || value.length === 0) throw wrong(at, "a list of schemas");
			return { [key]: value.map((each, index) => schemaAt(each, `${at}/${index}`)) };
		},
	];
}

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
const isString = (value: unknown): boolean => typeof value === "string";
const isNames = (value: unknown): boolean =>
	Array.isArray(value) && value.length > 0 && value.every(isString) && isUnique(value);
const types = ["array", "boolean", "integer", "null", "number", "object", "string"];
const isType = (value: unknown): boolean => types.some((type) => type === value);

const keywords: Partial<Record<string, Convert>> = Object.fromEntries([
	same("title", "a string", isString),
	same("description", "a string", isString),
	same("default", "a value", () => true),
	same("multipleOf", "a number above 0", (value) => typeof value === "number" && value > 0),
	limit("maximum", "exclusiveMaximum"),
	limit("minimum", "exclusiveMinimum"),
	excludes("exclusiveMaximum"),
	excludes("exclusiveMinimum"),
	...["maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"].map(
		(key) => same(key, "a whole number, 0 or more", isCount),
	),
	same("pattern", "a regular expression", isPattern),
	same("uniqueItems", "true or false", (value) => typeof value === "boolean"),
	same("required", "a list of names, each once", isNames),
	same("enum", "a list of values", (value) => Array.isArray(value) && value.length > 0),
	same(
		"type",
		`one of ${types.join(", ")}, or a list of them`,
		(value) => isType(value) || (isNames(value) && (value as unknown[]).every(isType)),
	),
	schemas("properties"),
	schemas("patternProperties"),
	schemas("definitions"),
	choices("allOf"),
	choices("anyOf"),
	choices("oneOf"),
	["not", (value, at) => ({ not: schemaAt(value, at) })],
	["additionalProperties", (value, at) => ({ additionalProperties: orBoolean(value, at) })],
	["items", items],
	// Without a list of items it means nothing; with one, see there.
	["additionalItems", (value, at) => (orBoolean(value, at), {})],
	["dependencies", dependencies],
] satisfies [string, Convert][]);

function orBoolean(value: unknown, at: string): Schema | boolean {
	return typeof value === "boolean" ? value : schemaAt(value, at);
}

function items(value: unknown, at: string, { additionalItems }: Schema): Schema {
	if (!Array.isArray(value)) return { items: schemaAt(value, at) };
	const prefixItems = value.map((each, index) => schemaAt(each, `${at}/${index}`));
	const rest = additionalItems === undefined ? {} : { items: orBoolean(additionalItems, at) };
	return { ...(prefixItems.length > 0 && { prefixItems }), ...rest };
}

function dependencies(value: unknown, at: string): Schema {
	if (!isObject(value)) throw wrong(at, "an object of schemas and lists of names");
	const dependentRequired: Schema = {};
	const dependentSchemas: Schema = {};
	for (const [name, each] of Object.entries(value)) {
		if (!Array.isArray(each)) dependentSchemas[name] = schemaAt(each, `${at}/${name}`);
		else if (isNames(each)) dependentRequired[name] = each;
		else throw wrong(`${at}/${name}`, "a list of names, each once");
	}
	return { dependentRequired, dependentSchemas };
}

function isPattern(value: unknown): boolean {
	try {
		return typeof value === "string" && new RegExp(value) instanceof RegExp;
	} catch {
		return false;
	}
}

function isUnique(value: readonly unknown[]): boolean {
	return new Set(value).size === value.length;
}

function mapValues(value: Schema, map: (value: unknown, key: string) => unknown): Schema {
	// No prototype: "__proto__" is a name like any other.
	const mapped = Object.create(null) as Schema;
	for (const [key, each] of Object.entries(value)) mapped[key] = map(each, key);
	return mapped;
}

function isObject(value: unknown): value is Schema {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(at: string, what: string): Error {
	return new Error(`its schema is none: ${at === "" ? "it" : at} is not ${what}`);
}
