import { test } from "vitest";
import { errnoName, isSysError, SysError } from "../src/index.ts";

test.for([
	[1, "EPERM"],
	[11, "EAGAIN"],
	[16, "EBUSY"],
	[95, "EOPNOTSUPP"],
	[117, "EUCLEAN"],
	[4000, "ERRNO_4000"],
] as const)("%i is %s", ([errno, name], { expect }) => {
	expect(errnoName(errno)).toBe(name);
});

test("an error is known by its name and code, also one of another copy of this package", ({
	expect,
}) => {
	const error = new SysError("openat2", 2, "a b");
	const foreign = Object.assign(new Error("openat2"), { name: "SysError", code: "ENOENT" });

	expect(error.message).toBe('openat2 "a b": ENOENT');
	expect(isSysError(error, "ENOENT")).toBe(true);
	expect(isSysError(error, "EBUSY")).toBe(false);
	expect(isSysError(foreign, "ENOENT")).toBe(true);
	expect(isSysError(new Error("ENOENT"))).toBe(false);
});
