import { readFileSync } from "node:fs";
import { describe, test } from "vitest";
import { findModules } from "../src/modules.ts";
import { ManifestFolder, manifestWith } from "./manifest-folder.ts";

const module = new URL("fixtures/secretive", import.meta.url).pathname;
const canary = "hunter2";

async function check(options: string): Promise<string[]> {
	using folder = new ManifestFolder();
	const devices = `{ root: { type: example.secretive, options: ${options} } }`;
	return await folder.check(manifestWith({ devices }), { modules: [module] });
}

describe("check of secrets", () => {
	test.for([
		"{}",
		"{ passphrase: hunter2 }",
		"{ passphrase: '' }",
		"{ passphrase: { env: NOT_SET } }",
		"{ passphrase: { file: none, trim: true } }",
		"{ passphrase: { fd: 63 } }",
		"{ passphrase: { command: [no-such-program, a], timeout: 5 } }",
		"{ passphrase: { credential: none } }",
		"{ key: { keyring: none } }",
		"{ key: { prompt: Passphrase of root } }",
	])("finds nothing wrong with %s, and reads nothing", async (options, { expect }) => {
		expect(await check(options)).toEqual([]);
	});

	const at = "manifest.yaml:3:";
	const secret = "devices.root.options.passphrase";
	const any =
		"a string, or an object with one of env, file, fd, command, credential, keyring, prompt";
	test.for([
		["{ passphrase: 12345 }", secret, `a number, expected ${any}: put it in quotes`],
		["{ passphrase: [hunter2] }", secret, `a list, expected ${any}`],
		["{ passphrase: {hunter2} }", secret, `an object without any of these, expected ${any}`],
		[
			"{ passphrase: { hunter2: x, env: A } }",
			secret,
			"a key that means nothing here, expected env, and perhaps trim",
		],
		[
			"{ passphrase: { fd: hunter2 } }",
			`${secret}.fd`,
			"a string, expected the number of a descriptor",
		],
		[
			"{ key: hunter2 }",
			"devices.root.options.key",
			"a string, expected an object that says where the key is",
		],
		["{ key: [hunter2] }", "devices.root.options.key", `a list, expected ${any}`],
	] as const)(
		"says of %s what is wrong, and not what it is",
		async ([options, path, words], { expect }) => {
			const problems = await check(options);

			expect(problems).toEqual([expect.stringContaining(` ${path}: ${words}`)]);
			expect(problems[0]?.startsWith(at)).toBe(true);
			expect(problems.join()).not.toContain(canary);
		},
	);

	test.for([
		["{ passphrase: !hunter2 }", "a string that begins with ! has to be in quotes"],
		["{ passphrase: !hunter2!x }", "a value that begins with ! has to be in quotes"],
		[
			"{ passphrase: !!hunter2 }",
			"manifests have no tags: a string that begins with ! has to be in quotes",
		],
		["{ passphrase: *hunter2 }", "a string that begins with * has to be in quotes"],
		["{ passphrase: @hunter2 }", "a value that begins with @ has to be in quotes"],
		["{ passphrase: %hunter2 }", "a value that begins with % has to be in quotes"],
		["{ passphrase: 'hunter2 }", "deficient indentation"],
		['{ passphrase: "hunter2\\q" }', "unknown escape sequence"],
	] as const)("does not show what YAML makes of %s", async ([options, words], { expect }) => {
		const problems = await check(options);

		expect(problems.join()).toContain(words);
		expect(problems.join()).not.toContain(canary);
	});
});

test("every module that comes with devhost has the schema of secrets as core has it", ({
	expect,
}) => {
	const schema = new URL("../../core/schema/secret.schema.json", import.meta.url);
	const secret = JSON.parse(readFileSync(schema, "utf8")) as unknown;
	const { types, forType } = findModules({ modules: [module] });
	const schemas = types.flatMap((type) => forType(type)?.options ?? []) as {
		$defs?: Record<string, unknown>;
		properties?: Record<string, Record<string, unknown>>;
	}[];

	const copies = schemas.flatMap(({ $defs }) => $defs?.["secret"] ?? []);
	const references = schemas
		.flatMap(({ properties = {} }) => Object.values(properties))
		.filter(
			(property) => property["x-secret"] === true || property["$ref"] === "#/$defs/secret",
		);

	expect(copies.length).toBeGreaterThan(1);
	for (const copy of copies) expect(copy).toEqual(secret);
	expect(references.length).toBeGreaterThan(2);
	for (const property of references) {
		expect(property).toMatchObject({ $ref: "#/$defs/secret", "x-secret": true });
	}
});
