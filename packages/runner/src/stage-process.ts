import { type Child, errnoName, type ExitStatus } from "@devhost/linux";
import type { BuilderMessages } from "./builder-messages.ts";
import { RunError, StageError } from "./error.ts";
import type { HelperReports } from "./helper-reports.ts";
import { childrenOf, describeProcess, signalProcess } from "./process-tree.ts";
import { capabilityNames } from "./stage-capabilities.ts";
import type { Command, StageInputs } from "./stage-inputs.ts";
import type { StageOutput } from "./stage-output.ts";

/** How long a killed stage may take to be gone: a process in uninterruptible sleep does not die before its I/O ends. */
const killDeadlineMs = 10_000;

/** How long outputs are waited for that somebody has open when the stage is gone: its last processes take a moment to go. */
const outputGraceMs = 100;

/** How a stage's command ended. With a sandbox a signal shows as 128 + its number: bubblewrap passes it on like a shell. */
export interface StageEnd {
	readonly status: ExitStatus;
	/** The last output. */
	readonly output: string;
}

/**
 * A stage whose command waits to be begun, then runs. Nothing of it is left when {@link StageProcess.ended} settles, or
 * when it is disposed, which kills it.
 */
export class StageProcess implements AsyncDisposable {
	/**
	 * Resolves when every process of the stage is gone and its output is read.
	 *
	 * Rejects with {@link RunError} `ERR_SANDBOX_SETUP`, `ERR_SANDBOX_CAPABILITIES`, `ERR_STAGE_COMMAND` when the command
	 * was not run, or `ERR_SANDBOX_SURVIVORS` when a killed one does not go away.
	 */
	readonly ended: Promise<StageEnd>;
	readonly #stage: string;
	readonly #child: Child;
	readonly #inputs: StageInputs;
	readonly #output: StageOutput;
	readonly #reports: HelperReports;
	readonly #messages: BuilderMessages;
	readonly #capabilities: bigint;
	readonly #isSandboxed: boolean;
	readonly #gaveUp = Promise.withResolvers<never>();
	#command = "";
	#isKilled = false;
	#isReleased = false;

