import { describe, test } from "vitest";
import { hasSecretOptions } from "../src/secret-schema.ts";
import { findSecretOptions, replaceOptions } from "../src/secret/options.ts";

const secret = { $ref: "#/$defs/secret", "x-secret": true };
const schema = {
	type: "object",
	$defs: {
		secret: { anyOf: [{ type: "string" }, { type: "object" }] },
		inner: { properties: { key: secret, name: { type: "string" } } },
		endless: { allOf: [{ $ref: "#/$defs/endless" }] },
	},
	properties: {
		passphrase: secret,
		name: { type: "string" },
		inner: { $ref: "#/$defs/inner" },
		slots: { type: "array", items: { $ref: "#/$defs/inner" } },
		pair: { prefixItems: [{ type: "string" }, secret], items: { type: "string" } },
		either: { anyOf: [{ type: "string" }, { properties: { key: secret } }] },
		"a/b~c": secret,
		endless: { $ref: "#/$defs/endless" },
	},
	patternProperties: { "^pin-": secret },
	additionalProperties: { properties: { key: secret } },
};

describe("options that are secrets", () => {
	test.for([
		[{}, []],
		[{ name: "a" }, []],
		[{ passphrase: "x", name: "a" }, ["/passphrase"]],
		[{ passphrase: { env: "X" } }, ["/passphrase"]],
		[{ passphrase: null }, ["/passphrase"]],
		[{ inner: { key: "x", name: "n" } }, ["/inner/key"]],
		[{ slots: [{ name: "n" }, { key: "x" }] }, ["/slots/1/key"]],
		[{ pair: ["a", "b", "c"] }, ["/pair/1"]],
		[{ either: { key: "x" } }, ["/either/key"]],
		[{ "a/b~c": "x" }, ["/a~1b~0c"]],
		[{ "pin-1": "x", pin: "y" }, ["/pin-1"]],
		[{ other: { key: "x" } }, ["/other/key"]],
		[{ endless: { key: "x" } }, []],
		[{ passphrase: undefined }, []],
		["x", []],
		[undefined, []],
	] as const)("%j has %j", ([options, pointers], { expect }) => {
		const found = findSecretOptions(schema, options);
		expect(found.map(({ pointer }) => pointer)).toEqual(pointers);
	});

	test("are told from a schema without looking at options", ({ expect }) => {
		expect(hasSecretOptions(schema)).toBe(true);
		expect(hasSecretOptions({ properties: { a: { "x-secret": false } } })).toBe(false);
		expect(hasSecretOptions({ properties: { "x-secret": { type: "boolean" } } })).toBe(false);
	});

	test("are replaced in a copy", ({ expect }) => {
		const options = { a: { "x/y": "1", rest: [1, "2", { b: "3" }] }, c: "4" };
		const before = structuredClone(options);

		const copy = replaceOptions(
			options,
			new Map<string, unknown>([
				["/a/x~1y", { fd: 0 }],
				["/a/rest/2/b", { fd: 1 }],
			]),
		);

		expect(copy).toEqual({ a: { "x/y": { fd: 0 }, rest: [1, "2", { b: { fd: 1 } }] }, c: "4" });
		expect(options).toEqual(before);
	});
});
