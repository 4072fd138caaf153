import { type DeviceError, isDeviceError } from "@devhost/core";
import type { FdLike } from "@devhost/linux";
import { type DiskArea, findLabel, type PhysicalVolumeLabel } from "./label.ts";
import {
	decodeText,
	metadataHeaderBytes,
	type MetadataLocation,
	parseMetadataHeader,
} from "./metadata-area.ts";
import { about } from "./metadata-error.ts";
import { parseVolumeGroup } from "./parse-volume-group.ts";
import { type Source, sourceOf } from "./source.ts";
import type { VolumeGroup } from "./volume-group.ts";

/** A metadata area, read. */
export interface MetadataArea {
	/** On the device. */
	readonly startBytes: number;
	/** Undefined: none is in it, it is not to be read, or it is damaged. */
	readonly group: VolumeGroup | undefined;
	/** The text that {@link MetadataArea.group} was read from; the same in all areas with the same version of the group. */
	readonly text: string | undefined;
	/** `pvchange --metadataignore y`. */
	readonly isIgnored: boolean;
	/** Why it cannot be used. */
	readonly error: DeviceError | undefined;
}

/** A physical volume and what its metadata areas say. */
export interface PhysicalVolume {
	readonly label: PhysicalVolumeLabel;
	/** Bytes of the device now. */
	readonly sizeBytes: number;
	/** As the label lists them: none, one or two where lvm2 made it. */
	readonly areas: readonly MetadataArea[];
}

/** Texts that were parsed already: all areas of a volume group have the same one. */
export type ParsedTexts = Map<string, VolumeGroup | DeviceError>;

/**
 * Reads the label and the metadata areas of a physical volume, checking every checksum. Nothing is written or locked.
 *
 * What is wrong with one area does not keep the others from being read: it is told in {@link MetadataArea.error}.
 *
 * @param device - A block device or file that is open for reading, lent; or whatever can be read.
 * @throws {@link DeviceError} `ERR_DEVICE_FORMAT` not a physical volume, `ERR_DEVICE_VERSION` of another format,
 * `ERR_DEVICE_METADATA` its label is damaged. What reading threw, otherwise.
 *
 * @example
 * ```ts
 * import { openSync } from "node:fs";
 * import { readPhysicalVolume } from "@devhost/lvm2";
 *
 * const { label, areas } = await readPhysicalVolume(openSync("disk.img", "r"));
 * console.log(label.uuid, areas[0]?.group?.name);
 * ```
 */
export async function readPhysicalVolume(device: FdLike | Source): Promise<PhysicalVolume> {
	return await readWith(asSource(device), new Map());
}

/** A descriptor as a {@link Source}, for those who take either. */
export function asSource(device: FdLike | Source): Source {
	return typeof device === "object" && "read" in device ? device : sourceOf(device);
}

/**
 * As {@link readPhysicalVolume}.
 *
 * @param texts - Taken from and added to.
 */
export async function readWith(source: Source, texts: ParsedTexts): Promise<PhysicalVolume> {
	try {
		const head = await source.read(0, Math.min(headBytes, source.sizeBytes));
		const label = findLabel(head);
		const areas = await Promise.all(
			label.metadataAreas.map((area) => readArea({ source, head, area, texts })),
		);
		return { label, sizeBytes: source.sizeBytes, areas };
	} catch (error) {
		throw isDeviceError(error) ? about(source.name, error) : error;
	}
}

async function readArea(where: {
	readonly source: Source;
	readonly head: Uint8Array;
	readonly area: DiskArea;
	readonly texts: ParsedTexts;
}): Promise<MetadataArea> {
	const { source, head, area, texts } = where;
	const { startBytes } = area;
	const none = { startBytes, group: undefined, text: undefined };
	try {
		const sector = await read(source, head, { startBytes, sizeBytes: metadataHeaderBytes });
		const { location, isIgnored } = parseMetadataHeader(sector, area);
		if (location === undefined) return { ...none, isIgnored, error: undefined };
		const text = await readText(source, head, location);
		const group = parsed(text, texts);
		if (isDeviceError(group)) throw group;
		return { startBytes, group, text, isIgnored, error: undefined };
	} catch (error) {
		if (!isDeviceError(error)) throw error;
		return {
			...none,
			isIgnored: false,
			error: about(`the metadata at byte ${startBytes}`, error),
		};
	}
}

async function readText(
	source: Source,
	head: Uint8Array,
	location: MetadataLocation,
): Promise<string> {
	const parts = await Promise.all(location.parts.map((part) => read(source, head, part)));
	return decodeText(parts, location);
}

/** A place that is on no device is empty: nothing of what a device says is passed on as it is. */
async function read(source: Source, head: Uint8Array, area: DiskArea): Promise<Uint8Array> {
	const { startBytes } = area;
	const end = startBytes + area.sizeBytes;
	if (end <= head.length) return head.subarray(startBytes, end);
	if (end > source.sizeBytes) return new Uint8Array();
	return await source.read(startBytes, area.sizeBytes);
}

function parsed(text: string, texts: ParsedTexts): VolumeGroup | DeviceError {
	const known = texts.get(text);
	if (known !== undefined) return known;
	let result: VolumeGroup | DeviceError;
	try {
		result = parseVolumeGroup(text);
	} catch (error) {
		if (!isDeviceError(error)) throw error;
		result = error;
	}
	texts.set(text, result);
	return result;
}

/**
 * What is read first: the label, the header of the first metadata area, and the text in it, unless the group has been changed
 * some dozens of times. Every further read is a way to another thread and back.
 */
const headBytes = 64 << 10;
