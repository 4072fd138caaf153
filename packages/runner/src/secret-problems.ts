import { findSecretOptions, secretComplaint } from "@devhost/core/secret";
import type { SchemaComplaint } from "./schema-problems.ts";

/** Something that is wrong with a secret, or with where it is said to be. */
export interface SecretProblem {
	/** JSON pointer into the options. */
	readonly pointer: string;
	readonly message: string;
	readonly expected: string;
}

/** What is wrong with the secrets of a device's options, and what a validator says of the other options. */
export interface SecretProblems {
	readonly problems: readonly SecretProblem[];
	/** Of secrets only what can be said without looking into them. */
	readonly complaints: readonly SchemaComplaint[];
}

/**
 * Takes what a validator says of secrets out of its complaints, and says it itself: no message shows a value that may be a
 * secret, nor a key, which in YAML is what `{passphrase}` makes of one. Reads no secret.
 */
export function findSecretProblems(
	schema: object,
	options: unknown,
	complaints: readonly SchemaComplaint[],
): SecretProblems {
	const problems: SecretProblem[] = [];
	let others = complaints;
	for (const { pointer, value } of findSecretOptions(schema, options)) {
		const isWithin = ({ instancePath }: SchemaComplaint): boolean =>
			`${instancePath}/`.startsWith(`${pointer}/`);
		const wrong = secretComplaint(value);
		const ofWhole = others.filter(
			(each) => each.instancePath === pointer && !aboutKeys.has(each.keyword),
		);
		const said = wrong === undefined ? ofWhole : [];
		if (wrong !== undefined) problems.push({ ...wrong, pointer: pointer + wrong.pointer });
		else if (ofWhole.length === 0 && others.some(isWithin)) {
			const expected = "another kind of secret";
			const message = `not what this type of device takes, expected ${expected}`;
			problems.push({ pointer, message, expected });
		}
		others = [...others.filter((each) => !isWithin(each)), ...said];
	}
	return { problems, complaints: others };
}

/** Keywords whose complaints name keys. Source: JSON Schema, draft 2020-12. */
const aboutKeys: ReadonlySet<string> = new Set([
	"additionalProperties",
	"unevaluatedProperties",
	"propertyNames",
	"required",
	"dependentRequired",
]);
