import { capabilitySet, type Capabilities } from "@devhost/linux";
import { describe, test } from "vitest";
import {
	capabilityNames,
	defaultCapabilities,
	stageCapabilities,
} from "../src/stage-capabilities.ts";

const everything = (1n << 41n) - 1n;

function host(bounding: bigint, permitted = bounding): Capabilities {
	return { effective: permitted, permitted, inheritable: 0n, bounding };
}

describe("stageCapabilities", () => {
	test("grants the default, and neither devices nor mounts", ({ expect }) => {
		const { granted } = stageCapabilities([], host(everything));

		expect(capabilityNames(granted).toSorted()).toEqual(defaultCapabilities.toSorted());
		expect(defaultCapabilities).not.toContain("CAP_MKNOD");
		expect(defaultCapabilities).not.toContain("CAP_SYS_ADMIN");
		expect(defaultCapabilities).not.toContain("CAP_DAC_READ_SEARCH");
	});

	test.for([
		["the bounding set", host(everything & ~capabilitySet(["CAP_SYS_RESOURCE"]))],
		["the permitted set", host(everything, everything & ~capabilitySet(["CAP_SYS_RESOURCE"]))],
	] as const)("leaves out what %s of the host lacks", ([, capabilities], { expect }) => {
		const { granted, bound } = stageCapabilities([], capabilities);

		expect(capabilityNames(granted)).not.toContain("CAP_SYS_RESOURCE");
		expect(capabilityNames(bound)).not.toContain("CAP_SYS_RESOURCE");
	});

	test("adds what a stage asks for", ({ expect }) => {
		const { granted } = stageCapabilities(["CAP_SYS_ADMIN"], host(everything));

		expect(capabilityNames(granted)).toHaveLength(defaultCapabilities.length + 1);
		expect(capabilityNames(granted)).toContain("CAP_SYS_ADMIN");
	});

	test("bounds every process to what is needed, never CAP_MKNOD", ({ expect }) => {
		const { bound } = stageCapabilities([], host(everything));

		expect(capabilityNames(bound)).toContain("CAP_SYS_ADMIN"); // bubblewrap mounts
		expect(capabilityNames(bound)).not.toContain("CAP_MKNOD");
		expect(capabilityNames(bound)).not.toContain("CAP_SYS_RAWIO");
	});

	test.for(["CAP_MKNOD", "CAP_CHOWN ", "chown", "CAP_NOTHING", "constructor", ""])(
		"refuses %j",
		(name, { expect }) => {
			expect(() => stageCapabilities([name], host(everything), "s")).toThrow(
				expect.objectContaining({ code: "ERR_STAGE_CAPABILITY", stage: "s" }),
			);
		},
	);

	test("refuses what the host does not have", ({ expect }) => {
		const capabilities = host(everything & ~capabilitySet(["CAP_SYS_ADMIN"]));

		expect(() => stageCapabilities(["CAP_SYS_ADMIN"], capabilities)).toThrow(
			"capability CAP_SYS_ADMIN: this host does not have it, so no stage can",
		);
	});
});
