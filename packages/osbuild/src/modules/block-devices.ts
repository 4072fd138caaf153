import { existsSync, readdirSync, readFileSync } from "node:fs";
import { type BlockIdentity, type DeviceNode, identify } from "@devhost/core";
import type { DeviceNumber } from "@devhost/linux";

/** The devices that modules make, loop devices and mappings: those that there are, and what tells each from its successor. */
export type PresentDevices = ReadonlyMap<string, string>;

/** Takes down which there are, so that it can be told later what a module has made. */
export function presentDevices(): PresentDevices {
	const present = new Map<string, string>();
	for (const name of namesIn("/sys/block")) {
		const folder = `/sys/block/${name}`;
		const isBound = name.startsWith("loop") && existsSync(`${folder}/loop/backing_file`);
		if (!isBound && !name.startsWith("dm-")) continue;
		present.set(attribute(folder, "dev"), attribute(folder, "diskseq"));
	}
	return present;
}

/**
 * What a device that a module has made is recognised by; undefined for one that was there before, or that is of a kind which stays
 * when nobody uses it.
 */
export function madeSince(
	before: PresentDevices,
	node: DeviceNumber,
): (BlockIdentity & { readonly isMapping: boolean }) | undefined {
	const number = `${node.major}:${node.minor}`;
	const folder = `/sys/dev/block/${number}`;
	const isLoop = existsSync(`${folder}/loop/backing_file`);
	const isMapping = existsSync(`${folder}/dm/name`);
	if (!isLoop && !isMapping) return undefined;
	if (before.get(number) === attribute(folder, "diskseq")) return undefined;
	const exists = isLoop ? ["loop/backing_file"] : [];
	return { ...identify(node, { same: ["diskseq", "dm/uuid"], exists }), isMapping };
}

/** The partitions that the kernel shows of a device, by the names of its nodes, which stand beside the device's. */
export function partitionsOf({ path, node }: DeviceNode): DeviceNode[] {
	const folder = `/sys/dev/block/${node.major}:${node.minor}`;
	const directory = path.slice(0, path.lastIndexOf("/") + 1);
	return namesIn(folder)
		.filter((name) => existsSync(`${folder}/${name}/partition`))
		.flatMap((name) => {
			const [major, minor] = attribute(`${folder}/${name}`, "dev").split(":").map(Number);
			if (major === undefined || minor === undefined) return [];
			return [{ path: directory + name, node: { major, minor } }];
		})
		.toSorted((a, b) => a.node.minor - b.node.minor);
}

function namesIn(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch {
		return []; // gone, or no sysfs
	}
}

/** Empty where it is not there. */
function attribute(folder: string, name: string): string {
	try {
		return readFileSync(`${folder}/${name}`, "utf8").trimEnd();
	} catch {
		return "";
	}
}
