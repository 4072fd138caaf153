import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
	isDeviceName,
	isJsonObject,
	jsonPointer,
	type JsonDocument,
	JsonError,
	type JsonValue,
	mountKey,
	parseJsonDocument,
	toPlain,
} from "@devhost/core";
import { capabilities } from "@devhost/linux";
import {
	type OsbuildDevice,
	OsbuildManifestError,
	type OsbuildMount,
	type OsbuildPipeline,
	type OsbuildStage,
	type OsbuildStageInfo,
	pathOf,
	readOsbuildManifest,
	readStageInfo,
	stageProgram,
} from "@devhost/osbuild/manifest";
import { rememberOptions } from "./manifest-draft.ts";
import type { DeviceDeclaration, Manifest, ManifestText, StageDeclaration } from "./manifest.ts";
import { findModules, type Modules } from "./modules.ts";
import { osbuildPaths } from "./osbuild-stage.ts";
import { makeProblem, type Problem, refuseProblems } from "./problem.ts";
import { capabilityNames, osbuildCapabilities } from "./stage-capabilities.ts";

/** What of a manifest of osbuild is run, and with what. */
export interface OsbuildOptions {
	/** Name of the pipeline. @default the only one that is not there to build others */
	readonly pipeline?: string | undefined;
	/** The stage: its number, from 0 as in messages, or its type where that is there once. @default all of them */
	readonly stage?: string | undefined;
	/** The directory that the pipeline makes, relative to the working directory. @default `tree` beside the manifest */
	readonly tree?: string | undefined;
	/** Where osbuild's modules are. @default "/usr/lib/osbuild" */
	readonly libdir?: string | undefined;
	/** Trees of other pipelines, for stages that have them as inputs: `PIPELINE=DIRECTORY`. */
	readonly input?: readonly string[] | undefined;
}

/** A manifest of osbuild as one of ours. */
export interface OsbuildDraft {
	readonly manifest: Manifest;
	/** What of it cannot be run. */
	readonly problems: readonly Problem[];
}

/** Where a distribution's osbuild has its modules. */
const defaultLibdir = "/usr/lib/osbuild";

/**
 * Makes one of our manifests of a pipeline of osbuild's: its devices and mounts under its names, in its order, with its ids, and
 * its executables as stages.
 *
 * @throws {@link ManifestError} with everything that is wrong, when there is nothing to look further at.
 */
export async function readOsbuildDraft(
	{ file, text }: ManifestText,
	options: OsbuildOptions = {},
): Promise<OsbuildDraft> {
	const places = new Places(file, text);
	const pipelines = read(text, places);
	const pipeline = findPipeline(pipelines, options.pipeline, places);
	const chosen = findStages(pipeline, options.stage, places);
	const folder = dirname(resolve(file));
	const libdir = resolve(options.libdir ?? defaultLibdir);
	const trees = treesOf(options.input ?? [], pipelines, places);
	const ours = findModules();
	const problems: Problem[] = [];
	const stages: StageDeclaration[] = [];
	for (const { stage, index } of chosen) {
		const complain: Complain = (at, message) =>
			void problems.push(places.problem([...stage.parts, ...at], complaint(message)));
		const inputs = inputsOf(stage, trees, complain);
		complainOfMounts(stage, ours, complain);
		const info = readInfo(stage, libdir, complain);
		stages.push(stageOf(stage, { index, libdir, info, inputs }));
		if (info?.schema !== undefined)
			problems.push(...(await schemaProblems(stage, info.schema, places)));
	}
	const manifest: Manifest = {
		version: 1,
		file,
		folder,
		text,
		tree: options.tree === undefined ? join(folder, "tree") : resolve(options.tree),
		devices: {},
		mounts: {},
		stages,
		modules: furtherModules(stages, ours, libdir),
		locate: (pointer, part) => places.locate(places.partsOf(pointer), part),
		problemAt: (pointer, problem, part) =>
			places.problem(places.partsOf(pointer), problem, part),
	};
	return { manifest, problems };
}

type Complain = (at: readonly (string | number)[], message: string) => void;

/** What osbuild's descriptions say of mounts that we serve in their place; those of others are looked at with the others. */
function complainOfMounts(
	{ mounts }: OsbuildStage,
	{ forType }: Modules,
	complain: Complain,
): void {
	for (const [index, { type, target, partition }] of mounts.entries()) {
		if (forType(type)?.mounts === undefined) continue;
		if (target === undefined)
			complain(["mounts", index], 'target is missing, expected where it is mounted: "/boot"');
		const number = toPlain(partition) ?? 0;
		if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) continue;
		complain(
			["mounts", index, "partition"],
			`${JSON.stringify(number)}, expected a whole number from 1`,
		);
	}
}

