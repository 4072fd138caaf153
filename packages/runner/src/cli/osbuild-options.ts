import type { OsbuildOptions } from "../osbuild-manifest.ts";

/** The options that manifests of osbuild's have, for every command that reads one. */
export const osbuildOptionSpecs: Readonly<
	Record<"libdir" | "pipeline" | "stage" | "tree", { readonly type: "value" }> &
		Record<"input", { readonly type: "values" }>
> = {
	input: { type: "values" },
	libdir: { type: "value" },
	pipeline: { type: "value" },
	stage: { type: "value" },
	tree: { type: "value" },
};

/** Of all options of a command, those. */
export function osbuildOptions(options: OsbuildOptions): OsbuildOptions {
	const { pipeline, stage, tree, libdir, input } = options;
	return { pipeline, stage, tree, libdir, input };
}
