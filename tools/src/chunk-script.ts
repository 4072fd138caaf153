import { Script } from "node:vm";

/** A chunk as a value: the function that Node makes of a CommonJS module, too. */
export type ChunkFunction = (
	exports: unknown,
	require: (name: string) => unknown,
	module: { exports: unknown },
	filename: string,
	folder: string,
) => void;

const head = "(function(exports,require,module,__filename,__dirname){";

/**
 * A chunk as a script whose value is a {@link ChunkFunction}. Whoever writes its code cache and whoever uses that call this:
 * V8 takes a cache for the very same text only.
 *
 * @param source - The chunk, which is ASCII.
 * @param cachedData - Compiled code. Of another V8, or of a text of another length, it counts for nothing.
 */
export function chunkScript(source: string, filename: string, cachedData?: Buffer): Script {
	return new Script(`${head}${source}\n})`, {
		filename,
		columnOffset: -head.length,
		...(cachedData !== undefined && { cachedData }),
	});
}
