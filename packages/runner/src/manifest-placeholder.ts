import { closestName } from "@devhost/core";

/** What a placeholder names. */
export type PlaceholderKind = (typeof kinds)[number];

const kinds = ["devices", "mounts"] as const;

/**
 * `{devices.NAME}`, `{mounts.NAME}`, and what looks enough like it to be meant so: `{WORD.NAME}`.
 *
 * Every other brace is text, so that shell, awk and JSON need no escapes: `${HOME}`, `{print $1}`, `{"a":1}`, `{}`. A second
 * brace in front, `{{devices.NAME}`, makes text of a placeholder, too.
 */
const placeholder = /(\$?)\{(\{?)([A-Za-z_][\w-]*)(?:\.([^{}\s]*))?\}/g;

/** Words that are mistaken for placeholders even without a name behind them. */
const bareWords: ReadonlySet<string> = new Set(["device", "devices", "mount", "mounts", "tree"]);

/** A placeholder in a text. */
export interface Placeholder {
	/** As written, braces included. */
	readonly text: string;
	/** Where it begins in the text. */
	readonly offset: number;
	/** The device or mount that it names; undefined when it is none that we know. */
	readonly name?: string;
	readonly kind?: PlaceholderKind;
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
		const kind = kindOf(word);
		if (dollar === "" && kind !== undefined && name !== undefined && name !== "") {
			found.push({ text: written, offset, kind, name });
			continue;
		}
		// Without a dot, ${WORD} is the shell's.
		if (name === undefined && (dollar !== "" || !bareWords.has(word))) continue;
		const near = closestName(word, kinds);
		const meant =
			near === undefined
				? undefined
				: `{${near}.${name === undefined || name === "" ? "NAME" : name}}`;
		const complaint =
			meant === undefined
				? `unknown placeholder ${written}, expected {devices.NAME} or {mounts.NAME}, or {${written} if these are braces of the text`
				: `unknown placeholder ${dollar}${written}, did you mean ${meant}?`;
		found.push({ text: written, offset, complaint });
	}
	return found;
}

function kindOf(word: string): PlaceholderKind | undefined {
	return kinds.find((kind) => kind === word);
}

/**
 * Puts paths in the place of `{devices.NAME}` and `{mounts.NAME}`, and makes `{` of `{{` before what would be a placeholder.
 *
 * @param pathOf - Throws for a name that it does not know.
 */
export function fillPlaceholders(
	text: string,
	pathOf: (kind: PlaceholderKind, name: string) => string,
): string {
	return text.replaceAll(
		placeholder,
		(whole: string, dollar: string, escape: string, word: string, name?: string) => {
			const kind = kindOf(word);
			if (escape === "{") {
				const escaped = name !== undefined || bareWords.has(word);
				return escaped ? whole.replace("{{", "{") : whole;
			}
			if (kind === undefined || name === undefined || name === "" || dollar !== "")
				return whole;
			return pathOf(kind, name);
		},
	);
}
