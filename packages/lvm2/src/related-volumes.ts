import type { LogicalVolume, VolumeGroup } from "./volume-group.ts";

/**
 * All volumes that may become active with one: those that it lies on, those that lie on these, and so on. A snapshot comes
 * with its origin and that one's other snapshots.
 */
export function relatedVolumes(
	group: VolumeGroup,
	volume: LogicalVolume,
): readonly LogicalVolume[] {
	const neighbours = new Map<string, string[]>();
	const join = (a: string, b: string): void => {
		const ofA = neighbours.get(a);
		if (ofA === undefined) neighbours.set(a, [b]);
		else ofA.push(b);
	};
	for (const { name, usedBy } of group.volumes.values()) {
		for (const user of usedBy) {
			join(name, user);
			join(user, name);
		}
	}
	const related = new Set([volume.name]);
	// A set is walked to its end, with what is added meanwhile.
	for (const name of related) {
		for (const neighbour of neighbours.get(name) ?? []) related.add(neighbour);
	}
	return [...related].flatMap((name) => group.volumes.get(name) ?? []);
}

/**
 * Which targets of device-mapper volumes are made of, as the kernel names their modules: `thin-pool` of dm-thin-pool.
 *
 * Source: lvm2, lib/metadata/segtype.h; libdm/libdm-deptree.c.
 */
export function targetNames(volumes: readonly LogicalVolume[]): ReadonlySet<string> {
	const names = new Set<string>();
	for (const { segments } of volumes) {
		for (const { type } of segments) {
			if (type.startsWith("raid")) names.add("raid");
			else if (type.startsWith("thin")) names.add("thin-pool");
			else if (type.startsWith("vdo")) names.add("vdo");
			else if (type === "cache" || type === "cache-pool") names.add("cache").add("cache-smq");
			else if (type === "pvmove") names.add("mirror");
			else if (type !== "striped" && type !== "error") names.add(type);
		}
	}
	return names;
}
