import { test } from "vitest";
import { closestName } from "../src/closest-name.ts";

const keys = ["filename", "start", "size", "sector-size", "read-only", "lock"];

test.for([
	["filname", "filename"],
	["Filename", "filename"],
	["strat", "start"],
	["sise", "size"],
	["sector_size", "sector-size"],
	["readonly", "read-only"],
	["partscan", undefined],
	["", undefined],
	["x", undefined],
] as const)("%j is near %j", ([name, expected], { expect }) => {
	expect(closestName(name, keys)).toBe(expected);
});

test("a name with nothing in common is not near, however short", ({ expect }) => {
	expect(closestName("q", ["a", "qa"])).toBe("qa");
	expect(closestName("q", ["a", "b"])).toBeUndefined();
});

test("a last part is nearer than a similar name", ({ expect }) => {
	expect(closestName("luks2", ["luks1", "devhost.luks2"])).toBe("devhost.luks2");
});
