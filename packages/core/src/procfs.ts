import { readdir, readFile, stat } from "node:fs/promises";
import { type DeviceNumber, type MountInfo, parseMountInfo } from "@devhost/linux";

/** A process's short name; what it was started as where Node has named it after its thread. */
export async function commandName(directory: string): Promise<string> {
	const name = (await read(`${directory}/comm`)).trimEnd();
	if (name !== "MainThread") return name;
	const [program = ""] = (await read(`${directory}/cmdline`)).split("\0");
	return baseName(program) || name;
}

/** What is mounted for a process; nothing where that cannot be read. @param directory - `/proc/PID` */
export async function readMounts(directory: string): Promise<MountInfo[]> {
	return parseMountInfo(await read(`${directory}/mountinfo`));
}

/** Which file system a path is on (`st_dev`); undefined where there is nothing. */
export async function fileSystemOf(path: string): Promise<string | undefined> {
	try {
		return numberText((await stat(path)).dev);
	} catch {
		return undefined;
	}
}

/** A device number of stat(2) as sysfs and mountinfo write it: `7:3`. */
export function numberText(device: number): string {
	return `${major(device)}:${minor(device)}`;
}

/** As {@link numberText}. */
export function deviceText(device: DeviceNumber): string {
	return `${device.major}:${device.minor}`;
}

/** Source: gnu_dev_major and gnu_dev_minor, sys/sysmacros.h. Within 2^53, bitwise only within 2^32. */
function major(rdev: number): number {
	const high = Math.floor(rdev / 2 ** 32);
	return ((rdev >>> 8) & 0xfff) | (high & 0xffff_f000);
}

function minor(rdev: number): number {
	return (rdev & 0xff) | ((rdev >>> 12) & 0xfff_ff00);
}

function baseName(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}

export async function read(path: string): Promise<string> {
	return await readFile(path, "utf8").catch(() => "");
}

export async function list(path: string): Promise<string[]> {
	return await readdir(path).catch(() => []);
}
