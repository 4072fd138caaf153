import { SysError } from "@devhost/linux";
import { describe, test } from "vitest";
import { causeFirst } from "../src/cause-first.ts";
import { DeviceError } from "../src/error.ts";

/** What really comes out of a function whose work and releases all fail. */
async function failing(cause: unknown, ...releases: Error[]): Promise<unknown> {
	const work = async (): Promise<never> => {
		await using acquired = new AsyncDisposableStack();
		for (const release of releases.toReversed()) acquired.defer(() => Promise.reject(release));
		throw cause;
	};
	return await work().catch((error: unknown) => error);
}

describe("causeFirst", () => {
	test("puts the first cause on top, and the rest below in order", async ({ expect }) => {
		const cause = new DeviceError("ERR_DEVICE_NO_FREE", "root: none is free");
		const error = await failing(cause, new SysError("BLKFLSBUF", 5), new Error("stuck"));

		expect(error).toBeInstanceOf(SuppressedError);
		expect(causeFirst(error, "root")).toBe(cause);
		expect(cause.closeFailures).toMatchObject([
			{ code: "ERR_DEVICE_SYSTEM", message: "root: BLKFLSBUF: EIO" },
			{ code: "ERR_DEVICE_CLOSE", message: "root: stuck" },
		]);
	});

	test("gives a failed system call its code", async ({ expect }) => {
		const error = await failing(new SysError("mknodat", 1, "loop3"), new Error("stuck"));

		expect(causeFirst(error, "root")).toMatchObject({
			code: "ERR_DEVICE_PERMISSION",
			closeFailures: [{ message: "root: stuck" }],
		});
	});

	test("keeps a driver's mistake as it is, unless releases failed too", async ({ expect }) => {
		const mistake = new TypeError("x is not iterable");

		expect(causeFirst(mistake, "root")).toBe(mistake);
		expect(causeFirst(await failing(mistake, new Error("stuck")), "root")).toMatchObject({
			code: "ERR_DEVICE_SERVICE",
			message: "root: TypeError: x is not iterable",
			cause: mistake,
			closeFailures: [{ message: "root: stuck" }],
		});
	});
});
