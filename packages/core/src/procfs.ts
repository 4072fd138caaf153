import { readdir, readFile, stat } from "node:fs/promises";
import type { DeviceNumber } from "@devhost/linux";

/** A process's short name; what it was started as where Node has named it after its thread. */
export async function commandName(directory: string): Promise<string> {
	const name = (await read(`${directory}/comm`)).trimEnd();
	if (name !== "MainThread") return name;
	const [program = ""] = (await read(`${directory}/cmdline`)).split("\0");
	return baseName(program) || name;
}

/** A line of mountinfo. Source: proc(5). */
export interface MountLine {
	readonly id: number;
	/** Of the mount that it is in. */
	readonly parentId: number;
	/** `7:3` */
	readonly device: string;
	/** The mount point, as processes of that mount namespace see it. */
	readonly target: string;
	readonly source: string;
}

/** What is mounted for a process; nothing where that cannot be read. @param directory - `/proc/PID` */
export async function readMounts(directory: string): Promise<MountLine[]> {
	const lines = (await read(`${directory}/mountinfo`)).split("\n");
	return lines.filter(Boolean).map((line) => {
		// 36 35 98:0 /root /target options [optional fields] - type source options
		const [left = "", right = ""] = line.split(" - ");
		const [id, parentId, device = "", , target = ""] = left.split(" ");
		const [, source = ""] = right.split(" ");
		return {
			id: Number(id),
			parentId: Number(parentId),
			device,
			target: unescapeOctal(target),
			source: unescapeOctal(source),
		};
	});
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

/** Spaces and the like stand as octal escapes in mountinfo and swaps: `\040`. Source: proc(5). */
export function unescapeOctal(text: string): string {
	return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
		String.fromCharCode(Number.parseInt(octal, 8)),
	);
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
