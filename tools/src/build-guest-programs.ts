#!/usr/bin/env node
// build-guest-programs             compiles native/guest-*.c for this machine, where they are missing or older than their sources
// build-guest-programs --prebuild  compiles them into prebuilds/linux-x64/
//
// All are x86-64 without a C library, as User Mode Linux is for x86 only; on another machine there is nothing to build.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { acquireLock } from "../setup/lock.mjs";
import { findProgram, helperArguments, sharedHelperArguments } from "./native-targets.ts";

const { values } = parseArgs({ options: { prebuild: { type: "boolean" } } });
/** What the kernel's own dynamic loader takes; all other files are programs. */
const sharedObjects: ReadonlySet<string> = new Set(["guest-preload"]);

try {
	// Two builds in one folder would write each other's files.
	await using _lock = await acquireLock("build/.lock");
	build(values.prebuild ? "prebuilds/linux-x64" : "build/Release");
} catch (error) {
	console.error(
		`build-guest-programs: ${error instanceof Error ? error.message : String(error)}`,
	);
	process.exitCode = 1;
}

function build(folder: string): void {
	const compiler = process.arch === "x64" ? "cc" : "x86_64-linux-gnu-gcc";
	if (!findProgram(compiler)) {
		if (process.arch !== "x64" && folder !== "prebuilds/linux-x64") return;
		throw new Error(
			`${compiler} not found. Install it: apt-get install ${compiler === "cc" ? "gcc" : "gcc-x86-64-linux-gnu"}`,
		);
	}
	const files = readdirSync("native").map((name) => join("native", name));
	const newestMs = Math.max(...files.map((file) => statSync(file).mtimeMs));
	mkdirSync(folder, { recursive: true });
	for (const source of files.filter((file) => file.endsWith(".c"))) {
		const name = basename(source, ".c");
		const isShared = sharedObjects.has(name);
		const output = join(folder, isShared ? `${name}.so` : name);
		if (existsSync(output) && statSync(output).mtimeMs >= newestMs) continue;
		// A running guest keeps the file that it has.
		const temporary = join(folder, `.${name}.new`);
		const argumentsFor = isShared ? sharedHelperArguments : helperArguments;
		const { status } = spawnSync(compiler, argumentsFor({ flags: [] }, source, temporary), {
			stdio: ["ignore", 2, 2],
		});
		if (status !== 0) throw new Error(`${compiler} ended with status ${status}`);
		renameSync(temporary, output);
	}
}
