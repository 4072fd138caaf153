import { reportErrors } from "./error-report.ts";
import type { ErrorReport, ReportedProblem, ReportEvent, RunEvent } from "./events.ts";
import { displayText } from "./display-text.ts";
import { OutputLines } from "./output-lines.ts";
import { formatProblem } from "./problem.ts";
import { writeText } from "./write-text.ts";

export { type TextFailure, textFailure, textWritten } from "./write-text.ts";

/** Where the text of a report goes: 1 is standard output, 2 standard error. */
export type Write = (fd: 1 | 2, text: string) => void;

/** How much and in which form. */
export interface ReportOptions {
	/** Lines of JSON, see schema/events.schema.json. @default false */
	readonly json?: boolean;
	/** Also what services say, and when devices close. @default false */
	readonly verbose?: boolean;
	/** Only errors and warnings. @default false */
	readonly quiet?: boolean;
	/** Colours and signs, for a terminal. @default false */
	readonly isTerminal?: boolean;
	readonly write?: Write;
}

/** Tells a user what happens. The only code that prints. */
export interface Report {
	event(event: ReportEvent): void;
	/** Everything that is wrong with a manifest. */
	problems(problems: readonly ReportedProblem[]): void;
	/** A failure before or instead of a run, such as wrong usage. */
	failure(error: unknown, exitCode: number): void;
	/** What was asked for: help, the version. */
	text(text: string): void;
}

/** Makes the report that the options ask for. */
export function createReport(options: ReportOptions = {}): Report {
	return options.json ? jsonReport(options) : textReport(options);
}

function jsonReport({ write = writeText }: ReportOptions): Report {
	const line = (event: ReportEvent): void => write(1, `${JSON.stringify(event)}\n`);
	return {
		event: line,
		problems(problems) {
			for (const problem of problems) line({ event: "problem", problem });
		},
		failure(error, exitCode) {
			const errors = reportErrors(error);
			line({ event: "run-ended", success: false, exitCode, durationMs: 0, errors });
		},
		text: (text) => write(1, text),
	};
}

function textReport(options: ReportOptions): Report {
	const { verbose = false, quiet = false, isTerminal = false, write = writeText } = options;
	const style = isTerminal ? terminalStyle : plainStyle;
	const say = (line: string): void => {
		if (!quiet) write(1, `${line}\n`);
	};
	/** Of the stage that runs, or whose sandbox is made. */
	let output: StageLines | undefined;

	function outputOf(stage: string): StageLines {
		if (output?.stage === stage) return output;
		endOutput();
		const line = (text: string): void => say(style.output(displayText(stage), text));
		output = { stage, stdout: new OutputLines(line), stderr: new OutputLines(line) };
		return output;
	}

	function endOutput(): void {
		output?.stdout.end();
		output?.stderr.end();
		output = undefined;
	}

	function onRunEvent(event: Exclude<RunEvent, { event: "stage-output" }>): void {
		switch (event.event) {
			case "run-started": {
				const stages = counted(event.stages.length, "stage");
				say(style.dim(`run ${event.run}: ${event.manifest}, ${stages}`));
				break;
			}
			case "guest-started": {
				const what = `guest with Linux ${event.kernel} (${event.backend})`;
				say(style.dim(`${what} up in ${duration(event.durationMs)}`));
				break;
			}
			case "service-started":
				say(style.dim(`service ${event.service} started`));
				break;
			case "device-opened": {
				const what = `opened ${event.device} ${event.path}`;
				say(style.dim(`${what} (${event.type}) in ${duration(event.durationMs)}`));
				break;
			}
			case "device-closed":
				say(style.dim(`closed ${event.device} in ${duration(event.durationMs)}`));
				break;
			case "mounted": {
				// In one line, whatever a target has in it.
				const path = event.path.replaceAll("\n", "\\x0a");
				const what = `mounted ${event.mount} ${path}`;
				say(style.dim(`${what} (${event.type}) in ${duration(event.durationMs)}`));
				break;
			}
			case "unmounted":
				say(style.dim(`unmounted ${event.mount} in ${duration(event.durationMs)}`));
				break;
			case "stage-started":
				endOutput();
				say(style.stageStarted(event.stage, event.command.map(quoteWord).join(" ")));
				break;
			case "stage-ended":
				endOutput();
				say(style.stageEnded(event.stage, event.success, duration(event.durationMs)));
				break;
			case "log":
				say(style.dim(`${event.service}: ${event.text}`));
				break;
			case "warning":
				write(2, `${style.warning("warning:")} ${event.message}\n`);
				break;
			case "run-ended": {
				endOutput();
				for (const [index, error] of event.errors.entries()) printError(error, index === 0);
				const { success, durationMs, exitCode } = event;
				say(
					style.runEnded(
						success,
						`${duration(durationMs)}${success ? "" : `, exit status ${exitCode}`}`,
					),
				);
				break;
			}
		}
	}

	function printError(error: ErrorReport, isFirst: boolean): void {
		const lines = [
			`${style.error(isFirst ? "error:" : "also:")} ${error.message} [${error.code}]`,
		];
		for (const { code, message } of error.causes ?? []) {
			// Whoever took it up has said it in the same words.
			if (error.message.includes(message)) continue;
			lines.push(`  because: ${message}${code === undefined ? "" : ` [${code}]`}`);
		}
		// Otherwise the output has just been printed as it came; a service's last words never were.
		if (error.output !== undefined && (quiet || error.stage === undefined)) {
			const print = (line: string): number => lines.push(`  | ${line}`);
			const words = new OutputLines(print);
			words.add(error.output);
			words.end();
		}
		write(2, `${lines.join("\n")}\n`);
	}

	return {
		event(event) {
			if (event.event === "stage-output") {
				outputOf(event.stage)[event.stream].add(event.text);
			} else if (event.event === "problem") this.problems([event.problem]);
			else if (event.event === "check-ended") {
				if (event.success) say(`${displayText(event.manifest)}: nothing wrong`);
			} else if (verbose || !isForVerbose(event)) onRunEvent(displayed(event));
		},
		problems(problems) {
			for (const problem of displayed(problems)) {
				write(2, `${style.error("error:")} ${formatProblem(problem)} [${problem.code}]\n`);
			}
		},
		failure(error) {
			for (const [index, each] of displayed(reportErrors(error)).entries())
				printError(each, index === 0);
		},
		text: (text) => write(1, text),
	};
}

