import { realpathSync, statSync } from "node:fs";
import { RunError } from "./error.ts";

/**
 * The directory that stages are to see as `/`: a real path, looked for from the working directory.
 *
 * @throws {@link RunError} `ERR_RUN_USAGE` it is missing, or no directory.
 */
export function resolveRoot(root: string): string {
	const fail = (why: string, cause?: unknown): RunError => {
		const message = `root ${JSON.stringify(root)}: ${why}, expected a directory`;
		return new RunError("ERR_RUN_USAGE", message, { cause });
	};
	if (root === "") throw fail("an empty string");
	let path: string;
	try {
		path = realpathSync(root);
	} catch (cause) {
		const { code } = cause as NodeJS.ErrnoException;
		throw fail(code === "ENOENT" ? "not found" : (cause as Error).message, cause);
	}
	if (!statSync(path).isDirectory()) throw fail("not a directory");
	return path;
}
