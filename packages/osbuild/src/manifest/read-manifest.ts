import {
	deviceId,
	isJsonObject,
	JsonError,
	type JsonObject,
	type JsonValue,
	mountId,
	parseJson,
} from "@devhost/core";
import { checkForm } from "./check-form.ts";
import type {
	OsbuildDevice,
	OsbuildInput,
	OsbuildManifest,
	OsbuildMount,
	OsbuildPipeline,
	OsbuildStage,
} from "./manifest.ts";
import { OsbuildManifestError, type OsbuildProblem, pathOf, problemAt } from "./problem.ts";
import { inputId, stageId } from "./stage-id.ts";

/**
 * Reads a manifest of osbuild, version 2, with the ids and the order that osbuild gives to what is in it.
 *
 * Schemas of modules are not looked at.
 *
 * @throws {@link OsbuildManifestError} with everything that is wrong, as osbuild would say it where it does.
 *
 * Source: `load`, osbuild/formats/v2.py.
 */
export function readOsbuildManifest(text: string): OsbuildManifest {
	return loadManifest(parse(text));
}

function parse(text: string): JsonValue {
	try {
		return parseJson(text);
	} catch (error) {
		if (!(error instanceof JsonError)) throw error;
		throw new OsbuildManifestError([problemAt([], error.message)], { cause: error });
	}
}

function loadManifest(root: JsonValue): OsbuildManifest {
	if (isVersion1(root)) {
		const message =
			"a manifest of osbuild's version 1, which only osbuild builds: version 2 has pipelines";
		throw new OsbuildManifestError([problemAt([], message)]);
	}
	const problems = checkForm(root);
	if (problems.length > 0 || !isJsonObject(root)) throw new OsbuildManifestError(problems);
	const loader = new Loader(root);
	const pipelines = list(root.get("pipelines")).map((pipeline, index) =>
		loader.pipeline(object(pipeline), ["pipelines", index]),
	);
	if (loader.problems.length > 0) throw new OsbuildManifestError(loader.problems);
	return { pipelines };
}

/** Source: `detect_format_info`, osbuild/formats/v1.py, osbuild/meta.py: what says no version is of the first. */
function isVersion1(root: JsonValue): boolean {
	if (!isJsonObject(root)) return false;
	const version = root.get("version");
	return version === "1" || (version === undefined && root.has("pipeline"));
}

type Parts = readonly (string | number)[];

/** Reads what has the right form, and collects what is wrong with its meaning. */
class Loader {
	readonly problems: OsbuildProblem[] = [];
	/** Those before, by name: a pipeline refers to earlier ones only. */
	readonly #pipelines = new Map<string, OsbuildPipeline>();
	readonly #sources: ReadonlySet<string>;

