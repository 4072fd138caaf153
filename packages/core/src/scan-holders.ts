import { readdir, readFile, readlink, stat } from "node:fs/promises";
import type { DeviceNumber } from "@devhost/linux";
import type { FindHoldersOptions } from "./find-holders.ts";
import type { DeviceHolder, Holder, MountHolder, ProcessHolder, SwapHolder } from "./holder.ts";

/** The work of `findHolders`, which loads it when somebody holds a device: `node:fs/promises` alone takes 2 ms. */
export async function scanHolders(
	node: DeviceNumber,
	{ procfs = "/proc", sysfs = "/sys" }: FindHoldersOptions,
): Promise<Holder[]> {
	const family = await withPartitions(node, sysfs);
	const [processes, swaps, devices] = await Promise.all([
		processHolders(family, procfs),
		swapHolders(family, procfs),
		deviceHolders(family, sysfs),
	]);
	return [...processes, ...swaps, ...devices];
}

/** A device and its partitions. A partition in use keeps the whole in use. */
interface Family {
	/** `7:3`, as sysfs and mountinfo write numbers. */
	readonly numbers: ReadonlySet<string>;
	/** The kernel's names: `loop3`, `loop3p1`. */
	readonly names: ReadonlySet<string>;
}

async function withPartitions(node: DeviceNumber, sysfs: string): Promise<Family> {
	const number = `${node.major}:${node.minor}`;
	const directory = `${sysfs}/dev/block/${number}`;
	const numbers = new Set([number]);
	const names = new Set<string>();
	const name = /^DEVNAME=(.+)$/m.exec(await read(`${directory}/uevent`))?.[1];
	if (name !== undefined) names.add(name);
	for (const child of await list(directory)) {
		if ((await read(`${directory}/${child}/partition`)) === "") continue;
		numbers.add((await read(`${directory}/${child}/dev`)).trim());
		names.add(child);
	}
	return { numbers, names };
}

async function processHolders(
	family: Family,
	procfs: string,
): Promise<(ProcessHolder | MountHolder)[]> {
	const holders: (ProcessHolder | MountHolder)[] = [];
	const namespaces = new Set<string>();
	const pids = (await list(procfs)).filter((name) => /^\d+$/.test(name));
	// One process after the other: this runs when something is wrong, not when something is urgent.
	for (const pid of pids) {
		const directory = `${procfs}/${pid}`;
		const paths = await openPaths(family, directory);
		const namespace = await readlink(`${directory}/ns/mnt`).catch(() => "");
		const isNew = namespace !== "" && !namespaces.has(namespace);
		namespaces.add(namespace);
		const targets = isNew ? await mountTargets(family, directory) : [];
		if (paths.size === 0 && targets.length === 0) continue;

		const by = { pid: Number(pid), command: (await read(`${directory}/comm`)).trimEnd() };
		for (const path of paths) holders.push({ kind: "process", ...by, path });
		for (const target of targets) holders.push({ kind: "mount", target, namespace, ...by });
	}
	return holders;
}

/** The paths by which a process has one of the devices open. */
async function openPaths(family: Family, directory: string): Promise<ReadonlySet<string>> {
	const paths = (await list(`${directory}/fd`)).map(async (fd) => {
		const link = `${directory}/fd/${fd}`;
		const path = await readlink(link).catch(() => "");
		// Only what has a path can be a device node: no need to ask of sockets and pipes.
		return path.startsWith("/") && (await isNode(family, link)) ? [path] : [];
	});
	return new Set((await Promise.all(paths)).flat());
}

/** Where one of the devices is mounted, in the namespace of a process. */
async function mountTargets(family: Family, directory: string): Promise<string[]> {
	const targets: string[] = [];
	for (const line of (await read(`${directory}/mountinfo`)).split("\n")) {
		// 36 35 98:0 /root /target options [optional fields] - type source options
		const [left = "", right = ""] = line.split(" - ");
		const [, , number = "", , target = ""] = left.split(" ");
		const [, source = ""] = right.split(" ");
		const isAnonymous = number.startsWith("0:") && source.startsWith("/");
		const isOurs =
			family.numbers.has(number) ||
			// btrfs and others show a number of their own instead of the device's.
			(isAnonymous && (await isNode(family, `${directory}/root${unescapeOctal(source)}`)));
		if (isOurs) targets.push(unescapeOctal(target));
	}
	return targets;
}

async function swapHolders(family: Family, procfs: string): Promise<SwapHolder[]> {
	const holders: SwapHolder[] = [];
	for (const line of (await read(`${procfs}/swaps`)).split("\n").slice(1)) {
		const path = unescapeOctal(line.split(/\s/)[0] ?? "");
		if (path === "") continue;
		const isOurs = await isNodeSomewhere(family, path);
		if (isOurs) holders.push({ kind: "swap", path });
	}
	return holders;
}

async function deviceHolders(family: Family, sysfs: string): Promise<DeviceHolder[]> {
	const devices = new Set<string>();
	for (const number of family.numbers) {
		for (const device of await list(`${sysfs}/dev/block/${number}/holders`))
			devices.add(device);
	}
	for (const device of await list(`${sysfs}/block`)) {
		// A loop device does not enter itself in its backing device's holders.
		const path = (await read(`${sysfs}/block/${device}/loop/backing_file`)).trimEnd();
		if (path === "" || family.names.has(device)) continue;
		const isOurs = await isNodeSomewhere(family, path);
		if (isOurs) devices.add(device);
	}
	return [...devices].map((device) => ({ kind: "device", device }));
}

/** Whether a path is a node of one of the devices. */
async function isNode(family: Family, path: string): Promise<boolean> {
	return family.numbers.has((await blockNumber(path)) ?? "");
}

/** As {@link isNode}, for a path that may be one of another mount namespace. */
async function isNodeSomewhere(family: Family, path: string): Promise<boolean> {
	const number = await blockNumber(path);
	// What is not to be found here may be there, and then its name is all there is to tell.
	return number === undefined ? family.names.has(baseName(path)) : family.numbers.has(number);
}

/** `major:minor` of a block device node; empty for anything else, undefined where there is nothing. */
async function blockNumber(path: string): Promise<string | undefined> {
	try {
		const { rdev, mode } = await stat(path);
		return (mode & S_IFMT) === S_IFBLK ? `${major(rdev)}:${minor(rdev)}` : "";
	} catch {
		return undefined;
	}
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
function unescapeOctal(text: string): string {
	return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
		String.fromCharCode(Number.parseInt(octal, 8)),
	);
}

function baseName(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}

async function read(path: string): Promise<string> {
	return await readFile(path, "utf8").catch(() => "");
}

async function list(path: string): Promise<string[]> {
	return await readdir(path).catch(() => []);
}

// Source: sys/stat.h.
const S_IFMT = 0o170000;
const S_IFBLK = 0o060000;
