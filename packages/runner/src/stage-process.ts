import { setTimeout as delay } from "node:timers/promises";
import { type Child, errnoName, type ExitStatus } from "@devhost/linux";
import { RunError, StageError } from "./error.ts";
import {
	describeProcess,
	isNamespaceAlive,
	type NamespaceInit,
	signalNamespace,
} from "./pid-namespace.ts";
import { capabilityNames } from "./stage-capabilities.ts";
import type { StageOutput } from "./stage-output.ts";
import type { StageReports } from "./stage-reports.ts";

/** How long a killed stage may take to be gone: a process in uninterruptible sleep does not die before its I/O ends. */
const killDeadlineMs = 10_000;

/** How a stage's command ended. With a sandbox a signal shows as 128 + its number: bubblewrap passes it on like a shell. */
export interface StageEnd {
	readonly status: ExitStatus;
	/** The last output. */
	readonly output: string;
}

/** A stage that runs. Nothing of it is left when {@link StageProcess.ended} settles. */
export class StageProcess {
	/**
	 * Resolves when every process of the stage is gone and its output is read.
	 *
	 * Rejects with {@link RunError} `ERR_SANDBOX_SETUP`, `ERR_SANDBOX_CAPABILITIES`, `ERR_STAGE_COMMAND` when the command
	 * was not run, or `ERR_SANDBOX_SURVIVORS` when a killed one does not go away.
	 */
	readonly ended: Promise<StageEnd>;
	readonly #stage: string;
	readonly #command: string;
	readonly #child: Child;
	readonly #output: StageOutput;
	readonly #reports: StageReports;
	readonly #capabilities: bigint;
	readonly #isSandboxed: boolean;
	readonly #gaveUp = Promise.withResolvers<never>();
	#init: NamespaceInit | undefined;
	#isKilled = false;

	/** Made by `startSandbox` and `startUnsandboxed`. Owns `reports` and `output`. */
	constructor(options: {
		readonly stage: string;
		/** The command's name, for errors. */
		readonly command: string;
		/** bubblewrap, or without a sandbox the helper that becomes the command. */
		readonly child: Child;
		readonly output: StageOutput;
		readonly reports: StageReports;
		/** What the command must turn out to hold. */
		readonly capabilities: bigint;
		readonly isSandboxed: boolean;
	}) {
		this.#stage = options.stage;
		this.#command = options.command;
		this.#child = options.child;
		this.#output = options.output;
		this.#reports = options.reports;
		this.#capabilities = options.capabilities;
		this.#isSandboxed = options.isSandboxed;
		this.#output.start();
		this.#reports.start();
		this.#gaveUp.promise.catch(() => {}); // It is raced below; nobody waits for it after that.
		this.ended = Promise.race([this.#end(), this.#gaveUp.promise]).finally(() =>
			this.#release(),
		);
		this.ended.catch(() => {}); // Whoever started us waits for it, perhaps not yet.
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
		const init = this.#findInit();
		if (init !== undefined) signalNamespace(init, "SIGTERM");
		else if (!this.#isSandboxed) this.#signalGroup("SIGTERM");
	}

	/** Whether the command came to run; waits while that is open. */
	async #hasStarted(): Promise<boolean> {
		while (this.#child.status === undefined) {
			if (this.#reports.helper.some((line) => line.ok)) return true;
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
		if (this.#isSandboxed) {
			// Its first process and not bubblewrap: between its own steps bubblewrap's child would outlive it. So a sandbox
			// that is just being made is let live for the moment that it takes to say which process that is.
			for (let tries = 0; tries < 1000 && this.#findInit() === undefined; tries++) {
				if (this.#child.status !== undefined) return;
				await delay(1);
			}
			const init = this.#findInit();
			if (init === undefined) this.#child.kill("SIGKILL");
			else signalNamespace(init, "SIGKILL");
		} else {
			this.#signalGroup("SIGKILL");
		}
		await delay(killDeadlineMs, undefined, { ref: false });
		const survivor = describeProcess(this.#findInit()?.pid ?? this.#child.pid);
		const message = `stage ${this.#stage}: ${survivor} is still there ${killDeadlineMs / 1000} s after SIGKILL`;
		this.#gaveUp.reject(new RunError("ERR_SANDBOX_SURVIVORS", message, { stage: this.#stage }));
	}

	/** Without a sandbox: the session that the command leads. What left it is not ours to find. */
	#signalGroup(signal: "SIGTERM" | "SIGKILL"): void {
		try {
			process.kill(-this.#child.pid, signal);
		} catch {
			// Nobody is left in it.
		}
	}

	async #end(): Promise<StageEnd> {
		const status = await this.#child.exited;
		const init = this.#findInit();
		if (init !== undefined) await this.#namespaceEnd(init);
		// What the command left running in its session would hold devices and outputs.
		if (!this.#isSandboxed) this.#signalGroup("SIGKILL");
		await this.#output.ended();
		this.#checkReports(status);
		return { status, output: this.#output.last };
	}

	/** bubblewrap ends when the command does; the kernel then kills what the command left running in the sandbox. */
	async #namespaceEnd(init: NamespaceInit): Promise<void> {
		const deadline = performance.now() + killDeadlineMs;
		while (isNamespaceAlive(init)) {
			if (performance.now() > deadline) return this.kill();
			await delay(1);
		}
	}

	#checkReports(status: ExitStatus): void {
		const lines = this.#reports.helper;
		const output = this.#output.last;
		const failure = lines.find((line) => line.error !== undefined);
		if (failure?.error === "caps") {
			throw this.#capabilityError(
				failure.caps,
				"more than it was to get, or a way to CAP_MKNOD",
			);
		}
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
		const message = `stage ${this.#stage}: the sandbox could not be made, bwrap ended with ${how}: ${output.trim()}`;
		throw new StageError("ERR_SANDBOX_SETUP", message, { stage: this.#stage, output });
	}

	#capabilityError(held: string | undefined, what: string): RunError {
		const names = (set: bigint): string => capabilityNames(set).join(" ") || "none";
		const message =
			`stage ${this.#stage}: it would hold ${what}: holds ${names(BigInt(`0x${held ?? "0"}`))}, ` +
			`granted ${names(this.#capabilities)}. It was not run`;
		return new RunError("ERR_SANDBOX_CAPABILITIES", message, { stage: this.#stage });
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
						: `could not be executed (${name})`;
		const message = `stage ${this.#stage}: ${this.#command}: ${why}`;
		return new StageError("ERR_STAGE_COMMAND", message, {
			stage: this.#stage,
			exitCode: name === "ENOENT" ? 127 : 126,
			output: this.#output.last,
		});
	}

	/** The sandbox's first process, once bubblewrap has said which it is. */
	#findInit(): NamespaceInit | undefined {
		return (this.#init ??= this.#reports.init);
	}

	#release(): void {
		this.#reports[Symbol.dispose]();
		this.#output.close();
	}
}
