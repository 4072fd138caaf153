/**
 * LVM2's physical volumes and volume groups, read without LVM, and a logical volume as a block device.
 *
 * @packageDocumentation
 */
export { linuxVolume } from "./linux-volume.ts";
export { logicalVolume } from "./logical-volume.ts";
export type { DiskArea, PhysicalVolumeLabel } from "./label.ts";
export { parseVolumeOptions, type VolumeOptions } from "./options.ts";
export {
	type MetadataArea,
	type PhysicalVolume,
	readPhysicalVolume,
} from "./read-physical-volume.ts";
export { type FoundGroup, type FoundGroups, readVolumeGroups } from "./read-volume-groups.ts";
export { type Source, sourceOf } from "./source.ts";
export type { LogicalVolume, Member, Segment, SegmentArea, VolumeGroup } from "./volume-group.ts";
export type { Handle, SystemDirectory, VolumeSys } from "./volume-sys.ts";
