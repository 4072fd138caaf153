import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, test } from "vitest";
import { deviceId } from "../src/device-id.ts";
import { parseJson } from "../src/json.ts";

interface Golden {
	cases: { type: string; options: string; id: string }[][];
}

const golden = JSON.parse(
	readFileSync(new URL("fixtures/golden.json", import.meta.url), "utf8"),
) as Golden;

describe("deviceId", () => {
	test.for(golden.cases.map((chain, index) => [index, chain] as const))(
		"equals osbuild's in golden case %i",
		([, chain], { expect }) => {
			let parentId: string | undefined;
			for (const { type, options, id } of chain) {
				parentId = deviceId(type, parseJson(options), parentId);

				expect(parentId, options).toBe(id);
			}
		},
	);

	// The vectors of osbuild itself that a JSON file cannot hold or that hold every character class.
	test("equals osbuild's for numbers that are none", ({ expect }) => {
		const options = parseJson('{"a":1e400,"b":-1e400,"c":NaN}');

		expect(deviceId("org.osbuild.loopback", options)).toBe(
			"2c6c57906516a4631c47ccf1e8385eb30a9db4aca64dbe527ed2b17922be33eb",
		);
	});

	test("equals osbuild's for every class of characters", ({ expect }) => {
		const filename = 'caf\u00e9 \u2028 \u{1f600} \u007f \u0000 / \b\f\n\r\t " \\ <>&';

		expect(deviceId("org.osbuild.loopback", { filename })).toBe(
			"54476ca7b28e23b182aded4c19c24f3ff64536a1f2496a92d6f37e5e2c27f9bb",
		);
	});

	test("equals osbuild's for the chain in its documentation of ids", ({ expect }) => {
		const options = { filename: "disk.img", start: 2048, size: 65536, lock: true };

		expect(deviceId("org.osbuild.loopback", options)).toBe(
			"fde8e004e1881effac46200599f759cc061ef1689c14e01deddf7f07cb7f0a03",
		);
	});

	test.for([
		[undefined],
		[null],
		[{}],
		[[]],
		[false],
		[0],
		[""],
		[parseJson("{}")],
		[parseJson("[]")],
		[parseJson("0.0")],
		[parseJson("null")],
	])("takes falsy options (%j) for none", ([options], { expect }) => {
		expect(deviceId("org.osbuild.loopback", options)).toBe(
			"55cb303452f3e0aab88ac27d50881ddc3f07525e2fefb7ad90688f12ecc1f30b",
		);
	});

	test("is the same for one parent and a list of one, and for none and an empty list", ({
		expect,
	}) => {
		const of = (parents?: string | readonly string[]): string =>
			deviceId("org.osbuild.luks2", {}, parents);

		expect(of(["p"])).toBe(of("p"));
		expect(of([])).toBe(of());
	});

	test("hashes the list of ids in the place of the one, in its order", ({ expect }) => {
		const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
		const of = (parents: readonly string[]): string =>
			deviceId("devhost.lvm2.lv", { volume: "root" }, parents);

		expect(of(["p", "q"])).toBe(sha256('"devhost.lvm2.lv"["p", "q"]{"volume": "root"}'));
		expect(of(["q", "p"])).not.toBe(of(["p", "q"]));
	});

	test("takes plain options in any order", ({ expect }) => {
		const plain = { start: 2048, filename: "disk.img" };

		expect(deviceId("org.osbuild.loopback", plain)).toBe(
			"5bd54bf037e7d70b8636c5c418317cab6d2d76dcd9d10b198f4981e6619aa35a",
		);
	});
});
