import { basename } from "node:path";
import { constants } from "node:os";
import type { OpenedDevice } from "@devhost/core";
import type { OsbuildException } from "@devhost/osbuild/stage";
import { sandboxPaths } from "./bwrap-arguments.ts";
import { isRunError, RunError, StageError } from "./error.ts";
import type { SandboxTools } from "./find-tools.ts";
import { fillPlaceholders } from "./manifest-placeholder.ts";
import type { StageDeclaration } from "./manifest.ts";
import type { RunNamespace } from "./namespace.ts";
import type { OsbuildPlace } from "./osbuild-place.ts";
import { osbuildArguments, osbuildEnvironment, type OsbuildProgram } from "./osbuild-stage.ts";
import { onAbort } from "./on-abort.ts";
import { prepareSandbox, prepareUnsandboxed } from "./sandbox.ts";
import { argumentsPath, stageArguments, writeArguments } from "./stage-arguments.ts";
import { stageEnvironment } from "./stage-environment.ts";
import { mountPaths, type StageMount, type StageMounts } from "./stage-mounts.ts";
import type { StageNodes } from "./stage-nodes.ts";
import type { OutputStream } from "./stage-output.ts";
import type { StageEnd, StageProcess } from "./stage-process.ts";

/** How stages are isolated: in bubblewrap, with this root directory, or not at all. */
export type Sandbox = { readonly tools: SandboxTools; readonly root: string } | "none";

/** Where a stage runs. */
export interface StagePlace {
	readonly namespace: RunNamespace;
	readonly sandbox: Sandbox;
	/** The tree, a real path. */
	readonly tree: string;
	/** What is mounted for it; undefined: nothing. */
	readonly mounted?: StageMounts | undefined;
	/** What it finds as one of osbuild; undefined for any other. */
	readonly osbuildPlace?: OsbuildPlace | undefined;
	readonly onOutput: (stream: OutputStream, text: string) => void;
}

/** What a stage runs with. */
export interface StageContext extends StagePlace {
	/** The devices that it sees, open. */
	readonly devices: readonly OpenedDevice[];
	/** The mounts that it sees. */
	readonly mounts: readonly StageMount[];
	/** Of those devices; some may have been added already. Lent. */
	readonly nodes: StageNodes;
	/** Asks the stage to end; after a while it is killed. */
	readonly signal: AbortSignal;
	/** Kills the stage. */
	readonly killSignal: AbortSignal;
	/** What it reads from its standard input, where that is no text of the manifest. */
	readonly secretInput?: Uint8Array | undefined;
	readonly onStart: (command: readonly string[]) => void;
}

/** How long a stage may go on that was asked to end because its time is over. */
const timeoutGraceMs = 1_000;
/** How long a stage may go on that was asked to end because somebody interrupts the run: it may have something to save. */
const interruptGraceMs = 10_000;
/** The longest time that a timer takes. Source: `TIMEOUT_MAX`, lib/internal/timers.js in Node. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Makes what a stage will run in. Disposing what comes back ends the stage.
 *
 * @throws {@link RunError} `ERR_STAGE_CAPABILITY`.
 * @throws {@link StageError} `ERR_SANDBOX_SETUP`.
 */
export function prepareStage(stage: StageDeclaration, place: StagePlace): StageProcess {
	const { name, stdin, capabilities = [], osbuild } = stage;
	const { sandbox, ...shared } = place;
	const plan = { ...shared, name, hasStdin: stdin !== undefined, capabilities, osbuild };
	return sandbox === "none" ? prepareUnsandboxed(plan) : prepareSandbox(plan, sandbox);
}

/**
 * Runs a stage in what was prepared for it, and returns when nothing of it is left.
 *
 * @throws {@link StageError} `ERR_STAGE_FAILED`, `ERR_STAGE_TIMEOUT`, `ERR_STAGE_COMMAND`, `ERR_SANDBOX_SETUP`.
 * @throws {@link RunError} `ERR_SANDBOX_CAPABILITIES`, `ERR_STAGE_PLACEHOLDER`.
 * @throws the reason of `signal`, when that ended the stage.
 */
export async function runStage(
	stage: StageDeclaration,
	stageProcess: StageProcess,
	context: StageContext,
): Promise<void> {
	const { signal, killSignal } = context;
	signal.throwIfAborted();
	using limits = new DisposableStack();
	const command = beginStage(stage, stageProcess, context);

	const timeoutMs = stage.timeout === undefined ? undefined : stage.timeout * 1000;
	let isTimedOut = false;
	const after = (ms: number, action: () => void): void => {
		const timer = setTimeout(action, Math.min(ms, maxTimerMs));
		limits.defer(() => clearTimeout(timer));
	};
	const end = (graceMs: number): void => {
		stageProcess.terminate();
		after(graceMs, () => stageProcess.kill());
	};
	if (timeoutMs !== undefined) {
		after(timeoutMs, () => {
			isTimedOut = true;
			end(timeoutGraceMs);
		});
	}
	onAbort(signal, limits, () => {
		end(isRunError(signal.reason, "ERR_RUN_TIMEOUT") ? timeoutGraceMs : interruptGraceMs);
	});
	onAbort(killSignal, limits, () => stageProcess.kill());

	const result = await stageProcess.ended.catch((error: unknown) => {
		// It was ended while it was being made.
		if (isRunError(error, "ERR_SANDBOX_SETUP")) signal.throwIfAborted();
		throw error;
	});
	signal.throwIfAborted();
	if (isTimedOut) throw timeoutError(stage, result);
	if (result.status.code === 0) return;
	const exception = context.osbuildPlace?.takeException();
	if (exception !== undefined) throw exceptionError(stage, result, exception);
	throw failedError(stage, command, result);
}

