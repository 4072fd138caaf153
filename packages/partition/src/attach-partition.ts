import { basename } from "node:path";
import { causeFirst, DeviceError } from "@devhost/core";
import type { Partition, PartitionSelector } from "@devhost/core/partition";
import {
	AT_FDCWD,
	detachedMount,
	type DeviceNumber,
	isSysError,
	mknodat,
	openat2,
	statFd,
} from "@devhost/linux";
import type { DiskSys } from "./disk-sys.ts";
import { linuxDisk } from "./linux-disk.ts";
import { openPartition } from "./open-partition.ts";

/** What {@link attachPartition} opens, and how; exactly one of `number`, `label`, `uuid` and `type`. */
export type AttachPartitionOptions = PartitionSelector & {
	/** The path of the disk: `/dev/loop3`, `/dev/mapper/disk`. */
	readonly parent: string;
	/** Nothing can be written. @default false */
	readonly readOnly?: boolean | undefined;
	/** First part of the tag that says whose a mapping is. @default `pid-` and the process's pid */
	readonly run?: string | undefined;
	/** Second part of the tag. @default the parent's name and a number */
	readonly name?: string | undefined;
	/** How long closing waits for others to let go of the device. @default 5000 */
	readonly closeTimeoutMs?: number | undefined;
	/** Gives up opening. */
	readonly signal?: AbortSignal | undefined;
	/** Is told what is wrong with the partition table. */
	readonly log?: ((text: string) => void) | undefined;
	/** The kernel. Tests pass another one. @default this machine's */
	readonly sys?: DiskSys | undefined;
};

/** An attached partition. Disposing it closes it, once: whoever does so again waits for that. A failure is told to the first. */
export interface AttachedPartition extends AsyncDisposable {
	/** Where to open the device, while this process has it: `/proc/PID/fd/N/loop3p2`. */
	readonly path: string;
	/** The kernel's name: `loop3p2`, `dm-4`. */
	readonly name: string;
	readonly node: DeviceNumber;
	/** What the table says. */
	readonly partition: Partition;
	readonly sizeBytes: number;
	readonly sectorBytes: number;
	readonly readOnly: boolean;
	/**
	 * Brings what was written to the disk.
	 *
	 * @throws {@link DeviceError} `ERR_DEVICE_CLOSE` something that was written is lost.
	 */
	flush(): Promise<void>;
	/**
	 * Flushes, and waits until the device is gone.
	 *
	 * @throws {@link DeviceBusy} somebody else still has the device open; it goes when they let go, or with the disk.
	 * @throws {@link DeviceError} `ERR_DEVICE_CLOSE` something that was written is lost.
	 */
	close(): Promise<void>;
}

/**
 * Opens a partition of a disk of this machine as a block device. Needs root.
 *
 * The device goes with this process, however that ends: a partition of a loop device when that is unbound, any other at once.
 *
 * @example
 * ```ts
 * import { execFileSync } from "node:child_process";
 * import { attachPartition } from "@devhost/partition";
 *
 * await using root = await attachPartition({ parent: "/dev/loop3", label: "root" });
 * execFileSync("mkfs.ext4", ["-q", root.path]);
 * ```
 *
 * @throws {@link DeviceError} with the codes that the README lists; nothing is left behind then.
 */
export async function attachPartition(options: AttachPartitionOptions): Promise<AttachedPartition> {
	const { parent, readOnly = false, run = `pid-${process.pid}`, signal } = options;
	const { name = `${basename(parent)}-${count++}`, closeTimeoutMs = 5000 } = options;
	try {
		await using acquired = new AsyncDisposableStack();
		// Its nodes appear nowhere, and are there for others by way of this process.
		const devices = acquired.use(detachedMount("tmpfs", { mode: "0700" }));
		const node = nodeOf(parent);
		mknodat(devices, diskName, "block", node, 0o600);
		const opened = acquired.use(
			await openPartition(options.sys ?? linuxDisk(), {
				parent: { path: diskName, node },
				selector: options,
				readOnly,
				run,
				name,
				devices,
				closeTimeoutMs,
				signal,
				log: options.log ?? (() => {}),
			}),
		);
		const { sizeBytes, sectorBytes, path, partition } = opened;
		const owned = acquired.move(); // nothing below can throw
		let closing: Promise<void> | undefined;
		const close = async (): Promise<void> => {
			if (closing !== undefined) return await closing.catch(() => {});
			closing = owned.disposeAsync().catch((error: unknown) => {
				throw causeFirst(error, name);
			});
			await closing;
		};
		return {
			path: `/proc/${process.pid}/fd/${devices.fd}/${path}`,
			name: path,
			node: opened.node,
			partition,
			sizeBytes,
			sectorBytes,
			readOnly: opened.readOnly,
			flush: () => opened.flush(),
			close,
			[Symbol.asyncDispose]: close,
		};
	} catch (error) {
		throw causeFirst(error, name);
	}
}

function nodeOf(parent: string): DeviceNumber {
	try {
		using found = openat2(AT_FDCWD, parent, { flags: O_PATH });
		const { type, node } = statFd(found);
		if (type === "block" && node !== undefined) return node;
		throw new DeviceError(
			"ERR_DEVICE_FILE",
			`${parent}: not a block device; attachLoop of @devhost/loopback makes one of a file`,
		);
	} catch (error) {
		if (!isSysError(error)) throw error;
		const message = `${parent}: not a device that can be opened (${error.code})`;
		throw new DeviceError("ERR_DEVICE_FILE", message, { cause: error });
	}
}

let count = 0;
/** Of the parent's node, which is nobody else's. */
const diskName = "disk";
const O_PATH = 0o10000000; // asm-generic/fcntl.h; Node has no name for it
