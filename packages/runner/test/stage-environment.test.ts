import { describe, test } from "vitest";
import { stageEnvironment } from "../src/stage-environment.ts";

const facts = {
	tree: "/run/devhost/tree",
	argumentsFile: "/run/devhost/arguments.json",
	devices: new Map([["root", "/dev/loop0"]]),
	mounts: new Map([["root", "/run/devhost/mounts"]]),
};

describe("stageEnvironment", () => {
	test("is made from nothing", ({ expect }) => {
		expect(stageEnvironment(facts, {})).toEqual({
			PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			LANG: "C.UTF-8",
			HOME: "/tmp",
			TERM: "dumb",
			container: "devhost",
			DEVHOST_TREE: "/run/devhost/tree",
			DEVHOST_ARGUMENTS: "/run/devhost/arguments.json",
			DEVHOST_DEVICE_ROOT: "/dev/loop0",
			DEVHOST_MOUNT_ROOT: "/run/devhost/mounts",
		});
	});

	test("lets the stage's own variables win", ({ expect }) => {
		const environment = stageEnvironment(facts, { PATH: "/mine", DEVHOST_TREE: "", X: "1" });

		expect(environment).toMatchObject({ PATH: "/mine", DEVHOST_TREE: "", X: "1" });
	});

	test("sets neither of two devices that would be one variable", ({ expect }) => {
		const devices = new Map([
			["root-fs", "/dev/loop0"],
			["root.fs", "/dev/loop1"],
			["Root_Fs", "/dev/loop2"],
			["boot", "/dev/loop3"],
		]);

		const environment = stageEnvironment({ ...facts, devices }, {});

		const set = Object.keys(environment).filter((name) => name.startsWith("DEVHOST_DEVICE"));
		expect(set).toEqual(["DEVHOST_DEVICE_BOOT"]);
	});
});
