import { describe, test } from "vitest";
import { fillPlaceholders, placeholderNames } from "../src/placeholder.ts";

const paths = new Map([
	["disk", "/dev/loop0"],
	["a.b-c_1", "/dev/loop12"],
]);

test.for([
	["{devices.disk}", "/dev/loop0"],
	["--device={devices.disk},{devices.a.b-c_1}!", "--device=/dev/loop0,/dev/loop12!"],
	[
		"{print $1} ${HOME} {devices} {device.disk} {}",
		"{print $1} ${HOME} {devices} {device.disk} {}",
	],
	["$& {devices.disk} $1", "$& /dev/loop0 $1"],
	["", ""],
] as const)("fillPlaceholders fills %j", ([text, filled], { expect }) => {
	expect(fillPlaceholders(text, paths, "s")).toBe(filled);
});

describe("a device that the stage does not have", () => {
	test("is an error that names those it has", ({ expect }) => {
		expect(() => fillPlaceholders("{devices.dsk}", paths, "format")).toThrow(
			"stage format: {devices.dsk}: no device of this stage, which has disk, a.b-c_1",
		);
	});

	test("is found without filling", ({ expect }) => {
		expect(placeholderNames("{devices.x} {devices.} {other}")).toEqual(["x", ""]);
	});
});
