import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot, trackedFiles } from "./repository.ts";

// Put together from parts, since this file is looked at, too.
const forbidden: readonly { readonly pattern: RegExp; readonly what: string }[] = [
	{
		pattern: new RegExp(["registry", "(npmjs|yarnpkg|npmmirror)"].join("\\."), "i"),
		what: "the host of a registry: whoever installs this may use another",
	},
	{
		pattern: new RegExp(
			["(deb|security|snapshot|ftp[.\\w]*)", "debian", "org"].join("\\."),
			"i",
		),
		what: "the host of a package archive",
	},
	{
		pattern: /^\s*(resolved|tarball):|\{[^}]*\btarball:/m,
		what: "where a package was downloaded from",
	},
	{
		pattern: new RegExp(["(?<![\\w.-])", "work", "(main|shared)\\b"].join("/")),
		what: "a path of somebody's machine",
	},
];

/** Sentences about files under version control that name somebody's machine; empty when all is well. */
export function findHostPathProblems(root: string = repositoryRoot): string[] {
	return trackedFiles(root).flatMap((file) => {
		const text = readFileSync(join(root, file), "latin1");
		return hostPathsIn(text).map(({ line, what }) => `${file}:${line}: names ${what}`);
	});
}

/** Where a text names a machine. Exported for its test. */
export function hostPathsIn(text: string): { line: number; what: string }[] {
	if (text.includes("\0")) return [];
	return forbidden.flatMap(({ pattern, what }) => {
		const match = pattern.exec(text);
		return match ? [{ line: text.slice(0, match.index).split("\n").length, what }] : [];
	});
}
