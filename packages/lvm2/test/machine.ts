import { spawnSync } from "node:child_process";
import {
	closeSync,
	copyFileSync,
	fsyncSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readSync,
	rmSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenContext, OpenDevice, ParentDevice } from "@devhost/core";
import {
	blockSizeBytes,
	detachedMount,
	DeviceMapper,
	type Fd,
	type FdLike,
	mknodat,
} from "@devhost/linux";

const megabyte = 1 << 20;

/** A file as a loop device of the machine. */
export interface Disk {
	readonly file: string;
	/** `/dev/loop3` */
	readonly path: string;
	readonly parent: ParentDevice;
}

/** A folder of a test with disks and the lvm tools' settings in it: gone after the test, and so are its loop devices. */
export class Laboratory implements Disposable {
	readonly path: string = mkdtempSync(join(tmpdir(), "devhost-lvm2-"));
	readonly #loops: string[] = [];

	/** A sparse file, or a copy of one, as a loop device. */
	disk(name: string, content: number | Disk): Disk {
		const file = join(this.path, name);
		if (typeof content === "number") {
			writeFileSync(file, "");
			truncateSync(file, content * megabyte);
		} else {
			copyFileSync(content.file, file);
		}
		const path = run("losetup", "--find", "--show", file).trim();
		this.#loops.push(path);
		const minor = Number(path.slice("/dev/loop".length));
		return { file, path, parent: { path: `loop${minor}`, node: { major: 7, minor } } };
	}

	/** Runs one of the lvm tools. It knows of these disks only, and has its settings and leftovers in the folder. */
	lvm(disks: readonly Disk[], command: string, ...args: readonly string[]): string {
		const devices = disks.map(({ path }) => path).join(",");
		return run(
			"lvm",
			{ environment: this.lvmEnvironment },
			command,
			"--devices",
			devices,
			...args,
		);
	}

	/** As {@link lvm}, where there need not be a device-mapper: volumes are only written down. */
	lvmOnPaper(disks: readonly Disk[], command: string, ...args: readonly string[]): string {
		return this.lvm(disks, command, "--driverloaded", "n", ...args);
	}

	/** As the machine's own lvm, if it had these disks. */
	get lvmEnvironment(): Record<string, string> {
		const folder = join(this.path, "lvm");
		mkdirSync(folder, { recursive: true });
		writeFileSync(
			join(folder, "lvm.conf"),
			"activation { udev_sync=0 udev_rules=0 monitoring=0 }\nbackup { backup=0 archive=0 }\n" +
				`global { use_lvmpolld=0 locking_dir="${folder}" }\ndevices { hints="none" }\n`,
		);
		return { LVM_SYSTEM_DIR: folder, LVM_SUPPRESS_FD_WARNINGS: "1", DM_DISABLE_UDEV: "1" };
	}

	[Symbol.dispose](): void {
		for (const loop of this.#loops) run("losetup", "--detach", loop);
		rmSync(this.path, { recursive: true });
	}
}

/** Runs a program to its end, and returns what it printed. */
export function run(
	program: string,
	...args: readonly (string | { readonly environment: Record<string, string> })[]
): string {
	const argv = args.filter((each) => typeof each === "string");
	const environment = args.find((each) => typeof each !== "string")?.environment ?? {};
	const result = spawnSync(program, argv, {
		encoding: "utf8",
		env: { ...process.env, LC_ALL: "C", ...environment },
	});
	if (result.status === 0) return result.stdout;
	throw new Error(
		`${program} ${argv.join(" ")}: ${result.status ?? result.signal ?? result.error}: ${result.stderr}`,
	);
}

/** A device directory that appears nowhere, with nodes of disks in it. */
export function deviceDirectory(
	disks: readonly Disk[],
): Disposable & { readonly fd: Fd; readonly path: string } {
	const fd = detachedMount("tmpfs", { mode: "0755" });
	for (const { parent } of disks) mknodat(fd, parent.path, "block", parent.node, 0o600);
	return { fd, path: `/proc/${process.pid}/fd/${fd.fd}`, [Symbol.dispose]: () => fd.close() };
}

/** What a driver is given. */
export function contextOf(
	disks: readonly Disk[],
	devices: FdLike,
	name: string = "volume",
): OpenContext & { readonly logged: string[] } {
	const parents = disks.map(({ parent }) => parent);
	const logged: string[] = [];
	return {
		name,
		run: "lvm2-test",
		tree: devices,
		devices,
		parents,
		...(parents[0] !== undefined && { parent: parents[0] }),
		signal: new AbortController().signal,
		log: (text) => void logged.push(text),
		secret: () => undefined,
		logged,
	};
}

/** The names of all mappings of this machine. */
export function mappings(): string[] {
	using mapper = DeviceMapper.open();
	return mapper
		.list()
		.map(({ name }) => name)
		.toSorted();
}

/** Has the kernel load modules: the lvm tools' modprobe knows none of a guest's kernel. */
export async function loadTargets(...names: readonly string[]): Promise<void> {
	using mapper = DeviceMapper.open();
	for (const name of names) await mapper.targetVersion(name);
}

/** Looks every few milliseconds until it is so. */
export async function until(isSo: () => boolean, timeoutMs: number): Promise<boolean> {
	const endMs = performance.now() + timeoutMs;
	while (!isSo()) {
		if (performance.now() > endMs) return false;
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	return true;
}

/** Writes a text at the beginning and in every megabyte of a device that is named in it. */
export function writeMarks(path: string, text: string): void {
	const fd = openSync(path, "r+");
	try {
		for (let at = 0; at < sizeOf(fd); at += megabyte) writeSync(fd, `${text} at ${at}\n`, at);
		fsyncSync(fd);
	} finally {
		closeSync(fd);
	}
}

/** What {@link writeMarks} has written: a line for each megabyte. */
export function readMarks(path: string): string[] {
	const fd = openSync(path, "r");
	try {
		const marks: string[] = [];
		for (let at = 0; at < sizeOf(fd); at += megabyte) {
			const bytes = Buffer.alloc(80);
			readSync(fd, bytes, 0, bytes.length, at);
			marks.push(bytes.toString("latin1").split("\n")[0] ?? "");
		}
		return marks;
	} finally {
		closeSync(fd);
	}
}

/** What is read where {@link writeMarks} has written. */
export function marksOf(text: string, megabytes: number): string[] {
	return Array.from({ length: megabytes }, (_, index) => `${text} at ${index * megabyte}`);
}

function sizeOf(fd: number): number {
	return blockSizeBytes(fd);
}

/** Closes whatever a test has opened. */
export async function close(device: OpenDevice): Promise<void> {
	await device[Symbol.asyncDispose]();
}
