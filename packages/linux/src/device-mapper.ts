import { constants } from "node:fs";
import {
	answerFlags,
	answerVersion,
	decodeDependencies,
	decodeMessage,
	decodeNames,
	decodeStatus,
	decodeTable,
	decodeVersions,
	DM_BUFFER_FULL_FLAG,
	DM_DEFERRED_REMOVE,
	DM_NOFLUSH_FLAG,
	DM_QUERY_INACTIVE_TABLE_FLAG,
	DM_READONLY_FLAG,
	DM_SECURE_DATA_FLAG,
	DM_SKIP_LOCKFS_FLAG,
	DM_STATUS_TABLE_FLAG,
	DM_SUSPEND_FLAG,
	DM_UUID_FLAG,
	type DmHeader,
	type DmName,
	type DmStatus,
	type DmTarget,
	encodeRequest,
	encodeTable,
} from "./dm-struct.ts";
import { isSysError } from "./errno.ts";
import type { Fd, FdLike } from "./fd.ts";
import { AT_FDCWD, type DeviceNumber, mknodat, openat2, unlinkat } from "./file.ts";
import { ioctl, ioctlAsync } from "./ioctl.ts";
import { detachedMount } from "./mount.ts";

/** Which device: by one of its names, or by its number, which is another device's as soon as it is gone. */
export type DmSelector =
	| { readonly name: string; readonly uuid?: undefined; readonly node?: undefined }
	| { readonly uuid: string; readonly name?: undefined; readonly node?: undefined }
	| { readonly node: DeviceNumber; readonly name?: undefined; readonly uuid?: undefined };

/** A kind of target that the kernel has loaded. */
export interface DmTargetVersion {
	readonly name: string;
	readonly version: readonly [number, number, number];
}

/** How a table is loaded. */
export interface DmLoadOptions {
	/** @default false */
	readonly readOnly?: boolean;
	/** The kernel wipes its copies of the table when it is done; so does this. @default false */
	readonly secureData?: boolean;
}

/** How a device is suspended. */
export interface DmSuspendOptions {
	/** Its file system is not frozen first. @default false */
	readonly skipLockfs?: boolean;
	/** Requests that are under way are held back instead of being waited for. @default false */
	readonly noFlush?: boolean;
}

/** Which table, and how it is asked for. */
export interface DmTableOptions {
	/** The one that was loaded and is not live yet. @default false */
	readonly inactive?: boolean;
	/** Thin pools do not write back what they have for the sake of the answer. @default false */
	readonly noFlush?: boolean;
	/** The kernel wipes its copies when it is done. @default false */
	readonly secureData?: boolean;
}

/** A device-mapper device that is open and armed: the kernel removes it when this and all other descriptors are closed. */
export interface HeldMapping extends AsyncDisposable {
	/** Lent. */
	readonly fd: Fd;
	readonly node: DeviceNumber;
}

/**
 * The kernel's device-mapper: each method is one ioctl, or as many as it takes for an answer of any length.
 *
 * udev is told to leave the devices alone by the flags that libdevmapper has for that: no links, no scans of the content. They
 * go with what a device's events say, which `resume`, `rename` and `remove` cause. Nodes are the caller's to make; the
 * kernel's own `/dev/dm-N` is none of ours.
 *
 * Methods that may wait for a device are asynchronous; the others take microseconds.
 *
 * @example
 * ```ts
 * import { DeviceMapper } from "@devhost/linux";
 *
 * using mapper = DeviceMapper.open();
 * await mapper.create("zeros", "example-zeros");
 * await mapper.load({ name: "zeros" }, [
 * 	{ startSectors: 0, lengthSectors: 2048, type: "zero", parameters: "" },
 * ]);
 * await mapper.resume({ name: "zeros" });
 * await using held = await mapper.hold({ name: "zeros" });
 * console.log(`${held.node.major}:${held.node.minor} is removed when it is closed`);
 * ```
 *
 * Source: linux/dm-ioctl.h; drivers/md/dm-ioctl.c; libdevmapper.h and libdm/ioctl/libdm-iface.c of lvm2.
 */
