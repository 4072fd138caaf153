import { readFileSync } from "node:fs";

/** What an osbuild module of the kind "stage" says of itself, as far as running it goes. */
export interface OsbuildStageInfo {
	/** The executable: absolute path. */
	readonly program: string;
	/** Linux capabilities that it wants beyond osbuild's usual ones. */
	readonly capabilities: readonly string[];
}

/** Where the executable of a type of stage is, in osbuild's directory of modules. */
export function stageProgram(libdir: string, type: string): string {
	return `${libdir}/stages/${type}`;
}

/**
 * Reads what a stage says of itself in its `.meta.json`. One without, as osbuild's before version 117 are, wants nothing.
 *
 * @throws Error a description that is not JSON, or of the wrong form.
 *
 * Source: `ModuleInfo._load_from_json`, osbuild/meta.py.
 */
export function readStageInfo(libdir: string, type: string): OsbuildStageInfo {
	const program = stageProgram(libdir, type);
	const text = readIfThere(`${program}.meta.json`);
	if (text === undefined) return { program, capabilities: [] };
	const description = JSON.parse(text) as { readonly capabilities?: unknown } | null;
	const capabilities = description?.capabilities ?? [];
	if (Array.isArray(capabilities) && capabilities.every((each) => typeof each === "string"))
		return { program, capabilities };
	throw new TypeError(`capabilities is ${JSON.stringify(capabilities)}, expected names of them`);
}

function readIfThere(file: string): string | undefined {
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}
