import { test } from "vitest";
import { findCommandProblems, unansweredProblems } from "../src/documented-commands.ts";
import { fencedBlocks } from "../src/fenced-blocks.ts";
import { temporaryFolder } from "./temporary-folder.ts";

test("somebody answers for every command", ({ expect }) => {
	const blocks = fencedBlocks(
		"a.md",
		"```sh\nnpm test   # all\n# a comment\nnpm run demo\n```\n",
	);
	const list = [
		{ command: "npm run demo", why: "slow" },
		{ command: "npm run bench", why: "slow" },
	];

	expect(unansweredProblems(blocks, list)).toEqual([
		'a.md:2: nobody runs "npm test". Put <!-- runs --> above the block, or the command and why it is not run into tools/commands-not-run.json.',
		'tools/commands-not-run.json: no document has "npm run bench"',
	]);
});

test("runs blocks from the repository's root and tells how they failed", async ({ expect }) => {
	const root = temporaryFolder({
		"README.md":
			"<!-- runs -->\n```sh\ntest -f README.md\n```\n\n<!-- runs -->\n```sh\nls nothing-here | cat\necho not reached\n```\n",
		"tools/commands-not-run.json": "[]",
	});

	const problems = await findCommandProblems(root);

	expect(problems).toHaveLength(1);
	expect(problems[0]).toMatch(/^README\.md:8: failed \(2\)\n.*nothing-here/);
	expect(problems[0]).not.toContain("not reached");
});

test("leaves blocks to the test that runs them, if it reads the document", async ({ expect }) => {
	const block = "<!-- run by a.test.ts: first -->\n```sh\nls nothing-here\n```\n";
	const root = temporaryFolder({
		"README.md": block,
		"docs/other.md": block,
		"a.test.ts": 'read("README.md");',
		"tools/commands-not-run.json": "[]",
	});

	expect(await findCommandProblems(root)).toEqual([
		"docs/other.md:3: a.test.ts does not run this document",
	]);
});
