import { test } from "vitest";
import { withSecretsSent } from "../src/secrets-sent.ts";

test("secrets are descriptors, and all else is as it was", ({ expect }) => {
	const key = { description: "A key.", $ref: "#/$defs/secret", "x-secret": true } as const;
	const slot = { type: "integer" } as const;
	const other = { $ref: "#/$defs/other" } as const;
	const schema = {
		type: "object",
		required: ["key"],
		properties: { key, slot, other, any: true },
		$defs: { secret: { type: "string" }, other: { type: "boolean" } },
	} as const;

	expect(withSecretsSent(schema)).toEqual({
		type: "object",
		required: ["key"],
		properties: {
			key: {
				description: "A key.",
				type: "object",
				additionalProperties: false,
				required: ["fd"],
				properties: { fd: { type: "integer", minimum: 0 } },
			},
			slot,
			other,
			any: true,
		},
		$defs: { other: { type: "boolean" } },
	});
});
