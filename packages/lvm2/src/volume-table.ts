import { DeviceError } from "@devhost/core";
import type { DeviceNumber, DmTarget } from "@devhost/linux";
import type { FoundVolume } from "./find-volume.ts";
import type { Member, Segment, SegmentArea } from "./volume-group.ts";

/** A device on which a physical volume is. */
export interface PhysicalDevice {
	/** What messages call it. */
	readonly name: string;
	readonly node: DeviceNumber;
	readonly sizeBytes: number;
}

/**
 * Why a volume is left to the lvm tools: what of it is neither linear nor striped. Undefined: nothing is, and
 * {@link volumeTable} makes a table of it.
 */
export function neededOfTools({ found, volume }: FoundVolume): string | undefined {
	const types = new Set<string>();
	for (const { type, areas } of volume.segments) {
		if (type !== "striped") types.add(type);
		// While pvmove is at work, or has been interrupted, there is a volume in between.
		else if (areas.some((area) => area.volume !== undefined)) types.add("pvmove");
	}
	// The table alone would be right for an origin, and every write to it would damage what stands on it.
	for (const name of types.size === 0 ? volume.usedBy : []) {
		const [first] = found.group.volumes.get(name)?.segments ?? [];
		types.add(first?.type === "snapshot" ? "snapshot" : `beneath ${name}`);
	}
	return types.size === 0 ? undefined : [...types].join(", ");
}

/**
 * The device-mapper table of a volume that is linear or striped: a target for each of its segments.
 *
 * A linear segment is `linear MAJOR:MINOR SECTOR`, a striped one `striped COUNT STRIPE_SECTORS MAJOR:MINOR SECTOR …`.
 *
 * @param devices - Those that {@link FoundGroup.devices} counts.
 * @throws {@link DeviceError} `ERR_DEVICE_PARENT` a physical volume is missing, `ERR_DEVICE_OUT_OF_RANGE` a device is
 * smaller than what the group has on it.
 *
 * Source: lvm2, lib/activate/dev_manager.c, `add_areas_line`; the kernel's admin-guide/device-mapper/linear.rst and
 * striped.rst.
 */
export function volumeTable(found: FoundVolume, devices: readonly PhysicalDevice[]): DmTarget[] {
	const { group } = found.found;
	checkPresent(found);
	return found.volume.segments.map((segment): DmTarget => {
		const { startExtent, extentCount, areas, stripeSectors } = segment;
		const range = {
			startSectors: startExtent * group.extentSectors,
			lengthSectors: extentCount * group.extentSectors,
		};
		if (!Number.isSafeInteger(range.startSectors + range.lengthSectors)) {
			throw tooLarge(found);
		}
		const places = areas.map((area) => place(found, segment, area, devices));
		if (places.length === 1) return { ...range, type: "linear", parameters: places.join(" ") };
		const parameters = [places.length, stripeSectors, ...places].join(" ");
		return { ...range, type: "striped", parameters };
	});
}

function checkPresent({ found, volume }: FoundVolume): void {
	const members = new Set(
		volume.segments.flatMap(({ areas }) => areas.flatMap(({ member }) => member ?? [])),
	);
	const missing = found.missing.filter((member) => members.has(member));
	if (missing.length > 0) {
		throw new DeviceError(
			"ERR_DEVICE_PARENT",
			`volume ${found.group.name}/${volume.name}: ${missingText(missing)}`,
			{ details: { missing: missing.map(({ uuid }) => uuid) } },
		);
	}
	const outdated = [...members].find(({ isMarkedMissing }) => isMarkedMissing);
	if (outdated === undefined) return;
	throw new DeviceError(
		"ERR_DEVICE_PARENT",
		`volume ${found.group.name}/${volume.name}: the physical volume ${outdated.uuid} was missing when the group ` +
			`was changed, and may be outdated; "vgextend --restoremissing ${found.group.name} DEVICE" takes it back`,
		{ details: { missing: [outdated.uuid] } },
	);
}

/** Names physical volumes that are not there. */
export function missingText(missing: readonly Member[]): string {
	const shown = missing.map(
		({ uuid, deviceHint }) =>
			`${uuid}${deviceHint === undefined ? "" : ` (it was ${deviceHint})`}`,
	);
	const what = missing.length === 1 ? "the physical volume" : "the physical volumes";
	return `${what} ${shown.join(", ")} ${missing.length === 1 ? "is" : "are"} missing among the parents`;
}

function place(
	found: FoundVolume,
	{ extentCount, areas }: Segment,
	{ member, startExtent }: SegmentArea,
	devices: readonly PhysicalDevice[],
): string {
	const { group, devices: indexes } = found.found;
	const device = devices[indexes.get(member?.uuid ?? "") ?? -1];
	if (member === undefined || device === undefined) {
		throw new TypeError(`${found.volume.name}: no table can be made of it`);
	}
	const startSectors = member.firstExtentSectors + startExtent * group.extentSectors;
	const endSectors = startSectors + (extentCount / areas.length) * group.extentSectors;
	if (!Number.isSafeInteger(endSectors)) throw tooLarge(found);
	if (endSectors * 512 > device.sizeBytes) {
		throw new DeviceError(
			"ERR_DEVICE_OUT_OF_RANGE",
			`volume ${group.name}/${found.volume.name} reaches to byte ${endSectors * 512} of ${device.name}, ` +
				`which has ${device.sizeBytes}`,
		);
	}
	const { major, minor } = device.node;
	return `${major}:${minor} ${startSectors}`;
}

function tooLarge({ found, volume }: FoundVolume): DeviceError {
	return new DeviceError(
		"ERR_DEVICE_OUT_OF_RANGE",
		`volume ${found.group.name}/${volume.name} is larger than any device`,
	);
}
