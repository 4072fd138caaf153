import { readFileSync } from "node:fs";
import { fromDraft4 } from "../modules/draft4.ts";

/** What an osbuild module of the kind "stage" says of itself, as far as running it goes. */
export interface OsbuildStageInfo {
	/** The executable: absolute path. */
	readonly program: string;
	/** Linux capabilities that it wants beyond osbuild's usual ones. */
	readonly capabilities: readonly string[];
	/** JSON Schema (draft 2020-12) of the stage as it stands in a manifest; undefined where nothing is said. */
	readonly schema?: object;
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
	const description: unknown = JSON.parse(text);
	if (!isObject(description)) throw new TypeError("not an object that describes a stage");
	const { capabilities = [], schema, schema_2: schema2 } = description;
	if (!(Array.isArray(capabilities) && capabilities.every((each) => typeof each === "string"))) {
		const what = JSON.stringify(capabilities);
		throw new TypeError(`capabilities is ${what}, expected names of them`);
	}
	return { program, capabilities, schema: fromDraft4(schemaOf(schema, schema2)) };
}

/** Source: `ModuleInfo.get_schema`, osbuild/meta.py. */
function schemaOf(schema: unknown = {}, schema2?: unknown): object {
	const properties: Record<string, unknown> = {
		devices: { type: "object" },
		mounts: { type: "array" },
		...(isObject(schema2) ? schema2 : { options: schema }),
		type: {},
	};
	// What is referred to is at the top: a schema of options is written as if it were there.
	let { definitions } = properties;
	delete properties["definitions"];
	if (isObject(properties["options"])) {
		const { definitions: own = definitions, ...options } = properties["options"];
		definitions = own;
		properties["options"] = options;
	}
	return {
		type: "object",
		additionalProperties: false,
		properties,
		...(definitions !== undefined && { definitions }),
	};
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readIfThere(file: string): string | undefined {
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}
