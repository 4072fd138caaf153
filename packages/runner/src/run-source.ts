import { checkManifestText } from "./check.ts";
import { readManifestText } from "./manifest-text.ts";
import { type Manifest, type ManifestText, parseManifest } from "./manifest.ts";
import type { OsbuildOptions } from "./osbuild-manifest.ts";
import { isOsbuildText, osbuildOptionProblems } from "./osbuild-text.ts";
import { isManifestError, refuseProblems } from "./problem.ts";

/** A manifest that was read, or its text, or the path of one. */
export type RunSource = Manifest | ManifestText | string;

/** @throws {@link ManifestError} with everything that is wrong with it, not only with its form. */
export async function readSource(
	source: RunSource,
	{
		modules,
		osbuild,
	}: {
		readonly modules?: readonly string[] | undefined;
		readonly osbuild?: OsbuildOptions | undefined;
	},
): Promise<Manifest> {
	if (typeof source === "object" && "stages" in source) return source;
	const text = manifestText(source);
	if (isOsbuildText(text.text)) {
		const { readOsbuildDraft } = await import("./osbuild-manifest.ts");
		const { manifest, problems } = await readOsbuildDraft(text, osbuild);
		if (problems.length === 0) return manifest;
		refuseProblems(await checkManifestText(text, { modules, osbuild, files: "certain" }));
		return manifest;
	}
	refuseProblems(osbuildOptionProblems(text.file, osbuild));
	try {
		return await parseManifest(text.text, text);
	} catch (error) {
		if (!isManifestError(error)) throw error;
		// Its form is wrong; perhaps more is, and all of it is to be said at once.
		refuseProblems(await checkManifestText(text, { modules, files: "certain" }));
		throw error;
	}
}

function manifestText(source: ManifestText | string): ManifestText {
	return typeof source === "string" ? { file: source, text: readManifestText(source) } : source;
}
