import { join } from "node:path";
import { mknodat, detachedMount } from "@devhost/linux";
import { deviceUses, useDevice } from "@devhost/tools/testing";
import { afterAll, describe, test } from "vitest";
import { type DeviceBusy, isDeviceError } from "../../src/error.ts";
import { openTable } from "../../src/mapping/index.ts";
import { failureOf, linear, Machine, newName } from "./machine.ts";

const machine = new Machine();
afterAll(() => machine[Symbol.dispose]());

describe("a mapping that is in use by", () => {
	test.for(deviceUses)(
		"%s names it, stays for it, and goes after it",
		async (use, { expect }) => {
			const { devices, mapper, sys } = machine;
			using disk = await machine.newDisk();
			const name = newName();
			const table = linear(disk.node);
			const mapping = await openTable(sys, {
				...machine.requestOf(name),
				table,
				closeTimeoutMs: 200,
			});
			// The device directory's goes when closing begins.
			using spare = detachedMount("tmpfs");
			mknodat(spare, mapping.path, "block", mapping.node, 0o600);
			const pathIn = ({ fd }: { readonly fd: number }): string =>
				`/proc/${process.pid}/fd/${fd}/${mapping.path}`;
			const user = await useDevice(use, {
				path: pathIn(devices),
				sparePath: pathIn(spare),
				mountPoint: join(machine.folder, "mounted"),
				name: mapping.path,
			});

			const error = await failureOf(mapping[Symbol.asyncDispose]());
			const isArmed = mapper.status({ name: mapping.name })?.isArmed;
			await user.letGo();

			expect(isDeviceError(error, "ERR_DEVICE_BUSY")).toBe(true);
			const { holders, message } = error as DeviceBusy;
			expect(holders).toHaveLength(1);
			expect(message).toMatch(
				new RegExp(`^${name}: ${mapping.name}: still in use by ${user.named}$`),
			);
			expect(isArmed).toBe(true);
			expect(await machine.leftOf(name)).toEqual([]);
		},
	);
});
