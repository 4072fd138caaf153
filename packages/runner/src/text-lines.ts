import type { JsonPosition } from "@devhost/core";

/** Finds line and column of offsets in a text. The lines are looked for when the first one is asked for. */
export class TextLines {
	readonly #text: string;
	#starts: number[] | undefined;

	constructor(text: string) {
		this.#text = text;
	}

	/** Only a line feed ends a line, as for core's reader of JSON. */
	positionAt(offset: number): JsonPosition {
		this.#starts ??= lineStarts(this.#text);
		const starts = this.#starts;
		let line = 0;
		let end = starts.length;
		while (end - line > 1) {
			const middle = (line + end) >>> 1;
			if ((starts[middle] ?? 0) <= offset) line = middle;
			else end = middle;
		}
		return { line: line + 1, column: offset - (starts[line] ?? 0) + 1, offset };
	}
}

function lineStarts(text: string): number[] {
	const starts = [0];
	for (let feed = text.indexOf("\n"); feed >= 0; feed = text.indexOf("\n", feed + 1)) {
		starts.push(feed + 1);
	}
	return starts;
}
