import { test } from "vitest";
import { hostPathsIn } from "../src/host-paths.ts";

const registry = ["registry", "npmjs", "org"].join(".");
const checkout = ["", "work", "main", "packages"].join("/");

test.for([
	[`a\nb\nresolution: https://${registry}/a/-/a-1.0.0.tgz`, 3],
	[`path: ${checkout}/rpc`, 1],
	[["packages:\n  a@1.0.0:\n    resolution: {integrity: x, tar", "ball: y}"].join(""), 3],
] as const)("finds %j", ([text, line], { expect }) => {
	expect(hostPathsIn(text)[0]?.line).toBe(line);
});

test.for(["tree: /work/tree", "a/work/main", "see https://www.npmjs.com/package/a", "\0 binary"])(
	"leaves %j alone",
	(text, { expect }) => {
		expect(hostPathsIn(text)).toEqual([]);
	},
);
