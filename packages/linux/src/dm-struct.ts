import type { DeviceNumber } from "./file.ts";

/** A part of a device-mapper device: so many sectors, and what becomes of them. Sectors have 512 bytes. */
export interface DmTarget {
	readonly startSectors: number;
	readonly lengthSectors: number;
	/** The target's type, such as `linear`: at most 15 bytes. */
	readonly type: string;
	/** What the target takes, such as `7:0 2048`; or, as its status, what it says. */
	readonly parameters: string;
}

/** A device-mapper device as lists have it. */
export interface DmName {
	readonly name: string;
	/** Empty where it has none. */
	readonly uuid: string;
	readonly node: DeviceNumber;
}

/** What the kernel says of a device-mapper device. */
export interface DmStatus extends DmName {
	/** How often it is open: by descriptors, mounts and other devices. */
	readonly openCount: number;
	/** How many targets the live table has. */
	readonly targetCount: number;
	readonly eventNumber: number;
	readonly readOnly: boolean;
	/** Also true of one that was never resumed. */
	readonly suspended: boolean;
	readonly hasLiveTable: boolean;
	readonly hasInactiveTable: boolean;
	/** The kernel removes it with its last descriptor. */
	readonly isArmed: boolean;
}

/** Bytes of `struct dm_ioctl`. */
export const dmHeaderBytes = 312;
/** The most bytes of a name: one of the 128 is its end. Source: `DM_NAME_LEN`, linux/dm-ioctl.h. */
export const maxDmNameBytes = 127;
/** The most bytes of a uuid: one of the 129 is its end. Source: `DM_UUID_LEN`, linux/dm-ioctl.h. */
export const maxDmUuidBytes = 128;
const maxTypeBytes = 15;
const targetBytes = 40;

/** What goes into a `struct dm_ioctl`; numbers that are not given are 0. */
export interface DmHeader {
	readonly name?: string | undefined;
	readonly uuid?: string | undefined;
	readonly node?: DeviceNumber | undefined;
	readonly flags?: number;
	readonly targetCount?: number;
	/** The event number of a wait; of others the udev flags, above 16 bits of a cookie. */
	readonly eventNumber?: number;
}

/**
 * Makes the memory of a request: the structure, what follows it, and room for the answer.
 *
 * Shape: `struct dm_ioctl`, 312 bytes: `u32 version[3], data_size, data_start, target_count; s32 open_count; u32 flags,
 * event_nr, padding; u64 dev; char name[128], uuid[129], data[7]`. The version is 4.0.0, which every kernel's interface
 * since 2.6 understands.
 *
 * @throws {@link RangeError} a name or uuid that is too long; {@link TypeError} one with a NUL.
 *
 * Source: linux/dm-ioctl.h.
 */
export function encodeRequest(
	header: DmHeader,
	data: Uint8Array = new Uint8Array(0),
	answerBytes: number = 0,
): Uint8Array {
	const bytes = new Uint8Array(dmHeaderBytes + Math.max(data.length, answerBytes));
	const view = new DataView(bytes.buffer);
	view.setUint32(0, 4, true);
	view.setUint32(12, bytes.length, true);
	view.setUint32(16, dmHeaderBytes, true);
	view.setUint32(20, header.targetCount ?? 0, true);
	view.setUint32(28, header.flags ?? 0, true);
	view.setUint32(32, header.eventNumber ?? 0, true);
	if (header.node !== undefined) view.setBigUint64(40, encodeDevice(header.node), true);
	bytes.set(encodeText("name", header.name ?? "", maxDmNameBytes), 48);
	bytes.set(encodeText("uuid", header.uuid ?? "", maxDmUuidBytes), 176);
	bytes.set(data, dmHeaderBytes);
	return bytes;
}

/** The flags of an answer. */
export function answerFlags(bytes: Uint8Array): number {
	return viewOf(bytes).getUint32(28, true);
}

/** The version that the kernel has written into an answer. */
export function answerVersion(bytes: Uint8Array): readonly [number, number, number] {
	const view = viewOf(bytes);
	return [view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)];
}

