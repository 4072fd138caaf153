import { constants } from "node:os";
import type { Handle, ParentDevice } from "@devhost/core";
import {
	type FakeMappings,
	fakeMappings,
	type FakeMappingsOptions,
} from "@devhost/core/testing-mapping";
import {
	type FakePartitions,
	fakePartitions,
	type FakePartitionsOptions,
} from "@devhost/core/testing-partition";
import { type DeviceNumber, SysError } from "@devhost/linux";
import type { DiskSys } from "../src/disk-sys.ts";
import { mbrDisk } from "./images.ts";

/** How the fake machine behaves. */
export interface FakeDiskOptions {
	readonly step?: (name: string) => void;
	/** What the disk holds. @default 1 MiB with partitions 1 and 2 in an MBR */
	readonly content?: Buffer;
	/** What the parent's node is of. @default the parent */
	readonly node?: DeviceNumber;
	/** @default `loop3` */
	readonly parent?: ParentDevice;
	readonly partitions?: FakePartitionsOptions;
	readonly mappings?: FakeMappingsOptions;
}

/** A machine with one disk, which exists only in memory. */
export interface FakeDisk {
	readonly sys: DiskSys;
	readonly parent: ParentDevice;
	/** The steps taken, in order. */
	readonly log: readonly string[];
	readonly partitions: FakePartitions;
	readonly mappings: FakeMappings;
	/** What is still open, shown, mapped, or has a name in the device directory. */
	leftovers(): readonly string[];
}

const megabyte = 1 << 20;

export const loop: ParentDevice = { path: "loop3", node: { major: 7, minor: 3 } };
export const volume: ParentDevice = { path: "dm-9", node: { major: 254, minor: 9 } };

export const twoPartitions: Buffer = mbrDisk(megabyte, [
	{ startSectors: 64, lengthSectors: 64 },
	{ startSectors: 256, lengthSectors: 512 },
]);

/** Makes a machine whose disk is a loop device with two partitions, unless told otherwise. */
export function fakeDisk(options: FakeDiskOptions = {}): FakeDisk {
	const { content = twoPartitions, parent = loop } = options;
	const log: string[] = [];
	const step = (name: string): void => {
		log.push(name);
		options.step?.(name);
	};
	const partitions = fakePartitions({
		...options.partitions,
		disk: { sizeBytes: content.length, ...options.partitions?.disk },
		step,
	});
	const mappings = fakeMappings({ ...options.mappings, step });
	const open = new Set<number>();
	let nextFd = 100;

	const sys: DiskSys = {
		partitions: partitions.sys,
		async loadMappings() {
			await Promise.resolve();
			return mappings.sys;
		},
		openNode(_devices, path) {
			step("openNode");
			if (path !== parent.path) throw new SysError("openat2", constants.errno.ENOENT);
			return handle();
		},
		nodeOf: () => options.node ?? parent.node,
		content: () => ({
			sizeBytes: content.length,
			read(buffer, offsetBytes) {
				return content.copy(buffer, 0, offsetBytes);
			},
		}),
	};

	function handle(): Handle {
		const fd = nextFd++;
		open.add(fd);
		const close = (): void => {
			if (open.delete(fd)) step("close disk");
		};
		return {
			get fd() {
				if (!open.has(fd)) throw new Error("the disk is closed");
				return fd;
			},
			take: () => fd,
			close,
			async closeAsync() {
				await Promise.resolve();
				close();
			},
			[Symbol.dispose]: close,
			async [Symbol.asyncDispose]() {
				await Promise.resolve();
				close();
			},
		};
	}

	return {
		sys,
		parent,
		log,
		partitions,
		mappings,
		leftovers: () => [
			...[...open].map(() => "disk"),
			...partitions.leftovers(),
			...mappings.leftovers(),
		],
	};
}
