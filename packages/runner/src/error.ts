/** Every code that the runner itself throws. Codes are API: adding one is minor, renaming one is major. */
export type RunErrorCode =
	| "ERR_RUN_BACKEND"
	| "ERR_RUN_FILE_PERMISSION"
	| "ERR_RUN_INTERRUPTED"
	| "ERR_RUN_NAMESPACE"
	| "ERR_RUN_NOT_ROOT"
	| "ERR_RUN_OUTPUT"
	| "ERR_RUN_SERVICE_ENDED"
	| "ERR_RUN_TIMEOUT"
	| "ERR_RUN_USAGE"
	| "ERR_SANDBOX_CAPABILITIES"
	| "ERR_SANDBOX_MISSING"
	| "ERR_SANDBOX_SETUP"
	| "ERR_SANDBOX_SURVIVORS"
	| "ERR_STAGE_CAPABILITY"
	| "ERR_STAGE_COMMAND"
	| "ERR_STAGE_FAILED"
	| "ERR_STAGE_PLACEHOLDER"
	| "ERR_STAGE_TIMEOUT";

/** A run could not begin, go on or end as the manifest asks. Branch on {@link RunError.code}, never on the message. */
export class RunError extends Error {
	override readonly name: string = "RunError";
	readonly code: RunErrorCode;
	/** The stage that it is about. */
	readonly stage?: string;
	/** The signal that ended the command of a stage, or that interrupted the run. */
	readonly signal?: NodeJS.Signals;

	constructor(code: RunErrorCode, message: string, options: RunErrorOptions = {}) {
		const { stage, signal, ...others } = options;
		super(message, others);
		this.code = code;
		if (stage !== undefined) this.stage = stage;
		if (signal !== undefined) this.signal = signal;
	}
}

/** What a {@link RunError} carries beside code and message. */
export interface RunErrorOptions extends ErrorOptions {
	readonly stage?: string | undefined;
	readonly signal?: NodeJS.Signals | undefined;
}

/** A stage ended in a way that is not success. */
export class StageError extends RunError {
	override readonly name = "StageError";
	/** Exit status of its command. Undefined when a signal or the timeout ended it. */
	readonly exitCode?: number;
	/** The last output of the stage, standard output and standard error in the order of their arrival. */
	readonly output: string;
	/** What it said of how it failed: `{ exception: { type, value, traceback } }` of a stage of osbuild. */
	readonly details?: Readonly<Record<string, unknown>>;

	constructor(
		code: RunErrorCode,
		message: string,
		options: RunErrorOptions & {
			readonly stage: string;
			readonly exitCode?: number | undefined;
			readonly output: string;
			readonly details?: Readonly<Record<string, unknown>>;
		},
	) {
		const { exitCode, output, details, ...others } = options;
		super(code, message, others);
		if (exitCode !== undefined) this.exitCode = exitCode;
		this.output = output;
		if (details !== undefined) this.details = details;
	}
}

/**
 * Whether `value` is a {@link RunError}, optionally one with a given code.
 *
 * Works for errors made by another copy of this package, which `instanceof` does not recognise.
 */
export function isRunError(value: unknown, code?: RunErrorCode): value is RunError {
	if (!(value instanceof Error) || !("code" in value)) return false;
	if (value.name !== "RunError" && value.name !== "StageError") return false;
	return code === undefined || value.code === code;
}
