import { isAbsolute, join, resolve } from "node:path";
import { nowMs } from "@devhost/core";
import {
	type ApplianceErrorCode,
	bootGuest,
	type Guest,
	type GuestCommand,
	isApplianceError,
} from "@devhost/appliance";
import { checkManifest } from "./check.ts";
import type { GuestStart } from "./early-start.ts";
import { reportFailure } from "./error-report.ts";
import { isRunError, RunError } from "./error.ts";
import type { RunEvent } from "./events.ts";
import { exitCodeOf, exitCodes } from "./exit-code.ts";
import { GuestEvents, GuestRunError } from "./guest-events.ts";
import { guestFiles } from "./guest-files.ts";
import type { Manifest } from "./manifest.ts";
import { loadModules, type Modules } from "./modules.ts";
import type { GuestInput } from "./guest-secrets.ts";
import { mayHaveSecrets } from "./may-have-secrets.ts";
import { afterTimeout, onAbort } from "./on-abort.ts";
import { stageOutputRoom } from "./output-flow.ts";
import { refuseProblems } from "./problem.ts";
import { newRunId } from "./run-id.ts";
import { readSource, type RunSource } from "./run-source.ts";
import type { RunOptions, RunResult, StageResult } from "./run.ts";

/**
 * Runs a manifest in a guest kernel: boots it, has the very same devhost run the manifest there, and powers it off. What
 * happens there is told as if it happened here. Never rejects: failures are in the result.
 */
export async function performGuestRun(
	source: RunSource,
	options: RunOptions,
	{ obstacle }: GuestStart,
): Promise<RunResult> {
	const startMs = nowMs();
	const run = new GuestRun(options);
	try {
		await run.perform(source);
	} catch (error) {
		run.fail(withObstacle(error, obstacle));
	}
	const durationMs = nowMs() - startMs;
	const { id, errors, exitCode, stages } = run;
	const success = errors.length === 0;
	const reports = errors.flatMap(reportFailure);
	options.onEvent?.({ event: "run-ended", success, exitCode, durationMs, errors: reports });
	return { run: id, success, exitCode, errors, stages, durationMs };
}

/** How long a stage that was told to end a second time, and all that is to be closed after it, may take. */
const killGraceMs = 30_000;

class GuestRun {
	/** As in the guest, once it has begun there. */
	id: string = newRunId();
	/** First cause first. */
	readonly errors: unknown[] = [];
	/** 0 as long as nothing failed; then what the first failure makes it. */
	exitCode: number = exitCodes.done;
	readonly #options: RunOptions;
	readonly #results = new Map<string, StageResult>();
	#stageNames: readonly string[] = [];
	/** The last one of the run in the guest. */
	#ended: Extract<RunEvent, { event: "run-ended" }> | undefined;

	constructor(options: RunOptions) {
		this.#options = options;
	}

