import type { CheckResult } from "./checks.ts";

/** Prints one line for a check, and what it found below. */
export function reportCheck({ check, problems, durationMs }: CheckResult): void {
	const mark = problems.length === 0 ? "✓" : check.isReport ? "•" : "✗";
	console.log(` ${mark} ${check.name}  ${(durationMs / 1000).toFixed(1)} s`);
	for (const problem of problems) console.log(problem.replaceAll(/^/gm, "   "));
}
