/** A physical volume as its volume group has it. */
export interface Member {
	/** The name that segments use: `pv0`. */
	readonly key: string;
	readonly uuid: string;
	/** Where its first extent begins, in sectors of 512 bytes. */
	readonly firstExtentSectors: number;
	readonly extentCount: number;
	/** Where it was when somebody looked last: `/dev/sda2`. */
	readonly deviceHint: string | undefined;
	/** Whether lvm2 has found it missing, and takes it for outdated until `vgextend --restoremissing`. */
	readonly isMarkedMissing: boolean;
}

/** A range of extents that a segment lies on: of a physical volume, or of another logical volume. */
export interface SegmentArea {
	readonly member: Member | undefined;
	/** Name of the logical volume where it is no physical one. */
	readonly volume: string | undefined;
	readonly startExtent: number;
}

/** A range of a logical volume that is made in one way. */
export interface Segment {
	/** First extent in the volume. */
	readonly startExtent: number;
	readonly extentCount: number;
	/** `striped` (with one area this is what people call linear), `thin`, `raid1`, … */
	readonly type: string;
	/** What stands behind the type. */
	readonly flags: readonly string[];
	/** Of type `striped` only; empty for others. */
	readonly areas: readonly SegmentArea[];
	/** Sectors of 512 bytes of a stripe; 0 with one area. */
	readonly stripeSectors: number;
}

/** A logical volume. */
export interface LogicalVolume {
	readonly name: string;
	readonly uuid: string;
	/** `status` and `flags`. */
	readonly flags: ReadonlySet<string>;
	/** Those of `status` and of segments that nobody here knows. */
	readonly unknownFlags: readonly string[];
	/** Not part of another volume, nor what only says that one is another one's snapshot. */
	readonly isVisible: boolean;
	readonly isWritable: boolean;
	readonly extentCount: number;
	/** Without gaps, in order. */
	readonly segments: readonly Segment[];
	/** Names of logical volumes that lie on this one: of an origin, its snapshots'. */
	readonly usedBy: ReadonlySet<string>;
}

/** A volume group, as the text in a metadata area has it. */
export interface VolumeGroup {
	readonly name: string;
	readonly uuid: string;
	/** Of its changes: the highest is the newest. */
	readonly sequence: number;
	/** Sectors of 512 bytes. */
	readonly extentSectors: number;
	/** `status` and `flags`. */
	readonly flags: ReadonlySet<string>;
	/** The machine that it belongs to; undefined: to none. */
	readonly systemId: string | undefined;
	/** `sanlock` or `dlm`: shared by machines that lock it; undefined: it is not. */
	readonly lockType: string | undefined;
	readonly isWritable: boolean;
	readonly members: readonly Member[];
	readonly volumes: ReadonlyMap<string, LogicalVolume>;
}
