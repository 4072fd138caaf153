import { constants, writeSync } from "node:fs";
import {
	capabilities,
	type Child,
	execCheckedPath,
	type Fd,
	isSysError,
	openat2,
	spawn,
	type SysError,
} from "@devhost/linux";
import { bwrapArguments, sandboxPaths } from "./bwrap-arguments.ts";
import { StageError } from "./error.ts";
import type { SandboxTools } from "./find-tools.ts";
import { HelperReports } from "./helper-reports.ts";
import { memoryFile } from "./memory-file.ts";
import { type RunNamespace, stageDevicesPath } from "./namespace.ts";
import { stageCapabilities } from "./stage-capabilities.ts";
import { type OutputStream, StageOutput } from "./stage-output.ts";
import { StageProcess } from "./stage-process.ts";

/** The command of one stage, its placeholders filled in. */
export interface StageCommand {
	/** Name of the stage. */
	readonly name: string;
	readonly argv: readonly string[];
	/** The whole environment. */
	readonly environment: Readonly<Record<string, string>>;
	/** Standard input. @default /dev/null */
	readonly stdin?: string;
	/** Content of `arguments.json`. */
	readonly argumentsJson: string;
	/** The tree, a real path. */
	readonly tree: string;
	/** Capabilities beyond the default. */
	readonly capabilities: readonly string[];
	readonly namespace: RunNamespace;
	readonly onOutput: (stream: OutputStream, text: string) => void;
}

/**
 * Starts a stage in a bubblewrap sandbox inside the run's mount namespace.
 *
 * The stage sees the root read-only, the tree read-write, the device nodes that stand in
 * {@link RunNamespace.stageDevices}, and no network. The last thing before its command, a static helper looks at its
 * capabilities from inside and does not run it if they are wrong.
 *
 * @throws {@link RunError} `ERR_STAGE_CAPABILITY`.
 * @throws {@link StageError} `ERR_SANDBOX_SETUP` bubblewrap cannot be started; `ERR_STAGE_COMMAND` the arguments are too long.
 */
export function startSandbox(
	command: StageCommand,
	{ tools, root }: { readonly tools: SandboxTools; readonly root: string },
): StageProcess {
	const { granted, bound } = stageCapabilities(
		command.capabilities,
		capabilities(),
		command.name,
	);
	return start(command, { granted, isSandboxed: true }, (pipes, inputs) => {
		const args = bwrapArguments({
			root,
			tree: command.tree,
			devices: stageDevicesPath,
			execChecked: execCheckedPath(),
			capabilities: granted,
			environment: command.environment,
			argumentsFd: 4,
		});
		const options = inputs.use(memoryFile("bwrap-arguments", `${args.join("\0")}\0`));
		const content = inputs.use(memoryFile("arguments.json", command.argumentsJson));
		const helper = [sandboxPaths.execChecked, "5", granted.toString(16), "--"];
		return spawn({
			file: tools.unshare,
			argv: [
				...unshareArguments,
				tools.bwrap,
				"--args",
				"3",
				"--",
				...helper,
				...command.argv,
			],
			// Not the stage's, which is for the stage: LD_PRELOAD in it would act on bubblewrap, outside of the sandbox.
			environment: {},
			fds: { ...pipes.outputs, 3: options, 4: content, 5: pipes.helper },
			cwd: "/",
			namespace: command.namespace.namespace,
			// A terminal's Ctrl-C is for us: it would end bubblewrap, and with it the stage, before we have said how.
			newSession: true,
			dieWithParent: true,
			capabilityBound: bound,
		});
	});
}

/**
 * A pid namespace around bubblewrap and its own one, with bubblewrap as the first process, so that all of it ends with
 * bubblewrap, and that with unshare, and that with us.
 *
 * bubblewrap's --die-with-parent alone does not do it: killed between its own steps (`child_wait_fd`, `do_init` in
 * bubblewrap.c, 0.8 to 0.11) it leaves a child that waits for ever, or a command that nobody watches. In 100 kills
 * of devhost within 10 ms after it had started bubblewrap, that were 11.
 *
 * The mount of /proc is bubblewrap's: it looks up its child there.
 */
