// write-code-cache CHUNK.cjs…
// Writes CHUNK.cjs.cache: what V8 makes of a chunk, so that executables need not have it compiled at each start. A
// program of its own: how V8 compiles is a matter of the whole process.
import { readFileSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { chunkScript } from "./chunk-script.ts";

for (const file of process.argv.slice(2)) {
	const source = readFileSync(file, "latin1");
	// Each function, and not only what runs when the chunk is loaded. With that flag still set the cache would be for
	// processes that have it, too.
	setFlagsFromString("--no-lazy");
	const script = chunkScript(source, file);
	setFlagsFromString("--lazy");
	writeFileSync(`${file}.cache`, script.createCachedData());
}
