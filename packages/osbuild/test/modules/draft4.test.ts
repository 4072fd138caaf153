import { describe, test } from "vitest";
import { fromDraft4 } from "../../src/modules/draft4.ts";

describe("a schema of draft 4, in 2020-12", () => {
	test("is the same where nothing changed", ({ expect }) => {
		const schema = {
			title: "it",
			description: "about it",
			type: ["object", "null"],
			required: ["a"],
			additionalProperties: false,
			properties: {
				a: { type: "string", pattern: "^a", minLength: 1, maxLength: 2, default: "a" },
				b: { enum: [1, "2", null] },
				c: { allOf: [{ minimum: 1 }], anyOf: [{}], oneOf: [{}], not: { type: "null" } },
				d: { type: "array", items: { type: "integer", multipleOf: 2 }, uniqueItems: true },
				e: { $ref: "#/definitions/e" },
			},
			patternProperties: { "^x-": { maxProperties: 3, minProperties: 1 } },
			definitions: { e: { minItems: 1, maxItems: 2 } },
		};

		expect(fromDraft4(schema)).toEqual(schema);
	});

	test.for([
		[{ minimum: 1, exclusiveMinimum: true }, { exclusiveMinimum: 1 }],
		[{ maximum: 1, exclusiveMaximum: false }, { maximum: 1 }],
		[
			{ items: [{ type: "string" }], additionalItems: false },
			{ prefixItems: [{ type: "string" }], items: false },
		],
		[
			{ items: [{}], additionalItems: { type: "null" } },
			{ prefixItems: [{}], items: { type: "null" } },
		],
		[{ items: [] }, {}],
		[{ items: {}, additionalItems: false }, { items: {} }],
		[
			{ dependencies: { a: ["b"], c: { required: ["d"] } } },
			{ dependentRequired: { a: ["b"] }, dependentSchemas: { c: { required: ["d"] } } },
		],
		[{ $ref: "#", type: "string" }, { $ref: "#" }],
	] as const)("is said otherwise: %j is %j", ([schema, expected], { expect }) => {
		expect(fromDraft4(schema)).toEqual(expected);
	});

	test("has not what draft 4 does not know", ({ expect }) => {
		const later = '"const":1,"contains":{},"propertyNames":{},"if":{},"then":{},"else":{}';
		const others = '"id":"x","$schema":"y","format":"uri","source":{},"$comment":""';

		expect(fromDraft4(JSON.parse(`{${later},${others}}`))).toEqual({});
	});

	test("may have properties of any name", ({ expect }) => {
		const schema = JSON.parse(
			'{"properties":{"__proto__":{"type":"string","const":1}}}',
		) as object;

		expect(JSON.stringify(fromDraft4(schema))).toBe(
			'{"properties":{"__proto__":{"type":"string"}}}',
		);
	});

	test.for([
		[1, "it is not an object"],
		[true, "it is not an object"],
		[{ type: "any" }, "/type is not one of array, boolean"],
		[{ type: [] }, "/type is not"],
		[{ type: ["string", "string"] }, "/type is not"],
		[{ properties: [] }, "/properties is not an object of schemas"],
		[{ properties: { a: true } }, "/properties/a is not an object"],
		[
			{ properties: { a: { required: true } } },
			"/properties/a/required is not a list of names",
		],
		[{ required: [] }, "/required is not a list of names"],
		[{ items: [1] }, "/items/0 is not an object"],
		[{ items: true }, "/items is not an object"],
		[{ allOf: [] }, "/allOf is not a list of schemas"],
		[{ anyOf: [{ not: 1 }] }, "/anyOf/0/not is not an object"],
		[{ enum: [] }, "/enum is not a list of values"],
		[{ minimum: "1" }, "/minimum is not a number"],
		[{ exclusiveMinimum: 1 }, "/exclusiveMinimum is not true or false"],
		[{ minLength: -1 }, "/minLength is not a whole number"],
		[{ multipleOf: 0 }, "/multipleOf is not a number above 0"],
		[{ pattern: "(" }, "/pattern is not a regular expression"],
		[{ additionalProperties: 1 }, "/additionalProperties is not an object"],
		[{ additionalItems: 1 }, "/additionalItems is not an object"],
		[{ dependencies: { a: [] } }, "/dependencies/a is not a list of names"],
		[{ uniqueItems: 1 }, "/uniqueItems is not true or false"],
	] as const)("is none: %j", ([schema, message], { expect }) => {
		expect(() => fromDraft4(schema)).toThrow(`its schema is none: ${message}`);
	});
});
