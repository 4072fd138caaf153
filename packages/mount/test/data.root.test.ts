import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeAsRoot, slowness } from "@devhost/tools/testing";
import { afterAll, beforeAll, test } from "vitest";
import { hasFileSystem, Machine, megabyte, noise } from "./machine.ts";

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
			const { root } = machine;
			let before: Uint8Array | undefined;
			for (let round = 0; round <= rounds; round++) {
				await using _ = await machine.mount({ type, image });
				const file = join(root, "content");
				const isSame =
					before === undefined || Buffer.compare(readFileSync(file), before) === 0;
				expect(isSame, `${type} after round ${round}`).toBe(true);
				before = noise(megabyte / 8 + round);
				writeFileSync(file, before);
			}
		},
	);
});
