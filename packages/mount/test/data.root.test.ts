import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeAsRoot, slowness } from "@devhost/tools/testing";
import { afterAll, beforeAll, test } from "vitest";
import { wrongRounds } from "./data-rounds.ts";
import { hasFileSystem, Machine, megabyte } from "./machine.ts";

const rounds = 100;
let machine: Machine;

describeAsRoot("data", () => {
	beforeAll(() => {
		machine = new Machine();
	});
	afterAll(() => machine[Symbol.asyncDispose]());

	test.for([
		["ext4", "mkfs.ext4 -q", 16],
		["xfs", "mkfs.xfs -q", 300],
		["btrfs", "mkfs.btrfs -q", 120],
	] as const)(
		`what was written to %s is there when it is mounted again, ${rounds} times`,
		{ timeout: 60_000 * slowness },
		async ([type, mkfs, sizeMegabytes], { expect, skip }) => {
			skip(!hasFileSystem(type), `impossible here: the kernel has no ${type}`);
			const image = machine.image(`${type}.img`, sizeMegabytes * megabyte, mkfs);

			expect(await wrongRounds(machine, { type, image }, rounds)).toEqual([]);
		},
	);

	test(
		"eight at once do not get in each other's way",
		{ timeout: 30_000 * slowness },
		async ({ expect }) => {
			machine.image("base.img", 16 * megabyte, "mkfs.ext4 -q");
			const { root } = machine;
			const work = async (index: number): Promise<void> => {
				const image = machine.copy("base.img", `disk${index}.img`);
				const target = `/at-once/${index}`;
				for (let round = 0; round < 10; round++) {
					await using _ = await machine.mount({ type: "ext4", image, target });
					const file = join(root, target, "rounds");
					const before = round === 0 ? "" : readFileSync(file, "utf8");
					expect(before).toBe(`disk${index} `.repeat(round));
					writeFileSync(file, `${before}disk${index} `);
				}
			};
			await Promise.all(Array.from({ length: 8 }, (_, index) => work(index)));

			expect(await machine.mounted()).toEqual([]);
			expect(machine.loops()).toEqual([]);
		},
	);
});
