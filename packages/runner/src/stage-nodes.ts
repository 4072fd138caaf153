import { constants } from "node:fs";
import {
	type FdLike,
	isSysError,
	mkdirat,
	mknodat,
	openat2,
	reserveFds,
	unlinkat,
} from "@devhost/linux";
import { type DeviceNode, type OpenedDevice, throwFailures } from "@devhost/core";
import type { RunNamespace } from "./namespace.ts";

/** As many as there is room for in any process: a run has less than 40 descriptors, and the kernel begins with room for 64. */
const fewDevices = 24;

/**
 * The devices of a stage, held open from the moment they are there: if a device's service is killed, its number is nobody
 * else's as long as the stage may write to it. For a sandbox also their nodes in what will be its `/dev`.
 *
 * Nodes have mode 0600, for root, as the host's disks have it at least. Disposing lets go of the devices, and removes the nodes
 * if another stage is to come.
 */
export class StageNodes implements Disposable {
	readonly #namespace: RunNamespace;
	/** Without a sandbox the stage uses the nodes that the services made. */
	readonly #isBare: boolean;
	/** What the stage will see as `/dev`. */
	readonly #stageDevices: FdLike;
	/**
	 * Whether nobody will see it after this stage: it goes with the run, or is the stage's alone, writable, and removed with it,
	 * whatever it has made of it.
	 */
	readonly #isDone: boolean;
	readonly #holds = new Map<string, Disposable>();
	/** In the order in which they were made. */
	readonly #made: { readonly path: string; readonly directory: boolean }[] = [];

	/**
	 * @param stage - `isBare`: without a sandbox. `isLast`: of the run. `own`: a directory for this stage alone, lent, which is
	 * removed by whoever made it, instead of what all stages of the run have in turn.
	 */
	constructor(
		namespace: RunNamespace,
		stage: {
			readonly isBare: boolean;
			readonly isLast: boolean;
			readonly own?: FdLike | undefined;
		},
	) {
		this.#namespace = namespace;
		this.#stageDevices = stage.own ?? namespace.stageDevices;
		this.#isDone = stage.isLast || stage.own !== undefined;
		this.#isBare = stage.isBare;
	}

	/** Has room made for so many devices, before they are there. */
	expect(count: number): void {
		if (count <= fewDevices) return;
		try {
			reserveFds(2 * count + 128);
		} catch {
			// Only speed depends on it.
		}
	}

	/** Makes a device's nodes and holds the device. Nothing happens when that is done already. @throws {@link SysError} */
	add({ path, node, nodes = [] }: Pick<OpenedDevice, "path" | "node" | "nodes">): void {
		if (node !== undefined) this.#add({ path, node });
		for (const each of nodes) this.#add(each);
	}

	#add({ path, node }: DeviceNode): void {
		if (this.#holds.has(path)) return; // Two names may stand for one device, too.
		if (!this.#isBare) {
			const directory = this.#stageDevices;
			if (path.includes("/")) this.#makeFolders(path);
			mknodat(directory, path, "block", node, 0o600);
			this.#made.push({ path, directory: false });
		}
		const directory = this.#isBare ? this.#namespace.devices : this.#stageDevices;
		this.#holds.set(path, holdDevice(directory, path));
	}

	/** Lets go of a device that is to be closed. */
	release({ path, nodes = [] }: Pick<OpenedDevice, "path" | "nodes">): void {
		for (const each of [path, ...nodes.map((node) => node.path)])
			this.#holds.get(each)?.[Symbol.dispose]();
	}

	[Symbol.dispose](): void {
		for (const hold of this.#holds.values()) hold[Symbol.dispose]();
		if (this.#isDone) return;
		const failures: unknown[] = [];
		for (const { path, directory } of this.#made.splice(0).toReversed()) {
			try {
				unlinkat(this.#stageDevices, path, { directory });
			} catch (error) {
				failures.push(error);
			}
		}
		throwFailures(failures);
	}

	#makeFolders(path: string): void {
		for (const folder of foldersOf(path)) {
			// The standard ones (pts, shm) are there, and stay; so are those of devices before.
			if (!makeFolder(this.#stageDevices, folder)) continue;
			this.#made.push({ path: folder, directory: true });
		}
	}
}

/**
 * Holds a device open, for reading only, so that closing it makes nobody look at the device again. One that cannot be
 * opened is the stage's to complain of.
 */
function holdDevice(devices: FdLike, path: string): Disposable {
	try {
		return openat2(devices, path, { flags: constants.O_RDONLY | constants.O_NONBLOCK });
	} catch (error) {
		if (!isSysError(error)) throw error;
		return { [Symbol.dispose]() {} };
	}
}

/** The folders on the way to `mapper/root`, outermost first: `mapper`. */
function foldersOf(path: string): string[] {
	const parts = path.split("/").slice(0, -1);
	return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

function makeFolder(directory: FdLike, path: string): boolean {
	try {
		mkdirat(directory, path, 0o755);
		return true;
	} catch (error) {
		if (isSysError(error, "EEXIST")) return false;
		throw error;
	}
}
