import {
	accessSync,
	constants,
	existsSync,
	openSync,
	readFileSync,
	readSync,
	closeSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { fromDraft4 } from "./draft4.ts";
import type { DescribedModule } from "./osbuild-module.ts";
import { schemasIn } from "./program-schema.ts";

/** What a `.meta.json` says, or a program of itself. */
interface Description {
	readonly summary: string;
	/** JSON Schemas (draft 4): of the options, and of all of the module. */
	readonly schema: object | undefined;
	readonly schema2: object | undefined;
}

/**
 * Reads what describes a module: its `.meta.json`, or, where there is none, the `SCHEMA` of its program, as osbuild before its
 * version 111 had it. Never throws: what is wrong is the module's `complaint`.
 *
 * Source: `ModuleInfo.load` and `get_schema`, osbuild/meta.py.
 */
export function describeModule(kind: DescribedModule["kind"], program: string): DescribedModule {
	const meta = `${program}.meta.json`;
	const file = existsSync(meta) ? meta : program;
	const common = {
		kind,
		type: basename(program),
		program,
		libdir: dirname(dirname(program)),
		file,
	};
	try {
		const description = file === meta ? readMeta(meta) : readProgram(program);
		const described = kind === "device" ? ofDevice(description) : ofMount(description, common);
		const complaint = whyNotStarted(program);
		return {
			...common,
			summary: description.summary,
			...described,
			...(complaint !== undefined && { complaint }),
		};
	} catch (error) {
		const complaint = `${file}: ${(error as Error).message}`;
		const unknown = { summary: "", options: {}, source: "optional", hasTarget: true } as const;
		return { ...common, ...unknown, complaint };
	}
}

/** @throws Error for what osbuild would not take for a description. Source: `META_JSON_SCHEMA`, osbuild/meta.py. */
function readMeta(file: string): Description {
	const meta: unknown = JSON.parse(readFileSync(file, "utf8"));
	if (!isObject(meta)) throw new Error("expected an object that describes a module");
	for (const [key, value] of Object.entries(meta)) {
		const isRight = metaKeys[key];
		if (isRight === undefined) {
			const known = Object.keys(metaKeys).join(", ");
			throw new Error(`${JSON.stringify(key)} is unknown, there are ${known}`);
		}
		if (!isRight.test(value)) throw new Error(`${key} is not ${isRight.what}`);
	}
	for (const key of ["summary", "description"]) {
		if (!Object.hasOwn(meta, key)) throw new Error(`${key} is missing`);
	}
	const {
		summary = "",
		schema,
		schema_2: schema2,
	} = meta as { summary?: string; schema?: object; schema_2?: object };
	if (schema === undefined && schema2 === undefined)
		throw new Error("both schema and schema_2 are missing");
	return { summary, schema, schema2 };
}

const isList = {
	test: (value: unknown) =>
		Array.isArray(value) && value.every((each) => typeof each === "string"),
	what: "a list of strings",
};
const isSchema = { test: isObject, what: "an object" };

const metaKeys: Partial<Record<string, { test(value: unknown): boolean; readonly what: string }>> =
	{
		summary: { test: (value) => typeof value === "string", what: "a string" },
		description: isList,
		capabilities: isList,
		schema: isSchema,
		schema_2: isSchema,
	};

function readProgram(file: string): Description {
	const { schema, schema2, summary } = schemasIn(readFileSync(file, "utf8"));
	if (isFilled(schema) || isFilled(schema2)) return { summary, schema, schema2 };
	const meta = `${basename(file)}.meta.json`;
	throw new Error(`nothing describes it: there is no ${meta} beside it, and no SCHEMA in it`);
}

type Described = Pick<DescribedModule, "options" | "mount" | "source" | "hasTarget">;

function ofDevice({ schema, schema2 }: Description): Described {
	const options = isFilled(schema2) ? schema2 : schema;
	if (!isFilled(options)) throw new Error("it has no schema");
	return { options: fromDraft4(options), source: "optional", hasTarget: false };
}

/** Its `schema_2` is about all that a manifest says of it, which is laid over what holds for any module. */
function ofMount({ schema2 }: Description, { type }: { readonly type: string }): Described {
	if (!isFilled(schema2)) throw new Error("it has no schema_2, which mounts are described by");
	const { properties, required } = schema2 as Record<string, unknown>;
	if (!isObject(properties)) throw new Error("schema_2 has no properties");
	const own = { ...properties, type: { enum: [type] } };
	const { definitions: hoisted, ...rest } = own as Record<string, unknown>;
	const { definitions: ofOptions, ...options } = isObject(own["options" as keyof typeof own])
		? (own["options" as keyof typeof own] as Record<string, unknown>)
		: {};
	const definitions = [hoisted, ofOptions].find(isObject);
	const shared = definitions === undefined ? {} : { definitions };
	const whole = {
		type: "object",
		additionalProperties: false,
		...schema2,
		...shared,
		properties: { ...rest, ...("options" in rest && { options }) },
	};
	const isRequired = Array.isArray(required) && required.includes("source");
	return {
		mount: fromDraft4(whole),
		options: fromDraft4({ ...options, ...shared }),
		source: isRequired ? "required" : "source" in properties ? "optional" : "none",
		hasTarget: "target" in properties,
	};
}

/** Why a program could not be started. Source: execve(2). */
function whyNotStarted(program: string): string | undefined {
	try {
		accessSync(program, constants.X_OK);
	} catch {
		return `${program} is not executable: chmod +x ${program}`;
	}
	const interpreter = /^#!\s*(\/\S+)/.exec(firstBytes(program))?.[1];
	if (interpreter === undefined || existsSync(interpreter)) return undefined;
	return `${program} needs ${interpreter}, which is not there: install ${basename(interpreter)}`;
}

function firstBytes(file: string): string {
	let fd: number;
	try {
		fd = openSync(file, constants.O_RDONLY);
	} catch {
		return ""; // whoever runs it may be permitted more than whoever checks it
	}
	try {
		const bytes = Buffer.alloc(256); // BINPRM_BUF_SIZE, linux/binfmts.h
		return bytes.toString("latin1", 0, readSync(fd, bytes));
	} finally {
		closeSync(fd);
	}
}

function isFilled(value: object | undefined): value is object {
	return value !== undefined && Object.keys(value).length > 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
