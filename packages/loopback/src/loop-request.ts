import type { CloseTimeout } from "@devhost/core";
import type { FdLike } from "@devhost/linux";
import type { DeviceDirectory } from "./loop.ts";

/** How long closing waits for others to let go of a device, where nothing else is said. */
export const defaultCloseTimeoutMs = 5_000;

/** Everything that makes a loop device. */
export interface LoopRequest {
	/** A path, or an open file, lent. */
	readonly file: string | FdLike;
	/** The directory that paths are beneath and do not leave; undefined: this process's own paths. */
	readonly tree: FdLike | undefined;
	/** The file as messages name it. */
	readonly filename: string;
	readonly startBytes: number;
	/** Undefined: the rest of the file. */
	readonly sizeBytes: number | undefined;
	readonly sectorBytes: number;
	readonly readOnly: boolean;
	readonly lock: boolean;
	readonly directIo: boolean;
	readonly partscan: boolean;
	/** Where the node is made; undefined: the machine's own node is used. */
	readonly devices: DeviceDirectory;
	/** See `loopTag`. */
	readonly tag: string;
	/** How long unbinding may take before the device counts as busy. */
	readonly closeTimeoutMs: CloseTimeout;
	readonly signal: AbortSignal | undefined;
	/** Is told what is wrong with a partition table. */
	readonly log?: ((text: string) => void) | undefined;
}
