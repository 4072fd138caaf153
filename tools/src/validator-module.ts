import { createRequire } from "node:module";
import { dirname } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import standaloneCode from "ajv/dist/standalone/index.js";
import { build } from "esbuild";
import { schemaTypes, type Schema } from "./schema-type.ts";

/** What {@link validatorModule} writes a module for. */
export interface ValidatorModuleOptions {
	/** JSON Schema, draft 2020-12. Keywords that begin with `x-` are for other readers and are ignored. */
	readonly schema: Schema;
	/** Name of the TypeScript type, such as `LoopbackOptions`. */
	readonly typeName: string;
	/** Where the schema is, for the comment at the top. */
	readonly source: string;
}

/**
 * Writes a TypeScript module with the type that a schema describes and a function that finds what is wrong with a value.
 *
 * The module needs nothing at run time: ajv, which would cost 32 ms at every start, is used here only.
 *
 * @throws Error when the schema is none, or has keywords that ajv does not know.
 */
export async function validatorModule(options: ValidatorModuleOptions): Promise<string> {
	const { schema, typeName, source } = options;
	return `// Generated from ${source} by generate-validators. Do not edit: change the schema and run \`npm run build\`.
// oxlint-disable -- generated
// @ts-nocheck -- generated

${schemaTypes(typeName, schema)}

/** One thing that is wrong with a value, in the terms of its JSON Schema. */
export interface SchemaProblem {
	/** JSON pointer to the offending part of the value; empty for the value itself. */
	readonly instancePath: string;
	/** JSON pointer, with a leading \`#\`, to the keyword in the schema. */
	readonly schemaPath: string;
	/** The keyword that is not satisfied, such as \`type\`, \`required\`, \`additionalProperties\`. */
	readonly keyword: string;
	/** What the keyword asks for, such as \`{ type: "integer" }\` or \`{ missingProperty: "filename" }\`. */
	readonly params: Readonly<Record<string, unknown>>;
}

/** Finds everything that keeps \`value\` from being {@link ${typeName}}; nothing when it is. */
export function find${typeName}Problems(value: unknown): readonly SchemaProblem[] {
	return validate(value) ? [] : validate.errors;
}

${await validatorCode(schema)}`;
}

async function validatorCode(schema: Schema): Promise<string> {
	const ajv = new Ajv2020({
		allErrors: true,
		messages: false,
		allowUnionTypes: true,
		// What many options refer to, and is not small, is there once: each of them would have its own.
		inlineRefs: 30,
		code: { source: true, esm: true, lines: true },
	});
	// The code that ajv writes holds the whole schema where it needs a part of it.
	const code = standaloneCode
		.default(ajv, ajv.compile(withoutProse(schema)))
		.replace(/^export default \w+;?$/m, "");

	// Some keywords (minLength, const of an object) use small functions of ajv's; they are put in.
	const ajvFolder = dirname(createRequire(import.meta.url).resolve("ajv/package.json"));
	const { outputFiles } = await build({
		stdin: { contents: code, resolveDir: ajvFolder, loader: "js" },
		// esbuild writes paths of modules into the output, relative to here: the same on every machine.
		absWorkingDir: ajvFolder,
		bundle: true,
		format: "esm",
		platform: "neutral",
		mainFields: ["main"],
		target: "esnext",
		treeShaking: true,
		legalComments: "none",
		write: false,
	});
	const bundled = outputFiles.map((file) => file.text).join("");
	const exported = /^export \{\s*validate\s*\};?\s*$/m;
	if (!exported.test(bundled)) throw new Error("ajv wrote no `validate`");
	return bundled
		.replace(exported, "")
		.replaceAll(/^\/\/ .*\n/gm, "")
		.trimStart();
}

/** A schema without what only people and other programs read. */
function withoutProse<T>(schema: T): T {
	if (typeof schema !== "object" || schema === null) return schema;
	if (Array.isArray(schema)) return schema.map(withoutProse) as T;
	const kept = Object.entries(schema).filter(
		([key]) => !key.startsWith("x-") && !["title", "description", "default"].includes(key),
	);
	return Object.fromEntries(
		kept.map(([key, value]) => {
			if (["const", "enum"].includes(key)) return [key, value];
			if (!namedSchemas.includes(key)) return [key, withoutProse(value)];
			// A property may well be called "default".
			const named = Object.entries(value as object);
			return [
				key,
				Object.fromEntries(named.map(([name, each]) => [name, withoutProse(each)])),
			];
		}),
	) as T;
}

const namedSchemas = ["properties", "patternProperties", "dependentSchemas", "$defs"];
