import { readFileSync } from "node:fs";
import { capabilityNumbers } from "@devhost/linux";
import { test } from "vitest";
import { parseYamlManifest } from "../src/yaml-document.ts";
import { toPlain } from "@devhost/core";
import { findManifestSchemaProblems } from "../src/generated/manifest-schema.ts";
import { validateOptions } from "../src/validate-options.ts";
import { exampleYaml } from "./manifest-folder.ts";

const schema = JSON.parse(
	readFileSync(`${import.meta.dirname}/../schema/manifest.schema.json`, "utf8"),
) as {
	$defs: { stage: { properties: { capabilities: { items: { enum: string[] } } } } };
};

test("knows every capability of Linux but the one that is never granted", ({ expect }) => {
	const { enum: names } = schema.$defs.stage.properties.capabilities.items;

	expect([...names, "CAP_MKNOD"].toSorted()).toEqual(Object.keys(capabilityNumbers).toSorted());
});

test("the generated validator and the schema agree", ({ expect }) => {
	const good = toPlain(parseYamlManifest(exampleYaml).value);
	const bad = { version: "1", stages: [{ run: [5], environment: { "": "" } }], more: {} };

	expect(findManifestSchemaProblems(good)).toEqual([]);
	expect(validateOptions(schema, good)).toEqual([]);
	expect(findManifestSchemaProblems(bad)).toEqual(validateOptions(schema, bad));
});
