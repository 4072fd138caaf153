import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { DeviceMapper } from "@devhost/linux";
import { describeAsRoot, deviceUses, slowness, useDevice } from "@devhost/tools/testing";
import { afterEach, beforeEach, test } from "vitest";
import { attachLoop } from "../src/attach-loop.ts";
import { Folder, until } from "./machine.ts";

let folder: Folder;

beforeEach(() => {
	folder = new Folder();
});
afterEach(() => folder[Symbol.dispose]());

/** Looking loads the kernel's module. */
function hasMapper(): boolean {
	try {
		using _ = DeviceMapper.open();
		return true;
	} catch {
		return false;
	}
}

describeAsRoot("closing names", () => {
	test.for(deviceUses)(
		"%s, and the device goes after it",
		{ timeout: 20_000 * slowness },
		async (use, { expect, skip }) => {
			skip(use === "another mapping" && !hasMapper(), "impossible here: no device-mapper");
			const file = folder.file("disk.img", 1 << 20);
			const loop = await attachLoop({ file, closeTimeoutMs: 100 });
			const { name, path } = loop;
			const mountPoint = join(folder.path, "mount point");
			const user = await useDevice(use, { name, path, sparePath: path, mountPoint });

			const error: unknown = await loop.close().catch((cause: unknown) => cause);
			const boundBefore = folder.boundLoops();
			await user.letGo();

			expect(error).toMatchObject({
				code: "ERR_DEVICE_BUSY",
				// Others' namespaces begin with our mounts.
				message: expect.stringMatching(
					new RegExp(`^${file}: ${name}: still in use by (.*, )?${user.named}`),
				),
			});
			expect(boundBefore).toContain(name);
			expect(await until(() => folder.boundLoops().length === 0, 1000)).toBe(true);
			if (use.startsWith("a mount"))
				execFileSync("e2fsck", ["-fn", file], { stdio: "ignore" });
		},
	);
});
