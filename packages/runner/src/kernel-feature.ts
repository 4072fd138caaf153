import { constants, readFileSync } from "node:fs";
import { detachedMount, type Fd, ioctl, isSysError, openat2 } from "@devhost/linux";
import type { KernelFeature } from "./modules.ts";
import type { RunNamespace } from "./namespace.ts";

/**
 * Why this kernel does not offer a feature to this user; undefined when it does. Found by trying, which also has the kernel
 * load the module.
 */
export function missingFeature(
	feature: KernelFeature,
	{ devices }: Pick<RunNamespace, "devices">,
): string | undefined {
	const { control, what, ask } = probes[feature];
	try {
		using node = openat2(devices, control, { flags: constants.O_RDWR });
		ask?.(node);
		return undefined;
	} catch (error) {
		if (!isSysError(error)) throw error;
		const isForbidden = error.code === "EPERM" || error.code === "EACCES";
		return isForbidden
			? `this container may not use ${what} (${error.code})`
			: `this kernel has no ${what} (${error.code})`;
	}
}

/**
 * Why this kernel does not mount a type of file system; undefined when it does. Found by trying, which also has the kernel
 * load the module.
 *
 * @param type - As in /proc/filesystems: `vfat`.
 */
export function missingFileSystem(type: string): string | undefined {
	const known = readFileSync("/proc/filesystems", "utf8").split("\n");
	if (known.some((line) => line.split("\t")[1] === type)) return undefined;
	try {
		detachedMount(type).close();
		return undefined;
	} catch (error) {
		if (!isSysError(error)) throw error;
		// Anything else is the file system's complaint that there is no device.
		return error.code === "ENODEV" ? `this kernel has no file system ${type}` : undefined;
	}
}

/** How a feature is tried. */
interface FeatureProbe {
	/** The node in the run's device directory by which it is controlled. */
	readonly control: string;
	readonly what: string;
	/** Asks for something that changes nothing, where everybody may open the node but not everybody may use it. */
	readonly ask?: (control: Fd) => void;
}

const probes: Readonly<Record<KernelFeature, FeatureProbe>> = {
	loop: { control: "loop-control", what: "loop devices" },
	"device-mapper": { control: "mapper/control", what: "device-mapper", ask: askForVersion },
};

/**
 * Shape: `struct dm_ioctl`, 312 bytes, which begin with `u32 version[3], data_size`; the request is
 * `_IOWR(0xfd, 0, struct dm_ioctl)`.
 *
 * Source: linux/dm-ioctl.h. Not by `DeviceMapper`, which is more than a run that needs none should load.
 */
function askForVersion(control: Fd): void {
	const argument = new Uint8Array(312);
	const header = new DataView(argument.buffer);
	header.setUint32(0, 4, true);
	header.setUint32(12, argument.length, true);
	ioctl(control, { request: 0xc138fd00, name: "DM_VERSION", argument });
}
