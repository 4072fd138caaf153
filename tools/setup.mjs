// node tools/setup.mjs COMMAND [ARGUMENT…]
//
// Makes a fresh clone ready (system packages, the pinned Node, pnpm, dependencies, build), then runs one of the commands
// below on the pinned Node. Plain JavaScript without dependencies: it runs on any Node from 18, before there is anything.
import { spawn, spawnSync } from "node:child_process";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { acquireLock } from "./setup/lock.mjs";
import { SetupError, ensureSystemPackages } from "./setup/system-packages.mjs";
import { childEnvironment, ensureDependencies } from "./setup/toolchain.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, "node_modules/.bin");
const environment = childEnvironment(bin);

/** @type {Readonly<Record<string, { build: boolean, argv?: readonly string[] }>>} */
const commands = {
	setup: { build: false },
	build: { build: true },
	check: { build: true, argv: ["node", "tools/src/check.ts"] },
	test: { build: true, argv: ["node", "tools/src/test.ts"] },
	demo: { build: true, argv: ["node", "tools/src/demo.ts"] },
	bench: { build: true, argv: ["node", "tools/src/bench.ts"] },
	format: { build: false, argv: ["oxfmt"] },
};

const [name = "setup", ...rest] = process.argv.slice(2);
const command = commands[name];
const say = (/** @type {string} */ text) => void process.stderr.write(`setup: ${text}\n`);

try {
	if (command === undefined) {
		throw new SetupError(
			`${name}: not a command. There are: ${Object.keys(commands).join(", ")}`,
			2,
		);
	}
	const onWait = () => say("another setup is running in this folder; waiting for it");
	const lock = await acquireLock(join(root, ".toolchain/.lock"), { onWait });
	try {
		ensureSystemPackages(say);
		ensureDependencies(root, say);
		if (command.build) build();
	} finally {
		await lock.release();
	}
	if (command.argv) await run([...command.argv, ...rest]);
} catch (error) {
	if (!(error instanceof SetupError)) throw error;
	say(error.message);
	process.exitCode = error.exitCode;
}

/** Builds what is not built, or has changed since. */
function build() {
	const argv = ["run", "build", "--output-logs=errors-only", "--ui=stream"];
	const { status, stdout, stderr } = spawnSync(join(bin, "turbo"), argv, {
		cwd: root,
		env: environment,
		encoding: "utf8",
		maxBuffer: 64 * 1024 * 1024,
	});
	if (status !== 0) throw new SetupError(`the build failed\n${stdout}${stderr}`, 1);
}

/**
 * Runs a command with the pinned Node first on its path, and ends as it ends.
 *
 * @param {readonly string[]} argv
 */
async function run([file = "", ...argv]) {
	const child = spawn(join(bin, file), argv, { cwd: root, env: environment, stdio: "inherit" });
	// A terminal sends Ctrl-C to both. The child decides what it means; this only waits.
	for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
		process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
	}
	process.exitCode = await new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("exit", (code, signal) =>
			resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]),
		);
	});
}
