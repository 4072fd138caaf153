import { readFileSync } from "node:fs";
import { JsonNumber, type JsonValue, type OpenedDevice } from "@devhost/core";
import type { DeviceNumber } from "@devhost/linux";
import type { StageMount } from "./stage-mounts.ts";

/** What makes a stage one of osbuild's: an executable of osbuild, run in the layout that it expects. */
export interface OsbuildProgram {
	/** Its type: the name of the executable. */
	readonly type: string;
	/** osbuild's directory of modules, absolute. */
	readonly libdir: string;
	/** The executable, absolute. */
	readonly program: string;
	readonly id: string;
	readonly options: JsonValue;
	readonly sourceEpoch: JsonValue | undefined;
	/** The directories that it has as inputs, on the host, by their names. */
	readonly inputs: ReadonlyMap<string, string>;
	/** Names of devices in its manifest by their keys, in the order in which osbuild opens them. */
	readonly devices: ReadonlyMap<string, string>;
	/** The same of mounts. */
	readonly mounts: ReadonlyMap<string, string>;
}

/**
 * Where things are for a stage of osbuild.
 *
 * Source: `BuildRoot.run`, osbuild/buildroot.py; `Stage.run`, osbuild/pipeline.py.
 */
export const osbuildPaths = {
	tree: "/run/osbuild/tree",
	mounts: "/run/osbuild/mounts",
	inputs: "/run/osbuild/inputs",
	lib: "/run/osbuild/lib",
	meta: "/run/osbuild/meta",
	api: "/run/osbuild/api",
	arguments: "/run/osbuild/api/arguments",
	programs: "/run/osbuild/bin",
} as const;

/**
 * The environment of a stage of osbuild, which is all that it has.
 *
 * Source: `BuildRoot.run`, osbuild/buildroot.py.
 */
export function osbuildEnvironment({ sourceEpoch }: OsbuildProgram): Record<string, string> {
	return {
		container: "bwrap-osbuild",
		LC_CTYPE: "C.UTF-8",
		PATH: "/usr/sbin:/usr/bin",
		PYTHONPATH: osbuildPaths.lib,
		PYTHONUNBUFFERED: "1",
		TERM: process.env["TERM"] ?? "dumb",
		...(sourceEpoch instanceof JsonNumber && { SOURCE_DATE_EPOCH: sourceEpoch.text }),
	};
}

/**
 * What a stage of osbuild reads from `/run/osbuild/api/arguments`.
 *
 * Source: `Stage.prepare_arguments`, osbuild/pipeline.py.
 */
export function osbuildArguments(
	program: OsbuildProgram,
	devices: readonly OpenedDevice[],
	mounts: readonly StageMount[],
): string {
	const { id, options, sourceEpoch } = program;
	const content = {
		tree: osbuildPaths.tree,
		paths: { devices: "/dev", inputs: osbuildPaths.inputs, mounts: osbuildPaths.mounts },
		devices: inOrder(devices, program.devices, (device) => ({
			path: `/dev/${device.path}`,
			node: device.node,
			...furtherFacts(device),
		})),
		inputs: new Map(
			[...program.inputs.keys()].map((name) => [
				name,
				{ path: `${osbuildPaths.inputs}/${name}` },
			]),
		),
		// As Python joins them: the root of mounts is `/run/osbuild/mounts/.`.
		mounts: inOrder(mounts, program.mounts, ({ path, inTree }) =>
			inTree === undefined ? { path: `${osbuildPaths.mounts}/${path}` } : {},
		),
		options,
		meta: {
			id,
			...(sourceEpoch instanceof JsonNumber && { "source-epoch": sourceEpoch }),
		},
	};
	return jsonText(content);
}

/** What is open under the names of osbuild's manifest, in its order. */
function inOrder<T extends OpenedDevice>(
	opened: readonly T[],
	names: ReadonlyMap<string, string>,
	describe: (each: T) => object,
): Map<string, object> {
	const byKey = new Map(opened.map((each) => [each.name, each]));
	const entries = [...names].flatMap(([key, name]) => {
		const found = byKey.get(key);
		return found === undefined ? [] : [[name, describe(found)] as const];
	});
	return new Map(entries);
}

/** What osbuild's own services say of a device besides its path and number: of a volume its names, of a container that of its mapping. */
function furtherFacts({ node, details = {} }: OpenedDevice): object {
	const { lvm } = details;
	if (lvm !== undefined) return { lvm };
	const name = node && mappingName(node);
	return name === undefined ? {} : { name };
}

function mappingName({ major, minor }: DeviceNumber): string | undefined {
	try {
		return readFileSync(`/sys/dev/block/${major}:${minor}/dm/name`, "utf8").trim();
	} catch {
		return undefined; // it is no mapping
	}
}

/** JSON with numbers as they are written in the manifest, and keys in their order, whatever they look like. */
function jsonText(value: unknown): string {
	if (value instanceof JsonNumber) return value.text;
	if (Array.isArray(value)) return `[${value.map(jsonText).join(", ")}]`;
	if (typeof value !== "object" || value === null) return JSON.stringify(value);
	const entries = value instanceof Map ? [...value] : Object.entries(value);
	const members = entries.filter(([, each]) => each !== undefined);
	return `{${members.map(([key, each]) => `${JSON.stringify(key)}: ${jsonText(each)}`).join(", ")}}`;
}
