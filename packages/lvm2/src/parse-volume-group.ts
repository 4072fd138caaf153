import { ConfigSection } from "./config-section.ts";
import { parseConfigText } from "./config-text.ts";
import { metadataError } from "./metadata-error.ts";
import { type PlainVolume, takePlainVolumes, type TextWithout } from "./plain-volumes.ts";
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
	const without = takePlainVolumes(text);
	if (without === undefined) return parseWords(text);
	try {
		return parseWords(without.text, without);
	} catch {
		// Of the whole text it says what is wrong, and where.
		return parseWords(text);
	}
}

/** As {@link parseVolumeGroup}, word by word but for what was taken out of the text. */
export function parseWords(text: string, without?: TextWithout): VolumeGroup {
	const root = parseConfigText(text);
	checkFormat(root);
	const [found, second] = root.sections;
	if (found === undefined) {
		throw metadataError("ERR_DEVICE_METADATA", "there is no volume group in the text");
	}
	if (second !== undefined) throw second.wrong("a second volume group");
	return new GroupParser(found, without).parse();
}

function checkFormat(root: ConfigSection): void {
	const contents = root.get("contents");
	const version = root.get("version");
	if (contents === CONTENTS_VALUE && version === FORMAT_VERSION_VALUE) return;
	const shown = (value: unknown): string =>
		typeof value === "string" || typeof value === "number" ? JSON.stringify(value) : "nothing";
	throw metadataError(
		"ERR_DEVICE_VERSION",
		`its text is ${shown(contents)} of version ${shown(version)}; ` +
			`this reads ${shown(CONTENTS_VALUE)} of version ${FORMAT_VERSION_VALUE}`,
	);
}

interface KnownFlags {
	/** `status` and `flags`. */
	readonly flags: ReadonlySet<string>;
	/** Those of `status` that nobody here knows. */
	readonly unknown: readonly string[];
}

class GroupParser {
	readonly #section: ConfigSection;
	readonly #without: TextWithout | undefined;
	/** By the name that segments use. */
	readonly #members = new Map<string, Member>();
	readonly #volumeNames = new Set<string>();
	/** Logical volumes that are snapshots. */
	readonly #stores = new Set<string>();
	readonly #flags = new Map<string, KnownFlags>();
	/** Logical volume → those that lie on it. */
	readonly #users = new Map<string, Set<string>>();

	constructor(section: ConfigSection, without: TextWithout | undefined) {
		this.#section = section;
		this.#without = without;
	}

