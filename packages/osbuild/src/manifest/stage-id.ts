import { pythonJson, type JsonValue } from "@devhost/core";

/** What osbuild makes a stage's id of. */
export interface StageIdParts {
	readonly type: string;
	/** Id of the pipeline that makes its root; null where that is the machine's. */
	readonly build: string | null;
	/** Id of the stage before it in its pipeline; null of the first. */
	readonly base: string | null;
	readonly options: JsonValue;
	readonly sourceEpoch: JsonValue | undefined;
	/** Ids of its inputs, by name. */
	readonly inputs: ReadonlyMap<string, string>;
	readonly mounts: readonly string[];
}

/**
 * The id of a stage as osbuild computes it. Devices have no part in it (H-17).
 *
 * Shape: 64 lower-case hexadecimal digits.
 *
 * Source: `Stage.id`, osbuild/pipeline.py.
 */
export function stageId(parts: StageIdParts): string {
	const { type, build, base, options, sourceEpoch, inputs, mounts } = parts;
	const hashed: unknown[] = [type, build, base, options];
	if (sourceEpoch !== undefined && sourceEpoch !== null) hashed.push(sourceEpoch);
	if (inputs.size > 0) hashed.push(new Map(inputs));
	if (mounts.length > 0) hashed.push(mounts);
	return sha256(hashed.map((part) => pythonJson(part)).join(""));
}

/**
 * The id of an input of a stage as osbuild computes it.
 *
 * @param references - What it refers to, with the options of each.
 *
 * Source: `Input.calc_id`, osbuild/inputs.py.
 */
export function inputId(
	type: string,
	origin: string,
	references: ReadonlyMap<string, JsonValue>,
	options: JsonValue,
): string {
	return sha256([type, origin, references, options].map((part) => pythonJson(part)).join(""));
}

function sha256(text: string): string {
	return process.getBuiltinModule("node:crypto").hash("sha256", text, "hex");
}
