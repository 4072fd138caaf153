import { findArrowProblems } from "./arrows.ts";
import { findCommandProblems } from "./documented-commands.ts";
import { findExampleProblems } from "./documented-examples.ts";
import { findHostPathProblems } from "./host-paths.ts";
import { findFieldProblems } from "./package-fields.ts";
import { repositoryRoot, workspacePackages } from "./repository.ts";
import { runCommand } from "./run-command.ts";
import { findToolchainProblems } from "./toolchain-versions.ts";

/** A gate: something that holds for the repository, or the run fails. */
export interface Check {
	readonly name: string;
	/** Resolves to what is wrong, nothing when all is well. */
	readonly find: () => string[] | Promise<string[]>;
	/** Only tells; does not fail the run. */
	readonly isReport?: boolean;
}

/** All gates, those that take long first. */
export const checks: readonly Check[] = [
	{ name: "package form (publint, attw)", find: () => turbo("check:package") },
	{ name: "types", find: () => turbo("check:types") },
	{ name: "lint", find: () => command("oxlint", ["--format", "unix"]) },
	{ name: "documented commands", find: () => findCommandProblems() },
	{ name: "documented examples", find: () => findExampleProblems() },
	{ name: "format", find: () => command("oxfmt", ["--list-different"]) },
	{ name: "generated files", find: () => checkBuildSteps("generate-validators") },
	{ name: "size of executables", find: () => checkBuildSteps("bundle") },
	{ name: "workspace form (sherif)", find: () => command("sherif", ["--no-install"]) },
	{ name: "arrows between packages", find: () => findArrowProblems() },
	{ name: "package fields", find: () => findFieldProblems() },
	{ name: "machine paths", find: () => findHostPathProblems() },
	{ name: "toolchain versions", find: () => findToolchainProblems() },
	{
		name: "dead code (knip)",
		find: () => command("knip", ["--no-progress", "--no-config-hints"]),
		isReport: true,
	},
];

/** What a check found. */
export interface CheckResult {
	readonly check: Check;
	readonly problems: readonly string[];
	readonly durationMs: number;
}

/**
 * Runs checks, two at a time.
 *
 * @param onResult - Called as each ends.
 */
export async function runChecks(
	wanted: readonly Check[],
	onResult: (result: CheckResult) => void,
): Promise<CheckResult[]> {
	const waiting = [...wanted];
	const results: CheckResult[] = [];
	const work = async (): Promise<void> => {
		for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
			const startMs = performance.now();
			const problems = await findProblems(check);
			const result = { check, problems, durationMs: performance.now() - startMs };
			results.push(result);
			onResult(result);
		}
	};
	await Promise.all([work(), work()]);
	return results;
}

/** A check that breaks has found something, too. */
async function findProblems(check: Check): Promise<string[]> {
	try {
		return await check.find();
	} catch (error) {
		return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
	}
}

async function command(
	file: string,
	argv: readonly string[],
	cwd: string = repositoryRoot,
): Promise<string[]> {
	const { status, output } = await runCommand(file, argv, { cwd });
	return status === 0 ? [] : [`${output.trim()}\n${[file, ...argv].join(" ")}: ${status}`];
}

function turbo(task: string): Promise<string[]> {
	return command("turbo", [
		"run",
		task,
		"--continue",
		"--output-logs=errors-only",
		"--ui=stream",
	]);
}

/** Runs a tool as the packages' build scripts do, but only to compare. */
async function checkBuildSteps(tool: string): Promise<string[]> {
	const steps = workspacePackages().flatMap(({ folder, manifest }) =>
		Object.values(manifest.scripts ?? {})
			.flatMap((script) => script.split("&&"))
			.map((part) => part.trim().split(/\s+/))
			.filter(([file]) => file === tool)
			.map(([, ...argv]) => command(tool, [...argv, "--check"], folder)),
	);
	return (await Promise.all(steps)).flat();
}
