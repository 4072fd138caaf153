/**
 * Text as it is shown: what would act on a terminal, or make a text look like another one, is `\xNN` or `\u{NNNN}`. Line
 * feeds and tabs stay.
 */
export function displayText(text: string): string {
	// Hardly any text has some.
	if (text.search(actingCharacters) < 0) return text;
	return text.replaceAll(actingCharacters, (character) => {
		const hex = (character.codePointAt(0) ?? 0).toString(16);
		return hex.length > 2 ? `\\u{${hex}}` : `\\x${hex.padStart(2, "0")}`;
	});
}

/** C0 without line feed and tab, DEL, C1, line and paragraph separator, and what changes the direction of text (UAX #9). */
const actingCharacters =
	// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
	/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
