import { test } from "vitest";
import { findImports, withoutComments } from "../src/imports.ts";

test("finds every form of import with its line", ({ expect }) => {
	const source = `import a from "a";
import { b, type B } from 'b';
import type {
	C,
} from "c";
import "d";
export * from "e";
export { f } from "./f.ts";
const g = await import("g/part");
const h = require("h");
const text = 'import("i")';
`;

	const found = findImports(source).map(({ specifier, line }) => `${line} ${specifier}`);

	expect(found).toEqual([
		"1 a",
		"2 b",
		"5 c",
		"6 d",
		"7 e",
		"8 ./f.ts",
		"9 g/part",
		"10 h",
		// Harmless: a string that looks like an import is taken for one.
		"11 i",
	]);
});

test("leaves out comments, but not what only looks like one", ({ expect }) => {
	const source = `/** import { a } from "a"; */
// import "b";
const url = "http://c"; import("d");
const pattern = /["']/; const e = import("e");
const template = \`// not a comment
\`; import("f");
`;

	expect(findImports(source).map(({ specifier }) => specifier)).toEqual(["d", "e", "f"]);
});

test("keeps positions when it blanks comments", ({ expect }) => {
	const source = "a /* b\nc */ d // e\nf";

	expect(withoutComments(source)).toBe("a     \n     d     \nf");
});
