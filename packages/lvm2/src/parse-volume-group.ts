import { type ConfigEntry, type ConfigSection, parseConfigText } from "./config-text.ts";
import { metadataError } from "./metadata-error.ts";
import { SectionReader } from "./section-reader.ts";
import {
	logicalVolumeFlags,
	physicalVolumeFlags,
	segmentTypeFlags,
	volumeGroupFlags,
} from "./status-flags.ts";
import { formatUuid } from "./uuid.ts";
import type { LogicalVolume, Member, Segment, SegmentArea, VolumeGroup } from "./volume-group.ts";

/**
 * Reads the text of a volume group.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_METADATA` it contradicts itself, or lacks something; `ERR_DEVICE_VERSION` it is
 * of another format; `ERR_DEVICE_REQUIREMENT` the group or a physical volume has a flag that nobody here knows.
 *
 * Source: lvm2, lib/format_text/import_vsn1.c.
 */
export function parseVolumeGroup(text: string): VolumeGroup {
	const root = parseConfigText(text);
	checkFormat(root);
	const groups = [...root].filter(([, { value }]) => value instanceof Map);
	const [found, second] = groups;
	const reader = new SectionReader(text);
	if (found === undefined) {
		throw metadataError("ERR_DEVICE_METADATA", "there is no volume group in the text");
	}
	if (second !== undefined) throw reader.wrong(second[1], "a second volume group");
	return new GroupParser(reader, found).parse();
}

function checkFormat(root: ConfigSection): void {
	const contents = root.get("contents")?.value;
	const version = root.get("version")?.value;
	if (contents === CONTENTS_VALUE && version === FORMAT_VERSION_VALUE) return;
	const shown = (value: unknown): string =>
		typeof value === "string" || typeof value === "number" ? JSON.stringify(value) : "nothing";
	throw metadataError(
		"ERR_DEVICE_VERSION",
		`its text is ${shown(contents)} of version ${shown(version)}; ` +
			`this reads ${shown(CONTENTS_VALUE)} of version ${FORMAT_VERSION_VALUE}`,
	);
}

class GroupParser {
	readonly #reader: SectionReader;
	readonly #entry: ConfigEntry;
	readonly #section: ConfigSection;
	readonly #name: string;
	/** By the name that segments use. */
	readonly #members = new Map<string, Member>();
	/** Logical volumes that are snapshots. */
	readonly #stores = new Set<string>();
	/** Logical volume → those that lie on it. */
	readonly #users = new Map<string, Set<string>>();

	constructor(reader: SectionReader, [name, entry]: readonly [string, ConfigEntry]) {
		this.#reader = reader;
		this.#entry = entry;
		this.#section = reader.section(entry, name);
		this.#name = this.#checkedName(name, entry);
	}

	parse(): VolumeGroup {
		const reader = this.#reader;
		const section = this.#section;
		const at = this.#entry;
		const format = reader.optionalString(section, "format", at);
		if (format !== undefined && format !== FORMAT_NAME) {
			throw metadataError(
				"ERR_DEVICE_VERSION",
				`volume group ${this.#name} is of the unknown format ${JSON.stringify(format)}`,
			);
		}
		const flags = this.#knownFlags(section, at, volumeGroupFlags, `volume group ${this.#name}`);
		const extentSectors = reader.integer(section, "extent_size", at);
		if (extentSectors === 0) throw reader.wrong(at, "extents of no size");
		const lockType = reader.optionalString(section, "lock_type", at);

		const members = reader.optionalSection(section, "physical_volumes");
		for (const [key, entry] of members) this.#members.set(key, this.#member(key, entry));
		this.#checkMembers();

		const volumeSections = reader.optionalSection(section, "logical_volumes");
		const volumes = new Map<string, LogicalVolume>();
		for (const [name, entry] of volumeSections) {
			volumes.set(name, this.#volume(name, entry, volumeSections));
		}
		for (const [name, usedBy] of this.#users) {
			const volume = volumes.get(name);
			// Snapshots are what people see, though `VISIBLE` is what only joins them to their origin.
			const isVisible = volume?.isVisible === true || this.#stores.has(name);
			if (volume !== undefined) volumes.set(name, { ...volume, isVisible, usedBy });
		}
		this.#checkOverlaps(volumes);
		return {
			name: this.#name,
			uuid: this.#uuid(section, at),
			sequence: reader.integer(section, "seqno", at),
			extentSectors,
			flags,
			systemId: reader.optionalString(section, "system_id", at) || undefined,
			lockType: lockType === "none" ? undefined : lockType || undefined,
			isWritable: isWritable(flags),
			members: [...this.#members.values()],
			volumes,
		};
	}

	#member(key: string, entry: ConfigEntry): Member {
		const reader = this.#reader;
		const section = reader.section(entry, key);
		const flags = this.#knownFlags(
			section,
			entry,
			physicalVolumeFlags,
			`physical volume ${key}`,
		);
		return {
			key,
			uuid: this.#uuid(section, entry),
			firstExtentSectors: reader.integer(section, "pe_start", entry, Number.MAX_SAFE_INTEGER),
			extentCount: reader.integer(section, "pe_count", entry),
			deviceHint: reader.optionalString(section, "device", entry),
			isMarkedMissing: flags.has("MISSING"),
		};
	}