/** Returns the command with its placeholders filled in. */
function beginStage(
	stage: StageDeclaration,
	stageProcess: StageProcess,
	{ namespace, sandbox, devices, mounts, nodes, secretInput, onStart, ...place }: StageContext,
): readonly string[] {
	const isBare = sandbox === "none";
	if (stage.osbuild !== undefined) {
		return beginOsbuildStage(stage, stage.osbuild, stageProcess, {
			namespace,
			devices,
			mounts,
			nodes,
			onStart,
			osbuildPlace: place.osbuildPlace,
		});
	}
	const tree = isBare ? place.tree : sandboxPaths.tree;
	const argumentsFile = isBare ? argumentsPath : sandboxPaths.arguments;
	const paths = {
		devices: new Map(devices.map(({ name, path }) => [name, `/dev/${path}`])),
		mounts: mountPaths(mounts, { tree, isSandboxed: !isBare }),
	};
	const fill = (text: string): string =>
		fillPlaceholders(text, (kind, name) => pathOf(paths[kind], kind, name, stage.name));

	const argv = stage.run.map(fill);
	const own = Object.entries(stage.environment ?? {}).map(([key, value]) => [key, fill(value)]);
	const environment = stageEnvironment(
		{ tree, argumentsFile, ...paths },
		Object.fromEntries(own) as Record<string, string>,
	);
	const stdin = typeof stage.stdin === "string" ? fill(stage.stdin) : secretInput;
	const facts = { stage: stage.name, tree, devices, mounts, mountPaths: paths.mounts };
	writeArguments(namespace, stageArguments(facts));
	for (const device of devices) nodes.add(device);
	onStart(argv);
	stageProcess.begin({ argv, environment, stdin });
	return argv;
}

function beginOsbuildStage(
	stage: StageDeclaration,
	program: OsbuildProgram,
	stageProcess: StageProcess,
	context: Pick<
		StageContext,
		"namespace" | "devices" | "mounts" | "nodes" | "onStart" | "osbuildPlace"
	>,
): readonly string[] {
	const { namespace, devices, mounts, nodes, onStart, osbuildPlace } = context;
	writeArguments(namespace, osbuildArguments(program, devices, mounts));
	for (const device of devices) nodes.add(device);
	if (devices.some(isMapping)) osbuildPlace?.addMapperControl();
	const argv = stage.run;
	onStart(argv);
	stageProcess.begin({ argv, environment: osbuildEnvironment(program), stdin: undefined });
	return argv;
}

function isMapping({ path }: OpenedDevice): boolean {
	return /^dm-\d+$/.test(path);
}

function pathOf(
	paths: ReadonlyMap<string, string>,
	kind: "devices" | "mounts",
	name: string,
	stage: string,
): string {
	const path = paths.get(name);
	if (path !== undefined) return path;
	const known = [...paths.keys()].join(", ") || "none";
	const what = kind === "devices" ? "device" : "mount";
	const message = `stage ${stage}: {${kind}.${name}}: no ${what} of this stage, which has ${known}`;
	throw new RunError("ERR_STAGE_PLACEHOLDER", message, { stage });
}

function timeoutError(stage: StageDeclaration, { output }: StageEnd): StageError {
	const message = `stage ${stage.name}: not done after its ${stage.timeout} s, and ended`;
	return new StageError("ERR_STAGE_TIMEOUT", message, { stage: stage.name, output });
}

/** A stage of osbuild that said itself how it failed. */
function exceptionError(
	{ name }: StageDeclaration,
	{ status, output }: StageEnd,
	exception: OsbuildException,
): StageError {
	const { type, value } = exception;
	const message = `stage ${name}: ${type}${value === "" ? "" : `: ${value}`}`;
	return new StageError("ERR_STAGE_FAILED", message, {
		stage: name,
		exitCode: status.code,
		signal: status.signal,
		output,
		details: { exception },
	});
}

function failedError(
	stage: StageDeclaration,
	command: readonly string[],
	{ status, output }: StageEnd,
): StageError {
	const program = basename(command[0] ?? "");
	const how =
		status.signal === undefined
			? `exit status ${status.code}${signalHint(status.code)}`
			: `signal ${status.signal}`;
	const message = `stage ${stage.name}: ${program} ended with ${how}`;
	return new StageError("ERR_STAGE_FAILED", message, {
		stage: stage.name,
		exitCode: status.code,
		signal: status.signal,
		output,
	});
}

/** A sandboxed command that a signal ended looks as in a shell. */
function signalHint(code: number): string {
	if (code <= 128) return "";
	const name = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
	return name === undefined ? "" : ` (${name})`;
}
