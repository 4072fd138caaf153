import { JsonReader } from "./json-reader.ts";
import type { JsonValue } from "./json-value.ts";

/** What {@link parseJson} accepts beyond JSON. */
export interface ParseJsonOptions {
	/**
	 * Accept what people write into files by hand: comments (line and block) and a comma after the
	 * last item.
	 *
	 * @default false
	 */
	readonly comments?: boolean;
}

/**
 * Reads a JSON text as Python's `json.loads` does, and keeps everything that ids depend on: the
 * text of numbers, the order of keys and lone surrogates.
 *
 * Like Python it accepts `NaN`, `Infinity` and `-Infinity`, lets the last of two equal keys win, and
 * refuses a byte order mark, control characters in strings and integers of more than 4300 digits.
 *
 * @throws {@link JsonError} `ERR_JSON_SYNTAX` the text is not JSON; `ERR_JSON_LIMIT` it is nested
 * deeper than {@link maxJsonNesting} or holds an integer of more than 4300 digits.
 *
 * @example
 * ```ts
 * import { deviceId, parseJson } from "@devhost/core";
 *
 * const options = parseJson('{ "filename": "disk.img", "start": 2048.0 }');
 * const id = deviceId("org.osbuild.loopback", options);
 * ```
 *
 * Source: Lib/json/decoder.py, Lib/json/scanner.py and `sys.set_int_max_str_digits`, Python 3.11.
 */
export function parseJson(text: string, options: ParseJsonOptions = {}): JsonValue {
	return new JsonReader(text, options.comments ?? false, undefined).readDocument();
}
