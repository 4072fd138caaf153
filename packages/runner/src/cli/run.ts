import { RunError } from "../error.ts";
import { exitCodes } from "../exit-code.ts";
import { type BackendName, backendNames } from "../backend.ts";
import { beginRun } from "../early-start.ts";
import type { RunEvent } from "../events.ts";
import { isTerminal } from "./is-terminal.ts";
import { osbuildOptions, osbuildOptionSpecs } from "./osbuild-options.ts";
import type { readGuestInput } from "../guest-secrets.ts";
import { readManifestText } from "../manifest-text.ts";
import { resolveRoot } from "../root-directory.ts";
import type { Interruption } from "./until-read.ts";
import { type OptionSpec, parseArguments, usageError } from "./parse-arguments.ts";

const optionSpecs = {
	as: { type: "value" },
	backend: { type: "value" },
	"guest-kernel": { type: "value" },
	"guest-memory": { type: "value" },
	"guest-modules": { type: "value" },
	"guest-timeout": { type: "value" },
	help: { type: "flag", short: "h" },
	json: { type: "flag" },
	...osbuildOptionSpecs,
	"keep-going": { type: "flag" },
	module: { type: "values" },
	quiet: { type: "flag", short: "q" },
	root: { type: "value" },
	sandbox: { type: "value" },
	// Of the devhost in a guest: guest-secrets.ts says what stands on its standard input then.
	"secrets-on-stdin": { type: "flag" },
	timeout: { type: "value" },
	verbose: { type: "flag", short: "v" },
} as const satisfies Record<string, OptionSpec>;

/** `devhost run`. Returns the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
	const { options, positionals } = parseArguments(args, optionSpecs);
	const json = options.json === true;
	if (options.help) {
		const { runHelp } = await import("./help.ts");
		const { createReport } = await import("../report.ts");
		createReport().text(runHelp);
		return exitCodes.done;
	}
	const [file, ...others] = positionals;
	if (file === undefined) throw usageError("which manifest? devhost run FILE");
	if (others.length > 0) throw usageError(`one manifest at a time, not also ${others.join(" ")}`);
	const sandbox = readSandbox(options.sandbox);
	const timeoutMs = readSeconds("timeout", options.timeout);
	const backend = readBackend(options.backend);
	const guest = {
		kernel: options["guest-kernel"],
		memoryBytes: readSize("guest-memory", options["guest-memory"]),
		modules: options["guest-modules"],
		bootTimeoutMs: readSeconds("guest-timeout", options["guest-timeout"]),
	};

	const root = options.root === undefined ? undefined : resolveRoot(options.root);

	// Before signals are ours: from a pipe it may take as long as somebody likes, and Ctrl-C ends that.
	const input = options["secrets-on-stdin"] === true ? await readSecretInput() : undefined;
	const source = { file: options.as ?? file, text: input?.text ?? readManifestText(file) };
	const begun = beginRun(source, backend, options.module);
	const late = await import("./run-late.ts");
	const { createReport, limitStageOutput, performGuestRun, performRun, roomForText } = late;
	const report = createReport({
		json,
		verbose: options.verbose === true,
		quiet: options.quiet === true,
		isTerminal: !json && (await isTerminal(1)),
	});
	let isDone = false;
	let hasStage = false;
	const onEvent = (event: RunEvent): void => {
		if (event.event === "stage-started") hasStage = true;
		else if (event.event === "stage-ended") hasStage = false;
		report.event(event);
	};
	using interruption = watchSignals((signal) => {
		if (isDone) return;
		const what = hasStage
			? "waiting for the stage to end, then closing devices; once more to kill the stage"
			: "closing devices; once more to wait for that no longer than some seconds";
		const message = `${signal}: ${what}`;
		report.event({ event: "warning", code: "WARN_INTERRUPTED", message });
	});
	limitStageOutput(roomForText);
	const runOptions = {
		sandbox,
		guest,
		root,
		modules: options.module,
		osbuild: osbuildOptions(options),
		keepGoing: options["keep-going"] === true,
		timeoutMs,
		signal: interruption.signal,
		killSignal: interruption.killSignal,
		onEvent,
	};
	const { exitCode } =
		"obstacle" in begun
			? await performGuestRun(source, runOptions, begun)
			: await performRun(source, runOptions, begun, input?.secrets);
	isDone = true;
	return await late.untilRead(exitCode, interruption);
}

async function readSecretInput(): Promise<ReturnType<typeof readGuestInput>> {
	const { readGuestInput } = await import("../guest-secrets.ts");
	return readGuestInput();
}

function readSandbox(value: string | undefined): "bubblewrap" | "none" | undefined {
	if (value === undefined || value === "bubblewrap" || value === "none") return value;
	throw usageError(`--sandbox ${value}: unknown, expected bubblewrap or none`);
}

function readBackend(value: string | undefined): BackendName | undefined {
	const known = backendNames.find((name) => name === value);
	if (known !== undefined || value === undefined) return known;
	throw usageError(`--backend ${value}: unknown, expected ${backendNames.join(", ")}`);
}

function readSeconds(option: string, value: string | undefined): number | undefined {
	if (value === undefined) return undefined;
	const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) : 0;
	if (seconds > 0) return seconds * 1000;
	throw usageError(`--${option} ${value}: expected a number of seconds above 0`);
}

/** Bytes, or with a unit: `512M`, `2G`. */
function readSize(option: string, value: string | undefined): number | undefined {
	if (value === undefined) return undefined;
	const [, digits = "0", unit = ""] = /^(\d+)([KMG]?)(?:iB)?$/.exec(value) ?? [];
	const bytes = Number(digits) * 1024 ** " KMG".indexOf(unit || " ");
	// With less a guest's kernel does not get as far as saying why.
	if (bytes >= 64 * 2 ** 20) return bytes;
	throw usageError(`--${option} ${value}: expected a size of 64M or more, such as 2G`);
}

/** The first signal ends the run in order, the second one also the stage; further ones change nothing. */
function watchSignals(onFirst: (signal: NodeJS.Signals) => void): Interruption {
	const stop = new AbortController();
	const kill = new AbortController();
	const onSignal = (signal: NodeJS.Signals): void => {
		if (stop.signal.aborted) return kill.abort();
		onFirst(signal);
		stop.abort(new RunError("ERR_RUN_INTERRUPTED", `interrupted by ${signal}`, { signal }));
	};
	const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
	for (const signal of signals) process.on(signal, onSignal);
	return {
		signal: stop.signal,
		killSignal: kill.signal,
		[Symbol.dispose]() {
			for (const signal of signals) process.off(signal, onSignal);
		},
	};
}
