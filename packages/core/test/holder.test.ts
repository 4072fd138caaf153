import { describe, test } from "vitest";
import { type Holder, otherHolders } from "../src/holder.ts";

const ourselves: Holder = { kind: "process", pid: process.pid, command: "node", path: "/loop3" };
const process4711: Holder = { kind: "process", pid: 4711, command: "qemu", path: "/dev/loop3" };
const swap: Holder = { kind: "swap", path: "/dev/loop3" };

describe("otherHolders", () => {
	test("leaves out this process, which owns the device", ({ expect }) => {
		expect(otherHolders([ourselves, process4711, swap])).toEqual([process4711, swap]);
	});

	test("names this process where there is nobody else", ({ expect }) => {
		expect(otherHolders([ourselves])).toEqual([ourselves]);
		expect(otherHolders([])).toEqual([]);
	});
});
