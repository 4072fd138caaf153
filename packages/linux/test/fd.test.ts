import { openSync, readFileSync } from "node:fs";
import { describe, test } from "vitest";
import { Fd, isOpenFd, memfd, reserveFds } from "../src/index.ts";
import { descriptorCount } from "@devhost/tools/testing";

describe("Fd", () => {
	test("closes what it owns, once", ({ expect }) => {
		const number = openSync("/dev/null", "r");
		const fd = Fd.adopt(number);

		fd.close();
		fd.close();

		expect(fd.isOpen).toBe(false);
		expect(isOpenFd(number)).toBe(false);
	});

	test("closes at the end of its scope", ({ expect }) => {
		const before = descriptorCount();

		{
			using fd = memfd("scope");
			expect(isOpenFd(fd.fd)).toBe(true);
			expect(descriptorCount()).toBe(before + 1);
		}

		expect(descriptorCount()).toBe(before);
	});

	test("finds room for as many as were asked for", async ({ expect }) => {
		const room = (): number =>
			Number(/^FDSize:\t(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
		const [before, open] = [room(), descriptorCount()];

		reserveFds(before + 1);

		await expect.poll(room).toBeGreaterThan(before);
		await expect.poll(descriptorCount).toBe(open);
	});

	test("closes off the main thread", async ({ expect }) => {
		const fd = memfd("thread");
		const number = fd.fd;

		await fd.closeAsync();
		await fd.closeAsync();

		expect(isOpenFd(number)).toBe(false);
	});

	test("gives its descriptor away", ({ expect }) => {
		const fd = memfd("taken");
		const number = fd.take();

		fd.close();

		expect(isOpenFd(number)).toBe(true);
		Fd.adopt(number).close();
	});

	test("refuses to lend what it does not have", ({ expect }) => {
		const fd = memfd("closed");
		fd.close();

		expect(() => fd.fd).toThrow(expect.objectContaining({ code: "ERR_LINUX_FD_CLOSED" }));
		expect(() => fd.take()).toThrow(expect.objectContaining({ code: "ERR_LINUX_FD_CLOSED" }));
	});

	test("says so when a number is not open", ({ expect }) => {
		const fd = Fd.adopt(1_000_000);

		expect(() => fd.dup()).toThrow(expect.objectContaining({ code: "EBADF", syscall: "dup" }));
		expect(() => fd.close()).toThrow(expect.objectContaining({ code: "EBADF" }));
	});

	test("rejects what is no descriptor number", ({ expect }) => {
		expect(() => Fd.adopt(-1)).toThrow(RangeError);
		expect(() => Fd.adopt(1.5)).toThrow(RangeError);
	});
});
