import { abandoned, DeviceBusy, DeviceError } from "@devhost/core";
import { type CommandError, isCommandError } from "@devhost/core/command";
import { type MappingRequest, openCommand, type OpenMapping } from "@devhost/core/mapping";
import type { DeviceNumber } from "@devhost/linux";
import type { FoundVolume } from "./find-volume.ts";
import { activationCommand } from "./lvm-command.ts";
import { mapperName, mapperPrefix } from "./mapper-name.ts";
import type { OpenParent } from "./open-parents.ts";
import { relatedVolumes, targetNames } from "./related-volumes.ts";
import { plainUuid } from "./uuid.ts";
import type { VolumeSys } from "./volume-sys.ts";
import { missingText } from "./volume-table.ts";

/** A volume that the lvm tools are to open. */
export interface ToolsRequest extends MappingRequest {
	readonly found: FoundVolume;
	readonly parents: readonly OpenParent[];
	/** What of the volume needs the tools, for messages. */
	readonly needed: string;
	readonly log: (text: string) => void;
}

/**
 * Has the lvm tools activate a volume, with a directory of their own, and takes its mappings over: they get names of ours, and
 * the kernel removes them when the volume is closed. So nothing has to be deactivated.
 *
 * The tools name mappings by the group's name and uuids, of which there is one each on a machine.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_BUSY` mappings of such a group are there, and are left alone; `ERR_DEVICE_TOOL` the
 * tools are missing or too old; {@link CommandError} they failed.
 */
export async function openByTools(sys: VolumeSys, request: ToolsRequest): Promise<OpenMapping> {
	const { found, parents, needed, subject, readOnly, log } = request;
	const { group, devices, missing } = found.found;
	const { volume } = found;
	const name = `${group.name}/${volume.name}`;
	const file = sys.findLvm(`${subject}: volume ${name} is not linear or striped but ${needed}`);
	if (missing.length > 0) log(`volume ${name}: ${missingText(missing)}`);

	const related = relatedVolumes(group, volume);
	for (const target of targetNames(related)) await sys.loadTarget(target);
	// Whatever is acquired here is released, last first, if a later step throws.
	await using acquired = new AsyncDisposableStack();
	using used = new DisposableStack();
	const own = parents.filter((_, index) => [...devices.values()].includes(index));
	const directory = used.use(sys.makeSystemDirectory(own.map(({ node }) => node)));
	const command = activationCommand({
		file,
		directory,
		group: group.name,
		volume: volume.name,
		readOnly,
	});
	// Two at once would take each other's mappings for their own.
	used.use(await takeLock(sys, request));
	checkFree(sys, request);
	try {
		const mapping = await openCommand(sys.mappings, {
			...request,
			command,
			top: mapperName(group.name, volume.name),
			further: related.flatMap((each) =>
				layers.map((layer) => mapperName(group.name, each.name) + layer),
			),
			rename: true,
		});
		acquired.use(mapping);
		used.dispose();
		acquired.move(); // nothing below can throw
		return mapping;
	} catch (error) {
		if (!isCommandError(error)) throw error;
		throw explained(error, request);
	}
}

/**
 * What the tools put behind a volume's name where it needs several mappings.
 *
 * Source: lvm2, lib/metadata/lv.c, `lv_layer`; lib/activate/dev_manager.c.
 */
const layers = ["", "-real", "-cow", "-tpool", "-vpool", "-cvol", "-cdata", "-cmeta"];

/** Waits until no other process has the tools at work. */
async function takeLock(
	{ lockTools, mappings }: VolumeSys,
	{ subject, signal }: ToolsRequest,
): Promise<Disposable> {
	for (;;) {
		const lock = lockTools();
		if (lock !== undefined) return lock;
		await mappings.delay(lockPauseMs);
		if (signal?.aborted === true) throw abandoned(subject, signal.reason);
	}
}

const lockPauseMs = 20;

/** Of a group that is active already the tools would take what is there for what they have made. */
function checkFree(sys: VolumeSys, { found, parents, subject }: ToolsRequest): void {
	const { name, uuid } = found.found.group;
	const prefix = mapperPrefix(name);
	const uuidPrefix = `LVM-${plainUuid(uuid)}`;
	const ofVolume = `${uuidPrefix}${plainUuid(found.volume.uuid)}`;
	for (const mapping of sys.mappings.list()) {
		const isOfGroup =
			mapping.uuid.startsWith(uuidPrefix) ||
			// "a-" begins those of the group "a-b" too: "a--b-root".
			(mapping.name.startsWith(prefix) && mapping.name[prefix.length] !== "-");
		if (!isOfGroup) continue;
		const details = { mapping: mapping.name };
		if (mapping.uuid === ofVolume) {
			throw new DeviceBusy(
				`${subject}: volume ${name}/${found.volume.name} is active already, as the mapping ${mapping.name}, alone or with ` +
					"another volume: the lvm tools activate a volume once, and a snapshot together with its origin",
				[],
				{ details },
			);
		}
		// What other volumes of the same group, on the same devices, have in common with it: a pool.
		if (liesOn(sys, mapping.node, parents)) continue;
		throw new DeviceBusy(
			`${subject}: a volume group ${name}, or a copy of it, is active on this machine: there is the mapping ${mapping.name}. ` +
				`The lvm tools cannot have two; "vgchange --activate n ${name}" ends that if it is the machine's own`,
			[],
			{ details },
		);
	}
}

/** Whether everything that a device lies on is one of the parents. */
function liesOn(sys: VolumeSys, node: DeviceNumber, parents: readonly OpenParent[]): boolean {
	const isParent = parents.some(
		(parent) => parent.node.major === node.major && parent.node.minor === node.minor,
	);
	if (isParent) return true;
	const beneath = sys.devicesBeneath(node);
	return beneath.length > 0 && beneath.every((each) => liesOn(sys, each, parents));
}

function explained(error: CommandError, { found, needed, subject }: ToolsRequest): DeviceError {
	const { group, missing } = found.found;
	const name = `${group.name}/${found.volume.name}`;
	const options = { cause: error, details: error.details };
	if (/unrecognized option .*--devices/i.test(error.stderr)) {
		return new DeviceError(
			"ERR_DEVICE_TOOL",
			`${subject}: the lvm tools are too old to be told which devices they may use; lvm2 2.03.12 or newer is needed`,
			options,
		);
	}
	if (error.stderr.includes("not detected in your kernel")) {
		return new DeviceError(
			"ERR_DEVICE_UNSUPPORTED",
			`${subject}: this kernel lacks what volume ${name} is made of (${needed}): ${lastLines(error.stderr)}`,
			options,
		);
	}
	if (missing.length > 0) {
		const details = { ...error.details, missing: missing.map(({ uuid }) => uuid) };
		return new DeviceError(
			"ERR_DEVICE_PARENT",
			`${subject}: volume ${name}: ${missingText(missing)}. The lvm tools: ${lastLines(error.stderr)}`,
			{ cause: error, details },
		);
	}
	return error;
}

/** What the tools said, on one line. */
function lastLines(stderr: string): string {
	return stderr
		.trim()
		.split(/\s*\n\s*/)
		.slice(-2)
		.join("; ");
}
