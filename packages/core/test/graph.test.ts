import fc from "fast-check";
import { describe, test } from "vitest";
import { isDeviceName, resolveGraph, type DeviceSpec, type DeviceTypes } from "../src/graph.ts";

const types: DeviceTypes = new Map([
	["devhost.loopback", { parent: "none" }],
	["org.osbuild.loopback", { parent: "none" }],
	["devhost.luks2", { parent: "required" }],
	["devhost.partition", { parent: "optional" }],
]);

function chain(parents: Record<string, string | null>): Map<string, DeviceSpec> {
	const entries = Object.entries(parents);
	return new Map(entries.map(([name, parent]) => [name, { type: "t", parent }]));
}

function permutations<T>(items: readonly T[]): T[][] {
	if (items.length === 0) return [[]];
	return items.flatMap((item, index) =>
		permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
	);
}

describe("resolveGraph", () => {
	test.for(permutations(["a", "b", "c", "d"]))(
		"sorts a chain declared as %s %s %s %s",
		(names, { expect }) => {
			const parents: Record<string, string | null> = { a: null, b: "a", c: "b", d: "c" };
			const specs = new Map(
				names.map((name) => [name, { type: "t", parent: parents[name] }]),
			);

			const { order, problems } = resolveGraph(specs);

			expect(order).toEqual(["a", "b", "c", "d"]);
			expect(problems).toEqual([]);
		},
	);

	test("keeps the order of declaration wherever it can, as osbuild", ({ expect }) => {
		const specs = chain({ lv: "luks", z: null, luks: "p", p: "", c: "z" });

		expect(resolveGraph(specs).order).toEqual(["z", "p", "c", "luks", "lv"]);
	});

	test("puts every parent first and loses nothing, for random forests", ({ expect }) => {
		const forest = fc
			.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 30 })
			.chain((nodes) => {
				const names = nodes.map((_, index) => `d${index}`);
				const specs = nodes.map(([parent, isRoot], index): [string, DeviceSpec] => [
					`d${index}`,
					{ type: "t", parent: isRoot || index === 0 ? null : names[parent % index] },
				]);
				return fc.shuffledSubarray(specs, { minLength: specs.length });
			});
		fc.assert(
			fc.property(forest, (specs) => {
				const { order, problems } = resolveGraph(new Map(specs));

				expect(problems).toEqual([]);
				expect(order.toSorted()).toEqual(specs.map(([name]) => name).toSorted());
				for (const [name, { parent }] of specs) {
					if (parent) expect(order.indexOf(parent)).toBeLessThan(order.indexOf(name));
				}
			}),
		);
	});

	test("takes devices that are open already for parents", ({ expect }) => {
		const specs = chain({ child: "disk" });

		const { order, problems } = resolveGraph(specs, undefined, { existing: new Set(["disk"]) });

		expect(order).toEqual(["child"]);
		expect(problems).toEqual([]);
	});

	test.for([
		[
			"a device on itself",
			{ a: { type: "devhost.partition", parent: "a" } },
			["ERR_DEVICE_CYCLE /devices/a/parent a: is its own parent"],
		],
		[
			"two devices on each other, once",
			{
				x: { type: "devhost.partition", parent: "b" },
				a: { type: "devhost.partition", parent: "b" },
				b: { type: "devhost.partition", parent: "a" },
			},
			["ERR_DEVICE_CYCLE /devices/a/parent a: is its own ancestor: a on b on a"],
		],
		[
			"an unknown parent",
			{ root: { type: "devhost.loopback" }, a: { type: "devhost.luks2", parent: "rot" } },
			[
				'ERR_DEVICE_PARENT /devices/a/parent a: its parent "rot" is not a device here, did you mean "root"?',
			],
		],
		[
			"a missing parent",
			{ a: { type: "devhost.luks2", parent: null } },
			["ERR_DEVICE_PARENT /devices/a a: devhost.luks2 needs a parent, and has none"],
		],
		[
			"a superfluous parent",
			{ b: { type: "devhost.loopback" }, a: { type: "devhost.loopback", parent: "b" } },
			[
				'ERR_DEVICE_PARENT /devices/a/parent a: devhost.loopback has no parent, but "b" is given as one',
			],
		],
		[
			"an unknown type",
			{ a: { type: "devhost.loopbak" } },
			[
				'ERR_DEVICE_TYPE /devices/a/type a: type "devhost.loopbak" is unknown, did you mean "devhost.loopback"?',
			],
		],
		[
			"a type without its first part",
			{ a: { type: "luks2", parent: "b" }, b: { type: "devhost.loopback" } },
			[
				'ERR_DEVICE_TYPE /devices/a/type a: type "luks2" is unknown, did you mean "devhost.luks2"?',
			],
		],
		[
			"a type that is a path",
			{ a: { type: "../x" } },
			[
				'ERR_DEVICE_TYPE /devices/a/type a: "../x" is not a name of a type of device, which looks like devhost.loopback',
			],
		],
	] as const)("complains of %s", ([, specs, expected], { expect }) => {
		const { problems } = resolveGraph(specs, types);

		expect(
			problems.map(({ code, pointer, message }) => `${code} ${pointer} ${message}`),
		).toEqual(expected);
	});

	test.for(["-", "", "a/../b", "..", ".a", "-a", "a b", "é", "a\n", "x".repeat(65), "a~b"])(
		"refuses the name %j and says which are allowed",
		(name, { expect }) => {
			const { problems } = resolveGraph(
				new Map([[name, { type: "devhost.loopback" }]]),
				types,
			);

			expect(problems).toMatchObject([{ code: "ERR_DEVICE_NAME", device: name }]);
			expect(problems[0]?.message).toContain(
				"1 to 64 letters, digits, _, . and -, and does not begin with . or -",
			);
			expect(isDeviceName(name)).toBe(false);
		},
	);

	test.for(["a", "boot-efi", "rootvg", "_", "10", "a.b", "x".repeat(64)])(
		"allows the name %j",
		(name, { expect }) => {
			expect(
				resolveGraph(new Map([[name, { type: "devhost.loopback" }]]), types).problems,
			).toEqual([]);
		},
	);

	test("escapes names in pointers", ({ expect }) => {
		const { problems } = resolveGraph({ "a/~b": { type: "devhost.loopback" } }, types);

		expect(problems[0]?.pointer).toBe("/devices/a~1~0b");
	});

	test("refuses the name of a device that is open", ({ expect }) => {
		const options = {
			existing: new Set(["a"]),
			pointer: (name: string) => `/stages/0/devices/${name}`,
		};

		const { problems } = resolveGraph({ a: { type: "devhost.loopback" } }, types, options);

		expect(problems).toMatchObject([
			{ code: "ERR_DEVICE_NAME", pointer: "/stages/0/devices/a" },
		]);
	});

	test("finds everything at once, in the order of declaration", ({ expect }) => {
		const specs = {
			"-": { type: "nope" },
			a: { type: "devhost.loopback", parent: "missing" },
			b: { type: "devhost.luks2" },
			c: { type: "devhost.luks2", parent: "c" },
			d: { type: "devhost.loopback" },
		};

		const { order, problems } = resolveGraph(specs, types);

		expect(problems.map(({ device, code }) => `${device} ${code}`)).toEqual([
			"- ERR_DEVICE_NAME",
			"- ERR_DEVICE_TYPE",
			"a ERR_DEVICE_PARENT",
			"a ERR_DEVICE_PARENT",
			"b ERR_DEVICE_PARENT",
			"c ERR_DEVICE_CYCLE",
		]);
		expect(order).toEqual(["-", "b", "d"]);
	});
});
