import type { DeviceNumber } from "@devhost/linux";

/** A block device of this machine that carries the tag of a devhost run. */
export interface TaggedDevice {
	/** The run's id. */
	readonly run: string;
	/** The device's name in the manifest; the beginning of it, where a tag had no room for more. */
	readonly device: string;
	/** Which kind of tag: `lo_file_name` of a loop device, name or uuid of a device-mapper device. */
	readonly kind: "loop" | "mapping";
	/** The kernel's name: `loop3`, `dm-1`. */
	readonly name: string;
	readonly node: DeviceNumber;
	readonly sizeBytes: number;
	/** Distinguishes it from all others of its name, before and after; undefined before Linux 5.15. */
	readonly diskSequence: string | undefined;
	/** Whether it goes by itself with its last descriptor; undefined where this user may not know. */
	readonly isArmed: boolean | undefined;
	/** How often it is open, where the kernel tells. */
	readonly openCount: number | undefined;
	/** Of a mapping: what device-mapper calls it. */
	readonly mapping?: { readonly name: string; readonly uuid: string };
}

/** What was found, and what could not be looked at. */
export interface TaggedDevices {
	readonly devices: readonly TaggedDevice[];
	/** A sentence for each kind of thing that this user may not see. */
	readonly unseen: readonly string[];
}