function read(text: string, places: Places): readonly OsbuildPipeline[] {
	try {
		return readOsbuildManifest(text).pipelines;
	} catch (error) {
		if (!(error instanceof OsbuildManifestError)) throw error;
		if (error.cause instanceof JsonError) refuseProblems([places.jsonProblem(error.cause)]);
		refuseProblems(
			error.problems.map(({ parts, message }) => places.problem(parts, complaint(message))),
		);
		throw error;
	}
}

/** @throws {@link ManifestError} */
function findPipeline(
	pipelines: readonly OsbuildPipeline[],
	name: string | undefined,
	places: Places,
): OsbuildPipeline {
	const builders = new Set(pipelines.map(({ build }) => build));
	const candidates =
		name === undefined
			? pipelines.filter((each) => !builders.has(each.name))
			: pipelines.filter((each) => each.name === name);
	const [first, ...others] = candidates;
	if (first !== undefined && (others.length === 0 || name !== undefined)) return first;
	const known = pipelines.map((each) => each.name).join(", ");
	const message =
		pipelines.length === 0
			? "it has no pipeline"
			: name === undefined
				? `several pipelines, say which with --pipeline: ${known}`
				: `no pipeline ${JSON.stringify(name)}, there are: ${known}`;
	throw places.error(pipelines.length === 0 ? [] : ["pipelines"], message);
}

/** @throws {@link ManifestError} */
function findStages(
	{ name, stages, parts }: OsbuildPipeline,
	which: string | undefined,
	places: Places,
): { readonly stage: OsbuildStage; readonly index: number }[] {
	const all = stages.map((stage, index) => ({ stage, index }));
	const chosen =
		which === undefined
			? all
			: all.filter(({ stage, index }) => String(index) === which || stage.type === which);
	if (chosen.length > 0 && (which === undefined || chosen.length === 1)) return chosen;
	const known = stages.map(({ type }, index) => `${index} ${type}`).join(", ");
	const what =
		stages.length === 0
			? "no stages"
			: chosen.length === 0
				? `no stage ${which}, there are: ${known}`
				: `several stages ${which}, say which by its number, of ${known}`;
	throw places.error([...parts, "stages"], `pipeline ${name} has ${what}`);
}

function stageOf(
	stage: OsbuildStage,
	{
		index,
		libdir,
		info,
		inputs,
	}: {
		readonly index: number;
		readonly libdir: string;
		readonly info: OsbuildStageInfo | undefined;
		readonly inputs: ReadonlyMap<string, string>;
	},
): StageDeclaration {
	const { type, id, options, sourceEpoch, parts } = stage;
	const keys = keysOf(stage.devices, stage.mounts);
	const devices: Record<string, DeviceDeclaration> = Object.create(null);
	for (const device of stage.devices) {
		const declared = deviceOf(device, keys.devices);
		devices[declared.key] = declared;
	}
	const mounts: Record<string, DeviceDeclaration> = Object.create(null);
	const before: string[] = [];
	for (const mount of stage.mounts) {
		const declared = mountOf(mount, keys, [...before]);
		mounts[declared.name] = declared;
		before.push(declared.key);
	}
	const program = stageProgram(libdir, type);
	return {
		name: `${index} ${type}`,
		uses: [],
		devices,
		mounts,
		run: [`${osbuildPaths.programs}/${type}`],
		// What osbuild gives to all stages, and what this one asks for, as far as this machine has it.
		capabilities: capabilityNames(
			osbuildCapabilities(capabilities(), info?.capabilities ?? []),
		),
		pointer: jsonPointer(parts),
		osbuild: {
			type,
			libdir,
			program,
			id,
			options,
			sourceEpoch,
			inputs,
			devices: new Map([...keys.devices].map(([name, own]) => [own, name])),
			mounts: new Map([...keys.mounts].map(([name, own]) => [mountKey(own), name])),
		},
	};
}

/** What a stage says of itself; undefined where there is no such stage. */
function readInfo(
	{ type }: OsbuildStage,
	libdir: string,
	complain: Complain,
): OsbuildStageInfo | undefined {
	if (!/^\w[\w.-]*$/.test(type)) {
		complain(["type"], `${JSON.stringify(type)} is not the name of a stage`);
		return undefined;
	}
	const program = stageProgram(libdir, type);
	if (statSync(program, { throwIfNoEntry: false })?.isFile() !== true) {
		const folder = `${libdir}/stages`;
		const isThere = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
		const where = isThere ? folder : `${folder}, which is no directory`;
		complain(["type"], `no stage ${type} in ${where}: --libdir names osbuild's directory`);
		return undefined;
	}
	try {
		return readStageInfo(libdir, type);
	} catch (error) {
		complain(["type"], `${program}.meta.json: ${(error as Error).message}`);
		return undefined;
	}
}

