import { describeOption, refuseOptions, toPlain } from "@devhost/core";
import {
	findLoopbackManifestOptionsProblems,
	type LoopbackManifestOptions,
} from "./generated/loopback-manifest-options.ts";

/** Options of a loopback device, as the driver uses them. */
export interface LoopbackOptions {
	/** Beneath the tree, without a leading `/`. */
	readonly filename: string;
	/** Where the device begins, in sectors. */
	readonly startSectors: number;
	/** Sectors of the device; undefined: the rest of the file. */
	readonly sizeSectors: number | undefined;
	/** Bytes of a sector. */
	readonly sectorBytes: number;
	readonly partscan: boolean;
	/** Holds the BSD lock for as long as the device is open. */
	readonly lock: boolean;
	readonly readOnly: boolean;
	readonly directIo: boolean;
}

/** Bytes of a sector where nothing else is said. */
export const defaultSectorBytes = 512;

/** Bytes of a sector that a loop device may have: the kernel's limits are 512 and a page, 4096 on most machines. */
export const sectorSizes: readonly number[] = [512, 1024, 2048, 4096];

const flag = "true or false";
const sectors = "a whole number of sectors, 0 or more";
const expected: Readonly<Record<keyof LoopbackManifestOptions, string>> = {
	filename: "the path of a file beneath the tree",
	start: sectors,
	size: sectors,
	"sector-size": "512, 1024, 2048 or 4096 bytes",
	partscan: flag,
	lock: flag,
	"read-only": flag,
	"direct-io": flag,
};

/**
 * Checks options as they stand in a manifest (`device.json` has their JSON Schema) and gives them their units.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_OPTIONS` with everything that is wrong in `problems`.
 */
export function parseLoopbackOptions(value: unknown): LoopbackOptions {
	const plain = toPlain(value ?? {});
	const problems = findLoopbackManifestOptionsProblems(plain);
	refuseOptions(problems.map((problem) => describeOption(problem, plain, { expected })));
	return withUnits(plain as LoopbackManifestOptions);
}

function withUnits(options: LoopbackManifestOptions): LoopbackOptions {
	return {
		filename: options.filename.replace(/^\/+/, ""),
		startSectors: options.start ?? 0,
		sizeSectors: options.size || undefined, // 0 too is the rest, as in osbuild
		sectorBytes: options["sector-size"] ?? defaultSectorBytes,
		partscan: options.partscan ?? false,
		lock: options.lock ?? false,
		readOnly: options["read-only"] ?? false,
		directIo: options["direct-io"] ?? false,
	};
}
