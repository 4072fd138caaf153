import { DeviceMapper, ioctl, isSysError } from "@devhost/linux";

/**
 * Has the kernel load the module of a device-mapper target. The lvm tools run modprobe for that, which knows of the modules
 * of this file system only, and not of a guest kernel's.
 *
 * @param name - `thin-pool`, of the module dm-thin-pool. Nothing happens where there is none.
 *
 * Source: drivers/md/dm-ioctl.c, `get_target_version`; Linux 5.4.
 */
export function loadTarget(name: string): void {
	using mapper = DeviceMapper.open();
	const argument = new Uint8Array(requestBytes);
	const view = new DataView(argument.buffer);
	view.setUint32(0, 4, true); // the interface's version, 4.0.0
	view.setUint32(12, argument.length, true);
	view.setUint32(16, headerBytes, true);
	argument.set(Buffer.from(name), nameOffset);
	try {
		ioctl(mapper.control, {
			request: DM_GET_TARGET_VERSION,
			name: "DM_GET_TARGET_VERSION",
			argument,
		});
	} catch (error) {
		if (!isSysError(error)) throw error; // who needs it will say so
	}
}

// Source: linux/dm-ioctl.h.
const DM_GET_TARGET_VERSION = 0xc138fd11;
const headerBytes = 312;
const nameOffset = 48;
const requestBytes = 1024;
