import {
	closestName,
	describeOption,
	type DeviceProblem,
	type OptionProblem,
	refuseOptions,
	toPlain,
} from "@devhost/core";
import type { PartitionSelector } from "@devhost/core/partition";
import manifest from "../device.json" with { type: "json" };
import {
	findPartitionManifestOptionsProblems,
	type PartitionManifestOptions,
} from "./generated/partition-manifest-options.ts";

/** Options of a partition, as the driver uses them. */
export interface PartitionOptions {
	/** Which partition is meant. */
	readonly selector: PartitionSelector;
	readonly readOnly: boolean;
}

const expected: Readonly<Record<keyof PartitionManifestOptions, string>> = {
	number: "the number of a partition, from 1 on",
	label: "the name of a partition, up to 36 characters",
	uuid: "the uuid of a partition, such as 1a2b3c4d-01 in an MBR",
	type: 'the type of a partition: a name such as esp or root-x86-64, a GUID, or "83" in quotes',
	"read-only": "true or false",
};

const typeNames: readonly string[] = manifest.options.properties.type.anyOf.flatMap(
	({ enum: names = [] }) => names,
);

const ways = ["number", "label", "uuid", "type"] as const;

/**
 * Checks options as they stand in a manifest (`device.json` has their JSON Schema).
 *
 * @throws {@link DeviceError} `ERR_DEVICE_OPTIONS` with everything that is wrong in `problems`.
 */
export function parsePartitionOptions(value: unknown): PartitionOptions {
	const plain = toPlain(value ?? {});
	const problems = findPartitionManifestOptionsProblems(plain)
		// What the alternatives say inside, they say again as a whole.
		.filter(({ schemaPath }) => !/\/(?:oneOf|anyOf)\//.test(schemaPath))
		.map((problem) => describe(problem, plain));
	refuseOptions(problems);
	const options = plain as PartitionManifestOptions;
	return { selector: selectorOf(options), readOnly: options["read-only"] ?? false };
}

function selectorOf({ number, label, uuid, type }: PartitionManifestOptions): PartitionSelector {
	if (number !== undefined) return { number };
	if (label !== undefined) return { label };
	if (uuid !== undefined) return { uuid };
	return { type: type ?? "" };
}

function describe(problem: OptionProblem, value: unknown): DeviceProblem {
	if (problem.instancePath !== "" || problem.keyword !== "oneOf") {
		const described = describeOption(problem, value, { expected });
		if (problem.keyword !== "anyOf") return described;
		const near = closestName(String((value as PartitionManifestOptions).type), typeNames);
		const hint = near === undefined ? "" : `, did you mean ${near}?`;
		return { ...described, message: described.message + hint };
	}
	const given = ways.filter((way) => Object.hasOwn(value as object, way));
	const message =
		given.length === 0
			? `nothing says which partition is meant, expected one of ${ways.join(", ")}`
			: `${given.join(" and ")}: expected only one of them`;
	return { code: "ERR_DEVICE_OPTIONS", pointer: "", message };
}
