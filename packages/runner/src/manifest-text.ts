import { Buffer, isUtf8 } from "node:buffer";
import { closeSync, openSync, readSync } from "node:fs";
import type { JsonPosition } from "@devhost/core";
import { makeProblem, ManifestError } from "./problem.ts";

/** How many bytes a manifest may have: one with a thousand devices has a hundred thousand. */
const maxBytes = 16 * 1024 * 1024;

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