const unshareArguments = ["unshare", "--fork", "--pid", "--kill-child=KILL", "--mount-proc", "--"];

/** Where `arguments.json` is for a stage without a sandbox, in the run's namespace. */
export const unsandboxedArgumentsPath = "/dev/.arguments.json";

/**
 * Starts a stage without isolation: as root on the host's file systems, with only `/dev` the run's own.
 *
 * What it leaves running in its session is killed; what leaves the session is not found.
 */
export function startUnsandboxed(command: StageCommand): StageProcess {
	// One that leads to the host's devices is refused here too; otherwise everything that the host has.
	const { permitted, bounding } = capabilities();
	const granted = permitted & bounding & ~(1n << CAP_MKNOD);
	return start(command, { granted, isSandboxed: false }, (pipes) => {
		writeArguments(command);
		return spawn({
			file: execCheckedPath(),
			argv: ["exec-checked", "5", granted.toString(16), "--", ...command.argv],
			environment: command.environment,
			fds: { ...pipes.outputs, 5: pipes.helper },
			cwd: command.tree,
			namespace: command.namespace.namespace,
			newSession: true,
			dieWithParent: true,
			capabilityBound: granted,
		});
	});
}

/** Descriptors that go to a stage. */
interface Pipes {
	readonly outputs: Readonly<Record<number, Fd>>;
	readonly helper: Fd;
}

/** Opens what both ways of starting need, and closes it again if starting fails. */
function start(
	command: StageCommand,
	{ granted, isSandboxed }: { readonly granted: bigint; readonly isSandboxed: boolean },
	launch: (pipes: Pipes, inputs: DisposableStack) => Child,
): StageProcess {
	using inputs = new DisposableStack(); // ours no longer once the child has them
	using acquired = new DisposableStack();
	const output = new StageOutput(command.onOutput);
	acquired.defer(() => output.close());
	const reports = acquired.use(new HelperReports());
	const stdin =
		command.stdin === undefined ? undefined : inputs.use(memoryFile("stdin", command.stdin));
	const { stdout, stderr } = output.writeEnds;
	const outputs = { ...(stdin !== undefined && { 0: stdin }), 1: stdout, 2: stderr };

	let child: Child;
	try {
		child = withUsualUmask(() => launch({ outputs, helper: reports.writeEnd }, inputs));
	} catch (error) {
		throw isSysError(error) ? launchError(command, error) : error;
	}
	acquired.move();
	return new StageProcess({
		stage: command.name,
		command: command.argv[0] ?? "",
		child,
		output,
		reports,
		capabilities: granted,
		isSandboxed,
	});
}

function launchError({ name, argv }: StageCommand, cause: SysError): StageError {
	const options = { stage: name, output: "", cause };
	if (cause.code === "E2BIG") {
		const message = `stage ${name}: ${argv[0]}: an argument is longer than 128 KiB, or all are too long together; use stdin or a file`;
		return new StageError("ERR_STAGE_COMMAND", message, { ...options, exitCode: 126 });
	}
	const message = `stage ${name}: the sandbox could not be started, ${cause.message}`;
	return new StageError("ERR_SANDBOX_SETUP", message, options);
}

/** New files of a stage get the usual permissions, whatever the shell that started us is used to. */
function withUsualUmask<T>(action: () => T): T {
	let umask: number;
	try {
		umask = process.umask(0o022);
	} catch {
		return action(); // In a worker thread Node refuses to change it.
	}
	try {
		return action();
	} finally {
		process.umask(umask);
	}
}

function writeArguments({ namespace, argumentsJson }: StageCommand): void {
	const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
	using file = openat2(namespace.devices, ".arguments.json", { flags, mode: 0o444 });
	const bytes = new TextEncoder().encode(argumentsJson);
	for (let at = 0; at < bytes.length;) at += writeSync(file.fd, bytes, at);
}

/** Source: linux/capability.h. */
const CAP_MKNOD = 27n;
