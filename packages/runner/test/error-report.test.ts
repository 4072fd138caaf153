import { DeviceError } from "@devhost/core";
import { describe, test } from "vitest";
import { flattenErrors, reportError } from "../src/error-report.ts";
import { StageError } from "../src/error.ts";

describe("flattenErrors", () => {
	test("puts the first cause first", ({ expect }) => {
		const work = new Error("work");
		const close1 = new Error("close 1");
		const close2 = new Error("close 2");
		const error = new SuppressedError(close2, new SuppressedError(close1, work));

		expect(flattenErrors(error)).toEqual([work, close1, close2]);
	});

	test("takes the errors of an aggregate one by one", ({ expect }) => {
		const [a, b, c] = ["a", "b", "c"].map((text) => new Error(text));

		expect(flattenErrors(new AggregateError([a, new AggregateError([b, c])]))).toEqual([
			a,
			b,
			c,
		]);
	});

	test("takes what hangs on a device's error after it", ({ expect }) => {
		const close = new DeviceError("ERR_DEVICE_CLOSE", "close");
		const other = new DeviceError("ERR_DEVICE_FILE", "other", { closeFailures: [close] });
		const first = new DeviceError("ERR_DEVICE_OPTIONS", "first", { alsoFailed: [other] });

		expect(flattenErrors(first)).toEqual([first, other, close]);
	});
});

describe("reportError", () => {
	test("says all that an error knows", ({ expect }) => {
		const cause = Object.assign(new Error("no space"), { code: "ENOSPC" });
		const error = new StageError("ERR_STAGE_FAILED", "stage a: failed", {
			stage: "a",
			exitCode: 3,
			output: "last words",
			cause,
		});

		expect(reportError(error)).toEqual({
			code: "ERR_STAGE_FAILED",
			message: "stage a: failed",
			stage: "a",
			exitCode: 3,
			output: "last words",
			causes: [{ code: "ENOSPC", message: "no space" }],
		});
	});

	test("tells a device and where in its options", ({ expect }) => {
		const error = new DeviceError("ERR_DEVICE_OPTIONS", "disk: start", {
			device: "disk",
			pointer: "/start",
		});

		expect(reportError(error)).toEqual({
			code: "ERR_DEVICE_OPTIONS",
			message: "disk: start",
			device: "disk",
			pointer: "/start",
		});
	});

	test("ends with a cause that leads to itself", ({ expect }) => {
		const error = new Error("round");
		error.cause = error;

		expect(reportError(error).causes?.length).toBeGreaterThan(0);
	});

	test("takes what is no error as text", ({ expect }) => {
		expect(reportError("thrown")).toEqual({ code: "ERR_UNKNOWN", message: "thrown" });
	});

	test("has a code of ours for an errno that nobody expected, which is the cause", ({
		expect,
	}) => {
		const error = Object.assign(new Error("pipe2: EMFILE"), { code: "EMFILE", errno: 24 });

		expect(reportError(error)).toEqual({
			code: "ERR_RUN_SYSTEM",
			message: "this process has no descriptor left (see ulimit -n): pipe2: EMFILE",
			causes: [{ code: "EMFILE", message: "pipe2: EMFILE" }],
		});
	});

	test("says that the working directory is gone", ({ expect }) => {
		const error = Object.assign(new Error("ENOENT: …, uv_cwd"), {
			code: "ENOENT",
			syscall: "uv_cwd",
		});

		expect(reportError(error)).toMatchObject({
			code: "ERR_RUN_SYSTEM",
			message: "the working directory has been removed",
			causes: [{ code: "ENOENT" }],
		});
	});

	test("takes no other foreign code for one of ours", ({ expect }) => {
		const error = Object.assign(new Error("lost"), { code: "MODULE_NOT_FOUND" });

		expect(reportError(error)).toMatchObject({
			code: "ERR_UNKNOWN",
			message: "lost",
			causes: [{ code: "MODULE_NOT_FOUND", message: "lost" }],
		});
	});
});