/** What an answer says of a device. */
export function decodeStatus(bytes: Uint8Array): DmStatus {
	const view = viewOf(bytes);
	const flags = answerFlags(bytes);
	const has = (flag: number): boolean => (flags & flag) !== 0;
	return {
		name: decodeText(bytes, 48),
		uuid: decodeText(bytes, 176),
		node: decodeDevice(view.getBigUint64(40, true)),
		openCount: view.getInt32(24, true),
		targetCount: view.getUint32(20, true),
		eventNumber: view.getUint32(32, true),
		readOnly: has(DM_READONLY_FLAG),
		suspended: has(DM_SUSPEND_FLAG),
		hasLiveTable: has(DM_ACTIVE_PRESENT_FLAG),
		hasInactiveTable: has(DM_INACTIVE_PRESENT_FLAG),
		isArmed: has(DM_DEFERRED_REMOVE),
	};
}

/**
 * A table as the kernel takes it.
 *
 * Shape: for each target `struct dm_target_spec`, 40 bytes (`u64 sector_start, length; s32 status; u32 next;
 * char target_type[16]`), its parameters, a NUL, and zeros up to a multiple of 8; `next` is the distance to the next one.
 *
 * @throws {@link RangeError} a type that is too long, or sectors that are no whole numbers; {@link TypeError} a NUL.
 */
export function encodeTable(targets: readonly DmTarget[]): Uint8Array {
	const texts = targets.map(({ parameters }) => encodeText("parameters", parameters));
	const sizes = texts.map((text) => align8(targetBytes + text.length + 1));
	const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
	const view = new DataView(bytes.buffer);
	let at = 0;
	for (const [index, target] of targets.entries()) {
		const size = sizes[index] as number;
		view.setBigUint64(at, BigInt(target.startSectors), true);
		view.setBigUint64(at + 8, BigInt(target.lengthSectors), true);
		view.setUint32(at + 20, size, true);
		bytes.set(encodeText("type", target.type, maxTypeBytes), at + 24);
		bytes.set(texts[index] as Uint8Array, at + targetBytes);
		at += size;
	}
	return bytes;
}

/**
 * A table, or the status of its targets, as the kernel gives it. Unlike in what it takes, `next` counts from the first
 * target.
 */
export function decodeTable(bytes: Uint8Array): DmTarget[] {
	const view = viewOf(bytes);
	const start = view.getUint32(16, true);
	const targets: DmTarget[] = [];
	let at = start;
	for (let left = view.getUint32(20, true); left > 0; left--) {
		targets.push({
			startSectors: Number(view.getBigUint64(at, true)),
			lengthSectors: Number(view.getBigUint64(at + 8, true)),
			type: decodeText(bytes, at + 24),
			parameters: decodeText(bytes, at + targetBytes),
		});
		at = start + view.getUint32(at + 20, true);
	}
	return targets;
}

/**
 * The devices of a list.
 *
 * Shape: `struct dm_name_list`: `u64 dev; u32 next; char name[]`, then at a multiple of 8 `u32 event_nr, flags` and, where
 * the flags have `DM_NAME_LIST_FLAG_HAS_UUID`, a uuid (Linux 5.13). `next` is 0 in the last one. An empty list has one of
 * zeros.
 *
 * @returns `uuid` undefined where the list does not tell.
 */
export function decodeNames(
	bytes: Uint8Array,
): { name: string; uuid: string | undefined; node: DeviceNumber }[] {
	const view = viewOf(bytes);
	const names: { name: string; uuid: string | undefined; node: DeviceNumber }[] = [];
	const [, minor] = answerVersion(bytes);
	for (let at = view.getUint32(16, true); at + 12 <= bytes.length;) {
		const device = view.getBigUint64(at, true);
		if (device === 0n) break;
		const name = decodeText(bytes, at + 12);
		const more = align8(at + 12 + Buffer.byteLength(name) + 1);
		let uuid: string | undefined;
		if (minor >= listsUuidsMinor) {
			const flags = view.getUint32(more + 4, true);
			if (flags & DM_NAME_LIST_FLAG_HAS_UUID) uuid = decodeText(bytes, more + 8);
			if (flags & DM_NAME_LIST_FLAG_DOESNT_HAVE_UUID) uuid = "";
		}
		names.push({ name, uuid, node: decodeDevice(device) });
		const next = view.getUint32(at + 8, true);
		if (next === 0) break;
		at += next;
	}
	return names;
}

/** Devices that a device stands on. Shape: `struct dm_target_deps`: `u32 count, padding; u64 dev[]`. */
export function decodeDependencies(bytes: Uint8Array): DeviceNumber[] {
	const view = viewOf(bytes);
	const start = view.getUint32(16, true);
	return Array.from({ length: view.getUint32(start, true) }, (_, index) =>
		decodeDevice(view.getBigUint64(start + 8 + index * 8, true)),
	);
}