	constructor(root: JsonObject) {
		const sources = [...object(root.get("sources")).values()];
		this.#sources = new Set(
			sources.flatMap((source) => [...object(object(source).get("items")).keys()]),
		);
	}

	pipeline(description: JsonObject, parts: Parts): OsbuildPipeline {
		const name = description.get("name");
		// osbuild ends with a KeyError.
		if (typeof name !== "string") this.#complain(parts, "'name' is a required property");
		else if (this.#pipelines.has(name)) this.#complain(parts, `Name ${name} already exists`);
		const build = string(description.get("build"));
		const buildId = build === undefined ? null : this.#resolve(build, [...parts, "build"]);
		const sourceEpoch = description.get("source-epoch");
		const stages: OsbuildStage[] = [];
		for (const [index, stage] of list(description.get("stages")).entries()) {
			const base = stages.at(-1)?.id ?? null;
			const before = { build: buildId, base, sourceEpoch };
			stages.push(this.#stage(object(stage), before, [...parts, "stages", index]));
		}
		const pipeline = {
			name: string(name) ?? "",
			build: build?.replace(/^name:/, ""),
			id: stages.at(-1)?.id ?? null,
			stages,
			path: pathOf(parts),
			parts,
		};
		this.#pipelines.set(pipeline.name, pipeline);
		return pipeline;
	}

	/** What `name:PIPELINE` stands for; anything else stands for itself. */
	#resolve(reference: string, parts: Parts): string | null {
		if (!reference.startsWith("name:")) return reference;
		const pipeline = this.#pipelines.get(reference.slice("name:".length));
		if (pipeline !== undefined) return pipeline.id;
		this.#complain(parts, `Unknown pipeline reference: ${reference}`);
		return null;
	}

	#stage(
		description: JsonObject,
		{
			build,
			base,
			sourceEpoch,
		}: {
			readonly build: string | null;
			readonly base: string | null;
			readonly sourceEpoch: JsonValue | undefined;
		},
		parts: Parts,
	): OsbuildStage {
		const type = string(description.get("type")) ?? "";
		const options = object(description.get("options"));
		const devices = this.#devices(description.get("devices"), [...parts, "devices"]);
		const inputs = this.#inputs(description.get("inputs"), [...parts, "inputs"]);
		const mounts = this.#mounts(list(description.get("mounts")), devices, [...parts, "mounts"]);
		const id = stageId({
			type,
			build,
			base,
			options: new Map(options),
			sourceEpoch,
			inputs: new Map([...inputs].map(([name, { id: inputId }]) => [name, inputId])),
			mounts: mounts.map((mount) => mount.id),
		});
		return {
			type,
			id,
			options: new Map(options),
			sourceEpoch,
			devices,
			mounts,
			inputs: [...inputs.values()].map(({ input }) => input),
			path: pathOf(parts),
			parts,
		};
	}

	/** Parents first, otherwise as declared. */
	#devices(value: JsonValue | undefined, parts: Parts): OsbuildDevice[] {
		if (value !== undefined && !isJsonObject(value)) {
			// It passes osbuild's schema, and ends with a traceback.
			this.#complain(parts, "devices are an object: a name for each");
			return [];
		}
		const declared = object(value);
		const sorted = new Map<string, OsbuildDevice>();
		let left = [...declared.keys()];
		while (left.length > 0) {
			const waiting = left.filter((name) => {
				const description = object(declared.get(name));
				const parent = string(description.get("parent")) || undefined;
				if (parent !== undefined && !sorted.has(parent)) {
					if (declared.has(parent)) return true;
					this.#complain(
						[...parts, name, "parent"],
						`Missing parent device '${parent}' for '${name}'`,
					);
					return false;
				}
				sorted.set(name, makeDevice(name, description, sorted, [...parts, name]));
				return false;
			});
			if (waiting.length === left.length) {
				// Who stands on a device that is missing waits, too, and that is said already.
				if (this.problems.length === 0)
					this.#complain(parts, "Cycle detected in 'devices'");
				break;
			}
			left = waiting;
		}
		return [...sorted.values()];
	}

	#inputs(
		value: JsonValue | undefined,
		parts: Parts,
	): Map<string, { readonly id: string; readonly input: OsbuildInput }> {
		const found = new Map<string, { readonly id: string; readonly input: OsbuildInput }>();
		for (const [name, described] of object(value)) {
			const description = object(described);
			const type = string(description.get("type")) ?? "";
			const origin = string(description.get("origin")) ?? "";
			const references = this.#references(origin, description, [
				...parts,
				name,
				"references",
			]);
			const options = new Map(object(description.get("options")));
			const pipelines = namedPipelines(origin, description);
			found.set(name, {
				id: inputId(type, origin, references, options),
				input: { name, type, origin, pipelines, parts: [...parts, name] },
			});
		}
		return found;
	}

	#references(origin: string, description: JsonObject, parts: Parts): Map<string, JsonValue> {
		const value = description.get("references");
		const given: [string, JsonValue][] = Array.isArray(value)
			? value.map((each) => {
					if (typeof each === "string") return [each, new Map()];
					const reference = object(each);
					return [
						string(reference.get("id")) ?? "",
						new Map(object(reference.get("options"))),
					];
				})
			: [...object(value)].map(([id, options]) => [
					id,
					isEmpty(options) ? new Map() : options,
				]);
		if (origin === "org.osbuild.pipeline") {
			const named = given.filter(([id]) => id.startsWith("name:"));
			return new Map(named.map(([id, options]) => [this.#resolve(id, parts) ?? "", options]));
		}
		const unknown = given.filter(([id]) => !this.#sources.has(id)).map(([id]) => `'${id}'`);
		if (unknown.length > 0)
			this.#complain(parts, `Unknown source reference(s) {${unknown.join(", ")}}`);
		return new Map(given);
	}

	#mounts(
		descriptions: readonly JsonValue[],
		devices: readonly OsbuildDevice[],
		parts: Parts,
	): OsbuildMount[] {
		const mounts = new Map<string, OsbuildMount>();
		for (const [index, described] of descriptions.entries()) {
			const description = object(described);
			const name = string(description.get("name")) ?? "";
			const type = string(description.get("type")) ?? "";
			const at = [...parts, index];
			if (mounts.has(name)) this.#complain(at, `Duplicated mount '${name}'`);
			const source = string(description.get("source")) || undefined;
			const device = devices.find((each) => each.name === source);
			if (source !== undefined && device === undefined)
				this.#complain([...at, "source"], `Unknown device '${source}' for mount '${name}'`);
			const partition = description.get("partition");
			const target = string(description.get("target"));
			const options = description.get("options") ?? new Map();
			const id = mountId(type, { deviceId: device?.id, partition, target, options });
			const path = pathOf(at);
			const place = { path, parts: at };
			mounts.set(name, { name, type, source, partition, target, options, id, ...place });
		}
		return [...mounts.values()];
	}

	#complain(parts: Parts, message: string): void {
		this.problems.push(problemAt(parts, message));
	}
}

/** Names of the pipelines that an input refers to. */
function namedPipelines(origin: string, description: JsonObject): string[] {
	if (origin !== "org.osbuild.pipeline") return [];
	const references = description.get("references");
	const all: readonly (JsonValue | undefined)[] = Array.isArray(references)
		? references.map((each) => (typeof each === "string" ? each : object(each).get("id")))
		: [...object(references).keys()];
	return all.flatMap((each) =>
		typeof each === "string" && each.startsWith("name:") ? [each.slice("name:".length)] : [],
	);
}

function makeDevice(
	name: string,
	description: JsonObject,
	others: ReadonlyMap<string, OsbuildDevice>,
	parts: Parts,
): OsbuildDevice {
	const type = string(description.get("type")) ?? "";
	const parent = string(description.get("parent")) || undefined;
	const options = description.get("options");
	const parentId = parent === undefined ? undefined : others.get(parent)?.id;
	const id = deviceId(type, options, parentId);
	return { name, type, parent, options, id, path: pathOf(parts), parts };
}

/** Python's `not value`. */
function isEmpty(value: JsonValue): boolean {
	if (isJsonObject(value)) return value.size === 0;
	if (Array.isArray(value)) return value.length === 0;
	return !value || (typeof value === "object" && value.toNumber() === 0);
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
	return Array.isArray(value) ? value : [];
}

function object(value: JsonValue | undefined): JsonObject {
	return isJsonObject(value) ? value : new Map();
}

function string(value: JsonValue | undefined): string | undefined {
	return typeof value === "string" ? value : undefined;
}
