#!/usr/bin/env node
// build-native             compiles the addon and its helpers for this machine, where they are missing or older than their sources
// build-native --prebuild  compiles them into prebuilds/ for every target whose compiler is installed
//                          --all: a missing compiler is an error; --target NAME --compiler CC: that target alone
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, utimesSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { acquireLock } from "../setup/lock.mjs";
import {
	addonArguments,
	findProgram,
	helperArguments,
	nativeTargets,
	nodeHeaders,
	type NativeTarget,
} from "./native-targets.ts";

const addonName = "devhost_linux.node";
const helperNames = ["exec-checked", "keep-mapping"] as const;
const buildFolder = "build/Release";

const { values } = parseArgs({
	options: {
		prebuild: { type: "boolean" },
		all: { type: "boolean" },
		target: { type: "string" },
		compiler: { type: "string" },
	},
});

try {
	// Two builds in one folder would write each other's object files.
	await using _lock = await acquireLock("build/.lock");
	if (values.prebuild) prebuild();
	else buildHere();
} catch (error) {
	console.error(`build-native: ${error instanceof Error ? error.message : String(error)}`);
	process.exitCode = 1;
}

/** All C files but the helpers' belong to the addon; binding.gyp lists them for this machine. */
function sources(): { addon: string[]; all: string[] } {
	const files = readdirSync("native").map((name) => join("native", name));
	const helpers = helperNames.map(helperSource);
	const addon = files.filter((file) => file.endsWith(".c") && !helpers.includes(file)).toSorted();
	return { addon, all: [...files, "binding.gyp"] };
}

function helperSource(name: string): string {
	return join("native", `${name}.c`);
}

function buildHere(): void {
	const outputs = [addonName, ...helperNames].map((name) => join(buildFolder, name));
	if (isCurrent(outputs, sources().all)) return;

	const missing = ["make", "cc", "g++", "python3"].filter((name) => !findProgram(name));
	if (missing.length > 0) {
		throw new Error(
			`${missing.join(", ")} not found. Install them: apt-get install build-essential python3`,
		);
	}
	const nodeGyp = createRequire(import.meta.url).resolve("node-gyp/bin/node-gyp.js");
	// The headers are those of this Node, so that node-gyp has nothing to fetch.
	const options = ["--silent", "-j", "2", `--nodedir=${nodeHeaders()}`];
	run(process.execPath, [nodeGyp, "configure", "build", ...options]);

	// make leaves an output alone whose own sources did not change; it is as current as the others all the same.
	const now = new Date();
	for (const output of outputs) utimesSync(output, now, now);
}

function prebuild(): void {
	const { addon, all } = sources();
	const headers = nodeHeaders();
	for (const target of wantedTargets()) {
		if (!findProgram(target.compiler)) {
			const text = `${target.name}: ${target.compiler} not found. Install it: apt-get install ${target.debianPackage}`;
			if (values.all) throw new Error(text);
			console.error(`skipped ${text}`);
			continue;
		}
		const folder = join("prebuilds", target.name);
		if (
			isCurrent(
				[addonName, ...helperNames].map((name) => join(folder, name)),
				all,
			)
		)
			continue;
		compile(target.compiler, join(folder, addonName), (output) =>
			addonArguments(target, addon, headers, output),
		);
		for (const name of helperNames) {
			compile(target.compiler, join(folder, name), (output) =>
				helperArguments(target, helperSource(name), output),
			);
		}
		console.error(`built ${folder}`);
	}
}

/** All targets; or the one that is named, which a compiler of the machine's own may be used for. */
function wantedTargets(): readonly NativeTarget[] {
	if (values.target === undefined) return nativeTargets;
	if (values.compiler === undefined) throw new Error("--target needs --compiler");
	return [{ name: values.target, compiler: values.compiler, debianPackage: "gcc", flags: [] }];
}

/** Compiles to a file beside `output` and renames it, so that a running process keeps the file it has mapped. */
function compile(
	compiler: string,
	output: string,
	argumentsFor: (output: string) => string[],
): void {
	mkdirSync(dirname(output), { recursive: true });
	const temporary = join(dirname(output), `.${basename(output)}.new`);
	run(compiler, argumentsFor(temporary));
	renameSync(temporary, output);
}

function isCurrent(outputs: readonly string[], inputs: readonly string[]): boolean {
	if (!outputs.every((output) => existsSync(output))) return false;
	const builtMs = Math.min(...outputs.map((output) => statSync(output).mtimeMs));
	return inputs.every((input) => !existsSync(input) || statSync(input).mtimeMs <= builtMs);
}

function run(command: string, argv: readonly string[]): void {
	// node-gyp prefers npm's settings in the environment to its own command line.
	const environment = Object.fromEntries(
		Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith("npm_")),
	);
	const { status, signal, error } = spawnSync(command, argv, {
		stdio: ["ignore", 2, 2],
		env: environment,
	});
	if (error) throw error;
	if (status !== 0) {
		throw new Error(`${basename(command)} ended with ${signal ?? `status ${status}`}`);
	}
}
