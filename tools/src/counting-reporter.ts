import { writeFileSync } from "node:fs";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { countTests, impossibleHere, type EndedTest } from "./test-counts.ts";

/** Lists what was skipped and why, and leaves the counts of the run in the file that `DEVHOST_TEST_COUNTS` names. */
export default class CountingReporter implements Reporter {
	onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
		const tests = modules.flatMap((module) => [...module.children.allTests()].map(endedTest));
		const skipsFail = process.env["CI"] === "true";
		reportSkipped(tests, skipsFail);

		// A file that cannot be loaded has no tests to count, and an error outside of tests belongs to none.
		const brokenFiles = modules.filter((module) => module.errors().length > 0).length;
		const { passed, failed } = countTests(tests, skipsFail);
		const counts = { passed, failed: failed + brokenFiles + unhandledErrors.length };
		const file = process.env["DEVHOST_TEST_COUNTS"];
		if (file) writeFileSync(file, JSON.stringify(counts));
	}
}

function endedTest(test: TestCase): EndedTest {
	const result = test.result();
	const note = "note" in result ? result.note : undefined;
	return {
		name: `${test.module.relativeModuleId} > ${test.fullName}`,
		state: result.state,
		note,
	};
}

function reportSkipped(tests: readonly EndedTest[], skipsFail: boolean): void {
	const skipped = tests.filter(({ state }) => state === "skipped");
	if (skipped.length === 0) return;
	console.log(`\n Skipped${skipsFail ? `; counts as failed unless "${impossibleHere}…"` : ""}:`);
	for (const { name, note } of skipped) console.log(`  ${name}${note ? `: ${note}` : ""}`);
}
