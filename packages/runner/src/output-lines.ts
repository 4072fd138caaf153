/**
 * Makes lines for people out of pieces of a program's output.
 *
 * Does what a terminal would with `\r` (the line is written anew) and `\b` (the last character goes), as progress meters
 * use them; other control characters are shown, not acted on: output of a stage is not to move a user's cursor.
 */
export class OutputLines {
	readonly #onLine: (line: string) => void;
	#rest = "";

	constructor(onLine: (line: string) => void) {
		this.#onLine = onLine;
	}

	add(text: string): void {
		const lines = (this.#rest + text).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) this.#onLine(displayLine(line));
	}

	/** The last line had no end. */
	end(): void {
		if (this.#rest !== "") this.#onLine(displayLine(this.#rest));
		this.#rest = "";
	}
}

/** One line as a terminal would leave it. */
export function displayLine(line: string): string {
	let shown = "";
	for (const part of line.replace(/\r+$/, "").split("\r")) {
		// Shorter than what it overwrites: the end of that stays, on a terminal too.
		const written = eraseBackwards(part);
		shown = written + shown.slice(written.length);
	}
	return shown.replaceAll(controlCharacters, (character) => {
		const code = character.codePointAt(0) ?? 0;
		return `\\x${code.toString(16).padStart(2, "0")}`;
	});
}

function eraseBackwards(text: string): string {
	if (!text.includes("\b")) return text;
	const cells: string[] = [];
	let at = 0;
	for (const character of text) {
		if (character === "\b") at = Math.max(0, at - 1);
		else cells[at++] = character;
	}
	return cells.join("").trimEnd();
}

/** C0 without the tab, DEL and C1. */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const controlCharacters = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
