#!/usr/bin/env node
// test                 all gates, then all tests, then in a guest kernel, as an ordinary user, the tests that are for one
// test ARGUMENT…       only tests, with these arguments for vitest: test --project rpc, test packages/core/test/graph.test.ts
//
// The last line on standard output is "N passed, N failed": gates and tests together.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
	chmodSync,
	chownSync,
	closeSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readFileSync,
	rmSync,
	writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checks, runChecks } from "./checks.ts";
import { reportCheck } from "./report-check.ts";
import { repositoryRoot } from "./repository.ts";
import { closingLine, type TestCounts } from "./test-counts.ts";

/** The user "nobody" of most systems. */
const nobody = 65_534;
const asNobody = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", "--"];

const argv = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), "devhost-test-"));
let counts: TestCounts = { passed: 0, failed: 0 };
try {
	if (argv.length === 0) {
		// A guest has one processor, and waits for it most of the time; what runs here waits for other things.
		const inGuest = runInGuest(join(scratch, "guest"));
		counts = add(counts, await runGates());
		counts = add(counts, await runVitest(scratch));
		counts = add(counts, await inGuest);
	} else {
		counts = await runVitest(scratch);
	}
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

async function runVitest(folder: string): Promise<TestCounts> {
	const countsFile = join(folder, "counts.json");
	const warningsFile = join(folder, "warnings.txt");
	const vitest = spawn("vitest", ["run", ...argv], {
		cwd: repositoryRoot,
		stdio: "inherit",
		// Node writes the warnings of every process that inherits this, services included, to the file.
		env: {
			...process.env,
			DEVHOST_TEST_COUNTS: countsFile,
			NODE_REDIRECT_WARNINGS: warningsFile,
		},
	});
	const [status] = (await once(vitest, "close")) as [number | null];

	let result = readCounts(countsFile);
	const warnings = existsSync(warningsFile) ? readFileSync(warningsFile, "utf8") : "";
	if (warnings !== "") {
		console.log(`\n Node warned:\n${warnings}`);
		result = add(result, { passed: 0, failed: 1 });
	}
	// Whatever made vitest fail without a failed test is one failure.
	if (status !== 0 && result.failed === 0) result = add(result, { passed: 0, failed: 1 });
	return result;
}

/** The tests that are for guests, in one that an ordinary user boots. What they print is printed when they have ended. */
async function runInGuest(folder: string): Promise<TestCounts> {
	mkdirSync(folder);
	const command = [process.execPath, join(repositoryRoot, "tools/src/guest-tests.ts"), folder];
	const isRoot = process.getuid?.() === 0;
	const isShared = isRoot && canRead(repositoryRoot);
	if (isShared) {
		chmodSync(scratch, 0o711);
		chownSync(folder, nobody, nobody);
		command.unshift(...asNobody);
	}
	const [file = "", ...further] = command;
	const printedFile = join(scratch, "guest.txt");
	const printed = openSync(printedFile, "w");
	// Its kernel is looked for in the home of whoever boots it.
	const guest = spawn(file, further, {
		cwd: repositoryRoot,
		stdio: ["ignore", printed, printed],
		timeout: 40 * 60_000,
	});
	closeSync(printed);
	const [status] = (await once(guest, "close")) as [number | null];

	console.log("\n In a guest kernel:");
	if (isRoot && !isShared) console.log(" It is root's own: nobody else may read this folder.");
	process.stdout.write(readFileSync(printedFile));
	const result = readCounts(join(folder, "counts.json"));
	return status !== 0 && result.failed === 0 ? add(result, { passed: 0, failed: 1 }) : result;
}

/** Whether anybody may read the repository, and execute the Node that runs this. */
function canRead(folder: string): boolean {
	const asThem = { uid: nobody, gid: nobody };
	const program = spawnSync(process.execPath, ["--version"], asThem);
	const file = spawnSync("test", ["-r", join(folder, "package.json")], asThem);
	return program.status === 0 && file.status === 0;
}

function readCounts(file: string): TestCounts {
	if (!existsSync(file)) return { passed: 0, failed: 0 };
	return JSON.parse(readFileSync(file, "utf8")) as TestCounts;
}

function add(a: TestCounts, b: TestCounts): TestCounts {
	return { passed: a.passed + b.passed, failed: a.failed + b.failed };
}
