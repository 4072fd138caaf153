import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { documentBlocks, type FencedBlock } from "./fenced-blocks.ts";
import { repositoryRoot } from "./repository.ts";
import { runCommand } from "./run-command.ts";

/**
 * Why a documented command is not run: `commands-not-run.json` has every such command with its reason.
 *
 * A block of shell commands below the comment `<!-- runs -->` is run from the repository's root, by the checks;
 * below `<!-- runs as root -->` only where root is. Below `<!-- run by FILE: WHAT -->` it is a test that runs it, and does with WHAT as
 * it sees fit.
 */
interface NotRun {
	readonly command: string;
	readonly why: string;
}

const limitMs = 60_000;

/** Runs the documented commands that say so. Sentences about those that fail and those that nobody answers for. */
export async function findCommandProblems(root: string = repositoryRoot): Promise<string[]> {
	const blocks = documentBlocks(root).filter(({ language }) =>
		["sh", "bash", "console"].includes(language),
	);
	const list = join(root, "tools/commands-not-run.json");
	const problems = unansweredProblems(blocks, JSON.parse(readFileSync(list, "utf8")) as NotRun[]);
	for (const block of blocks) {
		const test = testOf(block);
		if (test === undefined || readsDocument(join(root, test), block)) continue;
		problems.push(`${block.file}:${block.line}: ${test} does not run this document`);
	}
	for (const block of blocks.filter(isRun)) {
		if (block.directive === "runs as root" && process.getuid?.() !== 0) continue;
		const script = `set -euo pipefail\n${block.text}`;
		const { status, output } = await runCommand("bash", ["-c", script], {
			cwd: root,
			timeoutMs: limitMs,
		});
		if (status !== 0)
			problems.push(`${block.file}:${block.line}: failed (${status})\n${output}`);
	}
	return problems;
}

/** Commands that are neither run nor listed with a reason, and reasons for commands that no document has. */
export function unansweredProblems(
	blocks: readonly FencedBlock[],
	notRun: readonly NotRun[],
): string[] {
	const listed = new Set(notRun.map(({ command }) => command));
	const documented = new Set<string>();
	const problems: string[] = [];
	for (const block of blocks.filter((each) => !isRun(each) && testOf(each) === undefined)) {
		for (const [index, line] of block.text.split("\n").entries()) {
			const command = line.replace(/\s+#.*$/, "").trim();
			if (command === "" || command.startsWith("#")) continue;
			documented.add(command);
			if (listed.has(command)) continue;
			problems.push(
				`${block.file}:${block.line + index}: nobody runs "${command}". Put <!-- runs --> above the block, or the command and why it is not run into tools/commands-not-run.json.`,
			);
		}
	}
	const stale = [...listed].filter((command) => !documented.has(command));
	return [
		...problems,
		...stale.map((each) => `tools/commands-not-run.json: no document has "${each}"`),
	];
}

function isRun({ directive }: FencedBlock): boolean {
	return directive === "runs" || directive === "runs as root";
}

/** The test that runs a block. */
function testOf({ directive }: FencedBlock): string | undefined {
	return /^run by ([^\s:]+)/.exec(directive ?? "")?.[1];
}

function readsDocument(test: string, { file }: FencedBlock): boolean {
	return existsSync(test) && readFileSync(test, "utf8").includes(basename(file));
}
