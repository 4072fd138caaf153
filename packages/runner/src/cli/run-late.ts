// What devhost run needs when its services have been started, and not before.
export { performRun } from "../perform-run.ts";
export { createReport } from "../report.ts";