/** The outputs of a stage as lines. */
interface StageLines {
	readonly stage: string;
	readonly stdout: OutputLines;
	readonly stderr: OutputLines;
}

/**
 * The same data with every string as it may be shown: whatever is in manifests, messages and logs, a terminal is to do
 * nothing by it. Output is not changed, which {@link OutputLines} makes lines of.
 */
function displayed<T>(value: T): T {
	return displayedValue(value) as T;
}

function displayedValue(value: unknown): unknown {
	if (typeof value === "string") return displayText(value);
	if (Array.isArray(value)) return value.map(displayedValue);
	if (typeof value !== "object" || value === null) return value;
	const shown: Record<string, unknown> = {};
	for (const key of Object.keys(value)) {
		if (forPrograms.has(key)) continue;
		const each: unknown = value[key as keyof typeof value];
		shown[key] = key === "output" ? each : displayedValue(each);
	}
	return shown;
}

/** What people are not shown. Ids are hashes that take their time: they are not even read. */
const forPrograms: ReadonlySet<string> = new Set(["id", "node", "details"]);

/** What happens as it should and is of no use to most. */
function isForVerbose({ event }: RunEvent): boolean {
	return quietEvents.has(event);
}

const quietEvents: ReadonlySet<RunEvent["event"]> = new Set([
	"run-started",
	"service-started",
	"device-closed",
	"unmounted",
	"log",
]);

/** The differences between a terminal and a file. */
interface Style {
	dim(text: string): string;
	error(text: string): string;
	warning(text: string): string;
	output(stage: string, text: string): string;
	stageStarted(stage: string, command: string): string;
	stageEnded(stage: string, success: boolean, took: string): string;
	runEnded(success: boolean, took: string): string;
}

const plainStyle: Style = {
	dim: (text) => text,
	error: (text) => text,
	warning: (text) => text,
	output: (stage, text) => `${stage} | ${text}`,
	stageStarted: (stage, command) => `${stage}: ${command}`,
	stageEnded: (stage, success, took) => `${stage}: ${success ? "done" : "failed"} after ${took}`,
	runEnded: (success, took) => `${success ? "done" : "failed"} after ${took}`,
};

const terminalStyle: Style = {
	dim: (text) => sgr(2, text),
	error: (text) => sgr(31, text),
	warning: (text) => sgr(33, text),
	output: (_stage, text) => `${sgr(2, "  │")} ${text}`,
	stageStarted: (stage, command) => `${sgr(34, "▸")} ${sgr(1, stage)} ${sgr(2, command)}`,
	stageEnded: (stage, success, took) =>
		`${success ? sgr(32, "✓") : sgr(31, "✗")} ${sgr(1, stage)} ${sgr(2, took)}`,
	runEnded: (success, took) =>
		success ? sgr(32, `done in ${took}`) : sgr(31, `failed after ${took}`),
};

/** Source: ECMA-48, SGR. */
function sgr(code: number, text: string): string {
	return `\u001b[${code}m${text}\u001b[0m`;
}

function duration(ms: number): string {
	if (ms < 10) return `${ms.toFixed(1)} ms`;
	if (ms < 1000) return `${Math.round(ms)} ms`;
	return ms < 60_000
		? `${(ms / 1000).toFixed(1)} s`
		: `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

function counted(count: number, noun: string): string {
	return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** As one would type it into a shell; for reading, it is never executed. */
function quoteWord(word: string): string {
	if (/^[\w@%+=:,./-]+$/.test(word)) return word;
	return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
