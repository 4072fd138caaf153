import type { JsonPath, JsonPosition, JsonValue } from "@devhost/core";
import type { ManifestErrorCode } from "./problem.ts";

/** Something of a text that is wrong before its meaning is looked at. */
export interface DocumentProblem {
	readonly code: ManifestErrorCode;
	readonly position: JsonPosition;
	readonly path: JsonPath;
	readonly message: string;
	/** The value at `path` is not what the author meant, so that nothing else should be said about it. */
	readonly spoilsValue?: boolean;
}

/** A text with the place of everything in it; the same for YAML and JSON. */
export interface ManifestDocument {
	/** Undefined when the text could not be read at all. */
	readonly value: JsonValue | undefined;
	readonly problems: readonly DocumentProblem[];

	/**
	 * Where the value at a path begins, or its key.
	 *
	 * @returns `undefined` when the document has no such value, or the value has no key.
	 */
	locate(path: JsonPath, part?: "value" | "key"): JsonPosition | undefined;
}
