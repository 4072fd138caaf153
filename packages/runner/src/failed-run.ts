import { nowMs } from "@devhost/core";
import { flattenErrors, reportFailure } from "./error-report.ts";
import { exitCodeOf } from "./exit-code.ts";
import { newRunId } from "./run-id.ts";
import type { RunOptions, RunResult } from "./run.ts";

/** The result of a run that did not come to begin, told like that of any other. */
export function failedRun(
	error: unknown,
	{ onEvent }: Pick<RunOptions, "onEvent">,
	startMs: number,
): RunResult {
	const errors = flattenErrors(error);
	const exitCode = exitCodeOf(errors[0]);
	const durationMs = nowMs() - startMs;
	const reports = errors.flatMap(reportFailure);
	onEvent?.({ event: "run-ended", success: false, exitCode, durationMs, errors: reports });
	return { run: newRunId(), success: false, exitCode, errors, stages: [], durationMs };
}
