import { constants } from "node:os";
import { isRunError } from "./error.ts";
import { isManifestError } from "./problem.ts";

/** Exit codes of the command line. They are documented in the README, and stable. */
export const exitCodes = {
	done: 0,
	stageFailed: 1,
	usage: 2,
	device: 3,
	closeFailed: 4,
	outputFailed: 5,
	interrupted: 130,
} as const;

/** The exit code of a run by its first failure. A failure to close after a good run is not for this function. */
export function exitCodeOf(error: unknown): number {
	if (isManifestError(error)) return exitCodes.usage;
	if (!isRunError(error)) return exitCodes.device;
	switch (error.code) {
		case "ERR_STAGE_FAILED":
		case "ERR_STAGE_TIMEOUT":
		case "ERR_STAGE_COMMAND":
		case "ERR_RUN_TIMEOUT":
			return exitCodes.stageFailed;
		case "ERR_RUN_USAGE":
		case "ERR_STAGE_CAPABILITY":
		case "ERR_STAGE_PLACEHOLDER":
			return exitCodes.usage;
		case "ERR_RUN_INTERRUPTED":
			return signalExitCode(error.signal);
		case "ERR_RUN_BACKEND":
		case "ERR_RUN_FILE_PERMISSION":
		case "ERR_RUN_NAMESPACE":
		case "ERR_RUN_NOT_ROOT":
		case "ERR_RUN_SERVICE_ENDED":
		case "ERR_SANDBOX_CAPABILITIES":
		case "ERR_SANDBOX_MISSING":
		case "ERR_SANDBOX_SETUP":
			return exitCodes.device;
		case "ERR_SANDBOX_SURVIVORS":
			return exitCodes.closeFailed;
		case "ERR_RUN_OUTPUT":
			return exitCodes.outputFailed;
	}
}

/** As a shell counts: 128 and the signal's number; SIGINT where nobody said which. */
function signalExitCode(signal: NodeJS.Signals | undefined): number {
	return 128 + constants.signals[signal ?? "SIGINT"];
}
