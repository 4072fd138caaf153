import { describe, test } from "vitest";
import { serviceName } from "../../src/service/arguments.ts";
import { mountType } from "../../src/service/mount-executable.ts";

describe("the name of what a service is for", () => {
	test.for([
		[["--service-id", "device/disk"], "disk"],
		[["--service-id", "mount//dev/loop0"], "/dev/loop0"],
		[["--service-fd", "3", "--service-id", "device/"], "device"],
		[["--service-id", "plain"], "plain"],
		[["--service-fd", "3"], "device"],
		[["--service-id"], "device"],
	] as const)("of %j is %s", ([argv, name], { expect }) => {
		expect(serviceName(argv, "device")).toBe(name);
	});
});

describe("the type of a mount", () => {
	test.for([
		[["node", "/x/mounts/org.osbuild.ext4", "--service-id", "mount/x"], "org.osbuild.ext4"],
		[
			["node", "/x/devhost-mount.cjs", "org.osbuild.fat", "--service-id", "x"],
			"org.osbuild.fat",
		],
		[["node", "/x/bin/devhost-mount", "ext4"], "ext4"],
		[["node", "/x/bin/devhost-mount", "--service-id", "x"], undefined],
		[["node", "/x/dist/devhost-mount.cjs"], undefined],
	] as const)("of %j is %s", ([argv, type], { expect }) => {
		expect(mountType(argv)).toBe(type);
	});
});
