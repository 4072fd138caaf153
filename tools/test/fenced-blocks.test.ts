import { test } from "vitest";
import { commentBlocks, fencedBlocks } from "../src/fenced-blocks.ts";
import { temporaryFolder } from "./temporary-folder.ts";

test("finds blocks with language, line and the comment above", ({ expect }) => {
	const markdown =
		"# A\n\n<!-- runs -->\n\n```sh\ntrue\nfalse\n```\n\n- b\n\n  ```ts\n  c;\n  ```\n";

	expect(fencedBlocks("a.md", markdown)).toEqual([
		{ file: "a.md", line: 6, language: "sh", directive: "runs", text: "true\nfalse" },
		{ file: "a.md", line: 13, language: "ts", text: "c;" },
	]);
});

test("finds the examples in comments", ({ expect }) => {
	const source = "const a = 1;\n/**\n * A.\n *\n * @example\n * ```ts\n * a();\n * ```\n */\n";
	const root = temporaryFolder({ "packages/a/src/a.ts": source });

	expect(commentBlocks(root)).toEqual([
		{ file: "packages/a/src/a.ts", line: 7, language: "ts", text: "a();" },
	]);
});
