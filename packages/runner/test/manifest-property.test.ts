import fc from "fast-check";
import { isJsonObject, type JsonPath, type JsonValue } from "@devhost/core";
import { describe, test } from "vitest";
import { checkManifest } from "../src/check.ts";
import { parseJsonManifest } from "../src/json-document.ts";
import type { ManifestDocument } from "../src/manifest-document.ts";
import { inspectManifest } from "../src/manifest.ts";
import { findModules } from "../src/modules.ts";
import { formatProblem } from "../src/problem.ts";
import { parseYamlManifest } from "../src/yaml-document.ts";
import { exampleJson, exampleYaml } from "./manifest-folder.ts";

/** Pieces that manifests are made of, so that arbitrary texts come close to being some. */
const pieces = [
	...Array.from("{}[]:,-?&*!|>'\"#%@`\n\t ~<$\\/.0"),
	"version: 1\n",
	"devices:\n",
	"stages: ",
	"  ",
	"type",
	"options",
	"- name: a\n",
	"run: [ls]",
	"{devices.a}",
	"{{",
	"&x ",
	"*x",
	"<<: ",
	"!!str ",
	"--- ",
	"...\n",
	"//",
	"/*",
	"*/",
	"\r\n",
	"\uFEFF",
	"\u0000",
	"\ud800",
	"é😀",
	"1e999",
	"0x1f",
];
const soup = fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((list) => list.join(""));

/** An example with one piece of it replaced by another text. */
const damaged = fc
	.record({
		text: fc.constantFrom(exampleYaml, exampleJson),
		at: fc.nat(1500),
		length: fc.nat(30),
		insert: fc.oneof(soup, fc.string({ unit: "binary", maxLength: 20 })),
	})
	.map(({ text, at, length, insert }) => text.slice(0, at) + insert + text.slice(at + length));

const anyText = fc.oneof(soup, damaged, fc.string({ unit: "binary", maxLength: 200 }));

/** Values as manifests may hold them, in the wrong places. */
const anyValue = fc.jsonValue({ maxDepth: 4 });

const modules = findModules();

describe("any text", () => {
	test.for(["yaml", "json"] as const)(
		"as %s is a manifest or has problems",
		{ timeout: 30_000 },
		async (format, { expect }) => {
			await fc.assert(
				fc.asyncProperty(anyText, async (text) => {
					const draft = await inspectManifest(text, { file: "m", format });
					const found =
						draft.manifest === undefined
							? []
							: await checkManifest(draft.manifest, { modules });

					expect(draft.manifest !== undefined || draft.problems.length > 0).toBe(true);
					const lines = text.replace(/^\uFEFF/, "").split("\n");
					for (const problem of [...draft.problems, ...found]) {
						expect(problem.message).not.toBe("");
						expect(formatProblem(problem)).toContain(problem.message);
						// One column behind the end of a line is where something is missing.
						expect(lines[problem.line - 1]?.length).toBeGreaterThanOrEqual(
							problem.column - 1,
						);
						expect(problem.column).toBeGreaterThanOrEqual(1);
					}
				}),
				{ numRuns: 400 },
			);
		},
	);
});

describe("any value in the place of another", () => {
	const manifest = {
		version: 1,
		tree: ".",
		devices: { a: { type: "devhost.loopback", options: { filename: "a", start: 1 } } },
		stages: [
			{
				name: "s",
				uses: ["a"],
				devices: { b: { type: "devhost.loopback", parent: "a", options: {} } },
				run: ["ls", "{devices.a}"],
				stdin: "x",
				environment: { A: "b" },
				timeout: 1,
				capabilities: ["CAP_SYS_ADMIN"],
			},
		],
		modules: [],
	};
	const paths = pathsOf(manifest);

	test("is a problem at that place, or fine", { timeout: 30_000 }, async ({ expect }) => {
		await fc.assert(
			fc.asyncProperty(fc.constantFrom(...paths), anyValue, async (path, value) => {
				const text = JSON.stringify(replaceAt(manifest, path, value));
				const fromJson = await problemsOf(text, "json");
				const fromYaml = await problemsOf(text, "yaml");

				// Some JSON is no YAML: a key of more than 1024 characters, some control characters.
				const sameIn = (problems: typeof fromJson): string[] =>
					problems.map(({ pointer, message }) => `${pointer} ${message}`);
				fc.pre(!fromYaml.some(({ code }) => code === "ERR_MANIFEST_SYNTAX"));
				expect(sameIn(fromYaml)).toEqual(sameIn(fromJson));
			}),
			{ numRuns: 300 },
		);
	});

	async function problemsOf(text: string, format: "yaml" | "json") {
		const draft = await inspectManifest(text, { file: "m", format });
		const found =
			draft.manifest === undefined ? [] : await checkManifest(draft.manifest, { modules });
		return [...draft.problems, ...found];
	}
});

describe("places", () => {
	test("of every value and key of JSON are where its text is", ({ expect }) => {
		fc.assert(
			fc.property(anyValue, fc.nat(4), (value, indent) => {
				const text = JSON.stringify(value, null, indent);
				const yaml = parseYamlManifest(text);

				expect([...misplaced(parseJsonManifest(text), text)]).toEqual([]);
				expect([...misplaced(yaml, text)]).toEqual([]);
			}),
			{ numRuns: 300 },
		);
	});
});

/** Paths of values and keys whose text is not where their place is. */
function* misplaced(document: ManifestDocument, text: string): Generator<JsonPath> {
	for (const [path, value] of valuesOf(document.value, [])) {
		const place = document.locate(path);
		if (place === undefined || !text.startsWith(beginning(value), place.offset)) yield path;
		const key = path.at(-1);
		const offset = document.locate(path, "key")?.offset ?? -1;
		if (typeof key === "string" && !text.startsWith(JSON.stringify(key), offset)) yield path;
	}
}

/** What the text of a value in JSON begins with. */
function beginning(value: JsonValue): string {
	if (Array.isArray(value)) return "[";
	if (isJsonObject(value)) return "{";
	return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function* valuesOf(
	value: JsonValue | undefined,
	path: JsonPath,
): Generator<readonly [JsonPath, JsonValue]> {
	if (value === undefined) return;
	yield [path, value];
	if (Array.isArray(value)) {
		for (const [index, item] of value.entries()) yield* valuesOf(item, [...path, index]);
	}
	if (isJsonObject(value)) {
		for (const [key, item] of value) yield* valuesOf(item, [...path, key]);
	}
}

function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
	if (typeof value !== "object" || value === null) return [path];
	return [path, ...Object.entries(value).flatMap(([key, item]) => pathsOf(item, [...path, key]))];
}

function replaceAt(value: unknown, path: readonly string[], replacement: unknown): unknown {
	const [key, ...rest] = path;
	if (key === undefined) return replacement;
	const copy = structuredClone(value) as Record<string, unknown>;
	copy[key] = replaceAt(copy[key], rest, replacement);
	return copy;
}
