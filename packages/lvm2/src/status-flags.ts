/**
 * The flags that this package knows: what stands in `status`, where lvm2 takes nothing to do with a volume group of which
 * it does not know a flag. Those in `flags` may be unknown, by the same rule.
 *
 * @packageDocumentation
 *
 * Source: lvm2, lib/format_text/flags.c.
 */

/** Of a volume group. */
export const volumeGroupFlags: ReadonlySet<string> = new Set([
	"EXPORTED",
	"RESIZEABLE",
	"PVMOVE",
	"READ",
	"WRITE",
	"CLUSTERED",
	"SHARED",
	"PARTIAL", // only in backups
]);

/** Of a physical volume. */
export const physicalVolumeFlags: ReadonlySet<string> = new Set([
	"ALLOCATABLE",
	"EXPORTED",
	"MISSING",
]);

/** Flags of a logical volume that are written behind a segment's type too, after a `+`. */
export const segmentTypeFlags: ReadonlySet<string> = new Set([
	"RESHAPE",
	"RESHAPE_DATA_OFFSET",
	"RESHAPE_DELTA_DISKS_PLUS",
	"RESHAPE_DELTA_DISKS_MINUS",
	"REMOVE_AFTER_RESHAPE",
	"METADATA_FORMAT",
	"CROP_METADATA",
	"CACHE_USES_CACHEVOL",
]);

/** Of a logical volume. */
export const logicalVolumeFlags: ReadonlySet<string> = new Set([
	"READ",
	"WRITE",
	"FIXED_MINOR",
	"VISIBLE",
	"PVMOVE",
	"LOCKED",
	"NOTSYNCED",
	"REBUILD",
	"WRITEMOSTLY",
	"CACHE_VOL", // for a short time here, since then among `flags`
	...segmentTypeFlags,
]);
