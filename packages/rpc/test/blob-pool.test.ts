import { describe, test } from "vitest";
import { blobOf, leaseBlob, recycleBlob, returnBlock, takeBlock } from "../src/blob-pool.ts";

describe("memory for blobs", () => {
	test("has the size that was asked for", ({ expect }) => {
		for (const size of [0, 1, 4095, 4096, 4097, 65_536, 1_000_000]) {
			expect(leaseBlob(size).byteLength).toBe(size);
		}
	});

	test("is given to the next blob when it was recycled, and to no other", ({ expect }) => {
		const first = leaseBlob(100_000);
		const second = leaseBlob(100_000);
		expect(second.buffer).not.toBe(first.buffer);

		recycleBlob(first);
		const third = leaseBlob(90_000);
		const fourth = leaseBlob(90_000);

		expect(third.buffer).toBe(first.buffer);
		expect(fourth.buffer).not.toBe(first.buffer);
	});

	test("is not taken twice from one who recycles twice", ({ expect }) => {
		const blob = leaseBlob(200_000);

		recycleBlob(blob);
		const next = leaseBlob(200_000);
		recycleBlob(blob);

		expect(next.buffer).toBe(blob.buffer);
		expect(leaseBlob(200_000).buffer).not.toBe(next.buffer);
	});

	test("is not taken from those who own it", ({ expect }) => {
		const own = new Uint8Array(65_536);
		const lent = leaseBlob(65_536);
		const part = lent.subarray(0, 65_536);

		for (const array of [own, part, undefined]) recycleBlob(array);
		const next = leaseBlob(65_536);

		expect([own.buffer, lent.buffer]).not.toContain(next.buffer);
	});

	test("may be a part of what was received", ({ expect }) => {
		const block = takeBlock(262_144);
		block.bytes.fill(7, 100, 200);

		const blob = blobOf(block, 100, 200);
		expect([...new Set(blob)]).toEqual([7]);
		recycleBlob(blob);

		expect(takeBlock(262_144)).toBe(block);
	});

	test("is not kept without end", ({ expect }) => {
		const blocks = Array.from({ length: 10 }, () => takeBlock(2 ** 24));

		for (const block of blocks) returnBlock(block);
		const kept = Array.from({ length: 10 }, () => takeBlock(2 ** 24));

		expect(kept.filter((block) => blocks.includes(block)).length).toBeLessThanOrEqual(2);
	});
});
