/** Something that is wrong with a manifest, in osbuild's words where it has any. */
export interface OsbuildProblem {
	/** Where, as osbuild writes it: `.pipelines[0].stages[0].devices.a.options.start`; `.` for the whole. */
	readonly path: string;
	/** The same, part by part. */
	readonly parts: readonly (string | number)[];
	/** As python-jsonschema says it: `'filename' is a required property`. */
	readonly message: string;
}

/** A manifest that osbuild would not take either. */
export class OsbuildManifestError extends Error {
	override readonly name = "OsbuildManifestError";
	readonly code = "ERR_OSBUILD_MANIFEST";
	/** Everything that is wrong, at least one. */
	readonly problems: readonly OsbuildProblem[];

	constructor(problems: readonly OsbuildProblem[], options?: ErrorOptions) {
		super(problems.map(({ path, message }) => `${path}: ${message}`).join("\n"), options);
		this.problems = problems;
	}
}

/** @param parts - Keys and indices, outermost first. */
export function problemAt(parts: readonly (string | number)[], message: string): OsbuildProblem {
	return { path: pathOf(parts), parts, message };
}

/**
 * A place in a manifest as osbuild writes it.
 *
 * Source: `ValidationError.id`, osbuild/meta.py.
 */
export function pathOf(parts: readonly (string | number)[]): string {
	if (parts.length === 0) return ".";
	return parts
		.map((part) => {
			if (typeof part === "number") return `[${part}]`;
			return part.includes(" ") ? `.'${part}'` : `.${part}`;
		})
		.join("");
}