	/** Made by `prepareSandbox` and `prepareUnsandboxed`. Owns `inputs`, `reports`, `messages` and `output`. */
	constructor(options: {
		readonly stage: string;
		/** unshare, beneath which everything of a sandbox is; without a sandbox the helper, which becomes the command. */
		readonly child: Child;
		readonly inputs: StageInputs;
		readonly output: StageOutput;
		readonly reports: HelperReports;
		readonly messages: BuilderMessages;
		/** What the command must turn out to hold. */
		readonly capabilities: bigint;
		readonly isSandboxed: boolean;
	}) {
		this.#stage = options.stage;
		this.#child = options.child;
		this.#inputs = options.inputs;
		this.#output = options.output;
		this.#reports = options.reports;
		this.#messages = options.messages;
		this.#capabilities = options.capabilities;
		this.#isSandboxed = options.isSandboxed;
		this.#inputs.handedOver();
		this.#output.start();
		this.#reports.start();
		this.#messages.start();
		this.#gaveUp.promise.catch(() => {}); // It is raced below; nobody waits for it after that.
		this.ended = Promise.race([this.#end(), this.#gaveUp.promise]).finally(() =>
			this.#release(),
		);
		this.ended.catch(() => {}); // Whoever started us waits for it, perhaps not yet.
	}

	/**
	 * Begins the command, once. Nothing happens where the sandbox is gone already: {@link StageProcess.ended} says why.
	 *
	 * @throws TypeError a string in it holds a NUL.
	 */
	begin(command: Command): void {
		if (this.#isReleased) return;
		this.#command = command.argv[0] ?? "";
		this.#inputs.send(command);
		// Not before it is there. By then all between it and us are set to end with us: if we are killed while they are not yet, the
		// kernel may end the first of them too early to tell the others, and nobody would ever end those.
		this.#reports.whenReady(() => this.#inputs.go());
	}

	/**
	 * Asks the stage to end: SIGTERM to its processes, save those that left its session.
	 *
	 * A stage whose sandbox is still being made gets it when its command begins.
	 */
	terminate(): void {
		void this.#terminate();
	}

	async #terminate(): Promise<void> {
		if (!(await this.#hasStarted())) return;
		if (!this.#isSandboxed) return signalProcess(-this.#child.pid, "SIGTERM");
		// unshare, bubblewrap, and the sandbox's first process, which leads the session of the command.
		const [builder] = childrenOf(this.#child.pid);
		const [leader] = builder === undefined ? [] : childrenOf(builder);
		if (leader !== undefined) signalProcess(-leader, "SIGTERM");
	}

	/** Whether the command came to run; waits while that is open. */
	async #hasStarted(): Promise<boolean> {
		while (this.#child.status === undefined) {
			if (this.#reports.lines.some((line) => line.ok)) return true;
			await delay(1);
		}
		return false;
	}

	/** Ends the stage with every process it has, and waits for that no longer than ten seconds. */
	kill(): void {
		if (this.#isKilled) return;
		this.#isKilled = true;
		void this.#kill();
	}

	async #kill(): Promise<void> {
		if (this.#isSandboxed) await this.#killBuilder();
		else signalProcess(-this.#child.pid, "SIGKILL");
		await delay(killDeadlineMs, { keepAlive: false });
		if (this.#child.status !== undefined) return;
		const survivor = describeProcess(this.#child.pid);
		const message = `stage ${this.#stage}: ${survivor} is still there ${killDeadlineMs / 1000} s after SIGKILL`;
		this.#gaveUp.reject(new RunError("ERR_SANDBOX_SURVIVORS", message, { stage: this.#stage }));
	}

	/** bubblewrap is the first process of a pid namespace: with it the kernel ends all others, however far it has come. */
	async #killBuilder(): Promise<void> {
		while (this.#child.status === undefined) {
			const [builder] = childrenOf(this.#child.pid);
			if (builder !== undefined) return signalProcess(builder, "SIGKILL");
			await delay(1); // unshare has not come to start it.
		}
	}

	async #end(): Promise<StageEnd> {
		const status = await this.#child.exited;
		// In a sandbox nothing is left now: unshare ends after bubblewrap, and that after all others of its pid namespace.
		// Elsewhere, what the command left running in its session would hold devices and outputs.
		if (!this.#isSandboxed) signalProcess(-this.#child.pid, "SIGKILL");
		// One that left the session may have the outputs for as long as it likes; so may whom a stage sent them to.
		await this.#output.ended(outputGraceMs);
		this.#checkReports(status);
		return { status, output: this.#output.last };
	}

	#checkReports(status: ExitStatus): void {
		const lines = this.#reports.lines;
		const failure = lines.find((line) => line.error !== undefined);
		if (failure?.error === "caps") {
			throw this.#capabilityError(
				failure.caps,
				"more than it was to get, or a way to CAP_MKNOD",
			);
		}
		if (failure?.error === "proc") throw this.#kernelSettingsError(failure.errno ?? 0);
		if (failure?.error === "filter") throw this.#filterError(failure.errno ?? 0);
		if (failure?.error === "exec") throw this.#commandError(failure.errno ?? 0);
		const success = lines.find((line) => line.ok);
		if (success !== undefined) {
			// The helper refuses more than was granted; less is a failure of the sandbox just the same.
			if (BigInt(`0x${success.caps}`) === this.#capabilities) return;
			throw this.#capabilityError(success.caps, "not what it was to get");
		}
		if (this.#isKilled) return;
		const how =
			status.signal === undefined ? `exit status ${status.code}` : `signal ${status.signal}`;
		const message = `stage ${this.#stage}: the sandbox could not be made, bubblewrap ended with ${how}: ${this.#messages.take().trim()}`;
		throw new StageError("ERR_SANDBOX_SETUP", message, { stage: this.#stage, output: "" });
	}

	#capabilityError(held: string | undefined, what: string): RunError {
		const names = (set: bigint): string => capabilityNames(set).join(" ") || "none";
		const message =
			`stage ${this.#stage}: it would hold ${what}: holds ${names(BigInt(`0x${held ?? "0"}`))}, ` +
			`granted ${names(this.#capabilities)}. It was not run`;
		return new RunError("ERR_SANDBOX_CAPABILITIES", message, { stage: this.#stage });
	}

	#kernelSettingsError(errno: number): StageError {
		const why = errno === 0 ? "it could write /proc/sys" : `/proc/sys: ${errnoName(errno)}`;
		const message = `stage ${this.#stage}: the kernel's settings are not protected from it, ${why}. It was not run`;
		return new StageError("ERR_SANDBOX_SETUP", message, { stage: this.#stage, output: "" });
	}

	#filterError(errno: number): StageError {
		const message =
			`stage ${this.#stage}: the kernel takes no filter of system calls (seccomp: ${errnoName(errno)}), without ` +
			"which a stage could change its loop devices. It was not run";
		return new StageError("ERR_SANDBOX_SETUP", message, { stage: this.#stage, output: "" });
	}

	#commandError(errno: number): StageError {
		const name = errnoName(errno);
		const why =
			name === "ENOENT"
				? "not found in the sandbox, or what it is to be run by is missing"
				: name === "EACCES"
					? "not executable"
					: name === "ENOEXEC"
						? "not a program; does the script begin with #!?"
						: name === "E2BIG"
							? "an argument is longer than 128 KiB, or all are too long together; use stdin or a file"
							: `could not be executed (${name})`;
		const message = `stage ${this.#stage}: ${this.#command}: ${why}`;
		return new StageError("ERR_STAGE_COMMAND", message, {
			stage: this.#stage,
			exitCode: name === "ENOENT" ? 127 : 126,
			output: this.#output.last,
		});
	}

	/** Kills what there still is of it, and waits for that. */
	async [Symbol.asyncDispose](): Promise<void> {
		if (this.#child.status === undefined) this.kill();
		await this.ended.catch(() => {}); // whoever began it has been told
	}

	#release(): void {
		this.#isReleased = true;
		this.#inputs[Symbol.dispose]();
		this.#reports[Symbol.dispose]();
		this.#messages[Symbol.dispose]();
		this.#output.close();
	}
}

/** As `node:timers/promises` has it, which is one more module to load in every run. */
function delay(ms: number, { keepAlive = true } = {}): Promise<void> {
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, ms);
		if (!keepAlive) timer.unref();
	});
}
