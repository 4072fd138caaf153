import { execFileSync } from "node:child_process";
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const megabyte = 1 << 20;

/** What {@link Laboratory.partition} writes: an ESP, a root partition and one without a name. */
export const table =
	'label: gpt\nsize=8MiB, type=uefi, name="esp"\n' +
	'size=16MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name="root"\nsize=4MiB\n';

/** A folder of a test with loop devices on files in it, all gone after the test. */
export class Laboratory implements Disposable {
	readonly path: string = mkdtempSync(join(tmpdir(), "devhost-partition-"));
	readonly #undo: (() => void)[] = [];

	/** A blank file as a loop device, as losetup makes it: without `LO_FLAGS_PARTSCAN`. */
	loop(sizeMegabytes: number, options: { readonly sectorBytes?: number } = {}): string {
		const file = join(this.path, `disk${this.#undo.length}.img`);
		writeFileSync(file, "");
		truncateSync(file, sizeMegabytes * megabyte);
		const sectors = `--sector-size=${options.sectorBytes ?? 512}`;
		const path = run("losetup", "--find", "--show", sectors, file).trim();
		this.#undo.push(() => void run("losetup", "--detach", path));
		return path;
	}

	/** Writes a partition table, and does not tell the kernel. */
	partition(disk: string, script: string = table): string {
		execFileSync("sfdisk", ["--quiet", "--no-reread", "--no-tell-kernel", disk], {
			input: script,
			stdio: ["pipe", "ignore", "pipe"],
		});
		return disk;
	}

	/** A LUKS2 container on a disk, open: its path. */
	luks(disk: string): string {
		const name = `partition-test-${process.pid}-${this.#undo.length}`;
		const key = join(this.path, "key");
		writeFileSync(key, "secret");
		const cheap = ["--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000"];
		run("cryptsetup", "luksFormat", "--batch-mode", ...cheap, `--key-file=${key}`, disk);
		run("cryptsetup", "open", `--key-file=${key}`, disk, name);
		this.#undo.push(() => void run("cryptsetup", "close", name));
		return `/dev/mapper/${name}`;
	}

	/** A logical volume on a disk, active: its path. */
	volume(disk: string, sizeMegabytes: number): string {
		const folder = join(this.path, "lvm");
		mkdirSync(folder, { recursive: true });
		writeFileSync(
			join(folder, "lvm.conf"),
			"activation { udev_sync=0 udev_rules=0 monitoring=0 }\nbackup { backup=0 archive=0 }\n" +
				`global { use_lvmpolld=0 locking_dir="${folder}" }\ndevices { hints="none" }\n`,
		);
		const env = { ...process.env, LVM_SYSTEM_DIR: folder, DM_DISABLE_UDEV: "1", LC_ALL: "C" };
		const lvm = (command: string, ...args: readonly string[]): void =>
			void execFileSync("lvm", [command, "--devices", disk, ...args], { env, stdio: "pipe" });
		const group = `partitiontest${process.pid}`;
		lvm("vgcreate", group, disk);
		lvm("lvcreate", "-Wn", "-Zn", "-L", `${sizeMegabytes}M`, "-n", "disk", group);
		this.#undo.push(() => lvm("vgchange", "-an", group));
		return `/dev/mapper/${group}-disk`;
	}

	[Symbol.dispose](): void {
		for (const undo of this.#undo.toReversed()) undo();
		rmSync(this.path, { recursive: true });
	}
}

/** The partitions that the kernel shows of a loop device. */
export function shownPartitions(loop: string): string[] {
	const directory = `/sys/block/${basename(loop)}`;
	return readdirSync(directory).filter((name) => existsSync(`${directory}/${name}/partition`));
}

/** The names of all mappings of this machine. */
export function mappings(): string[] {
	return run("dmsetup", "info", "--columns", "--noheadings", "--options", "name,uuid")
		.split("\n")
		.filter((line) => line !== "" && line !== "No devices found");
}

/** Runs a program to its end, and returns what it printed. */
export function run(program: string, ...args: readonly string[]): string {
	const env = { ...process.env, LC_ALL: "C", DM_DISABLE_UDEV: "1" };
	return execFileSync(program, args, { encoding: "utf8", env, stdio: "pipe" });
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
