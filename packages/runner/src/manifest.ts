import { dirname, resolve } from "node:path";
import type { JsonPosition } from "@devhost/core";
import type { SecretReference } from "@devhost/core/secret";
import type { ManifestDocument } from "./manifest-document.ts";
import type { OsbuildProgram } from "./osbuild-stage.ts";
import { draftManifest, type ManifestDraft } from "./manifest-draft.ts";
import { readManifestText } from "./manifest-text.ts";
import { ManifestError, sortProblems, type Problem } from "./problem.ts";

/** A device as a manifest declares it, or a mount. */
export interface DeviceDeclaration {
	readonly name: string;
	/** What it is called among all devices and mounts: a device's name, of a mount `mounts/NAME`. */
	readonly key: string;
	readonly type: string;
	/** The device that it stands on: one of the same stage, or a shared one. */
	readonly parent?: string;
	/** The devices that it stands on, where it says so by a list. Never empty. */
	readonly parents?: readonly string[];
	/** The mount that its files are in, by its key, where they are not in the tree. */
	readonly tree?: string;
	/** The keys of mounts that have to be there before, which what it says itself leads to. */
	readonly after: readonly string[];
	/** Where it is mounted, if it is a mount. */
	readonly mount?: { readonly target?: string; readonly partition?: number };
	/** As plain values; a number that a double cannot hold is the nearest one. */
	readonly options: Readonly<Record<string, unknown>>;
	/** As osbuild computes it, from the options as they are written. Computed when asked for. */
	readonly id: string;
	/** JSON pointer of the declaration: `/devices/root`, `/stages/0/devices/disk`, `/mounts/root`. */
	readonly pointer: string;
}

/** A stage as a manifest declares it. */
export interface StageDeclaration {
	readonly name: string;
	/** Names of the shared devices and mounts that it sees; undefined: all of them. */
	readonly uses: readonly string[] | undefined;
	/** The devices of this stage alone, by name. */
	readonly devices: Readonly<Record<string, DeviceDeclaration>>;
	/** The mounts of this stage alone, by name. */
	readonly mounts: Readonly<Record<string, DeviceDeclaration>>;
	/** The command and its arguments, placeholders not yet replaced. Never empty. */
	readonly run: readonly string[];
	/** Text, placeholders not yet replaced; or where a secret is. */
	readonly stdin?: string | SecretReference;
	readonly environment?: Readonly<Record<string, string>>;
	/** Seconds of wall clock time. */
	readonly timeout?: number;
	/** Linux capabilities beyond the usual ones: `CAP_SYS_ADMIN`. */
	readonly capabilities?: readonly string[];
	/** What it is in a manifest of osbuild; undefined in ours. */
	readonly osbuild?: OsbuildProgram;
	/** JSON pointer of the declaration: `/stages/0`. */
	readonly pointer: string;
}

/** A manifest, read. Whether it makes sense is for `checkManifest` to say. */
export interface Manifest {
	readonly version: 1;
	/** As it was named: `manifest.yaml`. */
	readonly file: string;
	/** The folder that paths in it are relative to, absolute. */
	readonly folder: string;
	/** What was read. */
	readonly text: string;
	/** The directory that the files of devices are beneath, absolute. */
	readonly tree: string;
	/** The shared devices, by name. */
	readonly devices: Readonly<Record<string, DeviceDeclaration>>;
	/** The shared mounts, by name. */
	readonly mounts: Readonly<Record<string, DeviceDeclaration>>;
	readonly stages: readonly StageDeclaration[];
	/** Packages with further types of devices, as written. */
	readonly modules?: readonly string[];

	/** Where a value, or its key, stands; of one that is not there, the nearest around it. Pointers as RFC 6901. */
	locate(pointer: string, part?: "value" | "key"): Pick<JsonPosition, "line" | "column">;
	/** A problem at a value: for what is found out only later, such as by opening a device. */
	problemAt(
		pointer: string,
		problem: Pick<Problem, "code" | "message" | "expected">,
		part?: "value" | "key",
	): Problem;
}

/** Where a manifest's text is from. */
export interface ManifestSource {
	/** For messages, and for what paths in it are relative to. */
	readonly file: string;
	/** @default by the name of the file; where that says nothing, by the first characters of the text */
	readonly format?: "yaml" | "json" | undefined;
}

/** A manifest's text and where it is from. */
export interface ManifestText extends ManifestSource {
	readonly text: string;
}

/**
 * Reads a manifest from a file; from standard input if that is `-`.
 *
 * @throws {@link ManifestError} with everything that is wrong with its form. `ERR_MANIFEST_READ` and `ERR_MANIFEST_ENCODING`
 * where there is no text to look at.
 */
export async function readManifest(file: string): Promise<Manifest> {
	return await parseManifest(readManifestText(file), { file });
}

/**
 * Reads a manifest from a text.
 *
 * @throws {@link ManifestError} with everything that is wrong with its form.
 *
 * @example
 * ```ts
 * import { parseManifest } from "devhost";
 *
 * const manifest = await parseManifest("version: 1\ntree: .\nstages: [{ name: hello, run: [ls] }]\n", {
 * 	file: "manifest.yaml",
 * });
 * console.log(manifest.stages[0]?.run);
 * ```
 */
export async function parseManifest(text: string, source: ManifestSource): Promise<Manifest> {
	return requireManifest(await inspectManifest(text, source));
}

/** @throws {@link ManifestError} when anything is wrong with the draft. */
function requireManifest({ manifest, problems }: ManifestDraft): Manifest {
	const [first, ...others] = sortProblems(problems);
	if (first !== undefined) throw new ManifestError([first, ...others]);
	if (manifest === undefined) throw new TypeError("neither a manifest nor a problem");
	return manifest;
}

/** Reads as much of a manifest as there is, and collects what is wrong with its form. Never throws for what the text says. */
export async function inspectManifest(
	text: string,
	{ file, format }: ManifestSource,
): Promise<ManifestDraft> {
	const document = await readDocument(text, format ?? formatOf(file, text));
	return draftManifest(document, { file, folder: dirname(resolve(file)), text });
}

/** The two readers are loaded when they are needed, which is one of them. */
async function readDocument(text: string, format: "yaml" | "json"): Promise<ManifestDocument> {
	// Editors on other systems put it there; it means nothing in UTF-8.
	const plain = text.startsWith("\uFEFF") ? text.slice(1) : text;
	if (format === "json") {
		const { parseJsonManifest } = await import("./json-document.ts");
		return parseJsonManifest(plain);
	}
	const { parseYamlManifest } = await import("./yaml-document.ts");
	return parseYamlManifest(plain);
}

function formatOf(file: string, text: string): "yaml" | "json" {
	if (/\.jsonc?$/i.test(file)) return "json";
	if (/\.ya?ml$/i.test(file)) return "yaml";
	// YAML's own objects in braces have keys without quotes, and its comments begin with #.
	return /^\s*(?:\/[/*]|\{\s*(?:"|\}|\/[/*]))/.test(text) ? "json" : "yaml";
}
