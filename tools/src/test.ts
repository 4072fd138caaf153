#!/usr/bin/env node
// test                 all gates, then all tests
// test ARGUMENT…       only tests, with these arguments for vitest: test --project rpc, test packages/core/test/graph.test.ts
//
// The last line on standard output is "N passed, N failed": gates and tests together.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checks, runChecks } from "./checks.ts";
import { reportCheck } from "./report-check.ts";
import { repositoryRoot } from "./repository.ts";
import { closingLine, type TestCounts } from "./test-counts.ts";

const argv = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), "devhost-test-"));
let counts: TestCounts = { passed: 0, failed: 0 };
try {
	if (argv.length === 0) counts = add(counts, await runGates());
	counts = add(counts, runVitest(scratch));
} finally {
	rmSync(scratch, { recursive: true });
}
if (counts.passed === 0) counts = add(counts, { passed: 0, failed: 1 });
if (counts.failed > 0) process.exitCode = 1;
writeSync(1, `\n${closingLine(counts)}\n`);

async function runGates(): Promise<TestCounts> {
	const results = await runChecks(checks, reportCheck);
	const gates = results.filter(({ check }) => !check.isReport);
	const failed = gates.filter(({ problems }) => problems.length > 0).length;
	return { passed: gates.length - failed, failed };
}

function runVitest(folder: string): TestCounts {
	const countsFile = join(folder, "counts.json");
	const warningsFile = join(folder, "warnings.txt");
	const { status } = spawnSync("vitest", ["run", ...argv], {
		cwd: repositoryRoot,
		stdio: "inherit",
		// Node writes the warnings of every process that inherits this, services included, to the file.
		env: {
			...process.env,
			DEVHOST_TEST_COUNTS: countsFile,
			NODE_REDIRECT_WARNINGS: warningsFile,
		},
	});

	let result: TestCounts = { passed: 0, failed: 0 };
	if (existsSync(countsFile)) {
		result = JSON.parse(readFileSync(countsFile, "utf8")) as TestCounts;
	}
	const warnings = existsSync(warningsFile) ? readFileSync(warningsFile, "utf8") : "";
	if (warnings !== "") {
		console.log(`\n Node warned:\n${warnings}`);
		result = add(result, { passed: 0, failed: 1 });
	}
	// Whatever made vitest fail without a failed test is one failure.
	if (status !== 0 && result.failed === 0) result = add(result, { passed: 0, failed: 1 });
	return result;
}

function add(a: TestCounts, b: TestCounts): TestCounts {
	return { passed: a.passed + b.passed, failed: a.failed + b.failed };
}
