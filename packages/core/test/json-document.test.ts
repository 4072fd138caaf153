import { describe, test } from "vitest";
import { parseJsonDocument } from "../src/json-document.ts";

const text = `// devices
{
	"devices": {
		"root": { "type": "devhost.loopback", "options": { "start": 1.5 } },
	},
	"stages": [ { "run": ["true"] } ],
}`;

describe("parseJsonDocument", () => {
	const document = parseJsonDocument(text, { comments: true });

	test.for([
		[[], 2, 1],
		[["devices"], 3, 13],
		[["devices", "root", "options", "start"], 4, 63],
		[["stages", 0], 6, 14],
		[["stages", 0, "run", 0], 6, 24],
	] as const)("finds the value at %j", ([path, line, column], { expect }) => {
		expect(document.locate(path)).toMatchObject({ line, column });
	});

	test("finds keys", ({ expect }) => {
		const path = ["devices", "root", "options", "start"];

		expect(document.locate(path, "key")).toMatchObject({ line: 4, column: 54 });
		expect(document.locate([], "key")).toBeUndefined();
		expect(document.locate(["stages", 0], "key")).toBeUndefined();
	});

	test("knows no place of what is not there", ({ expect }) => {
		expect(document.locate(["devices", "boot"])).toBeUndefined();
		expect(document.locate(["devices", "root", "type", "x"])).toBeUndefined();
	});

	test("reports keys that occur twice, and locates the value that counts", ({ expect }) => {
		const twice = parseJsonDocument('{"d":{"a":{"x":1},\n"b":2,\n"a":{"y":3}}}');

		expect(twice.duplicates).toEqual([
			{
				path: ["d", "a"],
				first: { line: 1, column: 7, offset: 6 },
				second: { line: 3, column: 1, offset: 26 },
			},
		]);
		expect(twice.locate(["d", "a", "y"])).toMatchObject({ line: 3, column: 10 });
		expect(twice.locate(["d", "a", "x"])).toBeUndefined();
	});

	test("stays quick when everything is a duplicate", ({ expect }) => {
		const hostile = `{${'"a":1,\n'.repeat(100_000)}"a":1}`;
		const start = performance.now();

		const { duplicates } = parseJsonDocument(hostile);

		expect(duplicates).toHaveLength(100_000);
		expect(duplicates.at(-1)?.second.line).toBe(100_001);
		expect(performance.now() - start).toBeLessThan(2000);
	});
});
