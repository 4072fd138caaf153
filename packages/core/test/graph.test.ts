import fc from "fast-check";
import { describe, test } from "vitest";
import { isDeviceName, resolveGraph, type DeviceSpec, type DeviceTypes } from "../src/graph.ts";

const types: DeviceTypes = new Map([
	["devhost.loopback", { parent: "none" }],
	["org.osbuild.loopback", { parent: "none" }],
	["devhost.luks2", { parent: "required" }],
	["devhost.partition", { parent: "optional" }],
	["devhost.lvm2.lv", { parent: "several" }],
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

	test("puts every parent first and loses nothing, for random graphs", ({ expect }) => {
		const graph = fc
			.array(fc.array(fc.nat(), { maxLength: 3 }), { maxLength: 30 })
			.chain((nodes) => {
				const specs = nodes.map((beneath, index): [string, DeviceSpec] => {
					const parents = index === 0 ? [] : beneath.map((each) => `d${each % index}`);
					return [`d${index}`, { type: "t", parents: [...new Set(parents)] }];
				});
				return fc.shuffledSubarray(specs, { minLength: specs.length });
			});
		fc.assert(
			fc.property(graph, (specs) => {
				const { order, problems } = resolveGraph(new Map(specs));

				expect(problems).toEqual([]);
				expect(order.toSorted()).toEqual(specs.map(([name]) => name).toSorted());
				for (const [name, { parents = [] }] of specs) {
					for (const parent of parents) {
						expect(order.indexOf(parent)).toBeLessThan(order.indexOf(name));
					}
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

	test("finds the cycle in random graphs that have one, and only in those", ({ expect }) => {
		const graph = fc.array(fc.array(fc.nat({ max: 9 }), { maxLength: 3 }), {
			minLength: 1,
			maxLength: 10,
		});
		fc.assert(
			fc.property(graph, (nodes) => {
				const specs = new Map(
					nodes.map((beneath, index): [string, DeviceSpec] => {
						const parents = beneath.map((each) => `d${each % nodes.length}`);
						return [`d${index}`, { type: "t", parents: [...new Set(parents)] }];
					}),
				);

				const { order, problems } = resolveGraph(specs);

				const cycles = problems.filter(({ code }) => code === "ERR_DEVICE_CYCLE");
				expect(cycles).toEqual(problems);
				expect(cycles.length > 0).toBe(order.length < specs.size);
				for (const { pointer, device = "", message } of cycles) {
					const parents = specs.get(device)?.parents ?? [];
					const at = Number(pointer.split("/").at(-1));
					expect(pointer).toBe(`/devices/${device}/parents/${at}`);
					expect(message).toMatch(
						new RegExp(
							`: is its own (parent|ancestor: ${device} on ${parents[at]}\\b.*)$`,
						),
					);
				}
			}),
		);
	});

	test("follows a chain of ten thousand", ({ expect }) => {
		const names = Array.from({ length: 10_000 }, (_, index) => `d${index}`);
		const specs = new Map(
			names.map((name, index): [string, DeviceSpec] => [
				name,
				{ type: "t", parents: index === 0 ? ["d9999"] : [`d${index - 1}`] },
			]),
		);

		expect(resolveGraph(specs).problems).toMatchObject([{ code: "ERR_DEVICE_CYCLE" }]);
	});

	test("complains of thousands of unknown parents in the time of a test", ({ expect }) => {
		const names = Array.from({ length: 5000 }, (_, index) => `d${index}`);
		const specs = new Map(names.map((name) => [name, { type: "t", parent: `${name}x` }]));

		expect(resolveGraph(specs).problems).toHaveLength(5000);
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
			"a superfluous second parent",
			{
				b: { type: "devhost.loopback" },
				c: { type: "devhost.loopback" },
				a: { type: "devhost.luks2", parents: ["b", "c"] },
			},
			[
				"ERR_DEVICE_PARENT /devices/a/parents a: devhost.luks2 has one parent, but 2 are given",
			],
		],
		[
			"parents of what has none",
			{
				b: { type: "devhost.loopback" },
				c: { type: "devhost.loopback" },
				a: { type: "devhost.loopback", parents: ["b", "c"] },
			},
			[
				"ERR_DEVICE_PARENT /devices/a/parents a: devhost.loopback has no parent, but 2 are given",
			],
		],
		[
			"no parent where several may be",
			{ a: { type: "devhost.lvm2.lv", parents: [] } },
			["ERR_DEVICE_PARENT /devices/a a: devhost.lvm2.lv needs a parent, and has none"],
		],
		[
			"a parent that is given twice, and one that is unknown",
			{
				root: { type: "devhost.loopback" },
				a: { type: "devhost.lvm2.lv", parents: ["root", "rot", "root"] },
			},
			[
				'ERR_DEVICE_PARENT /devices/a/parents/1 a: its parent "rot" is not a device here, did you mean "root"?',
				'ERR_DEVICE_PARENT /devices/a/parents/2 a: "root" is one of its parents already',
			],
		],
		[
			"a parent beside parents",
			{
				b: { type: "devhost.loopback" },
				a: { type: "devhost.lvm2.lv", parent: "b", parents: ["b"] },
			},
			[
				"ERR_DEVICE_PARENT /devices/a/parents a: has a parent and parents, of which there can be only one",
			],
		],
		[
			"cycles through one of several parents, one for each device that begins one",
			{
				disk: { type: "devhost.loopback" },
				a: { type: "devhost.lvm2.lv", parents: ["disk", "b", "c"] },
				b: { type: "devhost.lvm2.lv", parents: ["a"] },
				c: { type: "devhost.lvm2.lv", parents: ["d", "a"] },
				d: { type: "devhost.lvm2.lv", parents: ["c"] },
			},
			[
				"ERR_DEVICE_CYCLE /devices/a/parents/1 a: is its own ancestor: a on b on a",
				"ERR_DEVICE_CYCLE /devices/c/parents/0 c: is its own ancestor: c on d on c",
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
