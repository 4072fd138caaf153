/** The part of JSON Schema that {@link schemaTypes} turns into TypeScript; other keywords only narrow at run time. */
export interface Schema {
	readonly type?: string | readonly string[];
	readonly description?: string;
	readonly default?: unknown;
	readonly enum?: readonly unknown[];
	readonly const?: unknown;
	readonly properties?: Readonly<Record<string, Schema | boolean>>;
	readonly required?: readonly string[];
	readonly additionalProperties?: Schema | boolean;
	readonly patternProperties?: Readonly<Record<string, Schema | boolean>>;
	readonly items?: Schema | boolean;
	readonly prefixItems?: readonly (Schema | boolean)[];
	readonly anyOf?: readonly (Schema | boolean)[];
	readonly oneOf?: readonly (Schema | boolean)[];
	readonly allOf?: readonly (Schema | boolean)[];
	readonly $ref?: string;
	readonly $defs?: Readonly<Record<string, Schema | boolean>>;
}

/**
 * Declares the TypeScript types that a JSON Schema describes: one for the schema, one for each of its `$defs`.
 *
 * @throws Error when the schema refers to anything but its own `$defs`.
 */
export function schemaTypes(name: string, schema: Schema): string {
	const definitions = Object.entries(schema.$defs ?? {}).map(([key, definition]) =>
		declaration(typeName(key), definition),
	);
	return [declaration(name, schema), ...definitions].join("\n\n");
}

function declaration(name: string, schema: Schema | boolean): string {
	const comment = documentation(schema, "");
	if (isPlainObject(schema)) return `${comment}export interface ${name} ${typeText(schema, "")}`;
	return `${comment}export type ${name} = ${typeText(schema, "")};`;
}

function isPlainObject(schema: Schema | boolean): schema is Schema {
	if (typeof schema === "boolean") return false;
	const { type, properties, enum: values, anyOf, oneOf, allOf, $ref } = schema;
	return (
		type === "object" &&
		properties !== undefined &&
		!(values ?? anyOf ?? oneOf ?? allOf ?? $ref)
	);
}

function typeText(schema: Schema | boolean, indent: string): string {
	if (schema === true) return "unknown";
	if (schema === false) return "never";
	if (schema.$ref !== undefined) return referredName(schema.$ref);
	if ("const" in schema) return JSON.stringify(schema.const);
	if (schema.enum) return union(schema.enum.map((value) => JSON.stringify(value)));

	const alternatives = schema.anyOf ?? schema.oneOf;
	const parts: string[] = [];
	if (schema.type !== undefined) {
		const types = [schema.type].flat();
		parts.push(union(types.map((type) => typeOf(type, schema, indent))));
	}
	// Alternatives such as { required: [...] } say which keys go together, which a type of the whole cannot.
	const typed = alternatives?.filter(saysType);
	if (typed && typed.length > 0 && typed.length === alternatives?.length) {
		parts.push(union(typed.map((each) => typeText(each, indent))));
	}
	for (const each of schema.allOf ?? []) if (saysType(each)) parts.push(typeText(each, indent));
	if (parts.length === 0) return "unknown";
	return parts.length === 1 ? parts.join("") : parts.map((part) => `(${part})`).join(" & ");
}

function saysType(schema: Schema | boolean): boolean {
	if (typeof schema === "boolean") return true;
	return ["type", "const", "enum", "$ref", "anyOf", "oneOf"].some((keyword) => keyword in schema);
}

function typeOf(type: string, schema: Schema, indent: string): string {
	switch (type) {
		case "integer":
		case "number":
			return "number";
		case "string":
		case "boolean":
		case "null":
			return type;
		case "array":
			return arrayText(schema, indent);
		case "object":
			return objectText(schema, indent);
		default:
			throw new Error(`type ${JSON.stringify(type)}: not a type of JSON Schema`);
	}
}

function arrayText({ items, prefixItems }: Schema, indent: string): string {
	const item = typeText(items ?? true, indent);
	const rest = /^\w+$/.test(item) ? `${item}[]` : `(${item})[]`;
	if (!prefixItems) return `readonly ${rest}`;
	const first = prefixItems.map((each) => typeText(each, indent));
	return `readonly [${[...first, ...(items === false ? [] : [`...${rest}`])].join(", ")}]`;
}

function objectText(schema: Schema, indent: string): string {
	const inner = `${indent}\t`;
	const required = new Set(schema.required);
	const lines = Object.entries(schema.properties ?? {}).map(([key, property]) => {
		const name = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
		const mark = required.has(key) ? "" : "?";
		return `${documentation(property, inner)}${inner}readonly ${name}${mark}: ${typeText(property, inner)};\n`;
	});
	const others = [
		...Object.values(schema.patternProperties ?? {}),
		...(schema.additionalProperties === undefined || schema.additionalProperties === false
			? []
			: [schema.additionalProperties]),
	];
	// An index signature has to hold for the named properties, too.
	const other = lines.length > 0 ? "unknown" : union(others.map((each) => typeText(each, inner)));
	if (others.length > 0) lines.push(`${inner}readonly [key: string]: ${other};\n`);
	return lines.length > 0
		? `{\n${lines.join("")}${indent}}`
		: "Readonly<Record<string, unknown>>";
}

function union(types: readonly string[]): string {
	return [...new Set(types)].join(" | ") || "unknown";
}

function referredName(reference: string): string {
	const key = /^#\/\$defs\/([^/]+)$/.exec(reference)?.[1];
	if (key === undefined)
		throw new Error(`$ref ${reference}: only #/$defs/… of the schema itself`);
	return typeName(key);
}

function typeName(key: string): string {
	return key.replaceAll(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9])/g, (_, letter: string) =>
		letter.toUpperCase(),
	);
}

function documentation(schema: Schema | boolean, indent: string): string {
	if (typeof schema === "boolean") return "";
	const lines = schema.description === undefined ? [] : schema.description.split("\n");
	if ("default" in schema) {
		if (lines.length > 0) lines.push("");
		lines.push(`@default ${JSON.stringify(schema.default)}`);
	}
	if (lines.length === 0) return "";
	const safe = lines.map((line) => line.replaceAll("*/", "*\\/"));
	if (safe.length === 1) return `${indent}/** ${safe.join("")} */\n`;
	return `${indent}/**\n${safe.map((line) => `${indent} *${line === "" ? "" : ` ${line}`}\n`).join("")}${indent} */\n`;
}
