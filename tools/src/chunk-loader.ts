// What every bundled executable begins with: loads its chunks, each with its code cache. Part of executables, and so
// for every Node that can read it. Bundled by bundle-executables.ts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ChunkFunction, chunkScript } from "./chunk-script.ts";

/** The executable's first chunk: `./chunk-cli-7JVYJQCP.cjs`. */
declare const firstChunk: string;

/** What they export. */
const loaded = new Map<string, unknown>();

function load(name: string): unknown {
	if (loaded.has(name)) return loaded.get(name);
	const module = { exports: {} };
	const filename = join(__dirname, name);
	const script = chunkScript(readFileSync(filename, "latin1"), filename, readCache(filename));
	const run = script.runInThisContext() as ChunkFunction;
	run.call(module.exports, module.exports, chunkRequire, module, filename, __dirname);
	loaded.set(name, module.exports);
	return module.exports;
}

function readCache(filename: string): Buffer | undefined {
	try {
		return readFileSync(`${filename}.cache`);
	} catch {
		return undefined; // It is only slower.
	}
}

const chunkRequire = Object.assign(
	(name: string): unknown => (name.startsWith("./chunk-") ? load(name) : require(name)),
	{ resolve: require.resolve },
);

// Node maps the positions of what it has loaded itself.
if (process.sourceMapsEnabled) require(firstChunk);
else load(firstChunk);
