import { constants, lstatSync } from "node:fs";
import { type BlockIdentity, type DeviceNode, waitForAbsence } from "@devhost/core";
import { type DeviceNumber, type Fd, openat2, unlinkat } from "@devhost/linux";
import { Nodes } from "../service/nodes.ts";
import { type AnsweredDevice, notOne, type OpenedByModule } from "./answer.ts";
import { madeSince, partitionsOf, type PresentDevices } from "./block-devices.ts";
import { MappingHold } from "./mapping-hold.ts";

/** Where a device was opened. */
interface Place {
	/** As the graph calls it. */
	readonly name: string;
	/** The run's device directory, lent for as long as the device is open. */
	readonly devices: number;
	/** What there was before. */
	readonly before: PresentDevices;
	readonly log: (text: string) => void;
}

/** How long the kernel may take to let go of a device whose service says that it is closed. */
const absenceMs = 5_000;

/** A device that a module has opened, with what we add to it: right nodes, and an end even if the module leaves none. */
export class OpenedDevice {
	readonly result: OpenedByModule;
	readonly #place: Place & { readonly nodes: Nodes };
	/** Undefined for what was there before, or stays. */
	readonly #identity: BlockIdentity | undefined;
	readonly #hold: MappingHold | undefined;

	private constructor(
		result: OpenedByModule,
		place: Place & { readonly nodes: Nodes },
		identity: BlockIdentity | undefined,
		hold: MappingHold | undefined,
	) {
		this.result = result;
		this.#place = place;
		this.#identity = identity;
		this.#hold = hold;
	}

	/** @throws {@link DeviceError} `ERR_DEVICE_SERVICE` what was answered is no device. */
	static async take(answered: AnsweredDevice, place: Place): Promise<OpenedDevice> {
		const { path, details, who } = answered;
		using acquired = new DisposableStack();
		const nodes = acquired.use(new Nodes(openDirectory(place.devices)));
		removeLink(place.devices, path);
		const node = answered.node ?? nodes.find(path);
		if (node === undefined)
			throw notOne(
				{ path },
				who,
				"device: there is no node of this path, and it says no number",
			);
		const beside = partitionsOf({ path, node });
		// A module of osbuild's takes a node that is there for its own; or it mounts the machine's over a file, which is seen
		// in its own namespace only.
		for (const each of [{ path, node }, ...beside]) nodes.make(each.path, each.node);
		const made = madeSince(place.before, node);
		const hold = made?.isMapping === true ? await takeHold(made, place) : undefined;
		const result = {
			path,
			node,
			...(beside.length > 0 && { nodes: beside }),
			...(Object.keys(details).length > 0 && { details }),
		};
		acquired.move();
		return new OpenedDevice(result, { ...place, nodes }, made, hold);
	}

	/** Before its service is told to close it. */
	async letGo(): Promise<void> {
		await this.#hold?.release();
	}

	/**
	 * After its service has ended: removes its nodes, and waits until it is gone. What its service left is taken down as soon as
	 * nobody uses it.
	 *
	 * @throws {@link DeviceBusy} it is still there.
	 */
	async gone(): Promise<void> {
		const { name } = this.#place;
		const { path, node, nodes = [] } = this.result;
		if (node !== undefined) this.#removeNodes([{ path, node }, ...nodes]);
		if (this.#identity === undefined) return;
		await this.#hold?.removeLater();
		await waitForAbsence(this.#identity, { subject: `${name}: ${path}`, timeoutMs: absenceMs });
	}

	#removeNodes(all: readonly DeviceNode[]): void {
		const { devices, nodes } = this.#place;
		for (const { path, node } of all) {
			try {
				if (isSame(nodes.find(path), node)) unlinkat(devices, path);
			} catch {
				// Its service has removed it, or what it was in.
			}
		}
		nodes[Symbol.dispose](); // with the folders that we made
	}
}

/** The tools of LVM make links where there is no udev, to what means something else elsewhere. */
function removeLink(devices: number, path: string): void {
	const link = `/proc/self/fd/${devices}/${path}`;
	if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) unlinkat(devices, path);
}

/** What a crash of ours may leave behind without is worth a line in the log, and no more: osbuild would leave it, too. */
async function takeHold(identity: BlockIdentity, place: Place): Promise<MappingHold | undefined> {
	try {
		return await MappingHold.take(identity);
	} catch (error) {
		const { major, minor } = identity.node;
		place.log(
			`the mapping ${major}:${minor} cannot be held, and stays if all are killed: ${(error as Error).message}`,
		);
		return undefined;
	}
}

function openDirectory(devices: number): Fd {
	return openat2(devices, ".", { flags: O_PATH | constants.O_DIRECTORY });
}

function isSame(one: DeviceNumber | undefined, other: DeviceNumber): boolean {
	return one?.major === other.major && one.minor === other.minor;
}

// Source: asm-generic/fcntl.h.
const O_PATH = 0o10000000;
