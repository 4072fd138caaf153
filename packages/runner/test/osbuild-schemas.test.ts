import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { readOsbuildModules } from "@devhost/osbuild/modules";
import { beforeEach, describe, test } from "vitest";
import { validateDraft4 } from "../src/validate-options.ts";

const checkout = process.env["OSBUILD_CHECKOUT"] ?? "";

/** What osbuild says of descriptions, each of a module: whether they are right. */
function osbuildVerdicts(cases: readonly Case[]): boolean[] {
	const program = `
import json, sys
from osbuild.meta import Index
index = Index(sys.argv[1])
for line in sys.stdin:
    kind, name, value = json.loads(line)
    print(json.dumps(index.get_schema(kind, name, "2").validate(value).valid))
`;
	const output = execFileSync("python3", ["-c", program, checkout], {
		input: cases
			.map(({ kind, type, value }) => `${JSON.stringify([kind, type, value])}\n`)
			.join(""),
		env: { ...process.env, PYTHONPATH: checkout },
		encoding: "utf8",
		stdio: ["pipe", "pipe", "ignore"],
	});
	return output
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as boolean);
}

interface Case {
	readonly kind: "Device" | "Mount";
	readonly type: string;
	readonly value: Readonly<Record<string, unknown>>;
	readonly verdict: boolean;
}

/** Values that schemas tell apart, those that they ask for among them. */
function valueFor(schema: Schema | undefined): fc.Arbitrary<unknown> {
	const any = fc.constantFrom<unknown>(
		0,
		1,
		-1,
		1.5,
		"",
		"007",
		"/x",
		"tree://x",
		true,
		null,
		[],
		{},
		["a"],
	);
	if (schema?.properties !== undefined)
		return fc.oneof({ weight: 5, arbitrary: objectFor(schema) }, any);
	const asked = fc.constantFrom<unknown>(
		...(schema?.enum ?? [["text", "077", 1, true][typeIndex(schema)]]),
	);
	return fc.oneof({ weight: 3, arbitrary: asked }, any);
}

function typeIndex(schema: Schema | undefined): number {
	return Math.max(["string", "pattern", "number", "boolean"].indexOf(String(schema?.type)), 0);
}

function objectFor({
	properties = {},
	required = [],
}: Schema): fc.Arbitrary<Record<string, unknown>> {
	const known = Object.fromEntries(
		Object.entries(properties).map(([key, each]) => [key, valueFor(each)]),
	);
	const unknown = fc.constantFrom<Record<string, unknown>>({}, {}, {}, {}, { unknown: 1 });
	const most = fc.oneof(
		{ weight: 4, arbitrary: fc.record(known, { requiredKeys: [...required] }) },
		fc.record(known, { requiredKeys: [] }),
	);
	return fc.tuple(most, unknown).map(([one, other]) => ({ ...one, ...other }));
}

interface Schema {
	readonly type?: unknown;
	readonly enum?: readonly unknown[];
	readonly required?: readonly string[];
	readonly properties?: Readonly<Record<string, Schema>>;
}

describe("schemas of osbuild's modules", () => {
	beforeEach(({ skip }) => skip(checkout === "", "impossible here: no OSBUILD_CHECKOUT"));

	test("take what osbuild takes, and nothing else", { timeout: 60_000 }, ({ expect }) => {
		const cases = readOsbuildModules(checkout).flatMap((module): Case[] => {
			const { kind, type, options, mount } = module;
			if (mount === undefined) {
				const described = fc.sample(objectFor(options as Schema), 200);
				return described.map((value) => ({
					kind: kind === "device" ? "Device" : "Mount",
					type,
					value: { type, options: value },
					verdict: validateDraft4(options, value).length === 0,
				}));
			}
			const { properties, ...schema } = mount as Schema;
			const all = { ...schema, properties: { ...properties, type: { enum: [type] } } };
			return fc.sample(objectFor(all), 400).map((value) => ({
				kind: "Mount",
				type,
				value,
				verdict: validateDraft4(mount, value).length === 0,
			}));
		});

		const theirs = osbuildVerdicts(cases);

		const differences = cases.filter(({ verdict }, index) => verdict !== theirs[index]);
		expect(cases.length).toBeGreaterThan(4_000);
		expect(theirs.filter((isRight) => isRight).length).toBeGreaterThan(100);
		expect(differences).toEqual([]);
	});
});