	#checkMembers(): void {
		const uuids = new Set([...this.#members.values()].map(({ uuid }) => uuid));
		if (uuids.size < this.#members.size) {
			throw this.#reader.wrong(this.#entry, "two physical volumes with the same uuid");
		}
	}

	#volume(name: string, entry: ConfigEntry, all: ConfigSection): LogicalVolume {
		const reader = this.#reader;
		this.#checkedName(name, entry);
		const section = reader.section(entry, name);
		const segments: Segment[] = [];
		for (const [key, inner] of section) {
			if (!(inner.value instanceof Map)) continue;
			segments.push(this.#segment(name, reader.section(inner, key), inner, all));
		}
		if (segments.length !== reader.integer(section, "segment_count", entry)) {
			throw reader.wrong(entry, `${name} has not as many segments as it says`);
		}
		if (segments.length > 1) segments.sort((a, b) => a.startExtent - b.startExtent);
		const status = reader.strings(section, "status", entry);
		const flags = this.#allFlags(status, section, entry);
		let unknownFlags = unknownOf(status, logicalVolumeFlags);
		let extentCount = 0;
		let isJoint = false;
		for (const segment of segments) {
			if (segment.startExtent !== extentCount) {
				throw reader.wrong(entry, `the segments of ${name} leave a gap or overlap`);
			}
			extentCount += segment.extentCount;
			isJoint ||= segment.type === "snapshot";
			if (segment.flags.length > 0)
				unknownFlags = [...unknownFlags, ...unknownOf(segment.flags, segmentTypeFlags)];
		}
		return {
			name,
			uuid: this.#uuid(section, entry),
			flags,
			unknownFlags,
			isVisible: flags.has("VISIBLE") && !isJoint,
			isWritable: isWritable(flags),
			extentCount,
			segments,
			usedBy: noUsers, // they may be read later
		};
	}

	#segment(of: string, section: ConfigSection, entry: ConfigEntry, all: ConfigSection): Segment {
		const reader = this.#reader;
		const [type, flags] = splitType(reader.string(section, "type", entry));
		const startExtent = reader.integer(section, "start_extent", entry);
		const extentCount = reader.integer(section, "extent_count", entry);
		if (extentCount === 0) throw reader.wrong(entry, "a segment of no extents");
		this.#noteUses(of, section, all);
		if (type === "snapshot") this.#stores.add(this.#storeOf(section, entry));
		// "linear" is a name that people see; lvm2 takes it in metadata too.
		const isStriped = type === "striped" || type === "linear";
		if (!isStriped)
			return { startExtent, extentCount, type, flags, areas: none, stripeSectors: 0 };

		const count = reader.integer(section, "stripe_count", entry);
		const areas = this.#areas(section, entry, all);
		if (count === 0 || areas.length !== count) {
			throw reader.wrong(entry, `${areas.length} stripes, where ${count} should be`);
		}
		if (extentCount % count !== 0) {
			throw reader.wrong(
				entry,
				`${extentCount} extents cannot be spread over ${count} stripes`,
			);
		}
		const stripeSectors = count === 1 ? 0 : reader.integer(section, "stripe_size", entry);
		return { startExtent, extentCount, type: "striped", flags, areas, stripeSectors };
	}