/** What a stage's own schema says of it, as osbuild's does before it builds anything. */
async function schemaProblems(
	{ type, parts }: OsbuildStage,
	schema: object,
	places: Places,
): Promise<Problem[]> {
	const [{ validateDraft4 }, { explainSchemaComplaints }] = await Promise.all([
		import("./validate-options.ts"),
		import("./schema-problems.ts"),
	]);
	const value = places.valueAt(parts);
	try {
		const complaints = validateDraft4(schema, toPlain(value));
		return explainSchemaComplaints(complaints, { schema, value, base: parts }).map(
			({ path, message, expected, part }) => {
				const what = { ...complaint(message), ...(expected !== undefined && { expected }) };
				return places.problem(path, what, part);
			},
		);
	} catch (error) {
		const message = `the schema of ${type} is none: ${(error as Error).message}`;
		return [places.problem([...parts, "type"], complaint(message))];
	}
}

/** osbuild's directory of modules, where a type of device or mount is not one of ours. */
function furtherModules(
	stages: readonly StageDeclaration[],
	{ forType }: Modules,
	libdir: string,
): string[] {
	const isOther = ({ type }: DeviceDeclaration): boolean => forType(type) === undefined;
	const used = stages.flatMap(({ devices, mounts }) => [devices, mounts].flatMap(Object.values));
	const isThere = ["devices", "mounts"].some((kind) => existsSync(join(libdir, kind)));
	return isThere && (used as DeviceDeclaration[]).some(isOther) ? [libdir] : [];
}

/**
 * The directories of pipelines' trees by their names.
 *
 * @throws {@link ManifestError}
 */
function treesOf(
	given: readonly string[],
	pipelines: readonly OsbuildPipeline[],
	places: Places,
): ReadonlyMap<string, string> {
	return new Map(
		given.map((text) => {
			const at = text.indexOf("=");
			const [name, directory] = [text.slice(0, at), text.slice(at + 1)];
			if (at < 0 || directory === "")
				throw places.error([], `--input ${text}: expected PIPELINE=DIRECTORY`);
			if (!pipelines.some((each) => each.name === name)) {
				const known = pipelines.map((each) => each.name).join(", ");
				const message = `--input ${text}: no pipeline ${JSON.stringify(name)}, there are: ${known}`;
				throw places.error(["pipelines"], message);
			}
			return [name, resolve(directory)];
		}),
	);
}

/** The directories that a stage has as inputs, by their names: trees of other pipelines. There are no others here. */
function inputsOf(
	{ inputs }: OsbuildStage,
	trees: ReadonlyMap<string, string>,
	complain: Complain,
): ReadonlyMap<string, string> {
	const found = new Map<string, string>();
	for (const { name, type, origin, pipelines } of inputs) {
		const [pipeline, ...others] = pipelines;
		const isTree = type === "org.osbuild.tree" && origin === "org.osbuild.pipeline";
		if (!isTree || pipeline === undefined || others.length > 0) {
			const what = `an input of type ${type} (${origin}), which only osbuild has`;
			complain(["inputs", name], `${what}: here are trees of pipelines (org.osbuild.tree)`);
			continue;
		}
		const directory = trees.get(pipeline);
		if (directory === undefined) {
			const how = `--input ${pipeline}=DIRECTORY says where that is`;
			complain(["inputs", name], `the tree of the pipeline ${pipeline}: ${how}`);
		} else if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
			complain(["inputs", name], `the tree of ${pipeline}: no such directory: ${directory}`);
		} else if (name === "" || name === "." || name === ".." || name.includes("/")) {
			complain(["inputs", name], `${JSON.stringify(name)} is no name for a directory`);
		} else found.set(name, directory);
	}
	return found;
}

/** Keys of devices and mounts by their names: those names, where they are such as ours have. */
function keysOf(
	devices: readonly OsbuildDevice[],
	mounts: readonly OsbuildMount[],
): { readonly devices: Map<string, string>; readonly mounts: Map<string, string> } {
	return {
		devices: new Map(uniqueNames(devices, "device")),
		mounts: new Map(uniqueNames(mounts, "mount")),
	};
}

