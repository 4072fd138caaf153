import { constants } from "node:fs";
import { type FdLike, isSysError, mkdirat, mknodat, openat2, unlinkat } from "@devhost/linux";
import type { OpenedDevice } from "@devhost/core";
import type { RunNamespace } from "./namespace.ts";

/**
 * Makes the nodes of a stage's devices in what will be its `/dev`, and removes them when disposed. Until then each device is
 * held open: if its service is killed, its number is nobody else's as long as the stage may write to it.
 *
 * Mode 0600, for root, as the host's disks have it at least.
 *
 * @throws {@link SysError}; no node is left then.
 */
export function makeStageNodes(
	{ stageDevices }: RunNamespace,
	devices: Iterable<OpenedDevice>,
): Disposable {
	using made = new DisposableStack();
	const known = new Set<string>();
	for (const { path, node } of devices) {
		if (known.has(path)) continue; // Two names may stand for one device.
		known.add(path);
		for (const folder of foldersOf(path)) {
			if (known.has(folder)) continue;
			known.add(folder);
			// The standard ones (pts, shm) are there, and stay.
			if (!makeFolder(stageDevices.fd, folder)) continue;
			made.defer(() => unlinkat(stageDevices, folder, { directory: true }));
		}
		mknodat(stageDevices, path, "block", node, 0o600);
		made.defer(() => unlinkat(stageDevices, path));
		made.use(holdDevice(stageDevices, path));
	}
	return made.move();
}

/**
 * Holds a device open, for reading only, so that closing it makes nobody look at the device again. One that cannot be
 * opened is the stage's to complain of.
 */
export function holdDevice(devices: FdLike, path: string): Disposable {
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

function makeFolder(directory: number, path: string): boolean {
	try {
		mkdirat(directory, path, 0o755);
		return true;
	} catch (error) {
		if (isSysError(error, "EEXIST")) return false;
		throw error;
	}
}