	get stages(): StageResult[] {
		return this.#stageNames.map(
			(name) => this.#results.get(name) ?? { name, status: "skipped", durationMs: 0 },
		);
	}

	fail(error: unknown): void {
		if (this.errors.length === 0) this.exitCode = exitCodeOf(error);
		this.errors.push(error);
	}

	async perform(source: RunSource): Promise<void> {
		const { modules: names, signal, guest: guestOptions = {} } = this.#options;
		const manifest = await readSource(source, this.#options);
		this.#stageNames = manifest.stages.map(({ name }) => name);
		const modules = await loadModules({ manifest, modules: names });
		refuseProblems(await checkManifest(manifest, { modules, files: "certain" }));
		using secrets = await this.#readSecrets(manifest, modules);

		const startMs = nowMs();
		const {
			memoryBytes,
			bootTimeoutMs: timeoutMs,
			kernel,
			modules: moduleFolder,
		} = guestOptions;
		const guest = await bootGuest({
			...defined({ memoryBytes, timeoutMs, kernel, modules: moduleFolder, signal }),
			writable: [manifest.tree],
			exclusive: guestFiles(manifest, modules),
		});
		try {
			this.#emit({
				event: "guest-started",
				backend: "uml",
				kernel: guest.kernelRelease,
				durationMs: nowMs() - startMs,
			});
			await this.#runInside(guest, manifest, { modules, secrets });
		} catch (error) {
			this.fail(error);
		}
		await this.#powerOff(guest);
	}

	/** Reads what a guest cannot get at: undefined where the manifest has no secrets. */
	async #readSecrets(manifest: Manifest, modules: Modules): Promise<GuestInput | undefined> {
		if (!mayHaveSecrets(manifest, modules)) return undefined;
		const [{ declaredSecrets }, { readGuestSecrets }] = await Promise.all([
			import("./declared-secrets.ts"),
			import("./guest-secrets.ts"),
		]);
		const { signal, timeoutMs } = this.#options;
		const stop = new AbortController();
		using limits = new DisposableStack();
		onAbort(signal ?? new AbortController().signal, limits, () => stop.abort(signal?.reason));
		afterTimeout(timeoutMs, limits, (reason) => stop.abort(reason));
		return await readGuestSecrets(manifest, declaredSecrets(manifest, modules), {
			signal: stop.signal,
			onWarning: (message) =>
				this.#emit({ event: "warning", code: "WARN_SECRET_PERMISSIONS", message }),
		});
	}

	async #runInside(
		guest: Guest,
		manifest: Manifest,
		{
			modules,
			secrets,
		}: { readonly modules: Modules; readonly secrets: GuestInput | undefined },
	): Promise<void> {
		const said: string[] = [];
		const say = (text: string): void => {
			said.push(text);
			this.#emit({ event: "log", service: "guest", text });
		};
		const events = new GuestEvents((event) => this.#onGuestEvent(event, manifest), say);
		const decoder = new TextDecoder();
		const command = guest.start(this.#command(manifest, modules, secrets), {
			// Only for the search for bubblewrap: stages get an environment of their own.
			environment: {
				PATH: this.#options.searchPath ?? process.env["PATH"] ?? "",
				HOME: "/root",
			},
			stdin: secrets === undefined ? manifest.text : secrets.pieces(),
			onStdout: (bytes) => {
				events.add(bytes);
				// As native stages do: a reader that is slow makes them wait, but not who wants them ended.
				return this.#options.signal?.aborted === true ? undefined : stageOutputRoom();
			},
			onStderr: (bytes) => {
				for (const line of decoder.decode(bytes, { stream: true }).split("\n")) {
					if (line !== "") say(line);
				}
			},
		});
		using _ = this.#passOnSignals(command);
		const exit = await command.exited;
		events.end();
		if (this.#ended === undefined) {
			// Before it listened to signals, and had anything open.
			this.#options.signal?.throwIfAborted();
			const how = exit.signal === undefined ? `exit status ${exit.code}` : exit.signal;
			const words = said.length === 0 ? "" : `: ${said.slice(-20).join("\n")}`;
			throw new RunError("ERR_RUN_BACKEND", `devhost in the guest ended with ${how}${words}`);
		}
		this.exitCode = this.#ended.exitCode;
		for (const report of this.#ended.errors) this.errors.push(new GuestRunError(report));
	}

	/** The very same devhost, on the very same Node, reading the manifest from its standard input. */
	#command(manifest: Manifest, modules: Modules, secrets: GuestInput | undefined): string[] {
		const { sandbox, root, keepGoing, timeoutMs } = this.#options;
		const further = new Set(
			modules.types.flatMap((type) => {
				const module = modules.forType(type);
				return module === undefined || module.isBuiltIn ? [] : module.file;
			}),
		);
		return [
			process.execPath,
			join(import.meta.dirname, "..", "dist", "cli.cjs"),
			"run",
			"--backend=native",
			"--json",
			`--as=${resolve(manifest.file)}`,
			...osbuildArguments(this.#options.osbuild, manifest),
			...(sandbox === undefined ? [] : [`--sandbox=${sandbox}`]),
			...(root === undefined ? [] : [`--root=${isAbsolute(root) ? root : resolve(root)}`]),
			...(keepGoing === true ? ["--keep-going"] : []),
			...(timeoutMs === undefined ? [] : [`--timeout=${timeoutMs / 1000}`]),
			...[...further].map((file) => `--module=${file}`),
			...(secrets === undefined ? [] : ["--secrets-on-stdin"]),
			"-",
		];
	}

	#onGuestEvent(event: RunEvent, manifest: Manifest): void {
		switch (event.event) {
			case "run-started":
				this.id = event.run;
				this.#emit({ ...event, manifest: manifest.file });
				return;
			case "run-ended":
				// Told when the guest is off.
				this.#ended = event;
				return;
			case "stage-ended": {
				const { stage: name, success, durationMs } = event;
				this.#results.set(name, { name, status: success ? "done" : "failed", durationMs });
				this.#emit(event);
				return;
			}
			default:
				this.#emit(event);
		}
	}

	/** The devhost in the guest knows what to do with signals: the first one ends the run in order, the second one the stage. */
	#passOnSignals(command: GuestCommand): Disposable {
		const { signal, killSignal } = this.#options;
		const limits = new DisposableStack();
		const never = new AbortController().signal;
		onAbort(signal ?? never, limits, () => command.kill(signalOf(signal?.reason)));
		onAbort(killSignal ?? never, limits, () => {
			command.kill(signalOf(signal?.reason));
			const timer = setTimeout(() => command.kill("SIGKILL"), killGraceMs);
			limits.defer(() => clearTimeout(timer));
		});
		return limits;
	}

	async #powerOff(guest: Guest): Promise<void> {
		try {
			await guest.powerOff();
		} catch (error) {
			// How the guest ended is known already where it ended too early.
			if (this.errors.some((known) => isSameEnd(known, error))) return;
			if (this.errors.length === 0) this.exitCode = exitCodes.closeFailed;
			this.errors.push(error);
		}
	}

	#emit(event: RunEvent): void {
		this.#options.onEvent?.(event);
	}
}

