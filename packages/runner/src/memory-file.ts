import { writeSync } from "node:fs";
import { type Fd, memfd } from "@devhost/linux";

/** An anonymous file in memory with this content, to be read from its beginning. */
export function memoryFile(name: string, content: Uint8Array | string): Fd {
	const file = memfd(name);
	try {
		const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
		// At a position: the descriptor's own place, where whoever inherits it begins to read, stays 0.
		for (let at = 0; at < bytes.length;)
			at += writeSync(file.fd, bytes, at, bytes.length - at, at);
		return file;
	} catch (error) {
		file.close();
		throw error;
	}
}
