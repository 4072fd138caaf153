import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import {
	deviceId,
	isJsonObject,
	jsonPointer,
	mountId,
	mountKey,
	toPlain,
	type JsonObject,
	type JsonPath,
	type JsonPosition,
	type JsonValue,
} from "@devhost/core";
import { findManifestSchemaProblems } from "./generated/manifest-schema.ts";
import { byKey, devicesBeneath, type DevicesInSight, withAncestors } from "./declared-devices.ts";
import { mountsBefore } from "./mounts-before.ts";
import { pathOfPointer, valueAt } from "./json-path.ts";
import type { SecretReference } from "@devhost/core/secret";
import type { DeviceDeclaration, Manifest, StageDeclaration } from "./manifest.ts";
import type { ManifestDocument } from "./manifest-document.ts";
import { makeProblem, type Problem } from "./problem.ts";
import { explainSchemaComplaints, type ExplainedComplaint } from "./schema-problems.ts";

/**
 * A manifest as far as its form allows: whatever is wrong is left out, so that what is right can be looked at, too.
 *
 * A value that is left out is empty here: a `type` that is a list is `""`.
 */
export interface ManifestDraft {
	/** Undefined when there is nothing to look at: no YAML, no object. */
	readonly manifest: Manifest | undefined;
	/** What is wrong with the form, in no particular order. */
	readonly problems: readonly Problem[];
	/** Whether a value was complained of already, so that saying more about it would not help. */
	isSpoiled(pointer: string): boolean;
}

/** What a draft knows of its text. */
interface DraftSource {
	readonly file: string;
	readonly folder: string;
	readonly text: string;
}

/** Checks a document against the manifest's schema and takes from it what is right. */
export function draftManifest(document: ManifestDocument, source: DraftSource): ManifestDraft {
	const problems: Problem[] = [];
	const spoiled = new Set<string>();
	const isSpoiled = (pointer: string): boolean => isWithin(spoiled, pointer);

	for (const { position, path, code, message, spoilsValue } of document.problems) {
		problems.push(makeProblem({ file: source.file, position, path }, { code, message }));
		if (spoilsValue === true) spoiled.add(jsonPointer(path));
	}
	if (document.value === undefined) return { manifest: undefined, problems, isSpoiled };

	for (const complaint of explainForm(document.value)) {
		if (isSpoiled(jsonPointer(complaint.path))) continue;
		problems.push(problemOf(complaint, document, source.file));
		if (complaint.spoils !== undefined) spoiled.add(jsonPointer(complaint.spoils));
	}
	if (!isJsonObject(document.value)) return { manifest: undefined, problems, isSpoiled };
	return { manifest: buildManifest(document.value, document, source), problems, isSpoiled };
}

/** A complaint of a validator at its place in a document. */
function problemOf(
	complaint: ExplainedComplaint,
	document: Pick<ManifestDocument, "locate">,
	file: string,
): Problem {
	const position = locateNearest(document, complaint.path, complaint.part);
	return makeProblem({ file, position, path: complaint.path }, complaint);
}

/**
 * Where a value, its key, or else the nearest thing around it stands.
 *
 * @returns line 1, column 1 for a document without any place.
 */
function locateNearest(
	document: Pick<ManifestDocument, "locate">,
	path: JsonPath,
	part: "value" | "key",
): Pick<JsonPosition, "line" | "column"> {
	const other = part === "key" ? "value" : "key";
	for (let length = path.length; length >= 0; length -= 1) {
		const at = path.slice(0, length);
		const position = document.locate(at, part) ?? document.locate(at, other);
		if (position !== undefined) return position;
	}
	return { line: 1, column: 1 };
}

function explainForm(value: JsonValue): ExplainedComplaint[] {
	const complaints = findManifestSchemaProblems(toPlain(value));
	if (complaints.length === 0) return [];
	// Read only now: a manifest without mistakes does not need the words.
	const text = readFileSync(new URL("../schema/manifest.schema.json", import.meta.url), "utf8");
	const schema = JSON.parse(text) as object;
	return explainSchemaComplaints(complaints, { schema, value }).map((complaint) =>
		inManifestTerms(complaint, value),
	);
}

