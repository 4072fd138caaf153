import { parseArgs } from "node:util";
import { closestName } from "@devhost/core";
import { RunError } from "../error.ts";

/** An option of a command: `flag` stands alone, `value` is followed by one, `values` may come again with another. */
export interface OptionSpec {
	readonly type: "flag" | "value" | "values";
	/** One letter, without its dash. */
	readonly short?: string;
}

/** What was given: of options true, the value or the values, and what is no option. */
export interface ParsedArguments<Specs extends Readonly<Record<string, OptionSpec>>> {
	readonly options: { readonly [K in keyof Specs]?: OptionValue[Specs[K]["type"]] };
	readonly positionals: readonly string[];
}

interface OptionValue {
	readonly flag: true;
	readonly value: string;
	readonly values: readonly string[];
}

/**
 * Reads the arguments of a command.
 *
 * @throws {@link RunError} `ERR_RUN_USAGE` for an unknown option, with the one that was probably meant; for a value that is
 * missing or superfluous.
 */
export function parseArguments<const Specs extends Readonly<Record<string, OptionSpec>>>(
	args: readonly string[],
	specs: Specs,
): ParsedArguments<Specs> {
	const known: Readonly<Record<string, OptionSpec>> = specs;
	const { tokens } = parseArgs({
		args: [...args],
		options: Object.fromEntries(
			Object.entries(known).map(([name, { type, short }]) => [
				name,
				{
					type: type === "flag" ? ("boolean" as const) : ("string" as const),
					...(short !== undefined && { short }),
				},
			]),
		),
		// It throws for what is unknown, but does not say what was meant.
		strict: false,
		allowPositionals: true,
		tokens: true,
	});
	const options: Record<string, string | true | readonly string[]> = Object.create(null);
	const positionals: string[] = [];
	for (const token of tokens) {
		if (token.kind === "positional") positionals.push(token.value);
		if (token.kind !== "option") continue;
		const { name, rawName, value } = token;
		const spec = Object.hasOwn(known, name) ? known[name] : undefined;
		if (spec === undefined) throw unknownOption(rawName, Object.keys(known));
		if (spec.type === "flag") {
			if (value !== undefined)
				throw usageError(`${rawName} takes no value, but has "${value}"`);
			options[name] = true;
			continue;
		}
		// "--timeout --json": the value was forgotten, and the next option is not it.
		const isForgotten = token.inlineValue === false && value?.startsWith("--") === true;
		if (value === undefined || isForgotten) throw usageError(`${rawName} needs a value`);
		const before = options[name];
		if (spec.type === "value") options[name] = value;
		else options[name] = [...(Array.isArray(before) ? (before as string[]) : []), value];
	}
	return { options: options as ParsedArguments<Specs>["options"], positionals };
}

function unknownOption(rawName: string, known: readonly string[]): RunError {
	const near = closestName(
		rawName,
		known.map((name) => `--${name}`),
	);
	return usageError(
		`unknown option ${rawName}${near === undefined ? "" : `, did you mean ${near}?`}`,
	);
}

/** Somebody used the command line in a way that it does not know. */
export function usageError(message: string): RunError {
	return new RunError("ERR_RUN_USAGE", message);
}
