import { test } from "vitest";
import { schemaTypes } from "../src/schema-type.ts";

test("declares what a schema describes", ({ expect }) => {
	const types = schemaTypes("Options", {
		type: "object",
		description: "Options of a loop.",
		required: ["filename"],
		additionalProperties: false,
		properties: {
			filename: { type: "string" },
			"sector-size": { enum: [512, 4096], default: 512, description: "In bytes." },
			run: { type: "array", items: { type: ["string", "number"] } },
			environment: { type: "object", additionalProperties: { type: "string" } },
			device: { $ref: "#/$defs/device" },
			anything: {},
			either: { oneOf: [{ type: "null" }, { const: "x" }] },
		},
		$defs: { device: { anyOf: [{ type: "object", properties: {} }, { type: "boolean" }] } },
	});

	expect(types).toBe(`/** Options of a loop. */
export interface Options {
	readonly filename: string;
	/**
	 * In bytes.
	 *
	 * @default 512
	 */
	readonly "sector-size"?: 512 | 4096;
	readonly run?: readonly (string | number)[];
	readonly environment?: {
		readonly [key: string]: string;
	};
	readonly device?: Device;
	readonly anything?: unknown;
	readonly either?: null | "x";
}

export type Device = Readonly<Record<string, unknown>> | boolean;`);
});

test("refuses references that leave the schema", ({ expect }) => {
	expect(() => schemaTypes("A", { $ref: "other.json" })).toThrow(
		"$ref other.json: only #/$defs/… of the schema itself",
	);
});
