import { checkManifestFile } from "../check.ts";
import { exitCodes } from "../exit-code.ts";
import { createReport } from "../report.ts";
import { isTerminal } from "./is-terminal.ts";
import { type OptionSpec, parseArguments, usageError } from "./parse-arguments.ts";

const optionSpecs = {
	help: { type: "flag", short: "h" },
	json: { type: "flag" },
	module: { type: "values" },
	quiet: { type: "flag", short: "q" },
} as const satisfies Record<string, OptionSpec>;

/** `devhost check`. Returns the exit code. */
export async function checkCommand(args: readonly string[]): Promise<number> {
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
	const problems = await checkManifestFile(file, { modules: options.module });
	report.problems(problems);
	const success = problems.length === 0;
	const exitCode = success ? exitCodes.done : exitCodes.usage;
	report.event({ event: "check-ended", manifest: file, success, exitCode });
	return exitCode;
}
