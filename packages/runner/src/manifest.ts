import { Buffer, isUtf8 } from "node:buffer";
import { closeSync, openSync, readSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { JsonPosition } from "@devhost/core";
import type { ManifestDocument } from "./manifest-document.ts";
import { draftManifest, type ManifestDraft } from "./manifest-draft.ts";
import { makeProblem, ManifestError, sortProblems, type Problem } from "./problem.ts";

/** How many bytes a manifest may have: one with a thousand devices has a hundred thousand. */
const maxBytes = 16 * 1024 * 1024;

/** A device as a manifest declares it. */
export interface DeviceDeclaration {
	readonly name: string;
	readonly type: string;
	/** The device that it stands on: one of the same stage, or a shared one. */
	readonly parent?: string;
	/** As plain values; a number that a double cannot hold is the nearest one. */
	readonly options: Readonly<Record<string, unknown>>;
	/** As osbuild computes it, from the options as they are written. Computed when asked for. */
	readonly id: string;
	/** JSON pointer of the declaration: `/devices/root`, `/stages/0/devices/disk`. */
	readonly pointer: string;
}

/** A stage as a manifest declares it. */
export interface StageDeclaration {
	readonly name: string;
	/** Names of the shared devices that it sees; undefined: all of them. */
	readonly uses: readonly string[] | undefined;
	/** The devices of this stage alone, by name. */
	readonly devices: Readonly<Record<string, DeviceDeclaration>>;
	/** The command and its arguments, placeholders not yet replaced. Never empty. */
	readonly run: readonly string[];
	readonly stdin?: string;
	readonly environment?: Readonly<Record<string, string>>;
	/** Seconds of wall clock time. */
	readonly timeout?: number;
	/** Linux capabilities beyond the usual ones: `CAP_SYS_ADMIN`. */
	readonly capabilities?: readonly string[];
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

/** The name of a manifest that is read from standard input. */
export const standardInput = "-";

/**
 * Reads the text of a manifest; also from a pipe, and from standard input if it is `-`.
 *
 * @throws {@link ManifestError} `ERR_MANIFEST_READ`, `ERR_MANIFEST_LIMIT`, `ERR_MANIFEST_ENCODING`.
 */
export function readManifestText(file: string): string {
	const fail = (
		code: "ERR_MANIFEST_READ" | "ERR_MANIFEST_LIMIT" | "ERR_MANIFEST_ENCODING",
		message: string,
		options: { position?: JsonPosition; cause?: unknown } = {},
	): ManifestError => {
		const { position, ...errorOptions } = options;
		const problem = makeProblem({ file, position, path: [] }, { code, message });
		return new ManifestError([problem], errorOptions);
	};

	let bytes: Buffer;
	try {
		bytes = readAtMost(file, maxBytes + 1);
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code ?? "";
		throw fail("ERR_MANIFEST_READ", readErrors[code] ?? (error as Error).message, {
			cause: error,
		});
	}
	if (bytes.length > maxBytes) {
		throw fail(
			"ERR_MANIFEST_LIMIT",
			`too large for a manifest, expected at most ${maxBytes} bytes`,
		);
	}
	if (isUtf8(bytes)) return bytes.toString("utf8");
	const position = firstInvalid(bytes);
	throw fail("ERR_MANIFEST_ENCODING", "a byte that is not UTF-8", { position });
}

/** Reads a file or a pipe, but no whole disk image that somebody named by mistake. */
function readAtMost(file: string, limit: number): Buffer {
	const fd = file === standardInput ? 0 : openSync(file, "r");
	try {
		const pieces: Buffer[] = [];
		for (let size = 0; size < limit; size += pieces.at(-1)?.length ?? 0) {
			const piece = Buffer.allocUnsafe(64 * 1024);
			const count = readSync(fd, piece);
			if (count === 0) break;
			pieces.push(piece.subarray(0, count));
		}
		return Buffer.concat(pieces);
	} finally {
		if (fd !== 0) closeSync(fd);
	}
}

const readErrors: Readonly<Record<string, string>> = {
	ENOENT: "no such file",
	ENOTDIR: "no such file: a part of the path is no directory",
	EISDIR: "a directory, expected a manifest in YAML or JSON",
	EACCES: "may not be read",
	EPERM: "may not be read",
	ELOOP: "its symbolic links lead nowhere",
};

/** Every wrong byte becomes U+FFFD. The first of those that the file does not hold as such is the place. */
function firstInvalid(bytes: Buffer): JsonPosition {
	const text = bytes.toString("utf8");
	let offset = text.indexOf("\uFFFD");
	while (isReplacementCharacter(bytes, text, offset)) offset = text.indexOf("\uFFFD", offset + 1);
	const before = text.slice(0, offset);
	const line = before.split("\n").length;
	return { line, column: offset - before.lastIndexOf("\n"), offset };
}

function isReplacementCharacter(bytes: Buffer, text: string, offset: number): boolean {
	const at = Buffer.byteLength(text.slice(0, offset));
	return bytes.subarray(at, at + 3).equals(Buffer.from("\uFFFD"));
}
