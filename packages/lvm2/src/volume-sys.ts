import type { MappingSys } from "@devhost/core/mapping";
import type { DeviceNumber, FdLike } from "@devhost/linux";
import type { Source } from "./source.ts";

/** A descriptor that is open until it is disposed. `Fd` of `@devhost/linux` is one. */
export interface Handle extends Disposable {
	/** The number, lent. */
	readonly fd: number;
}

/** A directory of the lvm tools' own, with their settings, their locks and nodes of the devices that they may know. */
export interface SystemDirectory extends Disposable {
	/** For `LVM_SYSTEM_DIR`. */
	readonly path: string;
	/** Of the devices' nodes, in their order. */
	readonly devicePaths: readonly string[];
}

/** The machine, as far as the driver needs it beside device-mapper. Tests pass one that fails. */
export interface VolumeSys {
	readonly mappings: MappingSys;
	/** Starts what the first volume would wait for. */
	prepare(): void;
	/** Opens a node of the device directory for reading. `ENOENT`: there is none of that name. */
	openNode(devices: FdLike, path: string): Handle;
	/** What a descriptor is a node of; undefined: no block device. */
	nodeOf(device: Handle): DeviceNumber | undefined;
	/** What a device holds. */
	sourceOf(device: Handle, name: string): Source;
	/**
	 * The path of the lvm tools.
	 *
	 * @throws {@link DeviceError} `ERR_DEVICE_TOOL` they are not there.
	 */
	findLvm(subject: string): string;
	/** Makes a directory that no other process finds by chance. It goes with this process. */
	makeSystemDirectory(devices: readonly DeviceNumber[]): SystemDirectory;
	/** The devices that a device lies on itself. */
	devicesBeneath(node: DeviceNumber): readonly DeviceNumber[];
	/**
	 * Has the kernel load the module of a device-mapper target, if there is one: `thin-pool`, of dm-thin-pool. The lvm tools
	 * run modprobe for that, which knows of the modules of this file system only, and not of a guest kernel's.
	 */
	loadTarget(name: string): Promise<void>;
	/** Takes the machine-wide lock of those who have the lvm tools make mappings. Undefined: another process has it. */
	lockTools(): Disposable | undefined;
}
