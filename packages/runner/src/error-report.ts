import type { ErrorReport } from "./events.ts";
import { formatProblem, isManifestError, type Problem } from "./problem.ts";

/**
 * The single failures that an error is made of, first cause first.
 *
 * JavaScript puts them the other way round: a `SuppressedError` has the failure of a release as its `error` and what
 * failed before as `suppressed`. A `DeviceError` has what failed beside it and while closing hanging on it.
 */
export function flattenErrors(error: unknown): unknown[] {
	if (error instanceof SuppressedError) {
		return [...flattenErrors(error.suppressed), ...flattenErrors(error.error)];
	}
	if (error instanceof AggregateError) return error.errors.flatMap(flattenErrors);
	return [error, ...listOf(error, "alsoFailed"), ...listOf(error, "closeFailures")];
}

function listOf(error: unknown, key: "alsoFailed" | "closeFailures"): unknown[] {
	const list = property(error, key);
	return Array.isArray(list) ? list.flatMap(flattenErrors) : [];
}

/** Everything that an error stands for, as plain data. */
export function reportErrors(error: unknown): ErrorReport[] {
	return flattenErrors(error).flatMap(reportFailure);
}

/** A single failure as plain data: of a manifest that is wrong, each thing. */
export function reportFailure(error: unknown): ErrorReport[] {
	return isManifestError(error) ? error.problems.map(reportProblem) : [reportError(error)];
}

function reportProblem(problem: Problem): ErrorReport {
	const { code, file, line, column, pointer } = problem;
	return { code, message: formatProblem(problem), place: { file, line, column, pointer } };
}

/** One error as plain data. What it does not say is absent. */
export function reportError(error: unknown): ErrorReport {
	if (!(error instanceof Error)) return { code: "ERR_UNKNOWN", message: String(error) };
	const given = text(error, "code");
	if (given !== undefined && !/^ERR_[A-Z0-9_]+$/.test(given)) return reportForeign(error, given);
	const code = given;
	// Nobody foresaw it, so somebody has to look for it.
	const details = code === undefined ? { stack: error.stack } : property(error, "details");
	const causes = causesOf(error);
	// How a service ended is known to the error of its connection, beneath that of the device.
	const chain = [error, ...causes];
	const lines = chain.map((each) => property(each, "lastLines")).find(Array.isArray);
	const signal = chain.map((each) => text(each, "signal")).find((each) => each !== undefined);
	return {
		code: code ?? "ERR_UNKNOWN",
		message: error.message,
		...pick("stage", text(error, "stage")),
		...pick("device", text(error, "device")),
		...pick("exitCode", number(error, "exitCode")),
		...pick("signal", signal),
		...pick(
			"output",
			text(error, "output") ?? (Array.isArray(lines) ? lines.join("\n") : undefined),
		),
		...pick("pointer", text(error, "pointer")),
		...(isFilled(details) && { details }),
		...(causes.length > 0 && { causes: causes.map(reportCause) }),
	};
}

/**
 * An error that is not ours and has a code of its own: mostly that of a system call which nobody expected to fail. Codes are
 * API, so it becomes the cause of one that is.
 */
function reportForeign(error: Error, code: string): ErrorReport {
	const isErrno = /^E[A-Z0-9]+$/.test(code);
	const causes = [error, ...causesOf(error)].map(reportCause);
	return {
		code: isErrno ? "ERR_RUN_SYSTEM" : "ERR_UNKNOWN",
		message: isErrno ? systemMessage(error, code) : error.message,
		...(!isErrno && { details: { stack: error.stack } }),
		causes,
	};
}

function systemMessage(error: Error, code: string): string {
	if (text(error, "syscall") === "uv_cwd") return "the working directory has been removed";
	if (code === "EMFILE") {
		return `this process has no descriptor left (see ulimit -n): ${error.message}`;
	}
	return error.message;
}

function reportCause(cause: Error): { code?: string; message: string } {
	return { ...pick("code", text(cause, "code")), message: cause.message };
}

function causesOf(error: Error): Error[] {
	const causes: Error[] = [];
	// A cause that leads to itself would be a mistake, but no reason to hang while reporting another one.
	for (
		let cause = error.cause;
		cause instanceof Error && causes.length < 8;
		cause = cause.cause
	) {
		causes.push(cause);
	}
	return causes;
}

function isFilled(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

function property(value: unknown, key: string): unknown {
	return typeof value === "object" && value !== null
		? (value as Record<string, unknown>)[key]
		: undefined;
}

function text(error: Error, key: string): string | undefined {
	const value = property(error, key);
	return typeof value === "string" && value !== "" ? value : undefined;
}

function number(error: Error, key: string): number | undefined {
	const value = property(error, key);
	return typeof value === "number" ? value : undefined;
}

function pick<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
	return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
