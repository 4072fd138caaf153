import type { BlockPartition, DeviceNumber } from "@devhost/linux";
import type { BlockFacts } from "../block-device.ts";
import { busyMessage, DeviceBusy, DeviceError } from "../error.ts";
import type { KernelPartition, PartitionSys } from "./kernel-sys.ts";

/** What somebody is told whose disk is none. */
export function noDisk(subject: string, { major, minor }: DeviceNumber): DeviceError {
	return new DeviceError(
		"ERR_DEVICE_NOT_OURS",
		`${subject}: sysfs knows no whole disk ${major}:${minor}`,
	);
}

/** What somebody is told who wants to write to a partition of a disk that can only be read. */
export function readOnlyDisk(subject: string): DeviceError {
	return new DeviceError(
		"ERR_DEVICE_READ_ONLY_FILE",
		`${subject}: the disk can only be read; set read-only: true, or have it be written`,
		{ pointer: "/read-only" },
	);
}

/** What somebody is told whose partition the kernel cannot show. */
export function impossible(
	subject: string,
	{ number, startBytes, sizeBytes }: BlockPartition,
	disk: Pick<BlockFacts, "sizeBytes" | "sectorBytes"> & { readonly maxNumber?: number },
): DeviceError {
	const which = `${subject}: partition ${number}, ${sizeBytes} bytes from byte ${startBytes} on,`;
	const { sectorBytes } = disk;
	if (number > 255 && disk.maxNumber !== Infinity) {
		return new DeviceError(
			"ERR_DEVICE_UNSUPPORTED",
			`${which} cannot be shown: the kernel has numbers up to 255`,
		);
	}
	if (startBytes % sectorBytes !== 0 || sizeBytes % sectorBytes !== 0) {
		return new DeviceError(
			"ERR_DEVICE_UNALIGNED",
			`${which} is not whole sectors of the disk, which have ${sectorBytes} bytes. ` +
				"The table was made for other ones: set sector-size of the loopback device",
		);
	}
	return new DeviceError(
		"ERR_DEVICE_OUT_OF_RANGE",
		sizeBytes > 0
			? `${which} leaves the disk, which has ${disk.sizeBytes} bytes`
			: `${which} is empty`,
	);
}

/** What somebody is told whose partition could not be held until the deadline. */
export async function notHeld(
	sys: PartitionSys,
	{
		subject,
		wanted,
		inTheWay,
	}: {
		readonly subject: string;
		readonly wanted: BlockPartition & { readonly disk: string };
		readonly inTheWay: KernelPartition | undefined;
	},
): Promise<DeviceError> {
	const name = `${wanted.disk}p${wanted.number}`;
	if (inTheWay === undefined) {
		return new DeviceBusy(
			`${subject}: ${name} was removed each time before it could be opened: ` +
				"somebody has the kernel look for partitions of the disk",
			[],
		);
	}
	const holders = await sys.holders(inTheWay.node);
	const { number, startBytes, sizeBytes } = inTheWay;
	const isSame =
		number === wanted.number &&
		startBytes === wanted.startBytes &&
		sizeBytes === wanted.sizeBytes;
	const what = isSame
		? `${name} is open in another way, to be written or for reading only`
		: `${wanted.disk}p${number}, ${sizeBytes} bytes from byte ${startBytes} on, is in the way of ${name}`;
	return new DeviceBusy(busyMessage(`${subject}: ${what}`, holders), holders, {
		details: { node: inTheWay.node },
	});
}
