import { slowness } from "@devhost/tools/testing";
import { afterAll, beforeAll, test } from "vitest";
import { wrongRounds } from "./data-rounds.ts";
import { Machine, megabyte } from "./machine.ts";

const rounds = 100;
let machine: Machine;

beforeAll(() => {
	machine = new Machine();
});
afterAll(() => machine[Symbol.asyncDispose]());

test.for([
	["vfat", "mkfs.vfat", 16],
	["f2fs", "mkfs.f2fs -q", 64],
] as const)(
	`what was written to %s is there when it is mounted again, ${rounds} times`,
	{ timeout: 60_000 * slowness },
	async ([type, mkfs, sizeMegabytes], { expect }) => {
		const image = machine.image(`${type}.img`, sizeMegabytes * megabyte, mkfs);

		expect(await wrongRounds(machine, { type, image }, rounds)).toEqual([]);
	},
);
