import { DeviceError } from "@devhost/core";
import type { FdLike } from "@devhost/linux";
import { about, metadataError } from "./metadata-error.ts";
import {
	asSource,
	type ParsedTexts,
	type PhysicalVolume,
	readWith,
} from "./read-physical-volume.ts";
import type { Source } from "./source.ts";
import type { Member, VolumeGroup } from "./volume-group.ts";

/** A volume group, and which of its physical volumes are there. */
export interface FoundGroup {
	/** By its newest metadata. */
	readonly group: VolumeGroup;
	/** Uuid of a physical volume → its device, as an index into those that were given. */
	readonly devices: ReadonlyMap<string, number>;
	/** Physical volumes that are on none of the devices. */
	readonly missing: readonly Member[];
}

/** What is on some devices. */
export interface FoundGroups {
	readonly groups: readonly FoundGroup[];
	/** In the order of the devices. */
	readonly physicalVolumes: readonly PhysicalVolume[];
	/** Devices that are physical volumes of no group, by their index. */
	readonly unused: readonly number[];
	/** What was passed over: a damaged or outdated copy. Sentences. */
	readonly warnings: readonly string[];
}

/**
 * Reads the volume groups of devices: all metadata areas, of which the newest that is whole counts.
 *
 * @param devices - Block devices or files that are open for reading, lent; or whatever can be read.
 * @throws {@link DeviceError} as {@link readPhysicalVolume}; `ERR_DEVICE_PARENT` two devices are the same physical volume;
 * `ERR_DEVICE_METADATA` no area of a physical volume that is in use can be read, or two differ in the same version.
 */
export async function readVolumeGroups(
	devices: readonly (FdLike | Source)[],
): Promise<FoundGroups> {
	const sources = devices.map(asSource);
	const texts: ParsedTexts = new Map();
	const physicalVolumes = await Promise.all(sources.map((source) => readWith(source, texts)));
	const byUuid = indexByUuid(sources, physicalVolumes);
	const warnings: string[] = [];
	const found = [...newestGroups(sources, physicalVolumes, warnings)].map((group): FoundGroup => {
		const present = group.members.filter(({ uuid }) => byUuid.has(uuid));
		return {
			group,
			devices: new Map(present.map(({ uuid }) => [uuid, byUuid.get(uuid) as number])),
			missing: group.members.filter((member) => !present.includes(member)),
		};
	});
	// What another machine has removed from a group may still say that it is in it.
	const groups = found.filter(({ group, devices: own }) => {
		if (own.size === 0)
			warnings.push(`volume group ${group.name}: none of its physical volumes is here`);
		return own.size > 0;
	});
	const unused = unusedOf(sources, physicalVolumes, groups, warnings);
	return { groups, physicalVolumes, unused, warnings };
}

function indexByUuid(
	sources: readonly Source[],
	physicalVolumes: readonly PhysicalVolume[],
): ReadonlyMap<string, number> {
	const byUuid = new Map<string, number>();
	for (const [index, { label }] of physicalVolumes.entries()) {
		const other = byUuid.get(label.uuid);
		if (other !== undefined) {
			throw new DeviceError(
				"ERR_DEVICE_PARENT",
				`${sources[other]?.name} and ${sources[index]?.name}: the same physical volume twice, ` +
					`${label.uuid}. Is one a copy of the other?`,
			);
		}
		byUuid.set(label.uuid, index);
	}
	return byUuid;
}

interface Version {
	readonly group: VolumeGroup;
	readonly text: string;
	readonly where: string;
}

function* newestGroups(
	sources: readonly Source[],
	physicalVolumes: readonly PhysicalVolume[],
	warnings: string[],
): Iterable<VolumeGroup> {
	const versions = new Map<string, Version[]>();
	for (const [index, { areas }] of physicalVolumes.entries()) {
		const name = sources[index]?.name ?? "";
		for (const { group, text, error, startBytes } of areas) {
			if (error !== undefined) warnings.push(about(name, error).message);
			if (group === undefined || text === undefined) continue;
			const where = `${name}, the metadata at byte ${startBytes}`;
			const ofGroup = versions.get(group.uuid) ?? [];
			versions.set(group.uuid, [...ofGroup, { group, text, where }]);
		}
	}
	for (const ofGroup of versions.values()) {
		const [newest, ...others] = ofGroup.toSorted((a, b) => b.group.sequence - a.group.sequence);
		if (newest === undefined) continue;
		for (const { group, text, where } of others) {
			if (text === newest.text) continue;
			const { name, sequence } = newest.group;
			if (group.sequence === sequence) {
				throw metadataError(
					"ERR_DEVICE_METADATA",
					`${where}: another version ${sequence} of volume group ${name} than on ${newest.where}. ` +
						"Two machines have changed parts of it: choose which ones to take, with vgcfgrestore",
				);
			}
			warnings.push(
				`${where}: version ${group.sequence} of volume group ${group.name} is outdated by ${sequence}`,
			);
		}
		yield newest.group;
	}
}

function unusedOf(
	sources: readonly Source[],
	physicalVolumes: readonly PhysicalVolume[],
	groups: readonly FoundGroup[],
	warnings: string[],
): number[] {
	const used = new Set(groups.flatMap(({ devices }) => [...devices.values()]));
	const unused: number[] = [];
	for (const [index, { areas, label }] of physicalVolumes.entries()) {
		if (used.has(index)) continue;
		const name = sources[index]?.name ?? "";
		const errors = areas.flatMap(({ error }) => (error === undefined ? [] : [error]));
		const [first] = errors;
		// With an area that could not be read nobody knows what it is of.
		if (first !== undefined && areas.length === errors.length) throw about(name, first);
		if (label.isUsed) {
			warnings.push(
				`${name}: a physical volume in use, ${label.uuid}, and no volume group that is here has it`,
			);
		}
		unused.push(index);
	}
	return unused;
}
