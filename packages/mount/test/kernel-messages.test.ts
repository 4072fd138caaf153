import { describe, test } from "vitest";
import { newMessages } from "../src/kernel-messages.ts";

const timed = (first: number, ...texts: readonly string[]): string[] =>
	texts.map((text, index) => `<3>[   12.${String(first + index).padStart(6, "0")}] ${text}`);

describe("newMessages", () => {
	test("are those since, that name the device", ({ expect }) => {
		const before = timed(1, "EXT4-fs (loop3): old", "something");
		const now = [
			...before,
			...timed(3, "EXT4-fs (loop31): other", "EXT4-fs (loop3): new", "XFS (loop3): newer"),
		];

		expect(newMessages(before, now, ["loop3"])).toEqual([
			"EXT4-fs (loop3): new",
			"XFS (loop3): newer",
		]);
		expect(newMessages(before, before, ["loop3"])).toEqual([]);
		expect(newMessages([], now, ["loop31"])).toEqual(["EXT4-fs (loop31): other"]);
	});

	test("are found in a log that lost its beginning", ({ expect }) => {
		const all = timed(
			1,
			..."abcdefghijklmnopqrstuvwxyz".split("").map((letter) => `loop3 ${letter}`),
		);

		expect(newMessages(all.slice(0, 20), all.slice(10), ["loop3"])).toHaveLength(6);
		// All of it is new.
		expect(newMessages(all.slice(0, 5), all.slice(16), ["loop3"])).toHaveLength(10);
	});

	test("are told from the same ones before, in a log without times", ({ expect }) => {
		const failure = ["<3>XFS (loop3): bad", "<6>unrelated"];

		expect(
			newMessages(["<6>boot", ...failure], ["<6>boot", ...failure, ...failure], ["loop3"]),
		).toEqual(["XFS (loop3): bad"]);
		expect(newMessages(["<6>boot", ...failure], ["<6>boot", ...failure], ["loop3"])).toEqual(
			[],
		);
	});
});
