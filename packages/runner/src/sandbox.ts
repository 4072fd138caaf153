import {
	capabilities,
	type Child,
	execCheckedPath,
	type Fd,
	isSysError,
	spawn,
} from "@devhost/linux";
import { BuilderMessages } from "./builder-messages.ts";
import { bwrapArguments, sandboxPaths } from "./bwrap-arguments.ts";
import { StageError } from "./error.ts";
import type { SandboxTools } from "./find-tools.ts";
import { HelperReports } from "./helper-reports.ts";
import { kernelFiles, kernelMountsIn } from "./kernel-files.ts";
import { memoryFile } from "./memory-file.ts";
import { type RunNamespace, stageDevicesPath } from "./namespace.ts";
import type { OsbuildPlace } from "./osbuild-place.ts";
import type { OsbuildProgram } from "./osbuild-stage.ts";
import { argumentsPath, writeArguments } from "./stage-arguments.ts";
import { stageCapabilities } from "./stage-capabilities.ts";
import { StageInputs } from "./stage-inputs.ts";
import type { StageMounts } from "./stage-mounts.ts";
import { type OutputStream, StageOutput } from "./stage-output.ts";
import { StageProcess } from "./stage-process.ts";

/** What is known of a stage before its devices are open. */
export interface StagePlan {
	/** Name of the stage. */
	readonly name: string;
	/** Whether its command will have a standard input other than /dev/null. */
	readonly hasStdin: boolean;
	/** The tree, a real path. */
	readonly tree: string;
	/** Capabilities beyond the default. */
	readonly capabilities: readonly string[];
	readonly namespace: RunNamespace;
	/** What is mounted for it; undefined: nothing. */
	readonly mounted?: StageMounts | undefined;
	/** What it is to osbuild; undefined for a stage of ours. */
	readonly osbuild?: OsbuildProgram | undefined;
	/** What it finds as one of osbuild. */
	readonly osbuildPlace?: OsbuildPlace | undefined;
	readonly onOutput: (stream: OutputStream, text: string) => void;
}

/**
 * Makes a bubblewrap sandbox inside the run's mount namespace, in which a command waits to be begun: making it takes as
 * long as opening devices, so both happen at the same time.
 *
 * The stage sees the root read-only, the tree read-write, the device nodes that stand in
 * {@link RunNamespace.stageDevices}, also those that are made there later, and no network. The last thing before its
 * command, a static helper looks at its capabilities and at /proc/sys from inside, and does not run it if they are wrong.
 *
 * @throws {@link RunError} `ERR_STAGE_CAPABILITY`.
 * @throws {@link StageError} `ERR_SANDBOX_SETUP` bubblewrap cannot be started.
 */
export function prepareSandbox(
	plan: StagePlan,
	{ tools, root }: { readonly tools: SandboxTools; readonly root: string },
): StageProcess {
	const { granted, bound } = stageCapabilities(plan.capabilities, capabilities(), plan.name);
	const osbuild = plan.osbuild && plan.osbuildPlace?.plan(plan.osbuild, root);
	return prepare(plan, { granted, isSandboxed: true }, (fds, lent) => {
		const args = bwrapArguments({
			root,
			tree: plan.tree,
			devices: osbuild?.devices ?? stageDevicesPath,
			argumentsFile: argumentsPath,
			execChecked: execCheckedPath(),
			capabilities: granted,
			kernelFiles: kernelFiles(),
			kernelMounts: kernelMountsIn(plan.tree),
			mounts: plan.mounted?.binds ?? [],
			osbuild,
		});
		const options = lent.use(memoryFile("bwrap-arguments", `${args.join("\0")}\0`));
		writeArguments(plan.namespace, ""); // to be bound into the sandbox
		const helper = helperArguments(sandboxPaths.execChecked, "sandbox", granted);
		return spawn({
			file: tools.unshare,
			argv: [...unshareArguments, tools.bwrap, "--args", "6", "--", ...helper],
			// Not the stage's, which is for the stage: LD_PRELOAD in it would act on bubblewrap, outside of the sandbox.
			environment: {},
			fds: { ...fds, 6: options },
			cwd: "/",
			namespace: plan.mounted?.namespace ?? plan.namespace.namespace,
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

/**
 * Prepares a stage without isolation: as root on the host's file systems, with only `/dev` the run's own.
 *
 * What it leaves running in its session is killed; what leaves the session is not found.
 */
export function prepareUnsandboxed(plan: StagePlan): StageProcess {
	// One that leads to the host's devices is refused here too; otherwise everything that the host has.
	const { permitted, bounding } = capabilities();
	const granted = permitted & bounding & ~(1n << CAP_MKNOD);
	return prepare(plan, { granted, isSandboxed: false }, (fds) =>
		spawn({
			file: execCheckedPath(),
			argv: helperArguments("exec-checked", "host", granted),
			environment: {},
			fds,
			cwd: plan.tree,
			namespace: plan.mounted?.namespace ?? plan.namespace.namespace,
			newSession: true,
			dieWithParent: true,
			capabilityBound: granted,
		}),
	);
}

/** Numbers of the helper's descriptors, beside those of whoever starts it. 6 is bubblewrap's. */
const helperFds = { report: 3, command: 4, start: 5, stdout: 7, stderr: 8 } as const;

/** @param place - In a sandbox the helper checks more than capabilities. */
function helperArguments(file: string, place: "sandbox" | "host", granted: bigint): string[] {
	const { report, command, start, stdout, stderr } = helperFds;
	return [file, place, report, granted.toString(16), command, start, stdout, stderr].map(String);
}

/** Opens what both ways of starting need, and closes it again if starting fails. */
function prepare(
	plan: StagePlan,
	{ granted, isSandboxed }: { readonly granted: bigint; readonly isSandboxed: boolean },
	launch: (fds: Readonly<Record<number, Fd>>, lent: DisposableStack) => Child,
): StageProcess {
	using lent = new DisposableStack(); // ours no longer once the child has it
	using acquired = new DisposableStack();
	const output = new StageOutput(plan.onOutput);
	acquired.defer(() => output.close());
	const reports = acquired.use(new HelperReports());
	const inputs = acquired.use(new StageInputs(plan.hasStdin));
	const messages = acquired.use(new BuilderMessages());
	const { stdout, stderr } = output.writeEnds;
	const fds = {
		...(inputs.stdin !== undefined && { 0: inputs.stdin }),
		1: messages.writeEnd,
		2: messages.writeEnd,
		[helperFds.stdout]: stdout,
		[helperFds.stderr]: stderr,
		[helperFds.report]: reports.writeEnd,
		[helperFds.command]: inputs.command,
		[helperFds.start]: inputs.start,
	};

	let child: Child;
	try {
		child = withUsualUmask(() => launch(fds, lent));
	} catch (cause) {
		if (!isSysError(cause)) throw cause;
		const message = `stage ${plan.name}: the sandbox could not be started, ${cause.message}`;
		throw new StageError("ERR_SANDBOX_SETUP", message, { stage: plan.name, output: "", cause });
	}
	acquired.move();
	return new StageProcess({
		stage: plan.name,
		child,
		inputs,
		output,
		reports,
		messages,
		capabilities: granted,
		isSandboxed,
	});
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

/** Source: linux/capability.h. */
const CAP_MKNOD = 27n;