	parse(): VolumeGroup {
		const section = this.#section;
		const { name } = section;
		checkName(section);
		const format = section.optionalString("format");
		if (format !== undefined && format !== FORMAT_NAME) {
			throw metadataError(
				"ERR_DEVICE_VERSION",
				`volume group ${name} is of the unknown format ${JSON.stringify(format)}`,
			);
		}
		const flags = knownFlags(section, volumeGroupFlags, "volume group");
		const extentSectors = section.integer("extent_size");
		if (extentSectors === 0) throw section.wrong("extents of no size", "extent_size");
		const lockType = section.optionalString("lock_type");

		for (const member of section.sectionsOf("physical_volumes"))
			this.#members.set(member.name, memberOf(member));
		this.#checkMembers();
		const volumes = this.#volumes();
		this.#checkOverlaps(volumes);
		return {
			name,
			uuid: uuidOf(section),
			sequence: section.integer("seqno"),
			extentSectors,
			flags,
			systemId: section.optionalString("system_id") || undefined,
			lockType: lockType === "none" ? undefined : lockType || undefined,
			isWritable: isWritable(flags),
			members: [...this.#members.values()],
			volumes,
		};
	}

	#checkMembers(): void {
		const uuids = new Set([...this.#members.values()].map(({ uuid }) => uuid));
		if (uuids.size < this.#members.size) {
			throw this.#section.wrong("two physical volumes with the same uuid");
		}
	}

	#volumes(): ReadonlyMap<string, LogicalVolume> {
		const sections = this.#section.sectionsOf("logical_volumes");
		const plain = this.#plainVolumes();
		for (const { name } of [...plain, ...sections]) this.#volumeNames.add(name);
		if (this.#volumeNames.size < plain.length + sections.length)
			throw this.#section.wrong("two volumes of one name");
		const volumes = new Map<string, LogicalVolume>();
		for (const volume of plain) volumes.set(volume.name, this.#plainVolume(volume));
		for (const section of sections) volumes.set(section.name, this.#volume(section));
		for (const [name, usedBy] of this.#users) {
			const volume = volumes.get(name);
			// Snapshots are what people see, though `VISIBLE` is what only joins them to their origin.
			const isVisible = volume?.isVisible === true || this.#stores.has(name);
			if (volume !== undefined) volumes.set(name, { ...volume, isVisible, usedBy });
		}
		return volumes;
	}

	/** Those that were taken out of the text, if it was out of this section. */
	#plainVolumes(): readonly PlainVolume[] {
		if (this.#without === undefined) return none;
		const section = this.#section.get("logical_volumes");
		if (section instanceof ConfigSection && section.isAt(this.#without.offset))
			return this.#without.volumes;
		throw this.#section.wrong("volumes were taken out of another place");
	}

	#plainVolume({ name, uuid, extentCount, ...volume }: PlainVolume): LogicalVolume {
		const { flags, unknown } = this.#flagsOf(volume.status, volume.flags);
		return {
			name,
			uuid,
			flags,
			unknownFlags: unknown,
			isVisible: flags.has("VISIBLE"),
			isWritable: isWritable(flags),
			extentCount,
			segments: volume.segments.map((segment, index) => {
				const place = volume.places[index];
				const member = this.#members.get(place?.name ?? "");
				if (place === undefined || member === undefined)
					throw this.#section.wrong(`${name} is not on physical volumes alone`);
				const { startExtent } = place;
				return { ...segment, areas: [{ member, volume: undefined, startExtent }] };
			}),
			usedBy: noUsers, // they may be read later
		};
	}

	#volume(section: ConfigSection): LogicalVolume {
		const { name } = section;
		checkName(section);
		const segments: Segment[] = [];
		for (const inner of section.sections) segments.push(this.#segment(name, inner));
		if (segments.length !== section.integer("segment_count")) {
			throw section.wrong(`${name} has not as many segments as it says`, "segment_count");
		}
		if (segments.length > 1) segments.sort((a, b) => a.startExtent - b.startExtent);
		const status = section.strings("status");
		const compatible = section.has("flags") ? section.strings("flags") : none;
		const { flags, unknown } = this.#flagsOf(status, compatible);
		let unknownFlags = unknown;
		let extentCount = 0;
		let isJoint = false;
		for (const segment of segments) {
			if (segment.startExtent !== extentCount) {
				throw section.wrong(`the segments of ${name} leave a gap or overlap`);
			}
			extentCount += segment.extentCount;
			isJoint ||= segment.type === "snapshot";
			if (segment.flags.length > 0)
				unknownFlags = [...unknownFlags, ...unknownOf(segment.flags, segmentTypeFlags)];
		}
		return {
			name,
			uuid: uuidOf(section),
			flags,
			unknownFlags,
			isVisible: flags.has("VISIBLE") && !isJoint,
			isWritable: isWritable(flags),
			extentCount,
			segments,
			usedBy: noUsers, // they may be read later
		};
	}

	/** Most volumes have the same ones. */
	#flagsOf(status: readonly string[], compatible: readonly string[]): KnownFlags {
		const key = `${status.join()} ${compatible.join()}`;
		let known = this.#flags.get(key);
		if (known === undefined) {
			const flags = new Set([...status, ...compatible]);
			known = { flags, unknown: unknownOf(status, logicalVolumeFlags) };
			this.#flags.set(key, known);
		}
		return known;
	}

	#segment(of: string, section: ConfigSection): Segment {
		const [type, flags] = splitType(section.string("type"));
		const startExtent = section.integer("start_extent");
		const extentCount = section.integer("extent_count");
		if (extentCount === 0) throw section.wrong("a segment of no extents", "extent_count");
		if (type === "snapshot") this.#stores.add(storeOf(section));
		// "linear" is a name that people see; lvm2 takes it in metadata too.
		if (type !== "striped" && type !== "linear") {
			this.#noteUses(of, section);
			return { startExtent, extentCount, type, flags, areas: none, stripeSectors: 0 };
		}
		const count = section.integer("stripe_count");
		const areas = this.#areas(of, section);
		if (count === 0 || areas.length !== count) {
			throw section.wrong(`${areas.length} stripes, where ${count} should be`, "stripes");
		}
		if (extentCount % count !== 0) {
			throw section.wrong(`${extentCount} extents cannot be spread over ${count} stripes`);
		}
		const stripeSectors = count === 1 ? 0 : section.integer("stripe_size");
		return { startExtent, extentCount, type: "striped", flags, areas, stripeSectors };
	}

	/** `["pv0", 0, "pv1", 25]`. */
	#areas(of: string, section: ConfigSection): SegmentArea[] {
		const list = section.list("stripes");
		if (list.length % 2 !== 0)
			throw section.wrong("a stripe without its first extent", "stripes");
		const areas: SegmentArea[] = [];
		for (let index = 0; index < list.length; index += 2) {
			const name = list[index];
			const startExtent = list[index + 1];
			if (typeof name !== "string" || !isExtent(startExtent)) {
				const what = "stripes that are not names and extents by turns";
				throw section.wrong(what, "stripes");
			}
			const member = this.#members.get(name);
			if (member !== undefined) {
				areas.push({ member, volume: undefined, startExtent });
			} else if (this.#volumeNames.has(name)) {
				this.#noteUse(of, name);
				areas.push({ member: undefined, volume: name, startExtent });
			} else {
				const what = `a stripe on ${JSON.stringify(name)}, which is nowhere`;
				throw section.wrong(what, "stripes");
			}
		}
		return areas;
	}

	/**
	 * Every segment says by name which volumes it lies on, each type under keys of its own: whatever names a volume does. A
	 * volume that is thought to be in use and is not goes by way of the lvm tools, which know better.
	 */
	#noteUses(of: string, section: ConfigSection): void {
		for (const [key, value] of section.entries) {
			if (key === "type" || key === "tags") continue;
			if (typeof value === "string") this.#noteUse(of, value);
			if (!Array.isArray(value)) continue;
			for (const name of value as readonly unknown[]) {
				// In lists the names of physical volumes go first.
				if (typeof name !== "string" || this.#members.has(name)) continue;
				this.#noteUse(of, name);
			}
		}
	}

	#noteUse(of: string, name: string): void {
		if (name === of || !this.#volumeNames.has(name)) return;
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
						throw this.#section.wrong(`${name} leaves ${member.key}`);
					}
					const ranges = used.get(member);
					if (ranges === undefined) used.set(member, [{ start: startExtent, end, name }]);
					else ranges.push({ start: startExtent, end, name });
				}
			}
		}
		for (const [member, ranges] of used) {
			ranges.sort((a, b) => a.start - b.start);
			for (const [index, { start, name }] of ranges.entries()) {
				const before = ranges[index - 1];
				if (before === undefined || before.end <= start) continue;
				const what = `${before.name} and ${name} overlap on ${member.key}`;
				throw this.#section.wrong(what);
			}
		}
	}
}