/** What the manifest knows better than its schema can say. */
function inManifestTerms(complaint: ExplainedComplaint, root: JsonValue): ExplainedComplaint {
	const { path } = complaint;
	if (path.length === 1 && path[0] === "version" && complaint.part === "value") {
		return { ...complaint, code: "ERR_MANIFEST_VERSION" };
	}
	if (path.includes("capabilities") && valueAt(root, path) === "CAP_MKNOD") {
		const message =
			"CAP_MKNOD is never granted: declare a device, and the stage finds its node";
		return { ...complaint, message };
	}
	return complaint;
}

function isWithin(spoiled: ReadonlySet<string>, pointer: string): boolean {
	if (spoiled.size === 0) return false;
	for (let end = pointer.length; end > 0; end = pointer.lastIndexOf("/", end - 1)) {
		if (spoiled.has(pointer.slice(0, end))) return true;
	}
	return spoiled.has("");
}

function buildManifest(
	root: JsonObject,
	document: ManifestDocument,
	{ file, folder, text }: DraftSource,
): Manifest {
	const shared = buildOwn(root, "", { devices: noDeclarations, mounts: noDeclarations });
	const modules = strings(root.get("modules"));
	const stages = list(root.get("stages")).map((stage, index) =>
		buildStage(isJsonObject(stage) ? stage : new Map(), `/stages/${index}`, shared),
	);
	return {
		version: 1,
		file,
		folder,
		text,
		tree: resolve(folder, string(root.get("tree")) ?? ""),
		...shared,
		stages,
		...(modules === undefined ? {} : { modules }),
		locate: (pointer, part = "value") =>
			locateNearest(document, pathOfPointer(pointer, root), part),
		problemAt(pointer, problem, part = "value") {
			const path = pathOfPointer(pointer, root);
			const position = locateNearest(document, path, part);
			return makeProblem({ file, position, path }, problem);
		},
	};
}

function buildStage(
	stage: JsonObject,
	pointer: string,
	shared: Pick<Manifest, "devices" | "mounts">,
): StageDeclaration {
	const stdin = stage.get("stdin");
	const timeout = toPlain(stage.get("timeout"));
	const environment = stage.get("environment");
	const capabilities = strings(stage.get("capabilities"));
	return {
		name: string(stage.get("name")) ?? "",
		uses: strings(stage.get("uses")),
		...buildOwn(stage, pointer, shared),
		run: strings(stage.get("run")) ?? [],
		...(typeof stdin === "string" ? { stdin } : {}),
		// Whether it is one is for a check to say.
		...(isJsonObject(stdin) ? { stdin: toPlain(stdin) as SecretReference } : {}),
		...(isJsonObject(environment) ? { environment: stringValues(environment) } : {}),
		...(typeof timeout === "number" ? { timeout } : {}),
		...(capabilities === undefined ? {} : { capabilities }),
		pointer,
	};
}

/** The devices and mounts of a stage, which see those that all share; or those. */
function buildOwn(
	stage: JsonObject,
	pointer: string,
	shared: Pick<Manifest, "devices" | "mounts">,
): Pick<StageDeclaration, "devices" | "mounts"> {
	const sight = { own: noDeclarations, shared: byKey(shared) };
	const devices = buildDevices(stage.get("devices"), `${pointer}/devices`, sight);
	const mounts = buildMounts(stage.get("mounts"), `${pointer}/mounts`, sight);
	sight.own = byKey({ devices, mounts });
	return { devices, mounts };
}

/** @param sight - Where its ids find what they are made of. */
function buildDevices(
	value: JsonValue | undefined,
	pointer: string,
	sight: DevicesInSight,
): Readonly<Record<string, DeviceDeclaration>> {
	return buildDeclarations(value, pointer, (common, declaration) => {
		const parent = string(declaration.get("parent"));
		const parents = strings(declaration.get("parents")) ?? [];
		const mount = string(declaration.get("mount"));
		return {
			...common,
			key: common.name,
			...(parent !== undefined && parent !== "" && { parent }),
			...(parents.length > 0 && { parents }),
			...(mount !== undefined && { tree: mountKey(mount) }),
			after: [],
			get id(): string {
				return idOf(this, sight);
			},
		};
	});
}

