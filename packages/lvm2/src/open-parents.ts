import { DeviceError, type OpenContext } from "@devhost/core";
import { type DeviceNumber, isSysError } from "@devhost/linux";
import type { Source } from "./source.ts";
import type { Handle, VolumeSys } from "./volume-sys.ts";

/** A device that should be a physical volume, open for reading. */
export interface OpenParent extends Source, Disposable {
	readonly node: DeviceNumber;
}

/**
 * Opens the parents of a volume, or a partition of each.
 *
 * @param partition - Its number; undefined: the parents themselves.
 * @throws {@link DeviceError} `ERR_DEVICE_PARENT` there is no node of the partition; `ERR_DEVICE_NOT_OURS` the node of a
 * parent is one of another device.
 */
export function openParents(
	sys: VolumeSys,
	{ devices, parents }: Pick<OpenContext, "devices" | "parents">,
	partition: number | undefined,
): OpenParent[] {
	using acquired = new DisposableStack();
	const opened = parents.map(({ path, node }): OpenParent => {
		const isPartition = partition !== undefined;
		const name = isPartition ? `${path}p${partition}` : path;
		let device: Handle;
		try {
			device = acquired.use(sys.openNode(devices, name));
		} catch (error) {
			if (!isPartition || !isSysError(error, "ENOENT")) throw error;
			throw noPartition(path, partition, error);
		}
		const found = sys.nodeOf(device);
		const isSame = found?.major === node.major && found.minor === node.minor;
		if (found === undefined || isSame === isPartition) {
			throw new DeviceError(
				"ERR_DEVICE_NOT_OURS",
				`${name}: its node is not one of the device that was opened`,
			);
		}
		const { sizeBytes, read } = sys.sourceOf(device, name);
		return {
			name,
			sizeBytes,
			read,
			node: found,
			[Symbol.dispose]: () => device[Symbol.dispose](),
		};
	});
	acquired.move();
	return opened;
}

function noPartition(parent: string, partition: number, cause: Error): DeviceError {
	return new DeviceError(
		"ERR_DEVICE_PARENT",
		`vg_partnum: ${parent} has no node for its partition ${partition}. Set partscan on the loopback device, or leave ` +
			"vg_partnum out and have a devhost.partition as the parent",
		{ pointer: "/vg_partnum", cause },
	);
}
