import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { SchemaComplaint } from "./schema-problems.ts";

const compiled = new WeakMap<object, ValidateFunction>();

const options = {
	allErrors: true,
	messages: false,
	validateFormats: false,
	logger: false,
} as const;

/**
 * Validates options against a schema that was not known when devhost was built.
 *
 * In a module of its own, because ajv takes 30 ms to load.
 *
 * @throws Error when `schema` is none.
 */
export function validateOptions(schema: object, value: unknown): readonly SchemaComplaint[] {
	return complaintsOf(schema, value, () => {
		// Strict about keywords that it does not know, since they would check nothing; ours for messages begin with x-.
		const ajv = new Ajv2020({
			...options,
			strict: true,
			strictTypes: false,
			strictTuples: false,
			strictRequired: false,
		});
		ajv.addVocabulary([...extensionKeywords(schema)]);
		return ajv;
	});
}

/**
 * Validates against a schema that was made of one of draft 4, which is for Python: its regular expressions need not be such of
 * Unicode, and what it says twice or in vain is no mistake.
 *
 * @throws Error when `schema` is none: a reference leads nowhere.
 */
export function validateDraft4(schema: object, value: unknown): readonly SchemaComplaint[] {
	return complaintsOf(
		schema,
		value,
		() => new Ajv2020({ ...options, strict: false, unicodeRegExp: false }),
	);
}

function complaintsOf(
	schema: object,
	value: unknown,
	newAjv: () => Ajv2020,
): readonly SchemaComplaint[] {
	let validate = compiled.get(schema);
	if (validate === undefined) {
		validate = newAjv().compile(schema);
		compiled.set(schema, validate);
	}
	return validate(value) ? [] : (validate.errors ?? []);
}

function extensionKeywords(schema: unknown, found = new Set<string>()): Set<string> {
	if (typeof schema !== "object" || schema === null) return found;
	for (const [key, value] of Object.entries(schema)) {
		if (key.startsWith("x-")) found.add(key);
		else extensionKeywords(value, found);
	}
	return found;
}
