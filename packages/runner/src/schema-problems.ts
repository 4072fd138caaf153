import {
	closestName,
	isJsonObject,
	JsonNumber,
	type JsonPath,
	type JsonValue,
} from "@devhost/core";
import { pathOfPointer, pointerSteps, valueAt } from "./json-path.ts";
import type { ManifestErrorCode } from "./problem.ts";

/** What a validator says: see `src/generated`. Also the form of ajv's own errors. */
export interface SchemaComplaint {
	/** JSON pointer to the value. */
	readonly instancePath: string;
	/** JSON pointer, with a leading `#`, to the keyword in the schema. */
	readonly schemaPath: string;
	readonly keyword: string;
	readonly params: Readonly<Record<string, unknown>>;
}

/** A complaint in words, and what it is about. */
export interface ExplainedComplaint {
	readonly code: ManifestErrorCode;
	readonly path: JsonPath;
	/** Whether it is about the key at `path` rather than about its value. */
	readonly part: "key" | "value";
	readonly message: string;
	readonly expected?: string;
	/** What nothing more should be said about: the value itself, or the one that is missing because of this. */
	readonly spoils?: JsonPath;
}

/** The parts of a JSON Schema that words are made of. */
interface Schema {
	readonly type?: string | readonly string[];
	readonly const?: unknown;
	readonly enum?: readonly unknown[];
	readonly properties?: Readonly<Record<string, Schema>>;
	readonly additionalProperties?: Schema | boolean;
	readonly propertyNames?: Schema;
	readonly items?: Schema | boolean;
	readonly anyOf?: readonly Schema[];
	readonly oneOf?: readonly Schema[];
	readonly required?: readonly string[];
	readonly minimum?: number;
	readonly maximum?: number;
	readonly exclusiveMinimum?: number;
	readonly exclusiveMaximum?: number;
	readonly multipleOf?: number;
	readonly minLength?: number;
	readonly pattern?: string;
	readonly $ref?: string;
	/** The value is a secret: messages do not show it. */
	readonly writeOnly?: boolean;
	readonly "x-secret"?: boolean;
	/** What the value should be, as a phrase, where keywords say it badly. */
	readonly "x-expected"?: string;
	/** What a number counts: `sectors`. */
	readonly "x-unit"?: string;
}

/** What {@link explainSchemaComplaints} needs beside the complaints. */
export interface ExplainOptions {
	/** The schema that they come from, whole. */
	readonly schema: object;
	/** What was validated, from the document. */
	readonly value: JsonValue | undefined;
	/** Where that stands in the document. */
	readonly base?: JsonPath;
}

/**
 * Says in words what a validator found, one sentence for one mistake.
 *
 * A validator says five things about a number where one of three words belongs; and of a misspelt key it says that the
 * one is unknown and the other missing. Here the first is one sentence, and the second is "did you mean".
 */
