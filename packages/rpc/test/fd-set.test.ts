import { describe, test } from "vitest";
import { isOpenFd } from "@devhost/linux";
import { FdSet } from "../src/fd-set.ts";
import { descriptorCount, nextNumber, textFile, textOf } from "./descriptors.ts";

const received = (...texts: string[]): FdSet =>
	new FdSet(texts.map((text) => textFile(text).take()));

describe("a set of received descriptors", () => {
	test("lends them by index", ({ expect }) => {
		using fds = received("first", "second");

		expect(fds.length).toBe(2);
		expect([0, 1].map((index) => textOf(fds.fd(index)))).toEqual(["first", "second"]);
		expect(() => fds.fd(2)).toThrow(RangeError);
		expect(() => fds.fd(-1)).toThrow(RangeError);
	});

	test("closes them, so that their numbers are free again", ({ expect }) => {
		const before = nextNumber();
		const fds = received("a", "b");

		fds.close();

		expect(nextNumber()).toBe(before);
		expect(fds.length).toBe(0);
		expect(() => fds.fd(0)).toThrow(RangeError);
	});

	test("does nothing when it is closed twice", ({ expect }) => {
		const fds = received("a");
		fds.close();
		using other = textFile("has the number now");

		fds.close();

		expect(isOpenFd(other.fd)).toBe(true);
	});

	test("does not close what was taken, and keeps the indices of the others", ({ expect }) => {
		const before = descriptorCount();
		const fds = received("a", "b", "c");

		const taken = fds.take(1);
		expect(textOf(fds.fd(2))).toBe("c");
		expect(() => fds.fd(1)).toThrow("taken");
		expect(() => fds.take(1)).toThrow(RangeError);
		fds.close();

		expect(textOf(taken.fd)).toBe("b");
		taken.close();
		expect(descriptorCount()).toBe(before);
	});

	test("may be empty", ({ expect }) => {
		using fds = new FdSet();

		expect(fds.length).toBe(0);
	});

	test.for([[[-1]], [[1.5]], [["foobar"]], [[Number.NaN]]])(
		"is never made of %j",
		([numbers], { expect }) => {
			expect(() => new FdSet(numbers as number[])).toThrow(RangeError);
		},
	);
});
