import { readdirSync } from "node:fs";
import { parseLoopTag } from "@devhost/core";
import { isSysError, LO_FLAGS_AUTOCLEAR, loopStatus, type LoopStatus } from "@devhost/linux";
import { blockAttribute, blockFacts } from "./block-attributes.ts";
import type { LoopNodes } from "./loop-nodes.ts";
import type { TaggedDevice, TaggedDevices } from "./tagged-device.ts";

/** The loop devices of this machine that carry the tag of a run. Each that is bound is opened for a moment. */
export function findTaggedLoops(nodes: LoopNodes): TaggedDevices {
	const devices: TaggedDevice[] = [];
	const refused: string[] = [];
	for (const name of boundLoops()) {
		const facts = blockFacts(name);
		if (facts === undefined) continue;
		try {
			using loop = nodes.open(name, facts.node);
			const status = loopStatus(loop);
			const tag = tagOf(name, status);
			if (tag === undefined) continue;
			const isArmed = (status.flags & LO_FLAGS_AUTOCLEAR) !== 0;
			const { run, name: device } = tag;
			devices.push({
				run,
				device,
				kind: "loop",
				name,
				...facts,
				isArmed,
				openCount: undefined,
			});
		} catch (error) {
			if (isSysError(error, "EACCES") || isSysError(error, "EPERM")) refused.push(name);
			// It was unbound, or removed, since we looked.
			else if (!isSysError(error, "ENXIO") && !isSysError(error, "ENODEV")) throw error;
		}
	}
	return { devices, unseen: refused.length === 0 ? [] : [refusedLoops(refused)] };
}

/**
 * The tag of a loop device, if it is one: losetup and the like write the file's name there, and a file may be named like a
 * tag.
 */
export function tagOf(
	name: string,
	{ tag }: LoopStatus,
): { run: string; name: string } | undefined {
	const parsed = parseLoopTag(tag);
	if (parsed === undefined) return undefined;
	const file = blockAttribute(name, "loop/backing_file") ?? "";
	return `/${file}`.includes(`/${tag}`) ? undefined : parsed;
}

/** Loop devices that are bound to something, by sysfs. Source: drivers/block/loop.c, `loop_sysfs_init`. */
function boundLoops(): string[] {
	return readdirSync("/sys/block").filter(
		(name) =>
			name.startsWith("loop") && blockAttribute(name, "loop/backing_file") !== undefined,
	);
}

function refusedLoops(names: readonly string[]): string {
	const shown = names.length > 5 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
	const which = `${shown.join(", ")}: whose ${names.length === 1 ? "it is" : "they are"}`;
	return `${which} only root can tell, with CAP_SYS_ADMIN and leave to open ${names.length === 1 ? "it" : "them"}`;
}
