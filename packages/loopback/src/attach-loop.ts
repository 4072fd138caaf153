import { constants } from "node:fs";
import { basename, join } from "node:path";
import { DeviceError, loopTag } from "@devhost/core";
import {
	AT_FDCWD,
	type DeviceNumber,
	type FdLike,
	fdNumber,
	isSysError,
	openat2,
	reserveFds,
} from "@devhost/linux";
import { linuxLoop } from "./linux-loop.ts";
import type { LoopSys } from "./loop.ts";
import { defaultCloseTimeoutMs } from "./loop-request.ts";
import { openLoop } from "./open-loop.ts";
import { defaultSectorBytes, sectorSizes } from "./options.ts";
import type { LoopPartition } from "./scan-partitions.ts";

/** What {@link attachLoop} attaches, and how. */
export interface AttachLoopOptions {
	/** A path, or an open file, which stays the caller's. A regular file or a block device. */
	readonly file: string | FdLike;
	/** A directory that `file` is beneath: neither `..` nor a symbolic link leaves it. @default none */
	readonly tree?: string | FdLike | undefined;
	/** Where the device begins in the file, in bytes; a multiple of the sector size. @default 0 */
	readonly startBytes?: number | undefined;
	/** The same in sectors, instead of `startBytes`. */
	readonly startSectors?: number | undefined;
	/** Bytes of the device; a multiple of the sector size. @default the rest of the file */
	readonly sizeBytes?: number | undefined;
	/** The same in sectors, instead of `sizeBytes`. */
	readonly sizeSectors?: number | undefined;
	/** Bytes of a logical sector: 512, 1024, 2048 or 4096. @default 512 */
	readonly sectorBytes?: number | undefined;
	/** Nothing can be written; the file is opened for reading only. @default false */
	readonly readOnly?: boolean | undefined;
	/** Holds the BSD lock that keeps udev off until the device is closed. @default false: only during set-up */
	readonly lock?: boolean | undefined;
	/** The file is read and written past the page cache; an error where its file system cannot. @default false */
	readonly directIo?: boolean | undefined;
	/** The partitions that a table on the device describes are devices, too: see {@link AttachedLoop.partitions}. @default false */
	readonly partscan?: boolean | undefined;
	/** A directory in which a node `loopN` is made for the device. @default none: the node in `/dev` is used */
	readonly devices?: string | FdLike | undefined;
	/** First part of the tag that says whose the device is, after `devhost:`. @default `pid-` and the process's pid */
	readonly run?: string | undefined;
	/** Second part of the tag. @default the file's name */
	readonly name?: string | undefined;
	/** How long closing waits for others to let go of the device. @default 5000 */
	readonly closeTimeoutMs?: number | undefined;
	/** Gives up opening. */
	readonly signal?: AbortSignal | undefined;
	/** Is told what is wrong with a partition table. */
	readonly log?: ((text: string) => void) | undefined;
	/** The kernel. Tests pass another one. @default this machine's */
	readonly sys?: LoopSys | undefined;
}

/**
 * An attached loop device. Disposing it closes it, once: whoever does so again waits for that. A failure is told to the
 * first.
 */
export interface AttachedLoop extends AsyncDisposable {
	/**
	 * Where to open the device: `/dev/loop3`, or in the directory `devices` if there is one (if that was given as a
	 * descriptor: relative to it). `/proc/PID/fd/N` where the machine's `/dev` lacks the node.
	 */
	readonly path: string;
	/** The kernel's name: `loop3`. */
	readonly name: string;
	readonly node: DeviceNumber;
	readonly offsetBytes: number;
	readonly sizeBytes: number;
	readonly sectorBytes: number;
	readonly readOnly: boolean;
	/** Distinguishes this binding from all others of the same name; undefined before Linux 5.15. */
	readonly diskSequence: bigint | undefined;
	/** With `partscan`: what the table that was there says, in the order of their numbers, each with a `path`. */
	readonly partitions: readonly LoopPartition[];
	/**
	 * Brings what was written to the device, and to its partitions, to the file.
	 *
	 * @throws {@link DeviceError} `ERR_DEVICE_CLOSE` something that was written is lost.
	 */
	flush(): Promise<void>;
	/**
	 * Flushes, unbinds, and waits until the device is gone and the file is on its disk.
	 *
	 * @throws {@link DeviceBusy} somebody else still has the device open; it goes when they let go.
	 * @throws {@link DeviceError} `ERR_DEVICE_CLOSE` something that was written is lost.
	 */
	close(): Promise<void>;
}

/**
 * Attaches a file, or a range of it, as a block device of this machine. Needs root.
 *
 * The device goes with this process, however that ends.
 *
 * @example
 * ```ts
 * import { execFileSync } from "node:child_process";
 * import { attachLoop } from "@devhost/loopback";
 *
 * await using loop = await attachLoop({ file: "disk.img", startSectors: 2048, sizeSectors: 40960 });
 * execFileSync("mkfs.ext4", ["-q", loop.path]);
 * ```
 *
 * @throws {@link DeviceError} with the codes that the README lists; nothing is left behind then.
 */
