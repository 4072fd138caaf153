import { closestName, DeviceError } from "@devhost/core";
import { metadataError } from "./metadata-error.ts";
import type { FoundGroup, FoundGroups } from "./read-volume-groups.ts";
import { formatUuid } from "./uuid.ts";
import type { LogicalVolume } from "./volume-group.ts";

/** Which volume is looked for. */
export interface WantedVolume {
	readonly volume: string;
	/** Name or uuid; undefined: there is one group only. */
	readonly vg: string | undefined;
}

/** A volume that may be opened, of a group that may be used. */
export interface FoundVolume {
	readonly found: FoundGroup;
	readonly volume: LogicalVolume;
}

/**
 * Finds a logical volume.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_FORMAT` no volume group; `ERR_DEVICE_OPTIONS` no such one, or several, with the
 * `pointer`; `ERR_DEVICE_REQUIREMENT` it is somebody else's or has a flag that nobody here knows.
 */
export function findVolume(groups: FoundGroups, wanted: WantedVolume): FoundVolume {
	const found = findGroup(groups, wanted.vg);
	checkUsable(found);
	const { name, volumes } = found.group;
	const volume = volumes.get(wanted.volume);
	if (volume === undefined) {
		const names = [...volumes.values()]
			.filter(({ isVisible }) => isVisible)
			.map((each) => each.name);
		throw unknownName("volume", wanted.volume, `volume group ${name}`, names);
	}
	if (!volume.isVisible) {
		const users = [...volume.usedBy].join(", ");
		throw new DeviceError(
			"ERR_DEVICE_OPTIONS",
			`volume: ${volume.name} is part of ${users || "another volume"}, and cannot be opened by itself`,
			{ pointer: "/volume" },
		);
	}
	if (volume.unknownFlags.length > 0) {
		throw metadataError(
			"ERR_DEVICE_REQUIREMENT",
			`volume ${name}/${volume.name} has the unknown flag ${volume.unknownFlags.join(", ")}`,
		);
	}
	return { found, volume };
}

function findGroup({ groups }: FoundGroups, vg: string | undefined): FoundGroup {
	const [first, ...others] = groups;
	if (first === undefined) {
		throw metadataError("ERR_DEVICE_FORMAT", "a physical volume that is in no volume group");
	}
	const names = groups.map(({ group }) => group.name);
	if (vg === undefined) {
		if (others.length === 0) return first;
		throw new DeviceError("ERR_DEVICE_OPTIONS", `vg: missing, there are ${names.join(", ")}`, {
			pointer: "/vg",
		});
	}
	const uuid = formatUuid(vg);
	const matching = groups.filter(({ group }) => group.name === vg || group.uuid === uuid);
	const [match, second] = matching;
	if (match === undefined) throw unknownName("vg", vg, "the parents", names);
	if (second !== undefined) {
		const uuids = matching.map(({ group }) => group.uuid);
		throw new DeviceError(
			"ERR_DEVICE_OPTIONS",
			`vg: ${vg} is the name of several volume groups, which have the uuids ${uuids.join(", ")}`,
			{ pointer: "/vg" },
		);
	}
	return match;
}

/** What lvm2 too leaves alone. */
function checkUsable({ group }: FoundGroup): void {
	const { name, flags, lockType, systemId } = group;
	const vg = `volume group ${name}`;
	const why = flags.has("EXPORTED")
		? `${vg} is exported, for another machine; "vgimport ${name}" takes it back`
		: flags.has("CLUSTERED")
			? `${vg} belongs to a cluster of the old kind (clvmd); "vgchange --clustered n ${name}" ends that`
			: lockType !== undefined || flags.has("SHARED")
				? `${vg} is shared by machines that lock it${lockType === undefined ? "" : ` with ${lockType}`}; ` +
					`"vgchange --lock-type none ${name}" ends that`
				: systemId !== undefined
					? `${vg} belongs to the machine with the system id ${JSON.stringify(systemId)}; ` +
						`"vgchange --systemid '' ${name}" there ends that`
					: undefined;
	if (why !== undefined) throw metadataError("ERR_DEVICE_REQUIREMENT", why);
}

function unknownName(
	option: "volume" | "vg",
	name: string,
	where: string,
	names: readonly string[],
): DeviceError {
	const near = closestName(name, names);
	const shown = names.slice(0, 10).join(", ") + (names.length > 10 ? ", …" : "");
	const hint =
		near !== undefined
			? `did you mean ${near}?`
			: names.length === 0
				? "there is none"
				: `there ${names.length === 1 ? "is" : "are"} ${shown}`;
	return new DeviceError("ERR_DEVICE_OPTIONS", `${option}: no ${name} in ${where}; ${hint}`, {
		pointer: `/${option}`,
	});
}
