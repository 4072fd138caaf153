import { checkManifestFile } from "../check.ts";
import { reportErrors } from "../error-report.ts";
import { exitCodeOf, exitCodes } from "../exit-code.ts";
import { isManifestError } from "../problem.ts";
import { createReport } from "../report.ts";
import { isTerminal } from "./is-terminal.ts";
import { osbuildOptions, osbuildOptionSpecs } from "./osbuild-options.ts";
import { type OptionSpec, parseArguments, usageError } from "./parse-arguments.ts";

const optionSpecs = {
	help: { type: "flag", short: "h" },
	json: { type: "flag" },
	...osbuildOptionSpecs,
	module: { type: "values" },
	quiet: { type: "flag", short: "q" },
} as const satisfies Record<string, OptionSpec>;

/** `devhost check`. Returns the exit code. */
export async function checkCommand(args: readonly string[]): Promise<number> {
	try {
		return await check(args);
	} catch (error) {
		if (!args.includes("--json")) throw error;
		return reportFailure(error, args);
	}
}

/** Of a check that did not come to look at a manifest: lines of JSON like those of one that did. */
function reportFailure(error: unknown, args: readonly string[]): number {
	const exitCode = exitCodeOf(error);
	const manifest = namedManifest(args);
	const report = createReport({ json: true });
	if (isManifestError(error)) report.problems(error.problems);
	else {
		const place = { file: manifest, line: 0, column: 0, pointer: "", path: "" };
		const reports = reportErrors(error);
		report.problems(reports.map(({ code, message }) => ({ code, ...place, message })));
	}
	report.event({ event: "check-ended", manifest, success: false, exitCode });
	return exitCode;
}

/** Empty where the arguments are not understood. */
function namedManifest(args: readonly string[]): string {
	try {
		return parseArguments(args, optionSpecs).positionals[0] ?? "";
	} catch {
		return "";
	}
}

async function check(args: readonly string[]): Promise<number> {
	const { options, positionals } = parseArguments(args, optionSpecs);
	const json = options.json === true;
	if (options.help) {
		const { checkHelp } = await import("./help.ts");
		createReport().text(checkHelp);
		return exitCodes.done;
	}
	const [file, ...others] = positionals;
	if (file === undefined) throw usageError("which manifest? devhost check FILE");
	if (others.length > 0) throw usageError(`one manifest at a time, not also ${others.join(" ")}`);

	const report = createReport({
		json,
		quiet: options.quiet === true,
		isTerminal: !json && (await isTerminal(1)),
	});
	const problems = await checkManifestFile(file, {
		modules: options.module,
		osbuild: osbuildOptions(options),
	});
	report.problems(problems);
	const success = problems.length === 0;
	const exitCode = success ? exitCodes.done : exitCodes.usage;
	report.event({ event: "check-ended", manifest: file, success, exitCode });
	return exitCode;
}
