import type { BackendDiagnosis, Diagnosis } from "../doctor.ts";
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

function describe({ backends, sandbox, backend }: Diagnosis): string {
	const blocks = backends.map(describeBackend);
	const isolation = describeCheck(sandbox);
	const verdict =
		backend === undefined
			? "devhost run works on none of them"
			: `devhost run uses ${backend}${sandbox.passed ? "" : ", once the sandbox is there"}`;
	return `${[...blocks, isolation, verdict].join("\n")}\n`;
}

function describeBackend({ name, works, checks, install, canFix }: BackendDiagnosis): string {
	const lines = [
		`${name}: ${works ? "works" : "does not work"}`,
		...checks.map((check) => `  ${describeCheck(check)}`),
	];
	if (!works && install !== undefined) lines.push(`  as root: ${install.join(" ")}`);
	if (canFix) lines.push("  without root: devhost doctor --fix");
	return lines.join("\n");
}

function describeCheck({ name, passed, detail }: Diagnosis["sandbox"]): string {
	return `${passed ? "ok     " : "missing"} ${name}: ${detail.replaceAll("\n", "\n          ")}`;
}
