import { isJsonObject, JsonNumber, type JsonValue } from "@devhost/core";
import { type OsbuildProblem, problemAt } from "./problem.ts";
import { pythonRepr } from "./python-repr.ts";

type Parts = readonly (string | number)[];
type Check = (value: JsonValue, parts: Parts) => OsbuildProblem[];

/**
 * What is wrong with the form of a manifest, in the words of python-jsonschema, which osbuild uses.
 *
 * Its rules are those of draft 4: `2048.0` is no integer but a number, and an object is only asked for its members where it is
 * one.
 *
 * Source: schemas/osbuild2.json of osbuild.
 */
export function checkForm(manifest: JsonValue): OsbuildProblem[] {
	return checkManifest(manifest, []);
}

/** A value of one of Python's types. */
function type(name: "string" | "number" | "integer" | "object" | "array"): Check {
	return (value, parts) => {
		if (isOfType(value, name)) return [];
		return [problemAt(parts, `${pythonRepr(value)} is not of type '${name}'`)];
	};
}

function isOfType(value: JsonValue, name: string): boolean {
	if (name === "string") return typeof value === "string";
	if (name === "object") return isJsonObject(value);
	if (name === "array") return Array.isArray(value);
	return value instanceof JsonNumber && (name === "number" || value.isInteger);
}

/** An object with these members and no others; what is no object passes, unless `isTyped`. */
function members(
	known: Readonly<Record<string, Check>>,
	required: readonly string[],
	{ isTyped = false }: { readonly isTyped?: boolean } = {},
): Check {
	return (value, parts) => {
		if (!isJsonObject(value)) return isTyped ? type("object")(value, parts) : [];
		const problems: OsbuildProblem[] = [];
		for (const name of required) {
			if (!value.has(name))
				problems.push(problemAt(parts, `'${name}' is a required property`));
		}
		const unknown = [...value.keys()].filter((key) => !Object.hasOwn(known, key));
		if (unknown.length > 0) problems.push(problemAt(parts, unexpected(unknown)));
		for (const [key, each] of value) {
			if (Object.hasOwn(known, key))
				problems.push(...(known[key]?.(each, [...parts, key]) ?? []));
		}
		return problems;
	};
}

function unexpected(keys: readonly string[]): string {
	const names = keys.map((key) => pythonRepr(key)).join(", ");
	const verb = keys.length === 1 ? "was" : "were";
	return `Additional properties are not allowed (${names} ${verb} unexpected)`;
}

/** Every member of an object passes this; what is no object passes. */
function eachMember(check: Check): Check {
	return (value, parts) =>
		isJsonObject(value)
			? [...value].flatMap(([key, each]) => check(each, [...parts, key]))
			: [];
}

function listOf(check: Check): Check {
	return (value, parts) =>
		Array.isArray(value)
			? value.flatMap((each, index) => check(each, [...parts, index]))
			: type("array")(value, parts);
}

function oneOf(...values: readonly string[]): Check {
	return (value, parts) => {
		if (typeof value === "string" && values.includes(value)) return [];
		const message = `${pythonRepr(value)} is not one of ${pythonRepr([...values])}`;
		return [problemAt(parts, message)];
	};
}

const anything: Check = () => [];

const checkDevice = members(
	{ type: type("string"), parent: type("string"), options: type("object") },
	["type"],
);
const checkMount = members(
	{
		name: type("string"),
		type: type("string"),
		source: type("string"),
		target: type("string"),
		partition: type("number"),
		options: type("object"),
	},
	["name", "type"],
);
const checkInput = members(
	{
		type: type("string"),
		origin: oneOf("org.osbuild.source", "org.osbuild.pipeline"),
		references: anything,
		options: type("object"),
	},
	["type", "origin", "references"],
);
const checkStage = members(
	{
		type: type("string"),
		devices: eachMember(checkDevice),
		inputs: eachMember(checkInput),
		mounts: listOf(checkMount),
		options: type("object"),
	},
	["type"],
	{ isTyped: true },
);
const checkPipeline = members(
	{
		name: anything,
		build: type("string"),
		runner: type("string"),
		"source-epoch": type("integer"),
		stages: listOf(checkStage),
	},
	[],
	{ isTyped: true },
);
const checkManifest = members(
	{
		version: oneOf("2"),
		pipelines: listOf(checkPipeline),
		sources: anything,
		metadata: type("object"),
	},
	["version"],
	{ isTyped: true },
);
