import { closestName } from "@devhost/core";
export { exitNow } from "@devhost/linux";
import { RunError } from "../error.ts";
import { exitCodeOf, exitCodes } from "../exit-code.ts";
import type { TextFailure } from "../report.ts";
import { usageError } from "./parse-arguments.ts";
import { runCommand } from "./run.ts";

/** The commands, by name. `run` is here at once: it is what the time of a start is measured by. */
const commands: Record<string, (args: readonly string[]) => Promise<number>> = {
	run: runCommand,
	async check(args) {
		const { checkCommand } = await import("./check.ts");
		return checkCommand(args);
	},
	async doctor(args) {
		const { doctorCommand } = await import("./doctor.ts");
		return doctorCommand(args);
	},
	async ls(args) {
		const { lsCommand } = await import("./ls.ts");
		return lsCommand(args);
	},
	async gc(args) {
		const { gcCommand } = await import("./gc.ts");
		return gcCommand(args);
	},
};

/** The command line. Returns the exit code when everything is printed. */
export async function main(args: readonly string[]): Promise<number> {
	const exitCode = await perform(args);
	// It is loaded, since nothing else prints.
	const { textFailure, textWritten } = await import("../report.ts");
	await textWritten();
	const failure = textFailure();
	if (failure === undefined) return exitCode;
	const error = await sayLost(failure);
	return exitCode === exitCodes.done ? exitCodeOf(error) : exitCode;
}

/** What was printed has not arrived, and whoever looks at it later is not to take it for all there was. */
async function sayLost({ fd, error: cause }: TextFailure): Promise<RunError> {
	const name = fd === 1 ? "standard output" : "standard error";
	const message = `${name} could not be written: ${cause.message}`;
	const error = new RunError("ERR_RUN_OUTPUT", message, { cause });
	const { createReport, textWritten } = await import("../report.ts");
	createReport().failure(error, exitCodeOf(error));
	await textWritten();
	return error;
}

async function perform(args: readonly string[]): Promise<number> {
	try {
		return await dispatch(args);
	} catch (error) {
		const exitCode = exitCodeOf(error);
		const { createReport } = await import("../report.ts");
		createReport({ json: args.includes("--json") }).failure(error, exitCode);
		return exitCode;
	}
}

async function dispatch(args: readonly string[]): Promise<number> {
	const [name, ...others] = args;
	if (name === undefined) throw usageError("which command? devhost --help shows them");
	if (Object.hasOwn(commands, name)) return (commands[name] as (typeof commands)[string])(others);
	if (name === "--help" || name === "-h" || name === "help") {
		const { help } = await import("./help.ts");
		await print(help);
		return exitCodes.done;
	}
	if (name === "--version") {
		const { version } = await import("./version.ts");
		await print(`devhost ${version()}\n`);
		return exitCodes.done;
	}
	const candidates = [...Object.keys(commands), "--help", "--version"];
	const near = closestName(name, candidates);
	const kind = name.startsWith("-") ? "option" : "command";
	const meant = near === undefined ? "devhost --help shows them all" : `did you mean ${near}?`;
	throw usageError(`unknown ${kind} ${name}, ${meant}`);
}

async function print(text: string): Promise<void> {
	const { createReport } = await import("../report.ts");
	createReport().text(text);
}
