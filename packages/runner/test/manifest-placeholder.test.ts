import fc from "fast-check";
import { describe, test } from "vitest";
import { fillPlaceholders, findPlaceholders } from "../src/manifest-placeholder.ts";

const pathOf = (kind: string, name: string): string =>
	kind === "devices" ? `/dev/${name}` : `/mnt/${name}`;

describe("fillPlaceholders", () => {
	test.for([
		["{devices.disk}", "/dev/disk"],
		["if={devices.a} of={devices.b-1.x}", "if=/dev/a of=/dev/b-1.x"],
		["cp {mounts.root}/a {devices.a}", "cp /mnt/root/a /dev/a"],
		["{{devices.disk}", "{devices.disk}"],
		["{{mounts.root}", "{mounts.root}"],
		["{{{devices.disk}", "{{devices.disk}"],
		["{devices.a}{{devices.a}{devices.a}", "/dev/a{devices.a}/dev/a"],
		["{{tree}", "{tree}"],
		["{{other.word}", "{other.word}"],
		["${HOME} ${a:-b} $(x) {print $1} {p} {a,b} {} {{}} {{ .Go }} {{jinja}}", undefined],
		['{"a": {"b": [1]}}', undefined],
		["a{2,3} }{ } {", undefined],
		["label: gpt\nstart=2048", undefined],
	] as const)("%j", ([text, filled], { expect }) => {
		expect(fillPlaceholders(text, pathOf)).toBe(filled ?? text);
	});

	test("does not look into what it fills in", ({ expect }) => {
		expect(fillPlaceholders("{devices.a}", () => "$& {devices.b} $1")).toBe(
			"$& {devices.b} $1",
		);
	});

	test("asks for exactly what is found", ({ expect }) => {
		const part = fc.constantFrom(
			"{",
			"{{",
			"}",
			"$",
			"devices",
			"mounts",
			".",
			"a",
			"{devices.a}",
			"tree",
			" ",
		);
		fc.assert(
			fc.property(fc.array(part), (parts) => {
				const text = parts.join("");
				const asked: string[] = [];

				fillPlaceholders(text, (kind, name) => {
					asked.push(`${kind}.${name}`);
					return "";
				});

				const found = findPlaceholders(text).flatMap(({ kind, name }) =>
					kind === undefined ? [] : `${kind}.${name}`,
				);
				expect(asked).toEqual(found);
			}),
			{ numRuns: 500 },
		);
	});
});

describe("findPlaceholders", () => {
	test("says where they are", ({ expect }) => {
		expect(findPlaceholders("a {devices.x} ${device.y} {{devices.z}")).toEqual([
			{ text: "{devices.x}", offset: 2, kind: "devices", name: "x" },
			{
				text: "{device.y}",
				offset: 15,
				complaint: "unknown placeholder ${device.y}, did you mean {devices.y}?",
			},
		]);
	});

	test.for([
		"{devices.}",
		"{devices}",
		"{device}",
		"{tree}",
		"{Devices.x}",
		"{run.x}",
		"${devices.x}",
	])("complains of %s", (text, { expect }) => {
		expect(findPlaceholders(text)).toEqual([
			expect.objectContaining({ complaint: expect.stringContaining("unknown placeholder") }),
		]);
	});
});
