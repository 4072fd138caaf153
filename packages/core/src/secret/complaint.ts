import { closestName } from "../closest-name.ts";
import { findSecretProblems, type Secret } from "../generated/secret.ts";
import { jsonPointer } from "../json-pointer.ts";

export type { Secret };

/** Where a secret is taken from: what a manifest says instead of the secret. */
export type SecretReference = Exclude<Secret, string>;

/** What is wrong with what stands at an option for a secret. Never says what stands there: it may be the secret. */
export interface SecretComplaint {
	/** JSON pointer to it, from the option: empty for the option itself. */
	readonly pointer: string;
	/** What is there and what was expected. */
	readonly message: string;
	/** What was expected, as a phrase. */
	readonly expected: string;
}

/**
 * What is wrong with a secret as it stands in options: neither a string nor a reference of one kind. Reads no secret.
 *
 * @returns undefined when it is a {@link Secret}.
 */
export function secretComplaint(value: unknown): SecretComplaint | undefined {
	if (typeof value === "string") {
		if (value.isWellFormed()) return undefined;
		const expected = "text that has a form in UTF-8";
		return { pointer: "", message: `half of a surrogate pair, expected ${expected}`, expected };
	}
	const problems = findSecretProblems(value);
	if (problems.length === 0) return emptyProgram(value);
	if (!isObject(value)) {
		const { message, ...rest } = complain(kindOf(value), expectedSecret);
		const isBare = typeof value === "number" || typeof value === "boolean";
		return { ...rest, message: isBare ? `${message}: put it in quotes` : message };
	}

	const keys = Object.keys(value);
	const sources = keys.filter((key) => Object.hasOwn(expectations, key));
	const [source] = sources;
	if (source === undefined) return complainOfKeys(keys);
	if (sources.length > 1) {
		return complain(`${sources.join(" and ")} together`, "one source of the secret");
	}
	// What is said of the values of keys is said by the alternative that has these keys.
	const bad = problems.find(({ instancePath }) => instancePath !== "")?.instancePath ?? "";
	const [, key = ""] = bad.split("/");
	if (Object.hasOwn(phrases, key)) {
		const given = key in value ? kindOf(value[key]) : "nothing";
		return { ...complain(given, phrases[key] ?? ""), pointer: jsonPointer([key]) };
	}
	return complain("a key that means nothing here", `${source}, and perhaps trim`);
}

/** The schema cannot say it of the first item alone. */
function emptyProgram(value: unknown): SecretComplaint | undefined {
	if (!isObject(value) || !Array.isArray(value["command"]) || value["command"][0] !== "") {
		return undefined;
	}
	return { ...complain("an empty string", "the name of a program"), pointer: "/command/0" };
}

function complainOfKeys(keys: readonly string[]): SecretComplaint {
	const meant = keys
		.map((key) => closestName(key, Object.keys(expectations)))
		.find((near) => near !== undefined);
	const given = keys.length === 0 ? "an empty object" : "an object without any of these";
	const { message, ...rest } = complain(given, expectedSecret);
	return {
		...rest,
		message: meant === undefined ? message : `${message}: did you mean ${meant}?`,
	};
}

function complain(given: string, expected: string): SecretComplaint {
	return { pointer: "", message: `${given}, expected ${expected}`, expected };
}

/** What each source is. */
const expectations = {
	env: "the name of an environment variable",
	file: "the path of a file",
	fd: "the number of a descriptor",
	command: "a program and its arguments, a list of strings",
	credential: "the name of a credential, without slashes",
	keyring: "the description of a key",
	prompt: "a text without control characters",
} as const;

const phrases: Readonly<Record<string, string>> = {
	...expectations,
	trim: "true or false",
	timeout: "a number of seconds, more than 0",
};

const expectedSecret = `a string, or an object with one of ${Object.keys(expectations).join(", ")}`;

function kindOf(value: unknown): string {
	if (value === null) return "null";
	if (Array.isArray(value)) return "a list";
	if (typeof value === "string") return "a string";
	return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
