import { constants, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
	AT_FDCWD,
	detachedMount,
	DeviceMapper,
	type DeviceNumber,
	type DmTarget,
	type Fd,
	LO_FLAGS_AUTOCLEAR,
	LO_FLAGS_READ_ONLY,
	loopConfigure,
	loopGetFree,
	openat2,
	statFd,
} from "@devhost/linux";
import {
	linuxMappings,
	type MappingSys,
	type OpenMapping,
	openTable,
	type TableRequest,
} from "../../src/mapping/index.ts";
import { mappingTag } from "../../src/tag.ts";

/** The size of the disks, and of what is on them. */
export const megabyte: number = 2 ** 20;

let count = 0;

/** A name that no other device of these tests has. */
export function newName(): string {
	return `device${count++}`;
}

/** A megabyte in a file, as a loop device that goes with its descriptor. */
export interface Disk extends Disposable {
	readonly fd: Fd;
	readonly node: DeviceNumber;
	readonly file: string;
}

/** A folder for files, a device directory, and device-mapper itself. */
export class Machine implements Disposable {
	readonly folder: string = mkdtempSync(join(tmpdir(), "devhost-mapping-"));
	readonly devices: Fd = detachedMount("tmpfs");
	readonly sys: MappingSys = linuxMappings();
	readonly mapper: DeviceMapper = DeviceMapper.open();
	/** Of all mappings that are made here. */
	readonly run: string = `guest-${process.pid}`;

	async newDisk({ readOnly = false }: { readonly readOnly?: boolean } = {}): Promise<Disk> {
		const file = join(this.folder, `file${count++}`);
		writeFileSync(file, "");
		truncateSync(file, megabyte);
		using control = openat2(AT_FDCWD, "/dev/loop-control", { flags: constants.O_RDWR });
		const number = await loopGetFree(control);
		const fd = openat2(AT_FDCWD, `/dev/loop${number}`, { flags: constants.O_RDWR });
		using backing = openat2(AT_FDCWD, file, {
			flags: readOnly ? constants.O_RDONLY : constants.O_RDWR,
		});
		const flags = LO_FLAGS_AUTOCLEAR | (readOnly ? LO_FLAGS_READ_ONLY : 0);
		const range = { offsetBytes: 0, sizeBytes: megabyte, sectorBytes: 512 };
		await loopConfigure(fd, { ...range, file: backing, flags, tag: "" });
		const { node } = statFd(fd);
		if (node === undefined) throw new Error("no device");
		return { fd, node, file, [Symbol.dispose]: () => fd.close() };
	}

	/** A request without what it is made of. */
	requestOf(name: string): TableRequest {
		const { run, devices } = this;
		return {
			run,
			name,
			subject: name,
			devices,
			readOnly: false,
			closeTimeoutMs: 500,
			table: [],
		};
	}

	/** A mapping of all of a disk. */
	async openLinear(name: string, { node }: Disk): Promise<OpenMapping> {
		return await openTable(this.sys, { ...this.requestOf(name), table: linear(node) });
	}

	/** What there is still of a device's mappings after a second. */
	async leftOf(name: string): Promise<string[]> {
		const isOurs = (other: string): boolean => other.startsWith(mappingTag(this.run, name));
		for (let look = 0; ; look++) {
			const names = this.mapper.list().map((mapping) => mapping.name);
			const left = names.filter(isOurs);
			if (left.length === 0 || look === 200) return left;
			await delay(5);
		}
	}

	[Symbol.dispose](): void {
		this.devices.close();
		this.mapper[Symbol.dispose]();
		rmSync(this.folder, { recursive: true });
	}
}

/** The table of a mapping that is the first sectors of a device. */
export function linear({ major, minor }: DeviceNumber, lengthSectors = 2048): DmTarget[] {
	return [{ startSectors: 0, lengthSectors, type: "linear", parameters: `${major}:${minor} 0` }];
}

/** What something was rejected with. */
export async function failureOf(work: PromiseLike<unknown>): Promise<unknown> {
	return await work.then(
		() => undefined,
		(error: unknown) => error,
	);
}
