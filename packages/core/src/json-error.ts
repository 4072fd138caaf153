import type { JsonPosition } from "./json-position.ts";

/** Every code that reading JSON may throw: what is written wrong, and what is merely too much. */
export type JsonErrorCode = "ERR_JSON_SYNTAX" | "ERR_JSON_LIMIT";

/**
 * A text is not JSON as Python reads it.
 *
 * The message says where, what was expected and what stands there instead:
 * `line 2, column 5: expected "," or "}", found "x"`.
 */
export class JsonError extends Error implements JsonPosition {
	override readonly name = "JsonError";
	readonly code: JsonErrorCode;
	readonly line: number;
	readonly column: number;
	readonly offset: number;
	/** What would have been right here, as a phrase: `a string in double quotes`. */
	readonly expected: string;

	constructor(
		code: JsonErrorCode,
		position: JsonPosition,
		problem: { readonly expected: string; readonly found: string },
	) {
		const { line, column, offset } = position;
		super(
			`line ${line}, column ${column}: expected ${problem.expected}, found ${problem.found}`,
		);
		this.code = code;
		this.line = line;
		this.column = column;
		this.offset = offset;
		this.expected = problem.expected;
	}
}