/** Target types. Shape: `struct dm_target_versions`: `u32 next, version[3]; char name[]`; `next` is 0 in the last one. */
export function decodeVersions(
	bytes: Uint8Array,
): { name: string; version: readonly [number, number, number] }[] {
	const view = viewOf(bytes);
	const versions: { name: string; version: readonly [number, number, number] }[] = [];
	for (let at = view.getUint32(16, true); ;) {
		const name = decodeText(bytes, at + 16);
		const part = (index: number): number => view.getUint32(at + 4 + index * 4, true);
		if (name !== "") versions.push({ name, version: [part(0), part(1), part(2)] });
		const next = view.getUint32(at, true);
		if (next === 0) return versions;
		at += next;
	}
}

/** A text that a message answered with, or undefined where it had none to give. */
export function decodeMessage(bytes: Uint8Array): string | undefined {
	if ((answerFlags(bytes) & DM_DATA_OUT_FLAG) === 0) return undefined;
	return decodeText(bytes, viewOf(bytes).getUint32(16, true));
}

/** Source: linux/kdev_t.h, `huge_encode_dev`. */
export function encodeDevice({ major, minor }: DeviceNumber): bigint {
	const low = (minor & 0xff) | (major << 8);
	return BigInt(low >>> 0) | (BigInt(minor & ~0xff) << 12n);
}

/** Source: linux/kdev_t.h, `huge_decode_dev`. */
export function decodeDevice(device: bigint): DeviceNumber {
	return {
		major: Number((device >> 8n) & 0xfffn),
		minor: Number((device & 0xffn) | ((device >> 12n) & 0xfff00n)),
	};
}

function viewOf(bytes: Uint8Array): DataView {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function encodeText(what: string, text: string, maxBytes: number = Infinity): Uint8Array {
	const bytes = new TextEncoder().encode(text);
	if (bytes.includes(0)) throw new TypeError(`device-mapper ${what}: has a NUL`);
	if (bytes.length > maxBytes) {
		throw new RangeError(
			`device-mapper ${what}: ${bytes.length} bytes, at most ${maxBytes}: ${text}`,
		);
	}
	return bytes;
}

function decodeText(bytes: Uint8Array, start: number): string {
	const end = bytes.indexOf(0, start);
	return new TextDecoder().decode(bytes.subarray(start, end < 0 ? bytes.length : end));
}

function align8(bytes: number): number {
	return Math.ceil(bytes / 8) * 8;
}

// Source: linux/dm-ioctl.h.
/** The device refuses writes. */
export const DM_READONLY_FLAG: number = 1 << 0;
/** Suspends instead of resuming; the device is suspended. */
export const DM_SUSPEND_FLAG: number = 1 << 1;
/** The table is asked for, not the status. */
export const DM_STATUS_TABLE_FLAG: number = 1 << 4;
/** There is a live table. */
export const DM_ACTIVE_PRESENT_FLAG: number = 1 << 5;
/** There is a table that waits for resuming. */
export const DM_INACTIVE_PRESENT_FLAG: number = 1 << 6;
/** The answer had no room. */
export const DM_BUFFER_FULL_FLAG: number = 1 << 8;
/** Suspending freezes no file system. */
export const DM_SKIP_LOCKFS_FLAG: number = 1 << 10;
/** Suspending waits for no request; a status writes nothing back. */
export const DM_NOFLUSH_FLAG: number = 1 << 11;
/** The table that waits for resuming is meant. */
export const DM_QUERY_INACTIVE_TABLE_FLAG: number = 1 << 12;
/** Renaming gives a uuid; a list has uuids. */
export const DM_UUID_FLAG: number = 1 << 14;
/** The kernel wipes its copies. */
export const DM_SECURE_DATA_FLAG: number = 1 << 15;
/** A message has an answer. */
export const DM_DATA_OUT_FLAG: number = 1 << 16;
/** The device is, or is to be, removed with its last user. */
export const DM_DEFERRED_REMOVE: number = 1 << 17;
const DM_NAME_LIST_FLAG_HAS_UUID = 1;
const DM_NAME_LIST_FLAG_DOESNT_HAVE_UUID = 2;
/** Of the interface: 4.45.0 is Linux 5.13's. Before it there are no flags behind a name. */
const listsUuidsMinor = 45;
