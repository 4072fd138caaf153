import { constants } from "node:fs";
import { test } from "vitest";
import { detachedMount, ioctl, mknodat, openat2 } from "../src/index.ts";

/** Source: linux/dm-ioctl.h: `DM_VERSION`, and the size and first fields of `struct dm_ioctl`. */
const DM_VERSION = 0xc138fd00;
const structBytes = 312;

test("a guest has device-mapper, loaded when its control node is opened", ({ expect }) => {
	using place = detachedMount("tmpfs", { mode: "0700" });
	mknodat(place, "control", "char", { major: 10, minor: 236 }, 0o600);
	using control = openat2(place, "control", { flags: constants.O_RDWR });
	const argument = new Uint8Array(structBytes);
	const view = new DataView(argument.buffer);
	view.setUint32(0, 4, true);
	view.setUint32(12, structBytes, true);

	ioctl(control, { request: DM_VERSION, name: "DM_VERSION", argument });

	expect(view.getUint32(0, true)).toBe(4);
});
