import { DeviceError, type DeviceErrorCode } from "@devhost/core";
import { isSysError, type SysError } from "@devhost/linux";
import type { LoopConfig } from "./loop.ts";

/**
 * Whether an error of a step of binding means "somebody else has this device now, try another one".
 *
 * Source: drivers/block/loop.c of Linux 6.18, block/bdev.c; osbuild#177 for `EBUSY` and `EAGAIN`.
 */
export function isTaken(error: unknown): error is SysError {
	return isSysError(error) && (takenBy[error.syscall]?.includes(error.code) ?? false);
}

const takenBy: Readonly<Record<string, readonly string[]>> = {
	openat2: [
		"ENXIO", // it is being unbound (Lo_rundown) or removed; 2 of 720 opens with 12 processes at once
		"ENODEV", // it was removed by LOOP_CTL_REMOVE
		"EBUSY", // somebody opened it exclusively
		"EAGAIN",
		"EWOULDBLOCK", // EAGAIN's other name, which Node's table has too
	],
	LOOP_CONFIGURE: [
		"EBUSY", // bound by somebody else, or pages of its former file are still cached
		"ENXIO", // it is being removed
		"ENODEV",
		"EAGAIN", // the former file's pages cannot be dropped yet; before Linux 5.13 for a change of sector size
		"EWOULDBLOCK",
	],
	LOOP_SET_STATUS64: ["ENXIO"], // somebody unbound it behind our back
	LOOP_GET_STATUS64: ["ENXIO"],
};

/** What somebody is told when `loop-control` cannot be opened or has no device to give. */
export function controlError(error: unknown, filename: string): unknown {
	if (!isSysError(error)) return error;
	const why = `${filename}: ${error.path ?? "/dev/loop-control"}: ${error.code}`;
	const fail = (code: DeviceErrorCode, what: string) =>
		new DeviceError(code, `${why}, ${what}`, { cause: error });
	switch (error.code) {
		case "EACCES":
		case "EPERM":
			return fail("ERR_DEVICE_PERMISSION", `loop devices need root. ${howToGetRoot}`);
		case "ENOSPC":
		case "ENOMEM":
		case "EEXIST":
			return fail("ERR_DEVICE_NO_FREE", `there is no further loop device. ${howToGetFree}`);
		case "EMFILE":
		case "ENFILE":
			return fail("ERR_DEVICE_SYSTEM", tooManyFiles);
		case "ENOENT":
		case "ENOTDIR":
		case "ENXIO":
		case "ENODEV":
		case "ENOTTY":
		case "EINVAL":
			return fail(
				"ERR_DEVICE_UNSUPPORTED",
				`there are no loop devices here. ${howToGetLoops}`,
			);
		default:
			return fail("ERR_DEVICE_SYSTEM", "no loop device can be asked for");
	}
}

/** What somebody is told when a device was found and could not be opened or bound. */
export function bindError(
	error: unknown,
	name: string,
	filename: string,
	config: LoopConfig,
): unknown {
	if (!isSysError(error)) return error;
	const fail = (code: DeviceErrorCode, what: string) =>
		new DeviceError(code, `${filename}: ${name}: ${what} (${error.syscall}: ${error.code})`, {
			cause: error,
		});
	switch (error.code) {
		case "EACCES":
		case "EPERM":
			return fail(
				"ERR_DEVICE_PERMISSION",
				error.syscall === "LOOP_CONFIGURE"
					? `the kernel does not let us bind it. ${howToGetRoot}`
					: `no device node can be made or opened here. ${howToGetRoot}. ` +
							"A device directory must not be on a file system mounted nodev",
			);
		case "EINVAL":
		case "ENOTTY":
			if (error.syscall !== "LOOP_CONFIGURE") break;
			return fail(
				"ERR_DEVICE_UNSUPPORTED",
				`the kernel refuses to bind it with sectors of ${config.sectorBytes} bytes. ` +
					"Linux 5.8 or newer is needed; sectors not larger than a page, nor smaller than those of a disk beneath",
			);
		case "EMFILE":
		case "ENFILE":
			return fail("ERR_DEVICE_SYSTEM", tooManyFiles);
		case "EFBIG":
		case "EOVERFLOW":
			return fail("ERR_DEVICE_OUT_OF_RANGE", "the range is more than the kernel can address");
	}
	return fail("ERR_DEVICE_SYSTEM", "could not be bound");
}

/** All attempts failed. */
export function noFreeLoop(filename: string, refusals: readonly Refusal[]): DeviceError {
	const last = refusals.slice(-3).map(({ number, why }) => `loop${number} ${why}`);
	return new DeviceError(
		"ERR_DEVICE_NO_FREE",
		`${filename}: no loop device could be had in ${refusals.length} attempts (at last: ${last.join(", ")}). ` +
			howToGetFree,
	);
}

/** A device that somebody else was quicker to take, or whose node somebody has locked. */
export interface Refusal {
	/** Of `loopN`. */
	readonly number: number;
	/** Name of the error, or `locked`. */
	readonly why: string;
}

const tooManyFiles = "too many open files. Raise the limit: ulimit -n";
const howToGetRoot = "Run as root; a container also needs --privileged";
const howToGetFree = "losetup --list shows the loop devices in use, losetup --detach frees one";
const howToGetLoops =
	"Load the kernel's module (modprobe loop); give a container /dev/loop-control";
