import { makeProblem, type Problem } from "./problem.ts";
import type { OsbuildOptions } from "./osbuild-manifest.ts";

/**
 * Whether a text is a manifest of osbuild, of whatever version: JSON with what only those have at the top.
 *
 * Broken JSON is, too, if it looks like one: it is to be complained of as what it is meant to be.
 */
export function isOsbuildText(text: string): boolean {
	if (!/^\s*\{/.test(text) || !/"(?:pipelines?|version)"\s*:/.test(text)) return false;
	let root: object;
	try {
		root = JSON.parse(text) as object;
	} catch {
		return /"(?:pipelines?)"\s*:/.test(text); // broken, or with Python's NaN
	}
	if (["stages", "tree", "devices"].some((key) => Object.hasOwn(root, key))) return false;
	if (Object.hasOwn(root, "pipelines") || Object.hasOwn(root, "pipeline")) return true;
	return (root as { version?: unknown }).version === "2";
}

/** What is wrong with options for manifests of osbuild where the manifest is none. */
export function osbuildOptionProblems(file: string, options: OsbuildOptions = {}): Problem[] {
	const [given] =
		Object.entries(options).find(([, value]) => value !== undefined && value.length > 0) ?? [];
	if (given === undefined) return [];
	const message = `--${given} is for manifests of osbuild, which are JSON with pipelines, and this is none`;
	const place = { file, position: undefined, path: [] };
	return [makeProblem(place, { code: "ERR_MANIFEST_OSBUILD", message })];
}
