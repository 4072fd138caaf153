import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { SchemaComplaint } from "./schema-problems.ts";

const compiled = new WeakMap<object, ValidateFunction>();

/**
 * Validates options against a schema that was not known when devhost was built.
 *
 * In a module of its own, because ajv takes 30 ms to load.
 *
 * @throws Error when `schema` is none.
 */
export function validateOptions(schema: object, options: unknown): readonly SchemaComplaint[] {
	let validate = compiled.get(schema);
	if (validate === undefined) {
		// Strict about keywords that it does not know, since they would check nothing; ours for messages begin with x-.
		const ajv = new Ajv2020({
			allErrors: true,
			messages: false,
			strict: true,
			strictTypes: false,
			strictTuples: false,
			strictRequired: false,
			validateFormats: false,
			logger: false,
		});
		ajv.addVocabulary([...extensionKeywords(schema)]);
		validate = ajv.compile(schema);
		compiled.set(schema, validate);
	}
	return validate(options) ? [] : (validate.errors ?? []);
}

function extensionKeywords(schema: unknown, found = new Set<string>()): Set<string> {
	if (typeof schema !== "object" || schema === null) return found;
	for (const [key, value] of Object.entries(schema)) {
		if (key.startsWith("x-")) found.add(key);
		else extensionKeywords(value, found);
	}
	return found;
}
