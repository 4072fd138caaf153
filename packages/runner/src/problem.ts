import { jsonPointer, type DeviceErrorCode, type JsonPath, type JsonPosition } from "@devhost/core";

/**
 * Every code of what can be wrong with a manifest as such.
 *
 * What is wrong with its devices has the same codes as when they are opened: see {@link ProblemCode}.
 */
export type ManifestErrorCode =
	/** The file cannot be read: missing, a directory, not permitted. */
	| "ERR_MANIFEST_READ"
	/** Not UTF-8. */
	| "ERR_MANIFEST_ENCODING"
	/** Not YAML, or not JSON. */
	| "ERR_MANIFEST_SYNTAX"
	/** A part of YAML that manifests do not use: tags, merge keys, several documents, keys that are no strings. */
	| "ERR_MANIFEST_UNSUPPORTED"
	/** Too large, nested too deeply, or growing too much through aliases. */
	| "ERR_MANIFEST_LIMIT"
	/** A key that stands twice in the same object. */
	| "ERR_MANIFEST_DUPLICATE_KEY"
	/** A manifest for another version of devhost. */
	| "ERR_MANIFEST_VERSION"
	/** A value of the wrong type: a number where a string belongs. */
	| "ERR_MANIFEST_TYPE"
	/** A value of the right type that is not allowed: a negative timeout. */
	| "ERR_MANIFEST_VALUE"
	/** A key that has to be there. */
	| "ERR_MANIFEST_MISSING"
	/** A key that means nothing. */
	| "ERR_MANIFEST_UNKNOWN_KEY"
	/** Two stages of one name, a device that hides another one, a device used twice. */
	| "ERR_MANIFEST_DUPLICATE"
	/** `uses` names what is not a shared device. */
	| "ERR_MANIFEST_DEVICE"
	/** A placeholder that is none, or that names no device of its stage. */
	| "ERR_MANIFEST_PLACEHOLDER"
	/** The tree is missing or not a directory. */
	| "ERR_MANIFEST_TREE"
	/** Two devices that would write the same bytes of a file at the same time. */
	| "ERR_MANIFEST_OVERLAP"
	/** A manifest of osbuild that osbuild refuses, or something in one that only osbuild can do. */
	| "ERR_MANIFEST_OSBUILD"
	/** A module that is not found, or whose description is wrong. */
	| "ERR_MANIFEST_MODULE";

/** The code of a {@link Problem}: the manifest's own, or that of the device error that opening would lead to. */
export type ProblemCode = ManifestErrorCode | DeviceErrorCode;

/** One thing that is wrong, and where. Plain data: reports print it as JSON. */
export interface Problem {
	readonly code: ProblemCode;
	/** The file it stands in, as the user named it. */
	readonly file: string;
	/** From 1; 0 when the problem is the file as a whole. */
	readonly line: number;
	/** From 1, in UTF-16 units, as editors count; 0 when the problem is the file as a whole. */
	readonly column: number;
	/** JSON pointer (RFC 6901) of the value: `/devices/disk/options/start`. */
	readonly pointer: string;
	/** The same for people: `devices.disk.options.start`, `stages[0].run[1]`. Empty for the whole manifest. */
	readonly path: string;
	/** What is there, what was expected, what to do. Ends without a full stop. */
	readonly message: string;
	/** What was expected, as a phrase, where that can be said: `a whole number of sectors, 0 or more`. */
	readonly expected?: string;
}

/** A problem as messages show it: `manifest.yaml:12:9 devices.disk.options.start: 1.5, expected a whole number`. */
export function formatProblem(problem: Omit<Problem, "code">): string {
	const { file, line, column, path, message } = problem;
	const place = line > 0 ? `${file}:${line}:${column}` : file;
	return `${place}${path === "" ? "" : ` ${path}`}: ${message}`;
}

/** A manifest cannot be used. Branch on {@link ManifestError.code}, or on the codes of all {@link ManifestError.problems}. */
export class ManifestError extends Error {
	override readonly name = "ManifestError";
	/** That of the first problem. */
	readonly code: ProblemCode;
	/** Everything that is wrong, in the order of the text. Never empty. */
	readonly problems: readonly Problem[];

	constructor(problems: readonly [Problem, ...Problem[]], options?: ErrorOptions) {
		const [first, ...others] = problems;
		const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
		super(`${formatProblem(first)}${more}`, options);
		this.code = first.code;
		this.problems = problems;
	}
}

/**
 * Whether `value` is a {@link ManifestError}, optionally one whose first problem has a given code.
 *
 * Works for errors made by another copy of this package, which `instanceof` does not recognise.
 */
export function isManifestError(value: unknown, code?: ProblemCode): value is ManifestError {
	if (!(value instanceof Error) || value.name !== "ManifestError" || !("code" in value))
		return false;
	return code === undefined || value.code === code;
}

/** A path as people write it: `devices.disk.options`, `stages[0].run[1]`, `devices["a/b"]`. */
export function formatPath(path: JsonPath): string {
	let text = "";
	for (const step of path) {
		if (typeof step === "number") text += `[${step}]`;
		else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === "" ? step : `.${step}`;
		else text += `[${JSON.stringify(step)}]`;
	}
	return text;
}

/** What {@link makeProblem} needs to know of the place. */
export interface ProblemPlace {
	readonly file: string;
	readonly position: Pick<JsonPosition, "line" | "column"> | undefined;
	readonly path: JsonPath;
	/** How it is written. @default as {@link formatPath} does */
	readonly pathText?: string;
}

/** Puts a problem together. */
export function makeProblem(
	{ file, position, path, pathText = formatPath(path) }: ProblemPlace,
	what: {
		readonly code: ProblemCode;
		readonly message: string;
		readonly expected?: string | undefined;
	},
): Problem {
	return {
		code: what.code,
		file,
		line: position?.line ?? 0,
		column: position?.column ?? 0,
		pointer: jsonPointer(path),
		path: pathText,
		message: what.message,
		...(what.expected === undefined ? {} : { expected: what.expected }),
	};
}

/** The order of the text, and for one place the order in which they were found. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
	return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** @throws {@link ManifestError} when there is any. */
export function refuseProblems([first, ...others]: readonly Problem[]): void {
	if (first !== undefined) throw new ManifestError([first, ...others]);
}
