/**
 * A file system of a device, mounted in a directory.
 *
 * @packageDocumentation
 */
export { linuxMounts } from "./linux-mounts.ts";
export {
	mountFileSystem,
	type MountedFileSystem,
	type MountFileSystemOptions,
} from "./mount-file-system.ts";
export type { MountManifestOptions } from "./generated/mount-manifest-options.ts";
export type { KernelMessages, Lent, MountSys, Probed, SourceDevice } from "./mount-sys.ts";
export { mounts } from "./mount.ts";
export { type MountOptions, parseMountOptions } from "./options.ts";
export { type KernelType, kernelTypes, type MountType, mountTypes } from "./types.ts";
