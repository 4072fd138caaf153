import { JsonError, parseJsonDocument } from "@devhost/core";
import type { ManifestDocument } from "./manifest-document.ts";

/** Reads a manifest in JSON, with comments and commas after the last item. Never throws for what the text says. */
export function parseJsonManifest(text: string): ManifestDocument {
	try {
		const { value, duplicates, locate } = parseJsonDocument(text, { comments: true });
		const problems = duplicates.map(({ path, first, second }) => ({
			code: "ERR_MANIFEST_DUPLICATE_KEY" as const,
			position: second,
			path,
			message: `this key stands in line ${first.line} already`,
		}));
		return { value, problems, locate };
	} catch (error) {
		if (!(error instanceof JsonError)) throw error;
		const { line, column, offset } = error;
		// The message begins with the position, which the problem has anyway.
		const message = error.message.replace(/^line \d+, column \d+: /, "");
		const code = error.code === "ERR_JSON_LIMIT" ? "ERR_MANIFEST_LIMIT" : "ERR_MANIFEST_SYNTAX";
		const position = { line, column, offset };
		return {
			value: undefined,
			problems: [{ code, position, path: [], message }],
			locate: () => undefined,
		};
	}
}
