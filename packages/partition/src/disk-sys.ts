import type { Handle } from "@devhost/core";
import type { MappingSys } from "@devhost/core/mapping";
import type { PartitionSource, PartitionSys } from "@devhost/core/partition";
import type { DeviceNumber, FdLike } from "@devhost/linux";

/** The machine, as far as the driver needs it. Tests pass one that fails. */
export interface DiskSys {
	/** Partitions of loop devices. */
	readonly partitions: PartitionSys;
	/** Device-mapper, for those of other devices. */
	loadMappings(): Promise<MappingSys>;
	/** Opens a node of the device directory for reading. */
	openNode(devices: FdLike, path: string): Handle;
	/** What a descriptor is a node of; undefined: no block device. */
	nodeOf(device: Handle): DeviceNumber | undefined;
	/** What a device holds, from which its partition table is read. */
	content(device: Handle): FdLike | PartitionSource;
}
