import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { readlink } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { type MountInfo, unescapeOctal } from "@devhost/linux";
import type { FileSystemIdentity, FindHoldersOptions } from "./find-holders.ts";
import type { Holder, ProcessHolder } from "./holder.ts";
import {
	commandName,
	deviceText,
	fileSystemOf,
	list,
	numberText,
	read,
	readMounts,
} from "./procfs.ts";

/** A mount namespace, by one process that is in it. */
interface Namespace {
	readonly name: string;
	readonly pid: string;
	readonly mounts: readonly MountInfo[];
}

/** The work of `findFileSystemHolders`, which loads it when somebody holds a file system. */
export async function scanFileSystem(
	{ devices, exceptMounts = new Set() }: FileSystemIdentity,
	{ procfs = "/proc", sysfs = "/sys" }: FindHoldersOptions,
): Promise<Holder[]> {
	const numbers = new Set(devices.map(deviceText));
	const pids = (await list(procfs)).filter((name) => /^\d+$/.test(name));
	const namespaces = await readNamespaces(pids, procfs);
	const mounts = namespaces.flatMap((namespace) => mountsOf(namespace, numbers));
	const own = mounts.filter(({ mount }) => numbers.has(mount.device));
	const wanted: Wanted = { numbers, mountIds: new Set(own.map(({ mount }) => mount.id)) };

	const holders: Holder[] = [];
	for (const pid of pids) {
		const directory = `${procfs}/${pid}`;
		await setImmediate(); // whoever else has something to do meanwhile
		const uses = usesOf(directory, wanted);
		if (uses.size === 0) continue;
		const command = await commandName(directory);
		for (const [path, use] of uses) {
			const what = use === "open" ? {} : { use };
			holders.push({ kind: "process", pid: Number(pid), command, path, ...what });
		}
	}
	for (const { mount, namespace } of mounts) {
		if (exceptMounts.has(mount.id)) continue;
		const command = await commandName(`${procfs}/${namespace.pid}`);
		const by = { namespace: namespace.name, pid: Number(namespace.pid), command };
		holders.push({ kind: "mount", target: mount.target, ...by });
	}
	return [
		...holders,
		...(await deviceHolders(numbers, sysfs)),
		...(await swapHolders(numbers, procfs)),
	];
}

/** How things are recognised as being on the file system. */
interface Wanted {
	readonly numbers: ReadonlySet<string>;
	/** Of its mounts, in whatever namespace: btrfs has more numbers than are known. */
	readonly mountIds: ReadonlySet<number>;
}

async function readNamespaces(pids: readonly string[], procfs: string): Promise<Namespace[]> {
	const found = new Map<string, Namespace>();
	for (const pid of pids) {
		const name = await readlink(`${procfs}/${pid}/ns/mnt`).catch(() => "");
		if (name === "" || found.has(name)) continue;
		found.set(name, { name, pid, mounts: await readMounts(`${procfs}/${pid}`) });
	}
	return [...found.values()];
}

/** The mounts of the file system in a namespace, and what stands beneath them: that keeps them, too. */
function mountsOf(
	namespace: Namespace,
	numbers: ReadonlySet<string>,
): { readonly mount: MountInfo; readonly namespace: Namespace }[] {
	const own = namespace.mounts.filter(({ device }) => numbers.has(device));
	const ids = new Set(own.map(({ id }) => id));
	const beneath = namespace.mounts.filter(
		({ id, parentId }) => ids.has(parentId) && !ids.has(id),
	);
	return [...own, ...beneath].map((mount) => ({ mount, namespace }));
}

type Use = "open" | NonNullable<ProcessHolder["use"]>;

/**
 * What a process has on the file system: paths, as it sees them.
 *
 * Without a thread of the pool for each of thousands of descriptors, which takes ten times as long.
 */
function usesOf(directory: string, wanted: Wanted): ReadonlyMap<string, Use> {
	const uses = new Map<string, Use>();
	const links: readonly (readonly [string, Use])[] = [
		["cwd", "cwd"],
		["root", "root"],
		["exe", "program"],
	];
	for (const [name, use] of links) {
		if (!isOn(`${directory}/${name}`, wanted)) continue;
		const path = linkNow(`${directory}/${name}`);
		if (path !== "") uses.set(path, uses.get(path) ?? use);
	}
	for (const fd of listNow(`${directory}/fd`)) {
		const link = `${directory}/fd/${fd}`;
		const path = linkNow(link);
		// Sockets and pipes are on no file system that is mounted.
		if (!path.startsWith("/")) continue;
		if (isOn(link, wanted) || wanted.mountIds.has(mountIdOf(directory, fd))) {
			uses.set(path, uses.get(path) ?? "open");
		}
	}
	for (const line of readNow(`${directory}/maps`).split("\n")) {
		// 7f00-7f01 r--p 00000000 07:03 12   /path
		const [, major, minor, path] =
			/^\S+ \S+ \S+ ([\da-f]+):([\da-f]+) \d+ +(\/.*)$/.exec(line) ?? [];
		if (path === undefined) continue;
		const number = `${Number.parseInt(`${major}`, 16)}:${Number.parseInt(`${minor}`, 16)}`;
		if (wanted.numbers.has(number)) uses.set(path, uses.get(path) ?? "mapping");
	}
	return uses;
}

function mountIdOf(directory: string, fd: string): number {
	return Number(/^mnt_id:\s*(\d+)$/m.exec(readNow(`${directory}/fdinfo/${fd}`))?.[1]);
}

function isOn(path: string, { numbers }: Wanted): boolean {
	try {
		const found = statSync(path, { throwIfNoEntry: false });
		return found !== undefined && numbers.has(numberText(found.dev));
	} catch {
		return false;
	}
}

function linkNow(path: string): string {
	try {
		return readlinkSync(path);
	} catch {
		return "";
	}
}

function listNow(path: string): string[] {
	try {
		return readdirSync(path);
	} catch {
		return [];
	}
}

function readNow(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return "";
	}
}

/** Loop devices whose files are on it. No process need have these open: the kernel has. */
async function deviceHolders(numbers: ReadonlySet<string>, sysfs: string): Promise<Holder[]> {
	const holders: Holder[] = [];
	for (const device of await list(`${sysfs}/block`)) {
		const path = (await read(`${sysfs}/block/${device}/loop/backing_file`)).trimEnd();
		if (path === "" || !numbers.has((await fileSystemOf(path)) ?? "")) continue;
		holders.push({ kind: "device", device });
	}
	return holders;
}

async function swapHolders(numbers: ReadonlySet<string>, procfs: string): Promise<Holder[]> {
	const holders: Holder[] = [];
	for (const line of (await read(`${procfs}/swaps`)).split("\n").slice(1)) {
		const [text = "", kind] = line.split(/\s+/);
		const path = unescapeOctal(text);
		if (kind !== "file" || !numbers.has((await fileSystemOf(path)) ?? "")) continue;
		holders.push({ kind: "swap", path });
	}
	return holders;
}