function memberOf(section: ConfigSection): Member {
	const flags = knownFlags(section, physicalVolumeFlags, "physical volume");
	return {
		key: section.name,
		uuid: uuidOf(section),
		firstExtentSectors: section.integer("pe_start", Number.MAX_SAFE_INTEGER),
		extentCount: section.integer("pe_count"),
		deviceHint: section.optionalString("device"),
		isMarkedMissing: flags.has("MISSING"),
	};
}

/** Source: lvm2, lib/snapshot/snapshot.c, `_snap_text_import`. */
function storeOf(section: ConfigSection): string {
	return section.string(section.has("merging_store") ? "merging_store" : "cow_store");
}

function knownFlags(
	section: ConfigSection,
	known: ReadonlySet<string>,
	what: string,
): ReadonlySet<string> {
	const status = section.strings("status");
	const unknown = unknownOf(status, known);
	if (unknown.length > 0) {
		throw metadataError(
			"ERR_DEVICE_REQUIREMENT",
			`${what} ${section.name} has the unknown flag ${unknown.join(", ")}`,
		);
	}
	return new Set([...status, ...(section.has("flags") ? section.strings("flags") : none)]);
}

function uuidOf(section: ConfigSection): string {
	const uuid = formatUuid(section.string("id"));
	if (uuid === undefined) throw section.wrong("an id that is no uuid", "id");
	return uuid;
}

/** Source: lvm2, lib/misc/lvm-string.c, `validate_name`. */
function checkName(section: ConfigSection): void {
	const { name } = section;
	const isName =
		name.length <= 127 &&
		/^[A-Za-z0-9+_.][A-Za-z0-9+_.-]*$/.test(name) &&
		name !== "." &&
		name !== "..";
	if (!isName) throw section.wrong("a name that no volume may have");
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
