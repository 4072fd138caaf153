import { displayText } from "./display-text.ts";

/** A line that is longer is shown in pieces: nobody reads it in one, and somebody has to keep it. In UTF-16 units. */
const maxLineLength = 64 * 1024;
/** How often a line that is written anew again and again is shown. */
const progressMs = 1_000;

/**
 * Makes lines for people out of pieces of a program's output.
 *
 * Does what a terminal would with `\r` (the line is written anew) and `\b` (back by one), as progress meters use them:
 * what such a line comes to is shown at its end, and every second meanwhile. Other control characters are shown, not acted
 * on: output of a stage is not to move a user's cursor.
 */
export class OutputLines {
	readonly #onLine: (line: string) => void;
	readonly #now: () => number;
	readonly #line = new Line();
	#shownMs = -Infinity;

	/** @param now - Milliseconds of a clock. @default performance.now */
	constructor(onLine: (line: string) => void, now: () => number = () => performance.now()) {
		this.#onLine = onLine;
		this.#now = now;
	}

	add(text: string): void {
		let at = 0;
		for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", at)) {
			let last = end;
			while (last > at && text[last - 1] === "\r") last--; // A line end as on Windows.
			this.#line.add(text.slice(at, last));
			this.#show();
			at = end + 1;
		}
		if (at === text.length) return;
		this.#line.add(at === 0 ? text : text.slice(at));
		if (this.#line.length >= maxLineLength) this.#show();
		else if (this.#line.isAnew && this.#now() - this.#shownMs >= progressMs) {
			this.#shownMs = this.#now();
			this.#onLine(this.#line.shown);
		}
	}

	/** The last line had no end. */
	end(): void {
		if (this.#line.length > 0) this.#show();
	}

	#show(): void {
		this.#onLine(this.#line.shown);
		this.#line.clear();
	}
}

/** One line as a terminal would leave it. */
export function displayLine(text: string): string {
	const line = new Line();
	line.add(text);
	return line.shown;
}

/** What stands in a line. It takes no longer and keeps no more for a line that is written anew a million times. */
class Line {
	/** As long as it was only ever written forwards. */
	#text = "";
	/** Its characters, after that. */
	#cells: string[] | undefined;
	#column = 0;
	#hasBackspace = false;
	#isAnew = false;

	get length(): number {
		return this.#cells?.length ?? this.#text.length;
	}

	/** Something in it was written over: it is about progress. */
	get isAnew(): boolean {
		return this.#isAnew;
	}

	get shown(): string {
		const text = this.#cells?.join("") ?? this.#text;
		return displayText(this.#hasBackspace ? text.trimEnd() : text);
	}

	clear(): void {
		this.#text = "";
		this.#cells = undefined;
		this.#column = 0;
		this.#hasBackspace = false;
		this.#isAnew = false;
	}

	add(text: string): void {
		if (this.#cells === undefined && !/[\r\b]/.test(text)) {
			this.#text += text;
			return;
		}
		if (this.#cells === undefined) {
			this.#cells = Array.from(this.#text);
			this.#column = this.#cells.length;
			this.#text = "";
		}
		for (const character of text) {
			if (character === "\r") this.#column = 0;
			else if (character === "\b") {
				this.#column = Math.max(0, this.#column - 1);
				this.#hasBackspace = true;
			} else {
				this.#isAnew ||= this.#column < this.#cells.length;
				this.#cells[this.#column++] = character;
			}
		}
	}
}
