import type { BackendDiagnosis, Diagnosis, OptionalCheck } from "../doctor.ts";
import { exitCodes } from "../exit-code.ts";
import { createReport } from "../report.ts";
import { type OptionSpec, parseArguments, usageError } from "./parse-arguments.ts";

const optionSpecs = {
	fix: { type: "flag" },
	help: { type: "flag", short: "h" },
	json: { type: "flag" },
} as const satisfies Record<string, OptionSpec>;

/** `devhost doctor`. Returns the exit code. */
export async function doctorCommand(args: readonly string[]): Promise<number> {
	const { options, positionals } = parseArguments(args, optionSpecs);
	if (options.help) {
		const { doctorHelp } = await import("./help.ts");
		createReport().text(doctorHelp);
		return exitCodes.done;
	}
	const [superfluous] = positionals;
	if (superfluous !== undefined) throw usageError(`${superfluous}: doctor takes no file`);

	const report = createReport({ json: options.json === true });
	const { diagnose } = await import("../doctor.ts");
	let diagnosis = await diagnose();
	if (options.fix && diagnosis.backends.some(({ canFix }) => canFix)) {
		const { installGuestKernel } = await import("@devhost/appliance");
		await installGuestKernel({
			onCommand(argv) {
				if (!options.json) report.text(`${argv.join(" ")}\n`);
			},
		});
		diagnosis = await diagnose();
	}
	if (options.json) report.text(`${JSON.stringify({ event: "doctor", ...diagnosis })}\n`);
	else report.text(describe(diagnosis));
	const isReady = diagnosis.backend !== undefined && diagnosis.sandbox.passed;
	return isReady ? exitCodes.done : exitCodes.device;
}

function describe(diagnosis: Diagnosis): string {
	const { backends, sandbox, tools } = diagnosis;
	const blocks = backends.map(describeBackend);
	const isolation = [describeCheck(sandbox), ...tools.map(describeOptional)];
	return `${[...blocks, ...isolation, verdict(diagnosis)].join("\n")}\n`;
}

function verdict({ backends, sandbox, backend }: Diagnosis): string {
	if (backend === undefined) return "devhost run works on none of them";
	const [first, second] = backends.filter(({ works }) => works);
	const lacking = (first?.optional ?? []).filter(({ passed }) => !passed);
	const names = lacking.map(({ name }) => name).join(" or ");
	const otherwise =
		lacking.length === 0 || second === undefined
			? ""
			: `, and ${second.name} where a manifest needs ${names}`;
	return `devhost run uses ${backend}${otherwise}${sandbox.passed ? "" : ", once the sandbox is there"}`;
}

function describeBackend(diagnosis: BackendDiagnosis): string {
	const { name, works, checks, optional, install, canFix } = diagnosis;
	const lines = [
		`${name}: ${works ? "works" : "does not work"}`,
		...checks.map((check) => `  ${describeCheck(check)}`),
		...optional.map((check) => `  ${describeOptional(check)}`),
	];
	if (!works && install !== undefined) lines.push(`  as root: ${install.join(" ")}`);
	if (canFix) lines.push("  without root: devhost doctor --fix");
	return lines.join("\n");
}

/** What some can do without says who cannot. */
function describeOptional(check: OptionalCheck): string {
	const { passed, types } = check;
	return describeCheck(check) + (passed ? "" : ` (only for ${types.join(" and ")})`);
}

function describeCheck({ name, passed, detail }: Diagnosis["sandbox"]): string {
	return `${passed ? "ok     " : "missing"} ${name}: ${detail.replaceAll("\n", "\n          ")}`;
}
