import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { commentBlocks, documentBlocks, type FencedBlock } from "./fenced-blocks.ts";
import { repositoryRoot, workspacePackages } from "./repository.ts";
import { runCommand } from "./run-command.ts";

/**
 * Type-checks the TypeScript examples of documents and comments, each as a module of the package that it belongs to.
 *
 * A block below `<!-- not checked: REASON -->` is left out.
 *
 * @returns What the compiler says, with the places in the documents.
 */
export async function findExampleProblems(root: string = repositoryRoot): Promise<string[]> {
	const blocks = [...documentBlocks(root), ...commentBlocks(root)].filter(
		({ language, directive }) => language === "ts" && !directive?.startsWith("not checked: "),
	);
	// Beside the package's sources, so that imports resolve as they do for them.
	const folders = [root, ...workspacePackages(root).map(({ folder }) => folder)].map((folder) =>
		join(folder, ".examples"),
	);
	try {
		const examples = new Map<string, FencedBlock>();
		for (const folder of folders) await mkdir(folder, { recursive: true });
		for (const [index, block] of blocks.entries()) {
			const [, folder = ""] = /^(packages\/[^/]+\/)/.exec(block.file) ?? [];
			const file = `${folder}.examples/example-${index}.ts`;
			examples.set(file, block);
			await writeFile(join(root, file), `${block.text}\nexport {};\n`);
		}
		const config = join(root, ".examples/tsconfig.json");
		const files = [...examples.keys()].map((file) => `../${file}`);
		await writeFile(config, JSON.stringify({ extends: "../tsconfig.test.json", files }));
		if (files.length === 0) return [];
		const { status, output } = await runCommand("tsc", ["-p", config, "--pretty", "false"], {
			cwd: root,
		});
		return status === 0
			? []
			: output
					.trim()
					.split("\n")
					.map((line) => placed(line, examples));
	} finally {
		for (const folder of folders) await rm(folder, { recursive: true, force: true });
	}
}

/** Puts the document in the place of the file that was made from it. */
function placed(line: string, examples: ReadonlyMap<string, FencedBlock>): string {
	const [text, file = "", lineNumber = "", column = ""] =
		/^(\S+)\((\d+),(\d+)\)/.exec(line) ?? [];
	const block = examples.get(file);
	if (text === undefined || block === undefined) return line;
	return `${block.file}:${block.line + Number(lineNumber) - 1}:${column}${line.slice(text.length)}`;
}