function buildMounts(
	value: JsonValue | undefined,
	pointer: string,
	sight: DevicesInSight,
): Readonly<Record<string, DeviceDeclaration>> {
	return buildDeclarations(value, pointer, (common, declaration) => {
		const source = string(declaration.get("source"));
		const partition = toPlain(declaration.get("partition"));
		const target = string(declaration.get("target"));
		return {
			...common,
			key: mountKey(common.name),
			...(source !== undefined && source !== "" && { parent: source }),
			mount: {
				...(target !== undefined && { target }),
				...(typeof partition === "number" && { partition }),
			},
			get after(): string[] {
				return mountsBefore(this, sight);
			},
			get id(): string {
				return idOf(this, sight);
			},
		};
	});
}

function buildDeclarations(
	value: JsonValue | undefined,
	pointer: string,
	build: (
		common: Pick<DeviceDeclaration, "name" | "type" | "options" | "pointer">,
		declaration: JsonObject,
	) => DeviceDeclaration,
): Readonly<Record<string, DeviceDeclaration>> {
	// No prototype: "constructor" is a name like any other.
	const built: Record<string, DeviceDeclaration> = Object.create(null);
	if (!isJsonObject(value)) return built;
	for (const [name, declared] of value) {
		const declaration = isJsonObject(declared) ? declared : new Map<string, JsonValue>();
		const options = declaration.get("options");
		const common = {
			name,
			type: string(declaration.get("type")) ?? "",
			options: isJsonObject(options) ? (toPlain(options) as Record<string, unknown>) : {},
			pointer: pointer + jsonPointer([name]),
		};
		built[name] = build(common, declaration);
		rawOptions.set(built[name], options);
	}
	return built;
}

/** Options with the texts of their numbers, which ids and messages need. */
const rawOptions = new WeakMap<DeviceDeclaration, JsonValue | undefined>();

/** Says how the options of a device are written, which is not read from a draft. */
export function rememberOptions(device: DeviceDeclaration, written: JsonValue | undefined): void {
	rawOptions.set(device, written);
}

/** The options of a device as they are written; undefined where there are none. */
export function optionsAsWritten(device: DeviceDeclaration): JsonValue | undefined {
	return rawOptions.get(device);
}

/** Hashes a device and what it stands on, outermost first. What leads nowhere, or round, ends there. */
function idOf(device: DeviceDeclaration, sight: DevicesInSight): string {
	const ids = new Map<DeviceDeclaration, string>();
	for (const each of withAncestors([device], sight)) {
		const parents = devicesBeneath(each, sight).flatMap((parent) => ids.get(parent) ?? []);
		ids.set(each, idOn(parents, each));
	}
	return ids.get(device) ?? "";
}

function idOn(parents: readonly string[], device: DeviceDeclaration): string {
	const { type, mount } = device;
	const options = rawOptions.get(device);
	if (mount === undefined) return deviceId(type, options, parents);
	return mountId(type, { ...mount, deviceId: parents[0], options });
}

const noDeclarations: Readonly<Record<string, DeviceDeclaration>> = Object.create(null) as Record<
	string,
	never
>;

function string(value: JsonValue | undefined): string | undefined {
	return typeof value === "string" ? value : undefined;
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
	return Array.isArray(value) ? value : [];
}

function strings(value: JsonValue | undefined): readonly string[] | undefined {
	if (!Array.isArray(value)) return undefined;
	// What is no string was complained of; its place stays, so that the others keep theirs.
	return value.map((item) => string(item) ?? "");
}

function stringValues(object: JsonObject): Readonly<Record<string, string>> {
	const values: Record<string, string> = Object.create(null);
	for (const [key, value] of object) if (typeof value === "string") values[key] = value;
	return values;
}
