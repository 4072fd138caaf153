import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "vitest";
import { writeFileSync } from "node:fs";
import { validatorModule } from "../src/validator-module.ts";
import { runCommand } from "../src/run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const schema = {
	type: "object",
	required: ["filename"],
	additionalProperties: false,
	properties: {
		filename: { type: "string", minLength: 1, "x-expected": "a path" },
		start: { type: "integer", minimum: 0 },
		mode: { enum: ["a", "b"] },
	},
} as const;

interface Generated {
	findOptionsProblems(value: unknown): readonly { instancePath: string; keyword: string }[];
}

test("makes a validator that finds everything at once and needs no other module", async ({
	expect,
}) => {
	const text = await validatorModule({ schema, typeName: "Options", source: "a.json" });
	const file = join(temporaryFolder(), "options.ts");
	writeFileSync(file, text);
	const { findOptionsProblems } = (await import(
		/* @vite-ignore */ pathToFileURL(file).href
	)) as Generated;

	const problems = findOptionsProblems({ filename: "", start: 1.5, mode: "c", size: 1 });

	expect(findOptionsProblems({ filename: "disk.img", start: 0 })).toEqual([]);
	expect(
		problems.map(({ instancePath, keyword }) => `${instancePath} ${keyword}`).toSorted(),
	).toEqual([" additionalProperties", "/filename minLength", "/mode enum", "/start type"]);
	expect(text).not.toMatch(/^import /m);
});

test("has no prose in it but the comments of its type", async ({ expect }) => {
	const property = { type: "string", description: "some prose", "x-expected": "more prose" };
	const named = {
		title: property,
		description: property,
		default: property,
		mode: { enum: [1] },
	};
	const large = { type: "object", additionalProperties: false, properties: named };
	const text = await validatorModule({ schema: large, typeName: "Options", source: "a.json" });
	const file = join(temporaryFolder(), "options.ts");
	writeFileSync(file, text);
	const { findOptionsProblems } = (await import(
		/* @vite-ignore */ pathToFileURL(file).href
	)) as Generated;

	expect(findOptionsProblems({ title: "a", description: "b", default: "c", mode: 1 })).toEqual(
		[],
	);
	expect(
		findOptionsProblems({ default: 1, mode: 2 }).map(({ instancePath }) => instancePath),
	).toEqual(["/default", "/mode"]);
	expect(text.match(/some prose/g)).toHaveLength(3);
	expect(text).not.toContain("more prose");
});

test("says the same on every machine", async ({ expect }) => {
	const text = await validatorModule({ schema, typeName: "Options", source: "a.json" });

	expect(text).not.toContain(import.meta.dirname.split("/").slice(0, 3).join("/"));
	expect(text).toBe(await validatorModule({ schema, typeName: "Options", source: "a.json" }));
});

test("refuses what is no schema", async ({ expect }) => {
	const wrong = { type: "objekt" };

	await expect(
		validatorModule({ schema: wrong, typeName: "A", source: "a.json" }),
	).rejects.toThrow(/type/);
});

test("--check notices a file that is not current", async ({ expect }) => {
	const folder = temporaryFolder({ "device.json": { options: schema } });
	const command = join(import.meta.dirname, "../src/generate-validators.ts");
	const generate = (...argv: string[]) =>
		runCommand(process.execPath, [command, "device.json#/options", "out.ts", "A", ...argv], {
			cwd: folder,
		});

	expect((await generate("--check")).status).toBe(1);
	expect((await generate()).status).toBe(0);
	expect((await generate("--check")).status).toBe(0);
});
