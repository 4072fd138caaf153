import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./repository.ts";

/** A fenced block of a document, or of an `@example` in a source. */
export interface FencedBlock {
	/** The file, relative to the repository. */
	readonly file: string;
	/** Of the block's first line of content. */
	readonly line: number;
	/** What follows the opening fence: `sh`, `ts`. */
	readonly language: string;
	/** What the comment directly above says: `<!-- runs -->` is `runs`. */
	readonly directive?: string;
	readonly text: string;
}

/** Documents whose commands and examples have to work. */
export function documents(root: string = repositoryRoot): string[] {
	return globSync(["*.md", "docs/*.md", "docs/decisions/*.md", "packages/*/*.md", "tools/*.md"], {
		cwd: root,
	})
		.filter((file) => !file.endsWith("CHANGELOG.md"))
		.toSorted();
}

/** All fenced blocks of the documents. */
export function documentBlocks(root: string = repositoryRoot): FencedBlock[] {
	return documents(root).flatMap((file) =>
		fencedBlocks(file, readFileSync(join(root, file), "utf8")),
	);
}

/** All fenced blocks in the comments of the packages' sources. */
export function commentBlocks(root: string = repositoryRoot): FencedBlock[] {
	return globSync("packages/*/src/**/*.ts", { cwd: root })
		.toSorted()
		.flatMap((file) => {
			const lines = readFileSync(join(root, file), "utf8").split("\n");
			// Code between comments becomes empty lines, which keeps the numbers of the others.
			const comments = lines.map((line) => /^\s*\* ?(?!\/)(.*)$/.exec(line)?.[1] ?? "");
			return fencedBlocks(file, comments.join("\n"));
		});
}

/** The fenced blocks of a Markdown text. */
export function fencedBlocks(file: string, markdown: string): FencedBlock[] {
	const blocks: FencedBlock[] = [];
	const lines = markdown.split("\n");
	let open: { start: number; indent: string; language: string } | undefined;
	for (const [index, line] of lines.entries()) {
		const [, indent, language] = /^(\s*)```\s*([\w-]*)/.exec(line) ?? [];
		if (indent === undefined || language === undefined) continue;
		if (open === undefined) {
			open = { start: index + 1, indent, language };
			continue;
		}
		const { start } = open;
		const above = lines.slice(0, start - 1).findLast((each) => each.trim() !== "");
		const directive = /^\s*<!--\s*(.*?)\s*-->\s*$/.exec(above ?? "")?.[1];
		const content = lines
			.slice(start, index)
			.map((each) => each.replace(open?.indent ?? "", ""));
		blocks.push({
			file,
			line: start + 1,
			language: open.language,
			...(directive === undefined ? {} : { directive }),
			text: content.join("\n"),
		});
		open = undefined;
	}
	return blocks;
}
