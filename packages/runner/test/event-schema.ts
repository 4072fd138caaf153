import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";

const schema = JSON.parse(
	readFileSync(new URL("../schema/events.schema.json", import.meta.url), "utf8"),
) as object;
const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(schema);

/** What is wrong with an event by the published schema; empty when it is right. */
export function eventComplaints(event: unknown): string[] {
	if (validate(event)) return [];
	return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