	/** Source: lvm2, lib/snapshot/snapshot.c, `_snap_text_import`. */
	#storeOf(section: ConfigSection, entry: ConfigEntry): string {
		const key = section.has("merging_store") ? "merging_store" : "cow_store";
		return this.#reader.string(section, key, entry);
	}

	/** `["pv0", 0, "pv1", 25]`. */
	#areas(section: ConfigSection, entry: ConfigEntry, all: ConfigSection): SegmentArea[] {
		const reader = this.#reader;
		const list = reader.list(section, "stripes", entry);
		if (list.length % 2 !== 0) throw reader.wrong(entry, "a stripe without its first extent");
		const areas: SegmentArea[] = [];
		for (let index = 0; index < list.length; index += 2) {
			const name = list[index];
			const startExtent = list[index + 1];
			if (typeof name !== "string" || !isExtent(startExtent)) {
				throw reader.wrong(entry, "stripes that are not names and extents by turns");
			}
			const member = this.#members.get(name);
			if (member === undefined && !all.has(name)) {
				throw reader.wrong(entry, `a stripe on ${JSON.stringify(name)}, which is nowhere`);
			}
			areas.push({ member, volume: member === undefined ? name : undefined, startExtent });
		}
		return areas;
	}

	/**
	 * Every segment says by name which volumes it lies on, each type under keys of its own: whatever names a volume does. A
	 * volume that is thought to be in use and is not goes by way of the lvm tools, which know better.
	 */
	#noteUses(of: string, section: ConfigSection, all: ConfigSection): void {
		for (const [key, { value }] of section) {
			if (key === "type" || key === "tags") continue;
			if (typeof value === "string") this.#noteUse(of, value, all);
			if (!Array.isArray(value)) continue;
			for (const name of value as readonly unknown[]) {
				// In lists the names of physical volumes go first.
				if (typeof name !== "string" || this.#members.has(name)) continue;
				this.#noteUse(of, name, all);
			}
		}
	}

	#noteUse(of: string, name: string, all: ConfigSection): void {
		if (name === of || !all.has(name)) return;
		const users = this.#users.get(name);
		if (users === undefined) this.#users.set(name, new Set([of]));
		else users.add(of);
	}

	/** No extent belongs to two segments, and each is on its physical volume. */
	#checkOverlaps(volumes: ReadonlyMap<string, LogicalVolume>): void {
		const used = new Map<Member, { start: number; end: number; name: string }[]>();
		for (const { name, segments } of volumes.values()) {
			for (const { areas, extentCount } of segments) {
				const length = extentCount / areas.length;
				for (const { member, startExtent } of areas) {
					if (member === undefined) continue;
					const end = startExtent + length;
					if (end > member.extentCount) {
						throw this.#reader.wrong(this.#entry, `${name} leaves ${member.key}`);
					}
					let ranges = used.get(member);
					if (ranges === undefined) used.set(member, (ranges = []));
					ranges.push({ start: startExtent, end, name });
				}
			}
		}
		for (const [member, ranges] of used) {
			ranges.sort((a, b) => a.start - b.start);
			for (const [index, { start, name }] of ranges.entries()) {
				const before = ranges[index - 1];
				if (before === undefined || before.end <= start) continue;
				throw this.#reader.wrong(
					this.#entry,
					`${before.name} and ${name} overlap on ${member.key}`,
				);
			}
		}
	}

	#knownFlags(
		section: ConfigSection,
		entry: ConfigEntry,
		known: ReadonlySet<string>,
		what: string,
	): ReadonlySet<string> {
		const status = this.#reader.strings(section, "status", entry);
		const unknown = unknownOf(status, known);
		if (unknown.length > 0) {
			throw metadataError(
				"ERR_DEVICE_REQUIREMENT",
				`${what} has the unknown flag ${unknown.join(", ")}`,
			);
		}
		return this.#allFlags(status, section, entry);
	}

	#allFlags(
		status: readonly string[],
		section: ConfigSection,
		entry: ConfigEntry,
	): ReadonlySet<string> {
		const flags = new Set(status);
		if (!section.has("flags")) return flags;
		for (const flag of this.#reader.strings(section, "flags", entry)) flags.add(flag);
		return flags;
	}

	#uuid(section: ConfigSection, entry: ConfigEntry): string {
		const uuid = formatUuid(this.#reader.string(section, "id", entry));
		if (uuid === undefined) throw this.#reader.wrong(entry, "an id that is no uuid");
		return uuid;
	}

	/** Source: lvm2, lib/misc/lvm-string.c, `validate_name`. */
	#checkedName(name: string, entry: ConfigEntry): string {
		const isName = /^(?!\.{1,2}$)[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}$/.test(name);
		if (!isName) throw this.#reader.wrong(entry, "a name that no volume may have");
		return name;
	}
}

/** `cache+CACHE_USES_CACHEVOL`. */
function splitType(text: string): readonly [type: string, flags: readonly string[]] {
	const plus = text.indexOf("+");
	return plus < 0 ? [text, none] : [text.slice(0, plus), text.slice(plus + 1).split("+")];
}

const none: readonly never[] = [];
const noUsers: ReadonlySet<string> = new Set();

function unknownOf(flags: readonly string[], known: ReadonlySet<string>): readonly string[] {
	return flags.every((flag) => known.has(flag)) ? none : flags.filter((flag) => !known.has(flag));
}

function isExtent(value: unknown): value is number {
	return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffffffff;
}

/** `WRITE_LOCKED` stands for `WRITE` where older versions of lvm2 must not write. */
function isWritable(flags: ReadonlySet<string>): boolean {
	return flags.has("WRITE") || flags.has("WRITE_LOCKED");
}

// Source: lvm2, lib/format_text/import-export.h; lib/config/defaults.h.
const CONTENTS_VALUE = "Text Format Volume Group";
const FORMAT_VERSION_VALUE = 1;
const FORMAT_NAME = "lvm2";