export async function attachLoop(options: AttachLoopOptions): Promise<AttachedLoop> {
	const { sectorBytes, startBytes, sizeBytes } = checkedRange(options);
	const { file, lock = false, readOnly = false, directIo = false, partscan = false } = options;
	const { closeTimeoutMs = defaultCloseTimeoutMs, signal, run = `pid-${process.pid}` } = options;
	const filename = typeof file === "string" ? file : `descriptor ${fdNumber(file)}`;

	await using acquired = new AsyncDisposableStack();
	expectDevice();
	acquired.defer(() => void attached--);
	using tree = openDirectory(options.tree);
	const devices = acquired.use(openDirectory(options.devices));
	const loop = await openLoop(options.sys ?? thisMachine(), {
		file,
		filename,
		tree: tree.fd,
		startBytes,
		sizeBytes,
		sectorBytes,
		readOnly,
		lock,
		directIo,
		partscan,
		devices: devices.fd,
		tag: loopTag(run, options.name ?? basename(filename)),
		closeTimeoutMs,
		signal,
		log: options.log,
	});
	acquired.use(loop);
	tree[Symbol.dispose]();

	const inDevices = (name: string): string =>
		typeof options.devices === "string" ? join(options.devices, name) : name;
	const path = inDevices(loop.path);
	const partitions = loop.partitions.map((each) => ({ ...each, path: inDevices(each.path) }));
	const { number, node, facts } = loop;
	const owned = acquired.move(); // nothing below can throw
	let closing: Promise<void> | undefined;
	const close = async (): Promise<void> => {
		// Whoever asks again waits, too, as in a signal's handler that ends the process then.
		if (closing !== undefined) return await closing.catch(() => {});
		closing = owned.disposeAsync();
		await closing;
	};
	return {
		path,
		name: `loop${number}`,
		node,
		offsetBytes: facts.offsetBytes,
		sizeBytes: facts.sizeBytes,
		sectorBytes: facts.sectorBytes,
		readOnly: facts.readOnly,
		diskSequence: facts.diskSequence,
		partitions,
		flush: () => loop.flush(),
		close,
		[Symbol.asyncDispose]: close,
	};
}

/** Devices of this process. */
let attached = 0;
/** So many make it likely that there will be several times as many. */
let several = 8;

/** Has room made for the descriptors of many devices while there are few: see {@link reserveFds}. */
function expectDevice(): void {
	if (++attached < several) return;
	several *= 8;
	try {
		reserveFds(several * fdsOfDevice);
	} catch {
		// Only speed depends on it.
	}
}

/** While it is opened; then it has three or four. */
const fdsOfDevice = 8;

/** One for the process: it keeps a descriptor once it was asked for a lock in a device directory. */
let machine: LoopSys | undefined;

function thisMachine(): LoopSys {
	machine ??= linuxLoop();
	return machine;
}

/** A directory that was given as a path is opened and owned; a descriptor is lent. */
function openDirectory(
	directory: string | FdLike | undefined,
): Disposable & { readonly fd: FdLike | undefined } {
	if (typeof directory !== "string") return { fd: directory, [Symbol.dispose]() {} };
	try {
		const fd = openat2(AT_FDCWD, directory, { flags: O_PATH | constants.O_DIRECTORY });
		return { fd, [Symbol.dispose]: () => fd.close() };
	} catch (error) {
		if (!isSysError(error)) throw error;
		const message = `${directory}: not a directory that can be opened (${error.code})`;
		throw new DeviceError("ERR_DEVICE_FILE", message, { cause: error });
	}
}

function checkedRange(options: AttachLoopOptions): {
	sectorBytes: number;
	startBytes: number;
	sizeBytes: number | undefined;
} {
	const { file, sectorBytes = defaultSectorBytes } = options;
	if (typeof file === "string" && (file === "" || file.includes("\0"))) {
		throw wrong("file", file, "the path of a file");
	}
	if (!sectorSizes.includes(sectorBytes)) {
		throw wrong("sectorBytes", sectorBytes, `one of ${sectorSizes.join(", ")}`);
	}
	for (const key of [
		"startBytes",
		"startSectors",
		"sizeBytes",
		"sizeSectors",
		"closeTimeoutMs",
	] as const) {
		const value = options[key];
		if (value !== undefined && !(Number.isInteger(value) && value >= 0)) {
			throw wrong(key, value, "a whole number, 0 or more");
		}
	}
	return {
		sectorBytes,
		startBytes: inBytes(options, "start", sectorBytes) ?? 0,
		sizeBytes: inBytes(options, "size", sectorBytes),
	};
}

function inBytes(
	options: AttachLoopOptions,
	what: "start" | "size",
	sectorBytes: number,
): number | undefined {
	const bytes = options[`${what}Bytes`];
	const sectors = options[`${what}Sectors`];
	if (bytes !== undefined && sectors !== undefined) {
		throw wrong(`${what}Sectors`, sectors, `either ${what}Bytes or ${what}Sectors`);
	}
	return bytes ?? (sectors === undefined ? undefined : sectors * sectorBytes);
}

function wrong(option: string, value: unknown, expected: string): DeviceError {
	const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
	const message = `${option}: ${shown}, expected ${expected}`;
	return new DeviceError("ERR_DEVICE_OPTIONS", message, { pointer: `/${option}` });
}

const O_PATH = 0o10000000; // asm-generic/fcntl.h; Node has no name for it
