import {
	MOUNT_ATTR_NODEV,
	MOUNT_ATTR_NOEXEC,
	MOUNT_ATTR_NOSUID,
	MOUNT_ATTR_RDONLY,
} from "@devhost/linux";
import type { MountOptions } from "./options.ts";
import type { KernelType } from "./types.ts";

/** Options of a file system, as its manual has them; true for those without a value. */
export type KernelOptions = Readonly<Record<string, string | true>>;

/** Types that nothing can be written to. */
const readOnlyTypes: readonly KernelType[] = ["erofs", "squashfs", "iso9660"];

/** Whether a mount of a type is read-only with these options. */
export function isReadOnly(type: KernelType, { readOnly }: MountOptions): boolean {
	return readOnly || readOnlyTypes.includes(type);
}

/**
 * What a type is told.
 *
 * `ro` alone still writes: a journal is replayed, and XFS writes to its log (osbuild#1842). Source: ext4(5), xfs(5), btrfs(5),
 * Documentation/filesystems/f2fs.rst, vfat.rst.
 *
 * @param device - Whether nothing can be written to the source either.
 */
export function kernelOptions(
	type: KernelType,
	options: MountOptions,
	device: { readonly path: string; readonly readOnly: boolean },
): KernelOptions {
	const { norecovery, nouuid, subvol, compress, uid, gid, umask, shortname } = options;
	const readOnly = isReadOnly(type, options);
	// XFS says of a device that is read-only itself whether its log is clean: only if it may look.
	const unrecovered = norecovery || (readOnly && !(type === "xfs" && device.readOnly));
	return {
		source: device.path,
		...(readOnly && { ro: true }),
		...(unrecovered && withoutRecovery[type]),
		...(nouuid && { nouuid: true }),
		...(subvol !== undefined && { subvol }),
		...(compress !== undefined && { compress }),
		...(uid !== undefined && { uid: String(uid) }),
		...(gid !== undefined && { gid: String(gid) }),
		...(umask !== undefined && { umask }),
		...(shortname !== undefined && { shortname }),
	};
}

const withoutRecovery: Readonly<Partial<Record<KernelType, KernelOptions>>> = {
	ext4: { noload: true },
	xfs: { norecovery: true },
	btrfs: { rescue: "nologreplay" },
	f2fs: { norecovery: true },
};

/** The attributes of a mount: what an image says of itself is not believed unless asked. */
export function mountAttributes(options: MountOptions, readOnly: boolean): number {
	return (
		(options.suid ? 0 : MOUNT_ATTR_NOSUID) |
		(options.dev ? 0 : MOUNT_ATTR_NODEV) |
		(options.exec ? 0 : MOUNT_ATTR_NOEXEC) |
		(readOnly ? MOUNT_ATTR_RDONLY : 0)
	);
}
