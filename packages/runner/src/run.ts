import { nowMs } from "@devhost/core";
import type { RunEvent } from "./events.ts";
import type { BackendName, GuestOptions } from "./backend.ts";
import { beginRun } from "./early-start.ts";
import { reportError } from "./error-report.ts";
import { readManifestText } from "./manifest-text.ts";
import type { OsbuildOptions } from "./osbuild-manifest.ts";
import { resolveRoot } from "./root-directory.ts";
import type { RunSource } from "./run-source.ts";

/** How to run a manifest. */
export interface RunOptions {
	/**
	 * How stages are isolated. `none` runs them on the host's file systems as root: only for debugging, or inside of
	 * something that isolates already.
	 *
	 * @default "bubblewrap"
	 */
	readonly sandbox?: "bubblewrap" | "none" | undefined;
	/** Where it runs. @default "auto" */
	readonly backend?: BackendName | undefined;
	/** The guest, where it runs in one. */
	readonly guest?: GuestOptions | undefined;
	/** Directory that stages see as `/`, read-only; relative to the working directory. @default "/" */
	readonly root?: string | undefined;
	/** Packages with further types of devices: names, or paths relative to the working directory. */
	readonly modules?: readonly string[] | undefined;
	/** What of a manifest of osbuild is run, where it is one. */
	readonly osbuild?: OsbuildOptions | undefined;
	/** Goes on with the next stage when one fails. The run fails all the same. @default false */
	readonly keepGoing?: boolean | undefined;
	/** Milliseconds of wall clock time for everything but closing. @default unlimited */
	readonly timeoutMs?: number | undefined;
	/** Ends the run in order: the stage is asked to end, devices are closed. */
	readonly signal?: AbortSignal | undefined;
	/** Also kills the stage that runs, instead of waiting for it. Devices are closed. */
	readonly killSignal?: AbortSignal | undefined;
	/** Told what happens, as it happens. It must not throw. */
	readonly onEvent?: ((event: RunEvent) => void) | undefined;
	/** Where bubblewrap is looked for. @default PATH of this process */
	readonly searchPath?: string | undefined;
}

/** How a stage ended. */
export interface StageResult {
	readonly name: string;
	/** `skipped`: an earlier one failed, or the run was interrupted. */
	readonly status: "done" | "failed" | "skipped";
	readonly durationMs: number;
}

/** How a run ended. */
export interface RunResult {
	/** Id of the run, as in the tags of its devices. */
	readonly run: string;
	readonly success: boolean;
	/** What `devhost run` would exit with. */
	readonly exitCode: number;
	/** Everything that failed, first cause first. Empty after success. */
	readonly errors: readonly unknown[];
	readonly stages: readonly StageResult[];
	readonly durationMs: number;
}

/** A run failed. The first cause is its `cause`, and its code. */
export class RunFailure extends AggregateError {
	override readonly name = "RunFailure";
	/** Code of the first cause. */
	readonly code: string;
	readonly result: RunResult;

	constructor(result: RunResult) {
		const [first] = result.errors;
		super(result.errors, first instanceof Error ? first.message : String(first), {
			cause: first,
		});
		this.code = reportError(first).code;
		this.result = result;
	}
}

/**
 * Runs the stages of a manifest, each with its devices open.
 *
 * When it settles, everything that it opened is closed, whatever happened.
 *
 * @param source - A manifest that was read, or its text, or the path of one.
 * @throws {@link RunFailure} when anything failed: manifest, device, stage or closing.
 *
 * @example
 * ```ts
 * import { run } from "devhost";
 *
 * const result = await run("manifest.yaml", {
 * 	onEvent(event) {
 * 		if (event.event === "stage-output") process.stdout.write(event.text);
 * 	},
 * });
 * console.log(`${result.stages.length} stages in ${result.durationMs} ms`);
 * ```
 */
export async function run(source: RunSource, options: RunOptions = {}): Promise<RunResult> {
	const result = await attemptRun(source, options);
	if (!result.success) throw new RunFailure(result);
	return result;
}

/** As {@link run}, with failures in the result. */
export async function attemptRun(manifest: RunSource, given: RunOptions = {}): Promise<RunResult> {
	const startMs = nowMs();
	let source: Exclude<RunSource, string>;
	let options: RunOptions;
	try {
		// Once: a pipe can be read only once.
		source =
			typeof manifest === "string"
				? { file: manifest, text: readManifestText(manifest) }
				: manifest;
		options = given.root === undefined ? given : { ...given, root: resolveRoot(given.root) };
	} catch (error) {
		const { failedRun } = await import("./failed-run.ts");
		return failedRun(error, given, startMs);
	}
	// Services take as long to start as we did. What else we need is loaded meanwhile.
	const begun = beginRun(source, options.backend, options.modules);
	if ("obstacle" in begun) {
		const { performGuestRun } = await import("./guest-run.ts");
		return await performGuestRun(source, options, begun);
	}
	const { performRun } = await import("./perform-run.ts");
	return await performRun(source, options, begun);
}