export class DeviceMapper implements Disposable {
	/** The control device, lent. */
	readonly control: Fd;

	private constructor(control: Fd) {
		this.control = control;
	}

	/**
	 * Opens the control device by a node that is made for that on a file system that appears nowhere: `/dev/mapper/control`
	 * may be missing, or be something else. Opening it loads the kernel's module.
	 *
	 * @param options - `control`: the path of a node, instead.
	 * @throws {@link SysError} `ENODEV` or `ENXIO` this kernel has no device-mapper; `EPERM` not root, or a container without
	 * `CAP_MKNOD`; `EACCES` not root.
	 */
	static open({ control }: { readonly control?: string } = {}): DeviceMapper {
		if (control !== undefined)
			return new DeviceMapper(openat2(AT_FDCWD, control, { flags: constants.O_RDWR }));
		using place = detachedMount("tmpfs", { size: "64k", mode: "0700" });
		mknodat(place, "control", "char", controlNumber, 0o600);
		return new DeviceMapper(openat2(place, "control", { flags: constants.O_RDWR }));
	}

	/** The interface's version, such as 4.47.0. Source: `DM_VERSION`. */
	version(): readonly [number, number, number] {
		return answerVersion(this.#now("DM_VERSION", {}));
	}

	/** The kinds of targets that are loaded; others are when a table asks for them. Source: `DM_LIST_VERSIONS`. */
	targets(): readonly DmTargetVersion[] {
		return decodeVersions(this.#now("DM_LIST_VERSIONS", {}, firstAnswerBytes));
	}

	/**
	 * The version of a kind of targets, whose module is loaded for that.
	 *
	 * @returns Undefined where the kernel has none, or does not know how to tell (before Linux 5.4).
	 *
	 * Source: `DM_GET_TARGET_VERSION`.
	 */
	async targetVersion(name: string): Promise<readonly [number, number, number] | undefined> {
		try {
			const answer = await this.#later("DM_GET_TARGET_VERSION", { name }, undefined, 1024);
			return decodeVersions(answer)[0]?.version;
		} catch (error) {
			if (isSysError(error, "EINVAL") || isSysError(error, "ENOTTY")) return undefined;
			throw error;
		}
	}

	/** All devices. Source: `DM_LIST_DEVICES`. */
	list(): readonly DmName[] {
		const listed = decodeNames(
			this.#now("DM_LIST_DEVICES", { flags: DM_UUID_FLAG }, firstAnswerBytes),
		);
		return listed.flatMap(({ name, uuid, node }) => {
			if (uuid !== undefined) return [{ name, uuid, node }];
			const status = this.status({ node });
			return status === undefined ? [] : [{ name: status.name, uuid: status.uuid, node }];
		});
	}

	/** @returns Undefined where there is no such device. Source: `DM_DEV_STATUS`. */
	status(which: DmSelector): DmStatus | undefined {
		try {
			return decodeStatus(this.#now("DM_DEV_STATUS", { ...which }));
		} catch (error) {
			if (isSysError(error, "ENXIO")) return undefined;
			throw error;
		}
	}

	/**
	 * A device's table. That of a `crypt` target has its key, or the name of it in a keyring.
	 *
	 * @throws {@link SysError} `ENXIO` no such device.
	 *
	 * Source: `DM_TABLE_STATUS` with `DM_STATUS_TABLE_FLAG`.
	 */
	table(which: DmSelector, options: DmTableOptions = {}): readonly DmTarget[] {
		return this.#table(which, DM_STATUS_TABLE_FLAG, options);
	}

	/**
	 * What a device's targets say of themselves, as `parameters`.
	 *
	 * @throws {@link SysError} `ENXIO` no such device.
	 *
	 * Source: `DM_TABLE_STATUS`.
	 */
	targetStatus(which: DmSelector, options: DmTableOptions = {}): readonly DmTarget[] {
		return this.#table(which, 0, options);
	}

	/**
	 * The devices that a device stands on, each once.
	 *
	 * @throws {@link SysError} `ENXIO` no such device.
	 *
	 * Source: `DM_TABLE_DEPS`.
	 */
	dependencies(
		which: DmSelector,
		options: Pick<DmTableOptions, "inactive"> = {},
	): readonly DeviceNumber[] {
		return decodeDependencies(
			this.#now("DM_TABLE_DEPS", { ...which, flags: tableFlags(options) }, firstAnswerBytes),
		);
	}

	/**
	 * Makes a device without a table. It can be opened once it has one (Linux 5.15; before that at once).
	 *
	 * @param name - At most 127 bytes, no `/`.
	 * @param uuid - At most 128 bytes.
	 * @throws {@link SysError} `EBUSY` a device has this name or uuid.
	 *
	 * Source: `DM_DEV_CREATE`.
	 */
	async create(name: string, uuid: string = ""): Promise<DmStatus> {
		return decodeStatus(await this.#later("DM_DEV_CREATE", { name, uuid }));
	}

	/**
	 * Gives a device a table, which becomes the live one when it is resumed.
	 *
	 * @throws {@link SysError} `EINVAL` the kernel has no such target, or the target does not take it: the kernel's log says
	 * why; `ENXIO` or `ENODEV` no such device, or one beneath is missing; `EBUSY` one beneath is in use.
	 *
	 * Source: `DM_TABLE_LOAD`.
	 */
	async load(
		which: DmSelector,
		targets: readonly DmTarget[],
		{ readOnly = false, secureData = false }: DmLoadOptions = {},
	): Promise<void> {
		const flags = (readOnly ? DM_READONLY_FLAG : 0) | (secureData ? DM_SECURE_DATA_FLAG : 0);
		const table = encodeTable(targets);
		const request = encodeRequest({ ...which, flags, targetCount: targets.length }, table);
		try {
			await this.#perform("DM_TABLE_LOAD", request);
		} finally {
			if (secureData) {
				table.fill(0);
				request.fill(0);
			}
		}
	}

	/** Drops a table that was loaded and is not live. Source: `DM_TABLE_CLEAR`. */
	async clear(which: DmSelector): Promise<void> {
		await this.#later("DM_TABLE_CLEAR", { ...which });
	}

	/** Has a device go on, with the table that was loaded last. Source: `DM_DEV_SUSPEND`. */
	async resume(which: DmSelector): Promise<void> {
		await this.#later("DM_DEV_SUSPEND", { ...which, eventNumber: udevFlags });
	}

	/** Holds a device back: whoever reads or writes it waits. Source: `DM_DEV_SUSPEND` with `DM_SUSPEND_FLAG`. */
	async suspend(which: DmSelector, options: DmSuspendOptions = {}): Promise<void> {
		const flags =
			DM_SUSPEND_FLAG |
			(options.skipLockfs === true ? DM_SKIP_LOCKFS_FLAG : 0) |
			(options.noFlush === true ? DM_NOFLUSH_FLAG : 0);
		await this.#later("DM_DEV_SUSPEND", { ...which, flags });
	}

	/**
	 * Gives a device another name.
	 *
	 * @throws {@link SysError} `EBUSY` a device has that name; `ENXIO` there is no device `name`.
	 *
	 * Source: `DM_DEV_RENAME`.
	 */
	async rename(name: string, newName: string): Promise<void> {
		const data = new TextEncoder().encode(`${newName}\0`);
		await this.#later("DM_DEV_RENAME", { name, eventNumber: udevFlags }, data);
	}

	/**
	 * Gives a device a uuid, for good.
	 *
	 * @throws {@link SysError} `EINVAL` it has one; `EBUSY` another device has this one.
	 *
	 * Source: `DM_DEV_RENAME` with `DM_UUID_FLAG`.
	 */
	async setUuid(name: string, uuid: string): Promise<void> {
		const data = new TextEncoder().encode(`${uuid}\0`);
		await this.#later("DM_DEV_RENAME", { name, flags: DM_UUID_FLAG }, data);
	}

	/**
	 * Removes a device.
	 *
	 * @throws {@link SysError} `EBUSY` it is open: udev may have it for some milliseconds; `ENXIO` no such device.
	 *
	 * Source: `DM_DEV_REMOVE`.
	 */
	async remove(which: DmSelector): Promise<void> {
		await this.#later("DM_DEV_REMOVE", { ...which, eventNumber: udevFlags });
	}

	/**
	 * Arms a device: the kernel removes it when nobody has it open any more, at once if nobody has. Linux 3.13.
	 *
	 * @returns Whether it is removed already.
	 * @throws {@link SysError} `ENXIO` no such device.
	 *
	 * Source: `DM_DEV_REMOVE` with `DM_DEFERRED_REMOVE`.
	 */
	async removeDeferred(which: DmSelector): Promise<boolean> {
		const header = { ...which, flags: DM_DEFERRED_REMOVE, eventNumber: udevFlags };
		const answer = await this.#later("DM_DEV_REMOVE", header);
		return (answerFlags(answer) & DM_DEFERRED_REMOVE) === 0;
	}

	/**
	 * Takes {@link DeviceMapper.removeDeferred} back.
	 *
	 * @throws {@link SysError} `EBUSY` it is being removed already.
	 *
	 * Source: message `@cancel_deferred_remove`, drivers/md/dm-ioctl.c.
	 */
	async cancelDeferredRemoval(which: DmSelector): Promise<void> {
		await this.message(which, "@cancel_deferred_remove");
	}

	/**
	 * Tells something to a target, or to the device itself where it begins with `@`.
	 *
	 * @param sector - Within the target, where there are several.
	 * @returns What it answers, if anything.
	 *
	 * Shape: `struct dm_target_msg`: `u64 sector; char message[]`.
	 *
	 * Source: `DM_TARGET_MSG`.
	 */
	async message(
		which: DmSelector,
		text: string,
		sector: number = 0,
	): Promise<string | undefined> {
		const data = new Uint8Array(8 + Buffer.byteLength(text) + 1);
		new DataView(data.buffer).setBigUint64(0, BigInt(sector), true);
		new TextEncoder().encodeInto(text, data.subarray(8));
		return decodeMessage(
			await this.#later("DM_TARGET_MSG", { ...which }, data, firstAnswerBytes),
		);
	}

	/**
	 * Opens a device and arms it, in this order: one that nobody has open is removed when it is armed.
	 *
	 * Between these two steps, and since the device was made, it stays if this process is killed. What has to be safe
	 * from that is made by a {@link MappingKeeper}.
	 *
	 * @param options - `directory`: where a node is made for the moment of opening, instead of a file system that appears
	 * nowhere.
	 * @throws {@link SysError} `ENXIO` no such device, or it has no table yet.
	 */
	async hold(
		which: DmSelector,
		{
			directory,
			readOnly = false,
		}: { readonly directory?: FdLike; readonly readOnly?: boolean } = {},
	): Promise<HeldMapping> {
		const { node } = decodeStatus(this.#now("DM_DEV_STATUS", { ...which }));
		using acquired = new DisposableStack();
		const flags = readOnly ? constants.O_RDONLY : constants.O_RDWR;
		const fd = acquired.use(openNode(directory, node, flags));
		await this.removeDeferred({ node });
		acquired.move(); // nothing below can throw
		return { fd, node, [Symbol.asyncDispose]: () => fd.closeAsync() };
	}

	/** Closes the control device. The others stay as they are. */
	close(): void {
		this.control.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	#table(which: DmSelector, flags: number, options: DmTableOptions): readonly DmTarget[] {
		const header = { ...which, flags: flags | tableFlags(options) };
		const answer = this.#now("DM_TABLE_STATUS", header, firstAnswerBytes);
		const targets = decodeTable(answer);
		if (options.secureData === true) answer.fill(0);
		return targets;
	}

	/** On this thread. An answer that does not fit is asked for again, with twice the room. */
	#now(name: RequestName, header: DmHeader, answerBytes: number = 0): Uint8Array {
		for (let bytes = answerBytes; ; bytes *= 2) {
			const request = encodeRequest(header, undefined, bytes);
			ioctl(this.control, { request: requests[name], name, argument: request });
			if (isComplete(request, bytes)) return request;
		}
	}

	async #later(
		name: RequestName,
		header: DmHeader,
		data?: Uint8Array,
		answerBytes?: number,
	): Promise<Uint8Array> {
		return await this.#perform(name, encodeRequest(header, data, answerBytes));
	}

	async #perform(name: RequestName, request: Uint8Array): Promise<Uint8Array> {
		await ioctlAsync(this.control, { request: requests[name], name, argument: request });
		return request;
	}
}

/** Opens a device by a node that is there only for that. */
function openNode(directory: FdLike | undefined, node: DeviceNumber, flags: number): Fd {
	using opened = new DisposableStack();
	const where = directory ?? opened.use(detachedMount("tmpfs", { size: "64k", mode: "0700" }));
	const name = `.dm-${node.minor}-${Math.random().toString(36).slice(2, 12)}`;
	mknodat(where, name, "block", node, 0o600);
	opened.defer(() => unlinkat(where, name));
	return openat2(where, name, { flags });
}

function tableFlags({ inactive, noFlush, secureData }: DmTableOptions): number {
	return (
		(inactive === true ? DM_QUERY_INACTIVE_TABLE_FLAG : 0) |
		(noFlush === true ? DM_NOFLUSH_FLAG : 0) |
		(secureData === true ? DM_SECURE_DATA_FLAG : 0)
	);
}

function isComplete(answer: Uint8Array, roomBytes: number): boolean {
	return (
		(answerFlags(answer) & DM_BUFFER_FULL_FLAG) === 0 ||
		roomBytes === 0 ||
		roomBytes > mostAnswerBytes
	);
}

/** As libdevmapper begins; most answers fit. */
const firstAnswerBytes = 16 * 1024;
/** More than the kernel would ever answer. */
const mostAnswerBytes = 2 ** 30;

/** `MISC_MAJOR` and `MAPPER_CTRL_MINOR`. Source: linux/major.h, linux/miscdevice.h. */
const controlNumber: DeviceNumber = { major: 10, minor: 236 };

/**
 * `DM_UDEV_DISABLE_DM_RULES_FLAG`, `…_SUBSYSTEM_RULES_FLAG`, `…_DISK_RULES_FLAG` and `…_OTHER_RULES_FLAG`, above the 16
 * bits of a cookie, which is 0: nobody waits for udev. So does libdevmapper, `dm_task_set_cookie`. Source: libdevmapper.h.
 */
const udevFlags = 0xf << 16;

/** `_IOWR(0xfd, N, struct dm_ioctl)`, on x86-64 and arm64. Source: linux/dm-ioctl.h. */
const requests = {
	DM_VERSION: 0xc138fd00,
	DM_LIST_DEVICES: 0xc138fd02,
	DM_DEV_CREATE: 0xc138fd03,
	DM_DEV_REMOVE: 0xc138fd04,
	DM_DEV_RENAME: 0xc138fd05,
	DM_DEV_SUSPEND: 0xc138fd06,
	DM_DEV_STATUS: 0xc138fd07,
	DM_TABLE_LOAD: 0xc138fd09,
	DM_TABLE_CLEAR: 0xc138fd0a,
	DM_TABLE_DEPS: 0xc138fd0b,
	DM_TABLE_STATUS: 0xc138fd0c,
	DM_LIST_VERSIONS: 0xc138fd0d,
	DM_TARGET_MSG: 0xc138fd0e,
	DM_GET_TARGET_VERSION: 0xc138fd11,
} as const;

type RequestName = keyof typeof requests;
