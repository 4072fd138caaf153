import type { Holder } from "@devhost/core";
import { describe, test } from "vitest";
import { deviceStates, type StateFacts } from "../src/device-state.ts";

function loop(name: string, facts: Partial<StateFacts> = {}): StateFacts {
	return {
		name,
		kind: "loop",
		isRunning: false,
		holders: [],
		isArmed: false,
		openCount: undefined,
		...facts,
	};
}

function mapping(name: string, facts: Partial<StateFacts> = {}): StateFacts {
	return { ...loop(name), kind: "mapping", openCount: 0, ...facts };
}

const on = (device: string): Holder => ({ kind: "device", device });
const qemu: Holder = { kind: "process", pid: 4711, command: "qemu", path: "/dev/loop0" };
const mount: Holder = {
	kind: "mount",
	target: "/mnt",
	namespace: "mnt:[1]",
	pid: 1,
	command: "init",
};

function statesOf(...devices: readonly StateFacts[]): Record<string, string> {
	return Object.fromEntries(deviceStates(devices));
}

describe("the state of a device", () => {
	test.for<[string, string, StateFacts]>([
		["an orphan when nobody owns it", "orphan", loop("loop0")],
		["in use while its run lives", "in-use", loop("loop0", { isRunning: true })],
		["in use by a process", "in-use", loop("loop0", { holders: [qemu] })],
		["in use by a mount", "in-use", loop("loop0", { holders: [mount] })],
		["in use by swap", "in-use", loop("loop0", { holders: [{ kind: "swap", path: "/x" }] })],
		["in use by a foreign device", "in-use", loop("loop0", { holders: [on("dm-9")] })],
		[
			"closing with its last user",
			"closing",
			loop("loop0", { isArmed: true, holders: [qemu] }),
		],
		["closing with a user whom nothing shows", "closing", loop("loop0", { isArmed: true })],
		["in use by somebody whom nothing shows", "in-use", mapping("dm-0", { openCount: 1 })],
		["unknown to an ordinary user", "unknown", mapping("dm-0", { isArmed: undefined })],
	])("is: %s", ([, state, device], { expect }) => {
		expect(statesOf(device)).toEqual({ [device.name]: state });
	});

	test("of a stack is that of what stands on it", ({ expect }) => {
		const beneath = [
			loop("loop0", { isArmed: true, holders: [on("dm-0")] }),
			mapping("dm-0", { openCount: 1, holders: [on("dm-1")] }),
		];

		expect(statesOf(...beneath, mapping("dm-1"))).toEqual({
			loop0: "orphan",
			"dm-0": "orphan",
			"dm-1": "orphan",
		});
		expect(statesOf(...beneath, mapping("dm-1", { openCount: 1, holders: [mount] }))).toEqual({
			loop0: "closing",
			"dm-0": "in-use",
			"dm-1": "in-use",
		});
		expect(statesOf(...beneath)).toEqual({ loop0: "closing", "dm-0": "in-use" });
	});

	test("is in use where a device claims to stand on itself", ({ expect }) => {
		expect(statesOf(loop("loop0", { holders: [on("loop0")] }))).toEqual({ loop0: "in-use" });
	});
});
