import {
	closestName,
	DeviceError,
	type DeviceProblem,
	jsonPointer,
	shown,
	toPlain,
} from "@devhost/core";
import {
	findVolumeManifestOptionsProblems,
	type SchemaProblem,
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
	// One complaint for each place.
	const found = new Map<string, DeviceProblem>();
	for (const problem of findVolumeManifestOptionsProblems(plain)) {
		const described = describe(problem, plain);
		if (!found.has(described.pointer)) found.set(described.pointer, described);
	}
	const problems = [...found.values()];
	if (problems.length > 0) {
		const message = problems.map((problem) => problem.message).join("; ");
		throw new DeviceError("ERR_DEVICE_OPTIONS", message, { problems });
	}
	const options = plain as VolumeManifestOptions;
	return {
		volume: options.volume,
		vg: options.vg,
		partition: options.vg_partnum || undefined, // 0 too is none, as in osbuild
		readOnly: options["read-only"] ?? false,
	};
}

function describe(problem: SchemaProblem, value: unknown): DeviceProblem {
	const complaint = (pointer: string, message: string): DeviceProblem => {
		return { code: "ERR_DEVICE_OPTIONS", pointer, message };
	};
	const { instancePath, params } = problem;
	if (problem.keyword === "required") {
		const message = `${String(params["missingProperty"])}: missing, expected ${expected.volume}`;
		return complaint(instancePath, message);
	}
	if (problem.keyword === "additionalProperties") {
		const key = String(params["additionalProperty"]);
		const meant = closestName(key, Object.keys(expected));
		const hint =
			meant === undefined
				? `there are ${Object.keys(expected).join(", ")}`
				: `did you mean ${meant}?`;
		return complaint(jsonPointer([key]), `${key}: unknown option, ${hint}`);
	}
	if (instancePath === "") {
		return complaint("", `options: ${shown(value)}, expected an object`);
	}
	const key = instancePath.slice(1) as keyof VolumeManifestOptions;
	const given = (value as Readonly<Record<string, unknown>>)[key];
	return complaint(instancePath, `${key}: ${shown(given)}, expected ${expected[key]}`);
}
