import type { Schema } from "./schema-type.ts";

/**
 * The schema of a device's options as its service sees them: where a manifest says where a secret is, the host puts
 * `{ fd: N }` and sends the secret as a descriptor.
 */
export function withSecretsSent(schema: Schema): Schema {
	const { $defs, ...whole } = schema;
	const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => {
		if (typeof property === "boolean" || !("x-secret" in property)) return [name, property];
		const { description } = property;
		return [name, { ...sent, ...(description !== undefined && { description }) }];
	});
	const { secret: _, ...definitions } = $defs ?? {};
	return {
		...whole,
		properties: Object.fromEntries(properties) as Record<string, Schema>,
		...(Object.keys(definitions).length > 0 && { $defs: definitions }),
	};
}

/** Source: packages/core/src/wire.ts, `SentSecret`. */
const sent = {
	type: "object",
	additionalProperties: false,
	required: ["fd"],
	properties: { fd: { type: "integer", minimum: 0 } },
} as const;
