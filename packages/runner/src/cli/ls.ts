import { reportErrors } from "../error-report.ts";
import { exitCodeOf, exitCodes } from "../exit-code.ts";
import { createReport, type Report } from "../report.ts";
import type { ListEvent } from "../device-events.ts";
import { type OptionSpec, parseArguments, usageError } from "./parse-arguments.ts";

const optionSpecs = {
	help: { type: "flag", short: "h" },
	json: { type: "flag" },
} as const satisfies Record<string, OptionSpec>;

/** `devhost ls`. Returns the exit code. */
export async function lsCommand(args: readonly string[]): Promise<number> {
	const json = args.includes("--json");
	const report = createReport({ json });
	try {
		return await list(args, report);
	} catch (error) {
		if (!json) throw error;
		const exitCode = exitCodeOf(error);
		const errors = reportErrors(error);
		writeEvent(report, { event: "ls-ended", success: false, exitCode, unseen: [], errors });
		return exitCode;
	}
}

async function list(args: readonly string[], report: Report): Promise<number> {
	const { options, positionals } = parseArguments(args, optionSpecs);
	if (options.help) {
		const { lsHelp } = await import("./help.ts");
		createReport().text(lsHelp);
		return exitCodes.done;
	}
	const [superfluous] = positionals;
	if (superfluous !== undefined) throw usageError(`${superfluous}: ls takes no file`);

	const { listDevices } = await import("../list-devices.ts");
	const { devices, unseen } = await listDevices();
	const exitCode = exitCodes.done;
	if (options.json) {
		const { foundDevice } = await import("../device-events.ts");
		for (const device of devices)
			writeEvent(report, { event: "device-found", device: foundDevice(device) });
		writeEvent(report, { event: "ls-ended", success: true, exitCode, unseen, errors: [] });
		return exitCode;
	}
	const { deviceTable } = await import("../device-table.ts");
	report.text(devices.length === 0 ? "no device of devhost is open\n" : deviceTable(devices));
	for (const message of unseen)
		report.event({ event: "warning", code: "WARN_DEVICES_UNSEEN", message });
	return exitCode;
}

function writeEvent(report: Report, event: ListEvent): void {
	report.text(`${JSON.stringify(event)}\n`);
}