export function explainSchemaComplaints(
	complaints: readonly SchemaComplaint[],
	options: ExplainOptions,
): ExplainedComplaint[] {
	const explainer = new Explainer(options);
	const unknownKeys = complaints.filter(({ keyword }) => keyword === "additionalProperties");
	const spelling = new Map<string, string>();
	for (const complaint of unknownKeys) {
		const meant = explainer.meantKey(complaint);
		if (meant !== undefined) spelling.set(`${complaint.instancePath}\0${meant}`, meant);
	}

	const explained: ExplainedComplaint[] = [];
	const seen = new Set<string>();
	const isFirst = (place: string): boolean => seen.size < seen.add(place).size;
	for (const complaint of complaints.toSorted(typesFirst)) {
		const { instancePath, schemaPath, keyword, params } = complaint;
		// What is said inside of an alternative or a key's schema, the alternative or the key says again as a whole.
		if (/\/(?:anyOf|oneOf|not|if|propertyNames)\//.test(schemaPath)) continue;
		if (keyword === "if") continue;
		if (keyword === "required") {
			const missing = String(params["missingProperty"]);
			if (spelling.has(`${instancePath}\0${missing}`)) continue;
			explained.push(explainer.missing(complaint, missing));
		} else if (keyword === "additionalProperties" || keyword === "unevaluatedProperties") {
			explained.push(explainer.unknownKey(complaint));
		} else if (keyword === "propertyNames") {
			explained.push(explainer.badKey(complaint));
		} else if (keyword === "oneOf" && explainer.isMisspelt(complaint, spelling)) {
			continue; // the key that is missing is there, and unknown
		} else if (isFirst(instancePath)) {
			explained.push(explainer.badValue(complaint));
		}
	}
	return explained;
}

function typesFirst(a: SchemaComplaint, b: SchemaComplaint): number {
	return Number(a.keyword !== "type") - Number(b.keyword !== "type");
}

class Explainer {
	readonly #schema: object;
	readonly #value: JsonValue | undefined;
	readonly #base: JsonPath;

	constructor({ schema, value, base = [] }: ExplainOptions) {
		this.#schema = schema;
		this.#value = value;
		this.#base = base;
	}

	/** The key that the author of an unknown one meant, if there is one like it that is not there yet. */
	meantKey(complaint: SchemaComplaint): string | undefined {
		const properties = Object.keys(this.#parentSchema(complaint).properties ?? {});
		const value = valueAt(this.#value, this.#steps(complaint.instancePath));
		const free = properties.filter((key) => !isJsonObject(value) || !value.has(key));
		return closestName(unknownKeyOf(complaint), free);
	}

	unknownKey(complaint: SchemaComplaint): ExplainedComplaint {
		const key = unknownKeyOf(complaint);
		const keys = Object.keys(this.#parentSchema(complaint).properties ?? {});
		const meant = this.meantKey(complaint);
		const path = [...this.#base, ...this.#steps(complaint.instancePath)];
		const expected = keys.length === 0 ? undefined : `one of ${keys.join(", ")}`;
		const hint =
			meant === undefined ? expected && `expected ${expected}` : `did you mean ${meant}?`;
		return {
			code: "ERR_MANIFEST_UNKNOWN_KEY",
			path: [...path, key],
			part: "key",
			message: hint === undefined ? "unknown key" : `unknown key, ${hint}`,
			...(meant === undefined ? {} : { spoils: [...path, meant] }),
			...(expected === undefined ? {} : { expected }),
		};
	}

	badKey(complaint: SchemaComplaint): ExplainedComplaint {
		const key = String(complaint.params["propertyName"]);
		const expected = this.#expected(this.#parentSchema(complaint).propertyNames ?? {});
		return {
			code: "ERR_MANIFEST_VALUE",
			path: [...this.#base, ...this.#steps(complaint.instancePath), key],
			part: "key",
			message: `${JSON.stringify(key)} as a key, expected ${expected}`,
			expected,
		};
	}

	missing(complaint: SchemaComplaint, key: string): ExplainedComplaint {
		const property = this.#parentSchema(complaint).properties?.[key];
		const expected = property === undefined ? undefined : this.#expected(property);
		const path = [...this.#base, ...this.#steps(complaint.instancePath)];
		return {
			code: "ERR_MANIFEST_MISSING",
			path,
			// A device without a type is pointed at by its name, which stands before its other keys.
			part: "key",
			message: `${key} is missing${expected === undefined ? "" : `, expected ${expected}`}`,
			spoils: [...path, key],
			...(expected === undefined ? {} : { expected }),
		};
	}

	/** Whether one of the keys of which there has to be one was misspelt. */
	isMisspelt(complaint: SchemaComplaint, spelling: ReadonlyMap<string, string>): boolean {
		const keys = choiceOfKeys(this.#parentSchema(complaint)) ?? [];
		return keys.some((key) => spelling.has(`${complaint.instancePath}\0${key}`));
	}

	badValue(complaint: SchemaComplaint): ExplainedComplaint {
		const steps = this.#steps(complaint.instancePath);
		const path = [...this.#base, ...steps];
		const value = valueAt(this.#value, steps);
		const schema = this.#parentSchema(complaint);
		const isChoice = ["anyOf", "oneOf", "not"].includes(complaint.keyword);
		const expected =
			complaint.keyword === "uniqueItems"
				? "no item twice"
				: this.#expected(schema, complaint.keyword);
		const isHidden = this.#isHidden(complaint.instancePath);
		const keys = complaint.keyword === "oneOf" ? choiceOfKeys(schema) : undefined;
		const shown = isHidden
			? kindOf(value)
			: (describeKeys(value, keys) ?? describeValue(value));
		return {
			code:
				complaint.keyword === "type" || isChoice
					? "ERR_MANIFEST_TYPE"
					: "ERR_MANIFEST_VALUE",
			path,
			part: "value",
			spoils: path,
			message: `${shown}, expected ${expected}${isHidden ? "" : hintFor(value, schema)}`,
			expected,
		};
	}

	/** A phrase for what a value should be. What is no string at all need not hear of its pattern. */
	#expected(given: Schema, keyword?: string): string {
		const schema = this.#resolve(given);
		if (schema["x-expected"] !== undefined) return schema["x-expected"];
		if ("const" in schema) return JSON.stringify(schema.const);
		if (schema.enum !== undefined) {
			return listWithOr(schema.enum.map((each) => JSON.stringify(each)));
		}
		const choices = schema.anyOf ?? schema.oneOf;
		if (choices !== undefined) {
			return listWithOr([...new Set(choices.map((each) => this.#expected(each)))]);
		}
		const types = [schema.type ?? []].flat();
		if (types.length === 0) return "something else";
		return listWithOr(types.map((type) => expectedOfType(type, schema, keyword)));
	}
	/**
	 * The schema that holds the keyword.
	 *
	 * It is looked for along the way to the value: ajv's `schemaPath` begins anew at a `$ref` that it compiled by itself, and
	 * does not say where that was. Only keywords in alternatives and conditions are not found so.
	 */
	#parentSchema({ instancePath, schemaPath, keyword }: SchemaComplaint): Schema {
		const onTheWay = this.#schemaOf(instancePath);
		if (onTheWay !== undefined && keyword in onTheWay) return onTheWay;
		const end = schemaPath.lastIndexOf("/");
		return this.#schemaAt(schemaPath.slice(0, end)) ?? onTheWay ?? {};
	}

	/** Whether a value is a secret, or a part of one. */
	#isHidden(instancePath: string): boolean {
		for (let at = instancePath; ; at = at.slice(0, at.lastIndexOf("/"))) {
			const schema = this.#schemaOf(at);
			if (schema?.writeOnly === true || schema?.["x-secret"] === true) return true;
			if (at === "") return false;
		}
	}

	#schemaOf(instancePath: string): Schema | undefined {
		let schema: Schema | undefined = this.#resolve(this.#schema);
		for (const step of this.#steps(instancePath)) {
			const { properties, additionalProperties, items }: Schema = schema;
			const next =
				typeof step === "number"
					? items
					: properties !== undefined && Object.hasOwn(properties, step)
						? properties[step]
						: additionalProperties;
			if (typeof next !== "object") return undefined;
			schema = this.#resolve(next);
		}
		return schema;
	}

	#schemaAt(schemaPath: string): Schema | undefined {
		let schema: unknown = this.#schema;
		for (const step of pointerSteps(decodeURIComponent(schemaPath.replace(/^#/, "")))) {
			if (typeof schema !== "object" || schema === null) return undefined;
			schema = (schema as Readonly<Record<string, unknown>>)[step];
		}
		return typeof schema === "object" && schema !== null ? schema : undefined;
	}

	/** Follows `$ref`, where what stands beside it (a phrase of its own) wins. */
	#resolve(schema: Schema): Schema {
		let resolved = schema;
		for (let hops = 0; resolved.$ref?.startsWith("#") === true && hops < 16; hops += 1) {
			const { $ref, ...own } = resolved;
			resolved = { ...this.#schemaAt($ref), ...own };
		}
		return resolved;
	}

	#steps(pointer: string): JsonPath {
		return pathOfPointer(pointer, this.#value);
	}
}

function expectedOfType(type: string, schema: Schema, keyword: string | undefined): string {
	switch (type) {
		case "boolean":
			return "true or false";
		case "integer":
			return `a whole number${unitAndRange(schema)}`;
		case "number":
			return `a number${unitAndRange(schema)}`;
		case "string":
			if (schema.pattern !== undefined && keyword === "pattern") {
				const isForC = schema.pattern === "^[^\\u0000]*$";
				return isForC
					? "a string without NUL characters"
					: `a string that matches ${schema.pattern}`;
			}
			return (schema.minLength ?? 0) > 0 ? "a string that is not empty" : "a string";
		case "array":
			return "a list";
		case "object":
			return "an object";
		default:
			return type;
	}
}

function unknownKeyOf({ params }: SchemaComplaint): string {
	return String(params["additionalProperty"] ?? params["unevaluatedProperty"]);
}

function unitAndRange(schema: Schema): string {
	const unit = schema["x-unit"] === undefined ? "" : ` of ${schema["x-unit"]}`;
	const multiple = schema.multipleOf === undefined ? "" : `, a multiple of ${schema.multipleOf}`;
	const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
	if (minimum !== undefined && maximum !== undefined) {
		return `${unit} from ${minimum} to ${maximum}${multiple}`;
	}
	const bounds = [
		minimum !== undefined && `${minimum} or more`,
		exclusiveMinimum !== undefined && `more than ${exclusiveMinimum}`,
		maximum !== undefined && `at most ${maximum}`,
		exclusiveMaximum !== undefined && `less than ${exclusiveMaximum}`,
	].filter((bound) => bound !== false);
	const range = bounds.length === 0 ? "" : `, ${bounds.join(" and ")}`;
	return `${unit}${range}${multiple}`;
}

function listWithOr(items: readonly string[]): string {
	if (items.length <= 1) return items.join("");
	return `${items.slice(0, -1).join(", ")} or ${items.at(-1)}`;
}

/** A value as messages show it: what the author wrote, but not a page of it. */
function describeValue(value: JsonValue | undefined): string {
	if (typeof value === "string") return shorten(JSON.stringify(value));
	if (typeof value === "boolean" || value === null) return String(value);
	if (value instanceof JsonNumber) return shorten(value.text);
	return kindOf(value);
}

function shorten(text: string): string {
	return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function kindOf(value: JsonValue | undefined): string {
	if (typeof value === "string") return "a string";
	if (typeof value === "boolean") return "a boolean";
	if (value === null) return "null";
	if (value instanceof JsonNumber) return "a number";
	if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
	if (isJsonObject(value)) return value.size === 0 ? "an empty object" : "an object";
	return "nothing";
}

/** The keys of which a schema wants exactly one; undefined where it wants something else. */
function choiceOfKeys({ oneOf = [] }: Schema): readonly string[] | undefined {
	const keys = oneOf.flatMap(({ required = [] }) => (required.length === 1 ? required : []));
	return keys.length > 0 && keys.length === oneOf.length ? keys : undefined;
}

/** Which of the keys of which there has to be one are there. */
function describeKeys(
	value: JsonValue | undefined,
	keys: readonly string[] | undefined,
): string | undefined {
	if (keys === undefined || !isJsonObject(value)) return undefined;
	const given = keys.filter((key) => value.has(key));
	return given.length === 0 ? undefined : given.join(" and ");
}

/** What to do, where the mistake is a common one. */
function hintFor(value: JsonValue | undefined, schema: Schema): string {
	const choices = schema.enum ?? schema.anyOf?.flatMap((each) => each.enum ?? []) ?? [];
	if (choices.length > 0 && typeof value === "string") {
		const words = choices.filter((each) => typeof each === "string");
		const near = closestName(value, words);
		return near === undefined ? "" : `, did you mean ${near}?`;
	}
	if (schema.type !== "string") return "";
	if (typeof value === "boolean" || value instanceof JsonNumber) return ": put it in quotes";
	if (!isJsonObject(value) || value.size !== 1) return "";
	// In YAML, {devices.disk} without quotes is an object with a key and nothing else.
	const [[key, inner] = ["", ""]] = value;
	return inner === null ? `: write "{${key}}"` : "";
}
