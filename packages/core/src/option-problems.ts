import { closestName } from "./closest-name.ts";
import { DeviceError, type DeviceProblem } from "./error.ts";
import { jsonPointer } from "./json-pointer.ts";
import { shown } from "./shown.ts";

/** What a generated validator finds wrong with options. */
export interface OptionProblem {
	/** JSON pointer to the offending part of the options; empty for all of them. */
	readonly instancePath: string;
	/** The keyword of JSON Schema that is not satisfied. */
	readonly keyword: string;
	/** What the keyword asks for. */
	readonly params: Readonly<Record<string, unknown>>;
}

/** What of options is said to people, and how. */
export interface OptionTexts {
	/** What each option has to be, as a phrase: all that there are. */
	readonly expected: Readonly<Record<string, string>>;
	/** A value as messages show it; those of secrets are not shown. @default its beginning, as JSON */
	readonly show?: (key: string, value: unknown) => string;
}

/** What is wrong with options, and where: for a problem of their form that every type of device may have. */
export function describeOption(
	{ instancePath, keyword, params }: OptionProblem,
	value: unknown,
	{ expected, show = (_key, given) => shown(given) }: OptionTexts,
): DeviceProblem {
	const complaint = (path: readonly string[], message: string): DeviceProblem => {
		return { code: "ERR_DEVICE_OPTIONS", pointer: jsonPointer(path), message };
	};
	// What an option's value is made of is not looked at: it is the value that is wrong.
	const [, key] = instancePath.split("/");
	if (key !== undefined) {
		const given = show(key, (value as Readonly<Record<string, unknown>>)[key]);
		return complaint([key], `${key}: ${given}, expected ${expected[key]}`);
	}
	if (keyword === "required") {
		const missing = String(params["missingProperty"]);
		return complaint([], `${missing}: missing, expected ${expected[missing]}`);
	}
	if (keyword === "additionalProperties") {
		const unknown = String(params["additionalProperty"]);
		const known = Object.keys(expected);
		const meant = closestName(unknown, known);
		const hint =
			meant === undefined ? `there are ${known.join(", ")}` : `did you mean ${meant}?`;
		return complaint([unknown], `${unknown}: unknown option, ${hint}`);
	}
	return complaint([], `options: ${shown(value)}, expected an object`);
}

/**
 * Refuses options with all that is wrong with them, one complaint for each place: what is no number is no multiple of 512 either.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_OPTIONS` if there are any.
 */
export function refuseOptions(problems: readonly DeviceProblem[]): void {
	if (problems.length === 0) return;
	const found = new Map<string, DeviceProblem>();
	for (const problem of problems) {
		if (!found.has(problem.pointer)) found.set(problem.pointer, problem);
	}
	const first = [...found.values()];
	const message = first.map((problem) => problem.message).join("; ");
	throw new DeviceError("ERR_DEVICE_OPTIONS", message, { problems: first });
}
