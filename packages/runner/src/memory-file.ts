import { writeSync } from "node:fs";
import { type Fd, memfd } from "@devhost/linux";

/** An anonymous file in memory with this content, to be read from its beginning. */
export function memoryFile(name: string, content: string): Fd {
	const file = memfd(name);
	try {
		writeWhole(file, content);
		return file;
	} catch (error) {
		file.close();
		throw error;
	}
}

/** Writes to the beginning of a file, whose own place, where whoever inherits it begins to read, stays what it is. */
export function writeWhole(file: Fd, content: string | Uint8Array): void {
	const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
	for (let at = 0; at < bytes.length;) at += writeSync(file.fd, bytes, at, bytes.length - at, at);
}
