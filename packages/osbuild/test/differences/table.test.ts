import { globSync, readFileSync } from "node:fs";
import { test } from "vitest";

const table = new URL("../../../../docs/osbuild-differences.md", import.meta.url);
/** As it is called: what it is about, and what of that. */
const rowName = "[a-z][a-z0-9]*(?:-[a-z0-9]+)+";

test("every row of docs/osbuild-differences.md has a test of its name, and every test a row", ({
	expect,
}) => {
	const lines = readFileSync(table, "utf8").split("\n");
	const rows = lines.flatMap(
		(line) => new RegExp(`^\\| \`(${rowName})\` \\|`).exec(line)?.[1] ?? [],
	);
	const tests = globSync("*.test.ts", { cwd: import.meta.dirname }).flatMap((file) => {
		const text = readFileSync(`${import.meta.dirname}/${file}`, "utf8");
		// By itself, or in a list of which each is a row.
		const names = new RegExp(`(?:\\bdifference\\(\\s*|^\\t*\\[)"(${rowName})",`, "gm");
		return [...text.matchAll(names)].map(([, name = ""]) => name);
	});

	expect(rows.length).toBeGreaterThan(50);
	expect(tests.toSorted()).toEqual(rows.toSorted());
});
