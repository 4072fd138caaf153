import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import type { ReadAt } from "../src/read-header.ts";

/** Where the tests' containers have their data: behind header and key slots, which the tests keep small. */
export const dataOffsetBytes: number = 16 << 20;

/** How {@link makeContainer} makes one. */
export interface ContainerOptions {
	/** @default 20 MiB */
	readonly sizeBytes?: number;
	/** @default "secret" */
	readonly passphrase?: string | Uint8Array;
	/** Further arguments of luksFormat. */
	readonly further?: readonly string[];
}

/** Makes a LUKS2 container in a file, with the real cryptsetup and a key slot that opens in no time. */
export function makeContainer(
	file: string,
	{ sizeBytes = 20 << 20, passphrase = "secret", further = [] }: ContainerOptions = {},
): void {
	writeFileSync(file, "");
	truncateSync(file, sizeBytes);
	const kdf = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];
	cryptsetup(["luksFormat", "--type", "luks2", ...kdf, ...further, file], passphrase);
}

/** Runs the real cryptsetup; `input` is the key, every byte of it. */
export function cryptsetup(argv: readonly string[], input: string | Uint8Array): string {
	const common = ["-q", "--disable-locks", "--force-password", "--key-file=-"];
	return execFileSync("cryptsetup", [...common, ...argv], { input, encoding: "utf8" });
}

/** Reads a file as the header reader reads a device. */
export function readerOf(file: string): ReadAt & Disposable {
	const fd = openSync(file, "r");
	const read: ReadAt = async (position, length) => {
		const bytes = Buffer.alloc(length);
		return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
	};
	return Object.assign(read, { [Symbol.dispose]: () => closeSync(fd) });
}

/** Bytes of one copy of the headers that the tests make. */
export const copyBytes = 16_384;

/** Overwrites bytes of a file. */
export function overwrite(file: string, positionBytes: number, bytes: Uint8Array): void {
	const fd = openSync(file, "r+");
	writeSync(fd, bytes, 0, bytes.length, positionBytes);
	closeSync(fd);
}

/** Reads bytes of a file. */
export function bytesOf(file: string, positionBytes: number, length: number): Buffer {
	const fd = openSync(file, "r");
	const bytes = Buffer.alloc(length);
	readSync(fd, bytes, 0, length, positionBytes);
	closeSync(fd);
	return bytes;
}

/** Changes one copy of a header and gives it a checksum that is right. */
export function rewriteCopy(
	file: string,
	copy: "primary" | "secondary",
	change: (whole: Buffer) => void,
): void {
	const position = copy === "primary" ? 0 : copyBytes;
	const whole = bytesOf(file, position, copyBytes);
	change(whole);
	whole.fill(0, 448, 512);
	createHash("sha256").update(whole).digest().copy(whole, 448);
	overwrite(file, position, whole);
}

/** Changes the metadata in both copies. */
export function rewriteMetadata(file: string, change: (text: string) => string): void {
	for (const copy of ["primary", "secondary"] as const) {
		rewriteCopy(file, copy, (whole) => {
			const area = whole.subarray(4096);
			const text = area.toString("utf8", 0, area.indexOf(0));
			area.fill(0).write(change(text));
		});
	}
}
