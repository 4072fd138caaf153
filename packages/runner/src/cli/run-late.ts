// What devhost run needs when its services have been started, and not before.
import type { performGuestRun as perform } from "../guest-run.ts";
export { performRun } from "../perform-run.ts";
export { limitStageOutput } from "../output-flow.ts";
export { createReport } from "../report.ts";
export { roomForText } from "../write-text.ts";
export { untilRead } from "./until-read.ts";

export const performGuestRun: typeof perform = async (...args) => {
	const module = await import("../guest-run.ts");
	return await module.performGuestRun(...args);
};