function uniqueNames(
	all: readonly { readonly name: string }[],
	kind: string,
): (readonly [string, string])[] {
	const taken = new Set(all.map(({ name }) => name));
	return all.map(({ name }, index) => {
		if (isDeviceName(name)) return [name, name] as const;
		let own = `${kind}-${index}`;
		while (taken.has(own)) own += "-";
		taken.add(own);
		return [name, own] as const;
	});
}

function deviceOf(device: OsbuildDevice, keys: ReadonlyMap<string, string>): DeviceDeclaration {
	const { name, type, parent, options, id, parts } = device;
	const key = keys.get(name) ?? name;
	const parentKey = parent === undefined ? undefined : keys.get(parent);
	const declared = {
		name: key,
		key,
		type,
		...(parentKey !== undefined && { parent: parentKey }),
		options: (toPlain(options ?? new Map()) ?? {}) as Record<string, unknown>,
		id,
		pointer: jsonPointer(parts),
		after: [],
	};
	rememberOptions(declared, options);
	return declared;
}

function mountOf(
	mount: OsbuildMount,
	keys: ReturnType<typeof keysOf>,
	after: readonly string[],
): DeviceDeclaration {
	const { type, source, partition, target, options, id, parts } = mount;
	const name = keys.mounts.get(mount.name) ?? mount.name;
	const parent = source === undefined ? undefined : keys.devices.get(source);
	const number = toPlain(partition);
	const declared = {
		name,
		key: mountKey(name),
		type,
		...(parent !== undefined && { parent }),
		options: (toPlain(options) ?? {}) as Record<string, unknown>,
		id,
		pointer: jsonPointer(parts),
		// One after the other, in the order of the list.
		after,
		mount: {
			...(target !== undefined && { target }),
			// 0 is none, as for osbuild.
			...(typeof number === "number" && number !== 0 && { partition: number }),
		},
	};
	rememberOptions(declared, options);
	return declared;
}

function complaint(message: string): Pick<Problem, "code" | "message"> {
	return { code: "ERR_MANIFEST_OSBUILD", message };
}

/** Where things are in a text of JSON. */
class Places {
	readonly #file: string;
	/** Undefined where it is no JSON: that is said. */
	readonly #document: JsonDocument | undefined;

	constructor(file: string, text: string) {
		this.#file = file;
		try {
			this.#document = parseJsonDocument(text);
		} catch {
			this.#document = undefined;
		}
	}

	locate(
		parts: readonly (string | number)[],
		part: "value" | "key" = "value",
	): { readonly line: number; readonly column: number } {
		for (let length = parts.length; length >= 0; length--) {
			const at = parts.slice(0, length);
			const found = this.#document?.locate(at, part) ?? this.#document?.locate(at);
			if (found !== undefined) return found;
		}
		return { line: 1, column: 1 };
	}

	problem(
		parts: readonly (string | number)[],
		what: Pick<Problem, "code" | "message" | "expected">,
		part?: "value" | "key",
	): Problem {
		const position = this.locate(parts, part);
		const path = [...parts];
		const pathText = path.length === 0 ? "" : pathOf(path);
		return makeProblem({ file: this.#file, position, path, pathText }, what);
	}

	valueAt(parts: readonly (string | number)[]): JsonValue | undefined {
		let value = this.#document?.value;
		for (const part of parts) value = step(value, part);
		return value;
	}

	/** As of any other manifest. */
	jsonProblem({ code, message, line, column, expected }: JsonError): Problem {
		const what = {
			code: code === "ERR_JSON_LIMIT" ? "ERR_MANIFEST_LIMIT" : "ERR_MANIFEST_SYNTAX",
			message: message.replace(/^line \d+, column \d+: /, ""),
			expected,
		} as const;
		return makeProblem({ file: this.#file, position: { line, column }, path: [] }, what);
	}

	/** Ends the reading. */
	error(parts: readonly (string | number)[], message: string): Error {
		try {
			refuseProblems([this.problem(parts, complaint(message))]);
		} catch (error) {
			return error as Error;
		}
		return new TypeError(message);
	}

	/** Of a JSON pointer, with indices where the text has lists. */
	partsOf(pointer: string): (string | number)[] {
		let value = this.#document?.value;
		return pointer
			.split("/")
			.slice(1)
			.map((part) => {
				const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
				const key = Array.isArray(value) && /^\d+$/.test(name) ? Number(name) : name;
				value = step(value, key);
				return key;
			});
	}
}

function step(value: JsonValue | undefined, key: string | number): JsonValue | undefined {
	if (typeof key === "number") return Array.isArray(value) ? value[key] : undefined;
	return isJsonObject(value) ? value.get(key) : undefined;
}
