import { readlink, stat } from "node:fs/promises";
import { type DeviceNumber, unescapeOctal } from "@devhost/linux";
import type { FindHoldersOptions } from "./find-holders.ts";
import type { Holder } from "./holder.ts";
import { commandName, list, numberText, read, readMounts } from "./procfs.ts";

/** The work of `findHolders`, which loads it when somebody holds a device: `node:fs/promises` alone takes 2 ms. */
export async function scanHolders(
	nodes: readonly DeviceNumber[],
	{ procfs = "/proc", sysfs = "/sys" }: FindHoldersOptions,
): Promise<Holder[][]> {
	const families = await Promise.all(nodes.map((node) => withPartitions(node, sysfs)));
	const [processes, swaps, devices] = await Promise.all([
		processHolders(families, procfs),
		swapHolders(families, procfs),
		deviceHolders(families, sysfs),
	]);
	return families.map((family) =>
		[processes, swaps, devices].flatMap((found) => found.get(family) ?? []),
	);
}

/** A device and its partitions. A partition in use keeps the whole in use. */
interface Family {
	/** `7:3`, as sysfs and mountinfo write numbers. */
	readonly numbers: ReadonlySet<string>;
	/** The kernel's names: `loop3`, `loop3p1`; `dm-3` and, as other programs make its node, `mapper/system-root`. */
	readonly names: ReadonlySet<string>;
}

/** Who uses which. */
class Found {
	readonly #holders = new Map<Family, Holder[]>();

	add(families: readonly Family[], holder: Holder): void {
		for (const family of families) {
			const holders = this.#holders.get(family) ?? [];
			holders.push(holder);
			this.#holders.set(family, holders);
		}
	}

	get(family: Family): readonly Holder[] | undefined {
		return this.#holders.get(family);
	}
}

async function withPartitions(node: DeviceNumber, sysfs: string): Promise<Family> {
	const number = `${node.major}:${node.minor}`;
	const directory = `${sysfs}/dev/block/${number}`;
	const numbers = new Set([number]);
	const names = new Set<string>();
	const name = /^DEVNAME=(.+)$/m.exec(await read(`${directory}/uevent`))?.[1];
	if (name !== undefined) names.add(name);
	// Its nodes in another namespace may have this one.
	const mapping = (await read(`${directory}/dm/name`)).trimEnd();
	if (mapping !== "") names.add(`mapper/${mapping}`);
	for (const child of await list(directory)) {
		if ((await read(`${directory}/${child}/partition`)) === "") continue;
		numbers.add((await read(`${directory}/${child}/dev`)).trim());
		names.add(child);
	}
	return { numbers, names };
}

async function processHolders(families: readonly Family[], procfs: string): Promise<Found> {
	const found = new Found();
	const namespaces = new Set<string>();
	const pids = (await list(procfs)).filter((name) => /^\d+$/.test(name));
	// One process after the other: this runs when something is wrong, not when something is urgent.
	for (const pid of pids) {
		const directory = `${procfs}/${pid}`;
		const paths = await openPaths(families, directory);
		const namespace = await readlink(`${directory}/ns/mnt`).catch(() => "");
		const isNew = namespace !== "" && !namespaces.has(namespace);
		namespaces.add(namespace);
		const targets = isNew ? await mountTargets(families, directory) : [];
		if (paths.size === 0 && targets.length === 0) continue;

		const by = { pid: Number(pid), command: await commandName(directory) };
		for (const [path, held] of paths) found.add(held, { kind: "process", ...by, path });
		for (const { target, held } of targets)
			found.add(held, { kind: "mount", target, namespace, ...by });
	}
	return found;
}

/** The paths by which a process has one of the devices open, and which. */
async function openPaths(
	families: readonly Family[],
	directory: string,
): Promise<ReadonlyMap<string, readonly Family[]>> {
	const paths = (await list(`${directory}/fd`)).map(async (fd) => {
		const link = `${directory}/fd/${fd}`;
		const path = await readlink(link).catch(() => "");
		// Only what has a path can be a device node: no need to ask of sockets and pipes.
		return { path, held: path.startsWith("/") ? await familiesOfNode(families, link) : [] };
	});
	const found = new Map<string, Family[]>();
	for (const { path, held } of await Promise.all(paths)) {
		// A path may stand for two devices, one after the other, and for one many times.
		const known = found.get(path) ?? [];
		const all = [...new Set([...known, ...held])];
		if (all.length > 0) found.set(path, all);
	}
	return found;
}

/** Where one of the devices is mounted, in the namespace of a process. */
async function mountTargets(
	families: readonly Family[],
	directory: string,
): Promise<{ readonly target: string; readonly held: readonly Family[] }[]> {
	const targets: { readonly target: string; readonly held: readonly Family[] }[] = [];
	for (const { device, target, source } of await readMounts(directory)) {
		const isAnonymous = device.startsWith("0:") && source.startsWith("/");
		const held = isAnonymous
			? // btrfs and others show a number of their own instead of the device's.
				await familiesOfNode(families, `${directory}/root${source}`)
			: families.filter(({ numbers }) => numbers.has(device));
		if (held.length > 0) targets.push({ target, held });
	}
	return targets;
}

async function swapHolders(families: readonly Family[], procfs: string): Promise<Found> {
	const found = new Found();
	for (const line of (await read(`${procfs}/swaps`)).split("\n").slice(1)) {
		const path = unescapeOctal(line.split(/\s/)[0] ?? "");
		if (path === "") continue;
		found.add(await familiesOfPath(families, path), { kind: "swap", path });
	}
	return found;
}

async function deviceHolders(families: readonly Family[], sysfs: string): Promise<Found> {
	const found = new Found();
	for (const family of families) {
		const devices = new Set<string>();
		for (const number of family.numbers) {
			for (const device of await list(`${sysfs}/dev/block/${number}/holders`))
				devices.add(device);
		}
		for (const device of devices) found.add([family], { kind: "device", device });
	}
	for (const device of await list(`${sysfs}/block`)) {
		// A loop device does not enter itself in its backing device's holders.
		const path = (await read(`${sysfs}/block/${device}/loop/backing_file`)).trimEnd();
		if (path === "") continue;
		const others = families.filter(({ names }) => !names.has(device));
		found.add(await familiesOfPath(others, path), { kind: "device", device });
	}
	return found;
}

/** The devices that a path is a node of. */
async function familiesOfNode(families: readonly Family[], path: string): Promise<Family[]> {
	const number = (await blockNumber(path)) ?? "";
	return families.filter(({ numbers }) => numbers.has(number));
}

/** As {@link familiesOfNode}, for a path that may be one of another mount namespace, or of a node that was removed. */
async function familiesOfPath(families: readonly Family[], text: string): Promise<Family[]> {
	const path = text.replace(/ \(deleted\)$/, "");
	const number = await blockNumber(path);
	// What is not to be found here may be there, and then its name is all there is to tell.
	return families.filter(({ names, numbers }) =>
		number === undefined
			? [...names].some((name) => path.endsWith(`/${name}`))
			: numbers.has(number),
	);
}

/** `major:minor` of a block device node; empty for anything else, undefined where there is nothing. */
async function blockNumber(path: string): Promise<string | undefined> {
	try {
		const { rdev, mode } = await stat(path);
		return (mode & S_IFMT) === S_IFBLK ? numberText(rdev) : "";
	} catch {
		return undefined;
	}
}

// Source: sys/stat.h.
const S_IFMT = 0o170000;
const S_IFBLK = 0o060000;
