/** Where something stands in a text. Lines and columns count from 1, `offset` from 0, in UTF-16 units. */
export interface JsonPosition {
	readonly line: number;
	readonly column: number;
	readonly offset: number;
}

/** Finds line and column of an offset. Only a line feed ends a line, as in Python's `JSONDecodeError`. */
export class LineMap {
	readonly #text: string;
	#starts: number[] | undefined;

	constructor(text: string) {
		this.#text = text;
	}

	/** @param offset - From 0 to the length of the text, in UTF-16 units. */
	position(offset: number): JsonPosition {
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
