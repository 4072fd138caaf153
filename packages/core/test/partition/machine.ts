import {
	constants,
	existsSync,
	readdirSync,
	readFileSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	AT_FDCWD,
	detachedMount,
	type DeviceNumber,
	type Fd,
	isSysError,
	LO_FLAGS_AUTOCLEAR,
	LO_FLAGS_READ_ONLY,
	loopConfigure,
	loopGetFree,
	mknodat,
	openat2,
	unlinkat,
} from "@devhost/linux";
import { deletePartition } from "@devhost/linux";

const megabyte = 1 << 20;

/** A loop device of a test, bound without `LO_FLAGS_PARTSCAN`, and a directory for nodes that appears nowhere. */
export class TestDisk implements Disposable {
	readonly devices: Fd;
	readonly disk: Fd;
	/** Of `loopN`. */
	readonly number: number;
	/** The backing file, gone already but for this. */
	readonly file: Fd;
	#nodes = 0;

	private constructor(devices: Fd, file: Fd, { disk, number }: { disk: Fd; number: number }) {
		this.devices = devices;
		this.file = file;
		this.disk = disk;
		this.number = number;
	}

	/** @param sizeMegabytes - Of the disk. */
	static async make({
		sizeMegabytes = 64,
		sectorBytes = 512,
		readOnly = false,
	}: {
		sizeMegabytes?: number;
		sectorBytes?: number;
		readOnly?: boolean;
	} = {}): Promise<TestDisk> {
		const path = join(tmpdir(), `devhost-core-${process.pid}-${Math.random().toString(36)}`);
		writeFileSync(path, "");
		truncateSync(path, sizeMegabytes * megabyte);
		const devices = detachedMount("tmpfs");
		const file = openat2(AT_FDCWD, path, { flags: constants.O_RDWR });
		unlinkat(AT_FDCWD, path);
		mknodat(devices, "loop-control", "char", { major: 10, minor: 237 }, 0o600);
		using control = openat2(devices, "loop-control", { flags: constants.O_RDWR });
		const flags = LO_FLAGS_AUTOCLEAR | (readOnly ? LO_FLAGS_READ_ONLY : 0);
		const config = { file, offsetBytes: 0, sizeBytes: 0, sectorBytes, flags };
		for (;;) {
			const number = await loopGetFree(control);
			const disk = openNumber(devices, `.try`, { major: 7, minor: number });
			try {
				await loopConfigure(disk, { ...config, tag: "devhost:core-test:disk" });
				return new TestDisk(devices, file, { disk, number });
			} catch (error) {
				disk.close();
				if (!isSysError(error, "EBUSY")) throw error;
			}
		}
	}

	get node(): DeviceNumber {
		return { major: 7, minor: this.number };
	}

	/** What `openPartitions` is to have for this disk. */
	request<Further extends object>(
		further: Further,
	): {
		disk: Fd;
		node: DeviceNumber;
		subject: string;
		devices: Fd;
		readOnly: boolean;
	} & Further {
		const { disk, node, devices } = this;
		return { disk, node, devices, subject: "disk", readOnly: false, ...further };
	}

	/** Opens a partition as anybody could: by its number. */
	open(number: number, flags: number = constants.O_RDONLY): Fd {
		const dev = readFileSync(`/sys/block/loop${this.number}/loop${this.number}p${number}/dev`);
		const [major, minor] = String(dev).split(":").map(Number) as [number, number];
		return openNumber(this.devices, `.other${this.#nodes++}`, { major, minor }, flags);
	}

	/** The partitions that the kernel shows: their numbers. */
	shown(): number[] {
		return shownPartitions(this.number);
	}

	/** The nodes in the device directory. */
	nodes(): string[] {
		const names = readdirSync(`/proc/self/fd/${this.devices.fd}`);
		return names.filter((name) => name.startsWith("loop") && name !== "loop-control");
	}

	[Symbol.dispose](): void {
		for (const number of this.disk.isOpen ? this.shown() : []) {
			try {
				deletePartition(this.disk, number);
			} catch (error) {
				if (!isSysError(error)) throw error;
			}
		}
		for (const fd of [this.disk, this.file, this.devices]) fd.close();
	}
}

/** The partitions that the kernel shows of `loopN`: their numbers. */
export function shownPartitions(loop: number): number[] {
	const directory = `/sys/block/loop${loop}`;
	return readdirSync(directory)
		.filter((name) => existsSync(`${directory}/${name}/partition`))
		.map((name) => Number(name.replace(/^.*p/, "")))
		.toSorted((one, other) => one - other);
}

function openNumber(
	devices: Fd,
	name: string,
	node: DeviceNumber,
	flags: number = constants.O_RDWR,
): Fd {
	mknodat(devices, name, "block", node, 0o600);
	try {
		return openat2(devices, name, { flags });
	} finally {
		unlinkat(devices, name);
	}
}
