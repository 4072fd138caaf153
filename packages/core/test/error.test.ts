import { describe, test } from "vitest";
import {
	busyMessage,
	DeviceBusy,
	DeviceError,
	isDeviceError,
	isDeviceErrorCode,
} from "../src/error.ts";
import type { Holder } from "../src/holder.ts";

describe("DeviceError", () => {
	test("is recognised by code, also from another copy of the package", ({ expect }) => {
		const foreign = Object.assign(new Error("root: x"), {
			name: "DeviceError",
			code: "ERR_DEVICE_FILE",
		});

		expect(isDeviceError(new DeviceError("ERR_DEVICE_FILE", "x"), "ERR_DEVICE_FILE")).toBe(
			true,
		);
		expect(isDeviceError(foreign)).toBe(true);
		expect(isDeviceError(foreign, "ERR_DEVICE_NAME")).toBe(false);
		expect(isDeviceError(new Error("x"))).toBe(false);
		expect(isDeviceError({ name: "DeviceError", code: "ERR_DEVICE_FILE" })).toBe(false);
	});

	test("has a cause only when it was given one", ({ expect }) => {
		const cause = new Error("below");

		expect(new DeviceError("ERR_DEVICE_FILE", "x", { cause }).cause).toBe(cause);
		expect("cause" in new DeviceError("ERR_DEVICE_FILE", "x")).toBe(false);
	});

	test("points at its first problem", ({ expect }) => {
		const problems = [
			{ code: "ERR_DEVICE_OPTIONS", pointer: "/start", message: "start: 1.5" },
		] as const;

		expect(new DeviceError("ERR_DEVICE_OPTIONS", "x", { problems }).pointer).toBe("/start");
	});
});

describe("DeviceBusy", () => {
	test("names the holders in one sentence", ({ expect }) => {
		const holders: Holder[] = [
			{ kind: "process", pid: 4711, command: "qemu", path: "/dev/loop3" },
			{ kind: "mount", target: "/mnt", namespace: "mnt:[1]", pid: 1, command: "init" },
			{ kind: "swap", path: "/dev/loop3" },
			{ kind: "device", device: "dm-0" },
		];

		const error = new DeviceBusy(busyMessage("root (loop3)", holders), holders);

		expect(error.code).toBe("ERR_DEVICE_BUSY");
		expect(error.message).toBe(
			"root (loop3): still in use by pid 4711 (qemu) with /dev/loop3 open, " +
				"a mount at /mnt in mnt:[1] (of pid 1, init), swap space /dev/loop3, device dm-0",
		);
	});

	test("names five of many, and says when there are none", ({ expect }) => {
		const holders = Array.from({ length: 7 }, (_, index) => ({
			kind: "device" as const,
			device: `dm-${index}`,
		}));

		expect(busyMessage("loop3", holders)).toMatch(/device dm-4, 2 more$/);
		expect(busyMessage("loop3", [])).toBe(
			"loop3: still in use, by nobody that /proc and /sys show",
		);
	});
});

test("isDeviceErrorCode knows every code and nothing else", ({ expect }) => {
	expect(isDeviceErrorCode("ERR_DEVICE_BUSY")).toBe(true);
	expect(isDeviceErrorCode("toString")).toBe(false);
	expect(isDeviceErrorCode(7)).toBe(false);
});
