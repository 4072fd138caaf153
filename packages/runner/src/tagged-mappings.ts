import { existsSync, readdirSync } from "node:fs";
import { parseMappingTag } from "@devhost/core";
import { DeviceMapper, type DmSelector, isSysError } from "@devhost/linux";
import { blockAttribute, blockFacts } from "./block-attributes.ts";
import { isCertainRunId } from "./run-process.ts";
import type { TaggedDevice, TaggedDevices } from "./tagged-device.ts";

/** What device-mapper calls a device. */
interface MappingNames {
	readonly name: string;
	readonly uuid: string;
}

/** The device-mapper devices of this machine that carry the tag of a run. Nothing is opened. */
export function findTaggedMappings(): TaggedDevices {
	// Asking the kernel by ioctl would load its module: where it is not loaded there are none.
	if (!existsSync("/sys/class/misc/device-mapper")) return { devices: [], unseen: [] };
	try {
		using mapper = DeviceMapper.open();
		return { devices: mapper.list().flatMap((listed) => ofKernel(mapper, listed)), unseen: [] };
	} catch (error) {
		if (!isSysError(error, "EACCES") && !isSysError(error, "EPERM")) throw error;
		// Names and uuids are there for everybody; but not those of devices that have no table yet.
		return { devices: readdirSync("/sys/block").flatMap(ofSysfs), unseen: [] };
	}
}

/**
 * Removes a mapping, if it is still the one that was found. The kernel does not remove what is open.
 *
 * @returns `busy`: somebody has it open, or something stands on it.
 */
export async function removeTaggedMapping({
	mapping,
	node,
}: TaggedDevice): Promise<"removed" | "gone" | "busy"> {
	if (mapping === undefined) return "gone";
	using mapper = DeviceMapper.open();
	// By what has the run's id in it: so it is no other one, even if one took its number this moment.
	const isTagged = tagIn(mapping.uuid) !== undefined;
	const which: DmSelector = isTagged ? { uuid: mapping.uuid } : { name: mapping.name };
	const status = mapper.status(which);
	const isIt =
		status?.name === mapping.name &&
		status.uuid === mapping.uuid &&
		status.node.major === node.major &&
		status.node.minor === node.minor;
	if (!isIt) return "gone";
	try {
		await mapper.remove(which);
		return "removed";
	} catch (error) {
		if (isSysError(error, "EBUSY")) return "busy";
		if (isSysError(error, "ENXIO")) return "gone";
		throw error;
	}
}

/**
 * The tag of a mapping, if it is one:
 * - name and uuid are one tag, as of all tables that we load; a partition's uuid has `PART-` before it;
 * - name or uuid are a tag with a run's id in it, or cryptsetup's of one: it makes `NAME` and `NAME_dif`, with uuids such as
 *   `CRYPT-LUKS2-<32 digits>-NAME`.
 *
 * Somebody's `devhost-archive` is none.
 */
export function mappingTagOf({
	name,
	uuid,
}: MappingNames): { run: string; name: string } | undefined {
	const isOurs = name === uuid || uuid === `PART-${name}`;
	const isCrypt = uuid.startsWith("CRYPT-");
	return [tagIn(isCrypt ? name.replace(/_dif$/, "") : name), tagIn(uuid)].find(
		(tag) => tag !== undefined && (isOurs || isCertainRunId(tag.run)),
	);
}

function tagIn(text: string): { run: string; name: string } | undefined {
	const [, inUuid] = /^CRYPT-[A-Z\d]+-(?:[\da-f]*-)?(devhost-.*?)(?:_dif)?$/.exec(text) ?? [];
	const tag = inUuid ?? text.replace(/^PART-/, "");
	// A run's id may stand there as it is, with its dashes.
	const [, run, name] = /^devhost-((?:[\da-z]+-){2}[\da-z]+)-(.*)$/.exec(tag) ?? [];
	if (run !== undefined && name !== undefined && isCertainRunId(run)) return { run, name };
	return parseMappingTag(tag);
}

function ofKernel(
	mapper: DeviceMapper,
	{ name, uuid, node }: ReturnType<DeviceMapper["list"]>[number],
): TaggedDevice[] {
	const tag = mappingTagOf({ name, uuid });
	const status = tag && mapper.status({ node });
	// It went meanwhile, or its number is another one's.
	if (tag === undefined || status?.name !== name || status.uuid !== uuid) return [];
	const kernelName = `dm-${node.minor}`;
	const { sizeBytes = 0, diskSequence } = blockFacts(kernelName) ?? {};
	const { isArmed, openCount } = status;
	return [
		{
			run: tag.run,
			device: tag.name,
			kind: "mapping",
			name: kernelName,
			node,
			sizeBytes,
			diskSequence,
			isArmed,
			openCount,
			mapping: { name, uuid },
		},
	];
}

function ofSysfs(kernelName: string): TaggedDevice[] {
	const name = blockAttribute(kernelName, "dm/name");
	if (name === undefined) return [];
	const uuid = blockAttribute(kernelName, "dm/uuid") ?? "";
	const tag = mappingTagOf({ name, uuid });
	const facts = blockFacts(kernelName);
	if (tag === undefined || facts === undefined) return [];
	return [
		{
			run: tag.run,
			device: tag.name,
			kind: "mapping",
			name: kernelName,
			...facts,
			isArmed: undefined,
			openCount: undefined,
			mapping: { name, uuid },
		},
	];
}
