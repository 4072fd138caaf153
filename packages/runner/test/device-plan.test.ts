import { describe, test } from "vitest";
import { planDevices } from "../src/device-plan.ts";
import { parseManifest } from "../src/manifest.ts";

/** For each stage: what it sees | what has to be open | what is closed after it. */
async function plan(content: object): Promise<string[]> {
	const text = JSON.stringify({ version: 1, tree: ".", ...content });
	const manifest = await parseManifest(text, { file: "manifest.json" });
	return planDevices(manifest)
		.map(({ visible, needed, last }) =>
			[[...visible], needed.map(({ name }) => name), [...last]]
				.map((names) => names.toSorted().join(" "))
				.join(" | "),
		)
		.toArray();
}

const disk = { type: "devhost.loopback", options: { filename: "disk.img" } };
const on = (parent: string): object => ({ type: "example.layer", parent });
const stage = (name: string, more: object = {}): object => ({ name, run: ["true"], ...more });

describe("planDevices", () => {
	test("keeps shared devices open from the first stage that uses them to the last", async ({
		expect,
	}) => {
		const planned = await plan({
			devices: { a: disk, b: disk },
			stages: [
				stage("one", { uses: ["a"] }),
				stage("two", { uses: [] }),
				stage("three"),
				stage("four", { uses: ["b"] }),
			],
		});

		expect(planned).toEqual(["a | a | ", " |  | ", "a b | a b | a", "b | b | b"]);
	});

	test("opens what a device stands on, and hides it from stages that do not use it", async ({
		expect,
	}) => {
		const planned = await plan({
			devices: { disk, luks: on("disk"), root: on("luks") },
			stages: [
				stage("root", { uses: ["root"] }),
				stage("own", { uses: [], devices: { lv: on("luks") } }),
				stage("disk", { uses: ["disk"] }),
			],
		});

		expect(planned).toEqual([
			"root | disk luks root | root",
			"lv | disk luks lv | luks lv",
			"disk | disk | disk",
		]);
	});

	test("opens all that a device of several parents stands on, parents first", async ({
		expect,
	}) => {
		const lv = { type: "example.volume", parents: ["b", "luks"] };
		const text = JSON.stringify({
			version: 1,
			tree: ".",
			devices: { lv, luks: on("a"), a: disk, b: disk, c: disk },
			stages: [stage("lv", { uses: ["lv"] }), stage("b", { uses: ["b"] })],
		});
		const manifest = await parseManifest(text, { file: "manifest.json" });

		const plans = [...planDevices(manifest)];

		expect(plans.map(({ needed }) => needed.map(({ name }) => name))).toEqual([
			["b", "a", "luks", "lv"],
			["b"],
		]);
		expect(plans.map(({ visible }) => [...visible])).toEqual([["lv"], ["b"]]);
		expect(plans.map(({ last }) => [...last])).toEqual([["a", "luks", "lv"], ["b"]]);
	});

	test("closes a stage's own devices after it", async ({ expect }) => {
		const planned = await plan({
			stages: [stage("one", { devices: { disk } }), stage("two", { devices: { disk } })],
		});

		expect(planned).toEqual(["disk | disk | disk", "disk | disk | disk"]);
	});

	test("never opens what no stage uses", async ({ expect }) => {
		const planned = await plan({ devices: { disk }, stages: [stage("one", { uses: [] })] });

		expect(planned).toEqual([" |  | "]);
	});

	test("ends with devices that stand on each other", async ({ expect }) => {
		const planned = await plan({ devices: { a: on("b"), b: on("a") }, stages: [stage("one")] });

		expect(planned).toEqual(["a b | a b | a b"]);
	});
});
