import { Script } from "node:vm";

/** A chunk as a value: the function that Node makes of a CommonJS module, too. */
export type ChunkFunction = (
	exports: unknown,
	require: (name: string) => unknown,
	module: { exports: unknown },
	filename: string,
	folder: string,
) => void;

const parameters = "exports,require,module,__filename,__dirname";

/**
 * What a chunk begins with, to be followed by its code and `})`: as a script its value is a {@link ChunkFunction}, and as a
 * CommonJS module it calls that.
 *
 * It stands in the file: a text that is put together when it is loaded is in memory twice.
 */
export const chunkHead: string = `(typeof exports==="undefined"?f=>f:f=>f(${parameters}))(function(${parameters}){`;

/**
 * A chunk as a script. Whoever writes its code cache and whoever uses that call this: V8 takes a cache for the very same
 * text only.
 *
 * @param source - The chunk, which is ASCII.
 * @param cachedData - Compiled code. Of another V8, or of a text of another length, it counts for nothing.
 */
export function chunkScript(source: string, filename: string, cachedData?: Buffer): Script {
	return new Script(source, { filename, ...(cachedData !== undefined && { cachedData }) });
}
