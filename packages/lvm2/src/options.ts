import { describeOption, refuseOptions, toPlain } from "@devhost/core";
import {
	findVolumeManifestOptionsProblems,
	type VolumeManifestOptions,
} from "./generated/volume-manifest-options.ts";

/** Options of a logical volume, as the driver uses them. */
export interface VolumeOptions {
	/** The volume's name. */
	readonly volume: string;
	/** Name or uuid of the group; undefined: the only one. */
	readonly vg: string | undefined;
	/** Number of the partition that is the physical volume; undefined: the parent itself is. */
	readonly partition: number | undefined;
	readonly readOnly: boolean;
}

const expected: Readonly<Record<keyof VolumeManifestOptions, string>> = {
	volume: "the name of a logical volume",
	vg_partnum: "the number of a partition",
	vg: "the name or the uuid of a volume group",
	"read-only": "true or false",
};

/**
 * Checks options as they stand in a manifest (`device.json` has their JSON Schema).
 *
 * @throws {@link DeviceError} `ERR_DEVICE_OPTIONS` with everything that is wrong in `problems`.
 */
export function parseVolumeOptions(value: unknown): VolumeOptions {
	const plain = toPlain(value ?? {});
	refuseOptions(
		findVolumeManifestOptionsProblems(plain).map((problem) =>
			describeOption(problem, plain, { expected }),
		),
	);
	const options = plain as VolumeManifestOptions;
	return {
		volume: options.volume,
		vg: options.vg,
		partition: options.vg_partnum || undefined, // 0 too is none, as in osbuild
		readOnly: options["read-only"] ?? false,
	};
}
