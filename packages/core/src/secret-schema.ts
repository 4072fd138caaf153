/**
 * Whether a JSON Schema of options has any that is a secret: `"x-secret": true`.
 *
 * Alone in its module, so that nothing else about secrets is loaded where there are none.
 */
export function hasSecretOptions(schema: object): boolean {
	let has = known.get(schema);
	if (has === undefined) {
		has = holdsSecret(schema);
		known.set(schema, has);
	}
	return has;
}

const known = new WeakMap<object, boolean>();

function holdsSecret(schema: unknown): boolean {
	if (typeof schema !== "object" || schema === null) return false;
	if ("x-secret" in schema && schema["x-secret"] === true) return true;
	return Object.values(schema).some(holdsSecret);
}
