#!/usr/bin/env node
// generate-validators SCHEMA.json[#/pointer] OUTPUT.ts TypeName [--secrets-sent] [--check]
// Writes a validator and its TypeScript type; --check only compares them with what is there. --secrets-sent: for a device
// service, to which secrets come as descriptors.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import type { Schema } from "./schema-type.ts";
import { withSecretsSent } from "./secrets-sent.ts";
import { validatorModule } from "./validator-module.ts";

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		check: { type: "boolean", default: false },
		"secrets-sent": { type: "boolean", default: false },
	},
});
const [source, output, typeName] = positionals;
if (source === undefined || output === undefined || typeName === undefined) {
	throw new Error(
		"usage: generate-validators SCHEMA.json[#/pointer] OUTPUT.ts TypeName [--secrets-sent] [--check]",
	);
}

const whole = await readSchema(source);
const schema = values["secrets-sent"] ? withSecretsSent(whole) : whole;
const text = await validatorModule({ schema, typeName, source });
const present = await readFile(output, "utf8").catch(() => undefined);
if (present !== text) {
	if (values.check) {
		console.error(`${output}: not what ${source} says. Run: npm run build`);
		process.exitCode = 1;
	} else {
		await mkdir(dirname(output), { recursive: true });
		await writeFile(output, text);
	}
}

async function readSchema(address: string): Promise<Schema> {
	const [file = "", pointer = ""] = address.split("#");
	let value: unknown = JSON.parse(await readFile(file, "utf8"));
	for (const key of pointer.split("/").slice(1)) {
		value = (value as Record<string, unknown>)[key.replaceAll("~1", "/").replaceAll("~0", "~")];
		if (value === undefined) throw new Error(`${address}: has no ${key}`);
	}
	return value as Schema;
}
