import { closestName } from "@devhost/core";

/**
 * `{devices.NAME}`, and what looks enough like it to be meant so: `{WORD.NAME}`.
 *
 * Every other brace is text, so that shell, awk and JSON need no escapes: `${HOME}`, `{print $1}`, `{"a":1}`, `{}`. A second
 * brace in front, `{{devices.NAME}`, makes text of a placeholder, too.
 */
const placeholder = /(\$?)\{(\{?)([A-Za-z_][\w-]*)(?:\.([^{}\s]*))?\}/g;

/** Words that are mistaken for placeholders even without a name behind them. */
const bareWords: ReadonlySet<string> = new Set(["device", "devices", "tree"]);

/** A placeholder in a text. */
export interface Placeholder {
	/** As written, braces included. */
	readonly text: string;
	/** Where it begins in the text. */
	readonly offset: number;
	/** The device that it names; undefined when it is none that we know. */
	readonly device?: string;
	/** Why it is none that we know. */
	readonly complaint?: string;
}

/** All placeholders of a text, good and bad. */
export function findPlaceholders(text: string): Placeholder[] {
	const found: Placeholder[] = [];
	for (const match of text.matchAll(placeholder)) {
		const { index } = match;
		const [whole, dollar = "", escape, word = "", name] = match;
		if (escape === "{") continue;
		const offset = index + dollar.length;
		const written = whole.slice(dollar.length);
		if (dollar === "" && word === "devices" && name !== undefined && name !== "") {
			found.push({ text: written, offset, device: name });
			continue;
		}
		// Without a dot, ${WORD} is the shell's.
		if (name === undefined && (dollar !== "" || !bareWords.has(word))) continue;
		const isDevices = closestName(word, ["devices"]) !== undefined;
		const meant = isDevices
			? `{devices.${name === undefined || name === "" ? "NAME" : name}}`
			: undefined;
		const complaint =
			meant === undefined
				? `unknown placeholder ${written}, expected {devices.NAME}, or {${written} if these are braces of the text`
				: `unknown placeholder ${dollar}${written}, did you mean ${meant}?`;
		found.push({ text: written, offset, complaint });
	}
	return found;
}

/**
 * Puts the paths of devices in the place of `{devices.NAME}`, and makes `{` of `{{` before what would be a placeholder.
 *
 * @param pathOf - Throws for a device that it does not know.
 */
export function fillPlaceholders(text: string, pathOf: (device: string) => string): string {
	return text.replaceAll(
		placeholder,
		(whole: string, dollar: string, escape: string, word: string, name?: string) => {
			const isPlaceholder = word === "devices" && name !== undefined && name !== "";
			if (escape === "{") {
				const escaped = name !== undefined || bareWords.has(word);
				return escaped ? whole.replace("{{", "{") : whole;
			}
			return isPlaceholder && dollar === "" ? pathOf(name) : whole;
		},
	);
}
