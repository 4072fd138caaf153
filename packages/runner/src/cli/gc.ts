import type { CollectionEvent } from "../device-events.ts";
import { displayText } from "../display-text.ts";
import { reportErrors } from "../error-report.ts";
import { RunError } from "../error.ts";
import { exitCodeOf, exitCodes } from "../exit-code.ts";
import { createReport, type Report } from "../report.ts";
import { type OptionSpec, parseArguments, usageError } from "./parse-arguments.ts";

const optionSpecs = {
	"dry-run": { type: "flag" },
	help: { type: "flag", short: "h" },
	json: { type: "flag" },
} as const satisfies Record<string, OptionSpec>;

/** `devhost gc`. Returns the exit code. */
export async function gcCommand(args: readonly string[]): Promise<number> {
	const json = args.includes("--json");
	const dryRun = args.includes("--dry-run");
	const report = createReport({ json });
	try {
		return await collect(args, report);
	} catch (error) {
		if (!json) throw error;
		const exitCode = exitCodeOf(error);
		const errors = reportErrors(error);
		const end = { success: false, exitCode, dryRun, unseen: [], errors };
		writeEvent(report, { event: "gc-ended", ...end });
		return exitCode;
	}
}

async function collect(args: readonly string[], report: Report): Promise<number> {
	const { options, positionals } = parseArguments(args, optionSpecs);
	if (options.help) {
		const { gcHelp } = await import("./help.ts");
		createReport().text(gcHelp);
		return exitCodes.done;
	}
	const [superfluous] = positionals;
	if (superfluous !== undefined) throw usageError(`${superfluous}: gc takes no file`);
	if (process.geteuid?.() !== 0) throw notRoot();

	const json = options.json === true;
	const dryRun = options["dry-run"] === true;
	const { collectOrphans } = await import("../collect-orphans.ts");
	const { foundDevice } = await import("../device-events.ts");
	const { describeDevice } = await import("../describe-device.ts");
	const counts = { orphaned: 0, removed: 0, kept: 0 };
	const { failures, unseen } = await collectOrphans({
		dryRun,
		onEvent(event) {
			counts[event.what]++;
			const device = foundDevice(event.device);
			if (event.what === "kept") {
				const { reason } = event;
				if (json) writeEvent(report, { event: "device-kept", device, reason });
				else report.text(`kept: ${displayText(reason)}\n`);
				return;
			}
			const isGone = event.what === "removed";
			if (json) {
				writeEvent(report, { event: isGone ? "orphan-removed" : "orphan-found", device });
				return;
			}
			const what = displayText(describeDevice(event.device));
			report.text(isGone ? `removed: ${what}\n` : `would be removed: ${what}\n`);
		},
	});

	const problems = unseen.length === 0 ? failures : [...failures, notAllSeen(unseen)];
	const success = problems.length === 0;
	const exitCode = failures.length > 0 ? exitCodes.closeFailed : exitCodeOfUnseen(success);
	if (json) {
		const errors = problems.flatMap(reportErrors);
		writeEvent(report, { event: "gc-ended", success, exitCode, dryRun, unseen, errors });
		return exitCode;
	}
	for (const problem of problems) report.failure(problem, exitCode);
	if (success && counts.removed + counts.orphaned === 0) report.text("nothing to remove\n");
	return exitCode;
}

function exitCodeOfUnseen(success: boolean): number {
	return success ? exitCodes.done : exitCodes.device;
}

function notRoot(): RunError {
	const message =
		"removing devices needs root with CAP_SYS_ADMIN. Run it with sudo; devhost ls shows what can be seen without";
	return new RunError("ERR_RUN_NOT_ROOT", message);
}

function notAllSeen(unseen: readonly string[]): RunError {
	return new RunError("ERR_RUN_NOT_ROOT", `${unseen.join("; ")}. Run it as the machine's root`);
}

function writeEvent(report: Report, event: CollectionEvent): void {
	report.text(`${JSON.stringify(event)}\n`);
}