function isSameEnd(known: unknown, error: unknown): boolean {
	return isApplianceError(known) && isApplianceError(error) && known.message === error.message;
}

function signalOf(reason: unknown): NodeJS.Signals {
	return (isRunError(reason) ? reason.signal : undefined) ?? "SIGINT";
}

/** Where nothing works, both reasons are worth knowing. */
function withObstacle(error: unknown, obstacle: unknown): unknown {
	if (obstacle === undefined || !isApplianceError(error) || !unavailable.has(error.code)) {
		return error;
	}
	const native = reportFailure(obstacle)
		.map(({ message: reason }) => reason)
		.join("\n");
	const message =
		`on this machine's kernel: ${native}\n` +
		`in a guest: ${error.message}\n` +
		"devhost doctor shows what is there and what is missing";
	return new RunError("ERR_RUN_BACKEND", message, { cause: error });
}

/** What says that there is no guest to be had, rather than that something went wrong with one. */
const unavailable: ReadonlySet<string> = new Set<ApplianceErrorCode>([
	"ERR_APPLIANCE_NO_KERNEL",
	"ERR_APPLIANCE_NO_KMOD",
	"ERR_APPLIANCE_NO_MODULES",
	"ERR_APPLIANCE_PTRACE",
	"ERR_APPLIANCE_UNSUPPORTED",
	"ERR_APPLIANCE_WRONG_KERNEL",
]);

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(values: T): Defined<T> {
	const entries = Object.entries(values).filter(([, value]) => value !== undefined);
	return Object.fromEntries(entries) as Defined<T>;
}

/** What of a manifest of osbuild is run in the guest: the same. */
function osbuildArguments(options: RunOptions["osbuild"], { stages, tree }: Manifest): string[] {
	const libdir = stages[0]?.osbuild?.libdir;
	if (libdir === undefined) return [];
	const { pipeline, stage, input = [] } = options ?? {};
	return [
		`--libdir=${libdir}`,
		`--tree=${tree}`,
		...(pipeline === undefined ? [] : [`--pipeline=${pipeline}`]),
		...(stage === undefined ? [] : [`--stage=${stage}`]),
		// With absolute paths: it has another working directory.
		...input.map((each) => {
			const at = each.indexOf("=") + 1;
			return `--input=${each.slice(0, at)}${resolve(each.slice(at))}`;
		}),
	];
}
