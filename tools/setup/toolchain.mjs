import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	readFileSync,
	readdirSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { administratorFolders, SetupError } from "./system-packages.mjs";

/**
 * Installs the pinned Node, pnpm and all dependencies. Does nothing, in a few milliseconds, when they are there.
 *
 * pnpm needs a newer Node than this may be running on, so npm, which every Node has, first fetches both to `.toolchain`.
 * Everything later uses `node_modules/.bin`, where the workspace itself has the same two.
 *
 * @param {string} root
 * @param {(text: string) => void} say
 * @throws {SetupError} when npm or pnpm fails, with what it said.
 */
export function ensureDependencies(root, say) {
	if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) {
		const here = `${process.platform} ${process.arch}`;
		throw new SetupError(`devhost is built on Linux, x64 or arm64; this is ${here}`, 1);
	}
	const toolchain = ensureToolchain(root, say);
	const wanted = digest(dependencyFiles(root));
	const stamp = join(root, "node_modules", ".devhost-setup");
	if (read(stamp) === wanted && existsSync(join(root, "node_modules/.bin/node"))) return;

	say("dependencies, by pnpm");
	// CI: pnpm asks nobody, and removes a node_modules that it cannot continue with.
	const path = `${dirname(toolchain.node)}:${process.env["PATH"]}`;
	const environment = { ...process.env, PATH: path, CI: "true" };
	run(toolchain.node, [toolchain.pnpm, "install", "--frozen-lockfile"], root, environment);
	writeFileSync(stamp, wanted);
}

/**
 * The environment for the build and the command: `folder` first on the path, last the folders that Debian leaves out of an
 * ordinary user's, and none of the settings that npm hands to its scripts, which node-gyp would take for its own.
 *
 * @param {string} folder
 * @returns {NodeJS.ProcessEnv}
 */
export function childEnvironment(folder) {
	const entries = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
	return {
		...Object.fromEntries(entries),
		PATH: [folder, process.env["PATH"], ...administratorFolders].join(":"),
		TURBO_TELEMETRY_DISABLED: "1",
		TURBO_NO_UPDATE_NOTIFIER: "1",
	};
}

/**
 * @param {string} root
 * @param {(text: string) => void} say
 * @returns {{ node: string, pnpm: string }} the program, and the script for it
 */
function ensureToolchain(root, say) {
	const source = join(root, "tools/setup/toolchain");
	const folder = join(root, ".toolchain");
	const files = ["package.json", "package-lock.json"];
	const wanted = digest(files.map((file) => join(source, file)));
	const stamp = join(folder, ".complete");
	if (read(stamp) !== wanted) {
		say("Node and pnpm, by npm");
		rmSync(join(folder, "node_modules"), { recursive: true, force: true });
		mkdirSync(folder, { recursive: true });
		for (const file of files) copyFileSync(join(source, file), join(folder, file));
		const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
		run("npm", ["ci", ...quiet], folder, process.env);
		writeFileSync(stamp, wanted);
	}
	// Not by node_modules/.bin: npm 9 makes no links there for packages of one platform only.
	return {
		node: join(folder, `node_modules/node-linux-${process.arch}/bin/node`),
		pnpm: join(folder, "node_modules/pnpm/bin/pnpm.mjs"),
	};
}

/**
 * @param {string} command
 * @param {readonly string[]} argv
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} env
 */
function run(command, argv, cwd, env) {
	const { status, signal, error, stdout, stderr } = spawnSync(command, argv, {
		cwd,
		env,
		encoding: "utf8",
		maxBuffer: 64 * 1024 * 1024,
	});
	if (status === 0) return;
	const how = error ? error.message : `ended with ${signal ?? `status ${status}`}`;
	const said = `${stdout ?? ""}${stderr ?? ""}`.trim().split("\n").slice(-40).join("\n");
	throw new SetupError(`${[command, ...argv].join(" ")}: ${how}\n${said}`, 1);
}

/**
 * The files that say what is to be installed.
 *
 * @param {string} root
 */
function dependencyFiles(root) {
	const packages = readdirSync(join(root, "packages")).map(
		(name) => `packages/${name}/package.json`,
	);
	const files = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "tools/package.json"];
	return [...files, ...packages.sort()].map((file) => join(root, file));
}

/** @param {readonly string[]} files */
function digest(files) {
	const hash = createHash("sha256").update(process.arch);
	for (const file of files) hash.update(`${file}\0${read(file) ?? ""}\0`);
	return hash.digest("hex");
}

/** @param {string} file */
function read(file) {
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return undefined;
		throw error;
	}
}
