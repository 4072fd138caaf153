import { closeSync, constants, openSync } from "node:fs";
import { type DeviceEvent, DeviceManager, type OpenedDevice } from "@devhost/core";
import { checkManifest, checkManifestFile } from "./check.ts";
import { onAbort } from "./on-abort.ts";
import { planDevices, type StageDevices } from "./device-plan.ts";
import { flattenErrors, reportError, reportFailure } from "./error-report.ts";
import { RunError } from "./error.ts";
import type { RunEvent } from "./events.ts";
import { exitCodeOf, exitCodes } from "./exit-code.ts";
import { findBwrap } from "./find-bwrap.ts";
import { type Manifest, readManifest, type StageDeclaration } from "./manifest.ts";
import { findModules } from "./modules.ts";
import { makeRunNamespace, notRoot, type RunNamespace } from "./namespace.ts";
import { isManifestError, ManifestError, type Problem } from "./problem.ts";
import { runStage, type Sandbox } from "./run-stage.ts";
import { RunServices } from "./run-services.ts";

/** How to run a manifest. */
export interface RunOptions {
	/**
	 * How stages are isolated. `none` runs them on the host's file systems as root: only for debugging, or inside of
	 * something that isolates already.
	 *
	 * @default "bubblewrap"
	 */
	readonly sandbox?: "bubblewrap" | "none" | undefined;
	/** Directory that stages see as `/`, read-only. @default "/" */
	readonly root?: string | undefined;
	/** Packages with further types of devices: names, or paths relative to the working directory. */
	readonly modules?: readonly string[] | undefined;
	/** Goes on with the next stage when one fails. The run fails all the same. @default false */
	readonly keepGoing?: boolean | undefined;
	/** Milliseconds of wall clock time for everything but closing. @default unlimited */
	readonly timeoutMs?: number | undefined;
	/** Ends the run in order: the stage is asked to end, devices are closed. */
	readonly signal?: AbortSignal | undefined;
	/** Also kills the stage that runs, instead of waiting for it. Devices are closed. */
	readonly killSignal?: AbortSignal | undefined;
	/** Told what happens, as it happens. It must not throw. */
	readonly onEvent?: ((event: RunEvent) => void) | undefined;
	/** Where bubblewrap is looked for. @default PATH of this process */
	readonly searchPath?: string | undefined;
}

/** How a stage ended. */
export interface StageResult {
	readonly name: string;
	/** `skipped`: an earlier one failed, or the run was interrupted. */
	readonly status: "done" | "failed" | "skipped";
	readonly durationMs: number;
}

/** How a run ended. */
export interface RunResult {
	/** Id of the run, as in the tags of its devices. */
	readonly run: string;
	readonly success: boolean;
	/** What `devhost run` would exit with. */
	readonly exitCode: number;
	/** Everything that failed, first cause first. Empty after success. */
	readonly errors: readonly unknown[];
	readonly stages: readonly StageResult[];
	readonly durationMs: number;
}

/** A run failed. The first cause is its `cause`, and its code. */
export class RunFailure extends AggregateError {
	override readonly name = "RunFailure";
	/** Code of the first cause. */
	readonly code: string;
	readonly result: RunResult;

	constructor(result: RunResult) {
		const [first] = result.errors;
		const { code, message } = reportError(first);
		super(result.errors, message, { cause: first });
		this.code = code;
		this.result = result;
	}
}

/**
 * Runs the stages of a manifest, each with its devices open.
 *
 * When it settles, everything that it opened is closed, whatever happened.
 *
 * @param source - A manifest that was read, or the path of one.
 * @throws {@link RunFailure} when anything failed: manifest, device, stage or closing.
 *
 * @example
 * ```ts
 * import { run } from "devhost";
 *
 * const result = await run("manifest.yaml", {
 * 	onEvent(event) {
 * 		if (event.event === "stage-output") process.stdout.write(event.text);
 * 	},
 * });
 * console.log(`${result.stages.length} stages in ${result.durationMs} ms`);
 * ```
 */
export async function run(source: Manifest | string, options: RunOptions = {}): Promise<RunResult> {
	const result = await attemptRun(source, options);
	if (!result.success) throw new RunFailure(result);
	return result;
}

/** As {@link run}, with failures in the result. */
export async function attemptRun(
	source: Manifest | string,
	options: RunOptions = {},
): Promise<RunResult> {
	const startMs = performance.now();
	const current = new Run(options);
	await current.perform(source);
	const durationMs = performance.now() - startMs;
	const { id, errors, exitCode, stages } = current;
	const success = errors.length === 0;
	const reports = errors.flatMap(reportFailure);
	options.onEvent?.({ event: "run-ended", success, exitCode, durationMs, errors: reports });
	return { run: id, success, exitCode, errors, stages, durationMs };
}

/** What is there while stages run. */
interface Workshop {
	readonly manifest: Manifest;
	readonly namespace: RunNamespace;
	readonly manager: DeviceManager;
	readonly sandbox: Sandbox;
	readonly services: RunServices;
}

/** How long devices may take to open, or to undo it, when the run is ended meanwhile. Then their services are stopped. */
const openGraceMs = 2_000;

class Run {
	readonly id: string = newRunId();
	/** First cause first. */
	readonly errors: unknown[] = [];
	/** 0 as long as nothing failed; then what the first failure makes it. */
	exitCode: number = exitCodes.done;
	readonly #results = new Map<string, StageResult>();
	readonly #options: RunOptions;
	readonly #stop = new AbortController();
	#manifest: Manifest | undefined;
	/** The stage whose devices are opened or that runs. */
	#stage: StageDeclaration | undefined;

	constructor(options: RunOptions) {
		this.#options = options;
	}

	get stages(): StageResult[] {
		return (this.#manifest?.stages ?? []).map(
			({ name }) => this.#results.get(name) ?? { name, status: "skipped", durationMs: 0 },
		);
	}

	/** Does everything; failures are in {@link Run.errors}. */
	async perform(source: Manifest | string): Promise<void> {
		using _ = this.#watchLimits();
		await this.#attempt(() => this.#withManifest(source));
	}

	async #withManifest(source: Manifest | string): Promise<void> {
		const { searchPath = process.env["PATH"] ?? "", root = "/", sandbox } = this.#options;
		const manifest = await this.#read(source);
		this.#manifest = manifest;
		const { file, tree, stages } = manifest;
		const names = stages.map(({ name }) => name);
		this.#emit({ event: "run-started", run: this.id, manifest: file, tree, stages: names });
		if (process.geteuid?.() !== 0) throw notRoot();
		if (sandbox === "none") {
			const message = "stages run without a sandbox: as root, on the files of the host";
			this.#emit({ event: "warning", code: "WARN_SANDBOX_NONE", message });
		}
		const isolation: Sandbox =
			sandbox === "none" ? "none" : { bwrap: findBwrap(searchPath), root };

		using namespace = makeRunNamespace();
		const modules = findModules({ manifest, modules: this.#options.modules });
		const services = new RunServices({
			modules,
			namespace: namespace.namespace,
			onStart: (service) => this.#emit({ event: "service-started", service }),
			onLog: ({ service, text }) => this.#emit({ event: "log", service, text }),
		});
		await this.#attempt(async () => {
			// Node takes longer to start than the manifest to be checked.
			const failure = attempt(() =>
				deviceTypes(manifest).forEach((type) => services.find(type)),
			);
			refuseProblems(await checkManifest(manifest, { modules, files: "certain" }));
			if (failure !== undefined) throw failure.error;
			await this.#withServices({ manifest, namespace, sandbox: isolation, services });
		});
		await this.#attempt(() => services.stop(), "closing");
	}

	async #read(source: Manifest | string): Promise<Manifest> {
		if (typeof source !== "string") return source;
		try {
			return await readManifest(source);
		} catch (error) {
			if (!isManifestError(error)) throw error;
			// Its form is wrong; perhaps more is, and all of it is to be said at once.
			const { modules } = this.#options;
			refuseProblems(await checkManifestFile(source, { modules, files: "certain" }));
			throw error;
		}
	}

	async #withServices({
		manifest,
		namespace,
		sandbox,
		services,
	}: Omit<Workshop, "manager">): Promise<void> {
		const tree = openSync(manifest.tree, constants.O_RDONLY | constants.O_DIRECTORY);
		try {
			const manager = new DeviceManager({
				service: (type) => services.get(type),
				run: this.id,
				tree,
				devices: namespace.devices,
				onEvent: (event) => this.#onDeviceEvent(event),
			});
			await this.#attempt(() =>
				this.#runStages({ manifest, namespace, sandbox, services, manager }),
			);
			await this.#attempt(() => manager.close(), "closing");
		} finally {
			closeSync(tree);
		}
	}

	async #runStages(workshop: Workshop): Promise<void> {
		const { manifest, manager } = workshop;
		const plans = planDevices(manifest);
		for (const [index, stage] of manifest.stages.entries()) {
			if (this.#stop.signal.aborted) break;
			const plan = plans[index] as StageDevices;
			this.#stage = stage;
			await this.#attempt(() => this.#runStage(workshop, index, plan));
			for (const { name } of manager.opened.toReversed()) {
				if (plan.last.has(name)) await this.#attempt(() => manager.close(name), "closing");
			}
			if (this.errors.length > 0 && !this.#options.keepGoing) break;
		}
		// Between stages nothing else would have noticed.
		if (this.#stop.signal.aborted && this.errors.length === 0) throw this.#stop.signal.reason;
	}

	async #runStage(workshop: Workshop, index: number, plan: StageDevices): Promise<void> {
		const { manifest, namespace, sandbox } = workshop;
		const stage = manifest.stages[index] as StageDeclaration;
		const { name } = stage;
		const startMs = performance.now();
		let status: StageResult["status"] = "failed";
		let isStarted = false;
		try {
			const devices = await this.#openDevices(workshop, plan);
			await runStage(stage, {
				namespace,
				sandbox,
				tree: manifest.tree,
				devices,
				signal: this.#stop.signal,
				killSignal: this.#options.killSignal ?? never,
				onStart: (command) => {
					isStarted = true;
					const count = manifest.stages.length;
					this.#emit({
						event: "stage-started",
						stage: name,
						number: index + 1,
						count,
						command,
					});
				},
				onOutput: (stream, text) =>
					this.#emit({ event: "stage-output", stage: name, stream, text }),
			});
			status = "done";
		} catch (error) {
			if (isStarted) {
				const durationMs = performance.now() - startMs;
				const report = reportError(error);
				this.#emit({
					event: "stage-ended",
					stage: name,
					success: false,
					durationMs,
					error: report,
				});
			}
			throw error;
		} finally {
			const durationMs = performance.now() - startMs;
			this.#results.set(name, { name, status, durationMs });
			if (status === "done") {
				this.#emit({ event: "stage-ended", stage: name, success: true, durationMs });
			}
		}
	}

	/** Opens what the stage needs and is not open yet. Returns what it sees. */
	async #openDevices(
		{ manager, services }: Workshop,
		plan: StageDevices,
	): Promise<OpenedDevice[]> {
		const open = new Set(manager.opened.map(({ name }) => name));
		const missing = plan.needed.filter(({ name }) => !open.has(name));
		if (missing.length > 0) {
			const specs = new Map(missing.map((device) => [device.name, device]));
			const pointers = new Map(missing.map(({ name, pointer }) => [name, pointer]));
			using _ = this.#giveUpOn(services);
			await manager.open(specs, {
				signal: this.#stop.signal,
				pointer: (name) => pointers.get(name) ?? "",
			});
		}
		return manager.opened.filter(({ name }) => plan.visible.has(name));
	}

	/** A driver that does not react to being cancelled is not waited for: its service is stopped, and killed in the end. */
	#giveUpOn(services: RunServices): Disposable {
		const limits = new DisposableStack();
		const stop = (): void => void this.#attempt(() => services.stop(), "closing");
		onAbort(this.#stop.signal, limits, () => {
			const timer = setTimeout(stop, openGraceMs);
			limits.defer(() => clearTimeout(timer));
		});
		onAbort(this.#options.killSignal ?? never, limits, stop);
		return limits;
	}

	#onDeviceEvent(event: DeviceEvent): void {
		switch (event.type) {
			case "open": {
				const { name, type, path, node } = event.device;
				const stage = this.#stage;
				this.#emit({
					event: "device-opened",
					device: name,
					type,
					...(stage !== undefined &&
						Object.hasOwn(stage.devices, name) && { stage: stage.name }),
					path: `/dev/${path}`,
					node,
					durationMs: event.ms,
				});
				break;
			}
			case "closed":
				this.#emit({ event: "device-closed", device: event.name, durationMs: event.ms });
				break;
			case "log":
				this.#emit({ event: "log", service: event.name, text: event.text });
				break;
			case "opening":
			case "closing":
			case "failed": // It is thrown too.
				break;
		}
	}

	/** Whatever a step throws is a failure of the run, and what comes after the step is done all the same. */
	async #attempt(step: () => Promise<void>, phase?: "closing"): Promise<void> {
		try {
			await step();
		} catch (error) {
			for (const each of flattenErrors(this.#reasonBehind(error))) {
				// A service that ends is news for each of its devices, but not for people; nor is what we stopped ourselves.
				if (this.errors.some((known) => isSameNews(known, each))) continue;
				if (this.#stop.signal.aborted && isClosedByUs(each)) continue;
				if (this.errors.length === 0) {
					this.exitCode = phase === "closing" ? exitCodes.closeFailed : exitCodeOf(each);
				}
				this.errors.push(each);
			}
		}
	}

	/** Opening that was cancelled says so; why the run is ended is what people want to know. */
	#reasonBehind(error: unknown): unknown {
		const { signal } = this.#stop;
		const isCancelled =
			error instanceof Error && "code" in error && error.code === "ERR_DEVICE_CANCELLED";
		if (!signal.aborted || !isCancelled) return error;
		const [, ...others] = flattenErrors(error);
		return new AggregateError([signal.reason, ...others]);
	}

	/** Aborts the run when its caller does, or when its time is over. */
	#watchLimits(): Disposable {
		const { signal, timeoutMs } = this.#options;
		const limits = new DisposableStack();
		onAbort(signal ?? never, limits, () => this.#stop.abort(interruptedBy(signal?.reason)));
		if (timeoutMs !== undefined) {
			const message = `the run is not done after its ${timeoutMs / 1000} s, and ended`;
			const expire = (): void => this.#stop.abort(new RunError("ERR_RUN_TIMEOUT", message));
			const timer = setTimeout(expire, Math.min(timeoutMs, 2 ** 31 - 1));
			limits.defer(() => clearTimeout(timer));
		}
		return limits;
	}

	#emit(event: RunEvent): void {
		this.#options.onEvent?.(event);
	}
}

function isSameNews(a: unknown, b: unknown): boolean {
	if (a === b) return true;
	const [first, second] = [reportError(a), reportError(b)];
	return first.code === second.code && first.message === second.message;
}

function isClosedByUs(error: unknown): boolean {
	return reportError(error).causes?.some(({ code }) => code === "ERR_RPC_CLOSED") === true;
}

function refuseProblems([first, ...others]: readonly Problem[]): void {
	if (first !== undefined) throw new ManifestError([first, ...others]);
}

const never = new AbortController().signal;

/** What an action throws, for later. */
function attempt(action: () => void): { readonly error: unknown } | undefined {
	try {
		action();
		return undefined;
	} catch (error) {
		return { error };
	}
}

/** A signal's reason as an error of ours, which reports and exit codes know. */
function interruptedBy(reason: unknown): RunError {
	if (reason instanceof RunError) return reason;
	return new RunError("ERR_RUN_INTERRUPTED", "the run was interrupted", { cause: reason });
}

function deviceTypes({ devices, stages }: Manifest): Set<string> {
	const all = [devices, ...stages.map((stage) => stage.devices)];
	return new Set(all.flatMap((each) => Object.values(each).map(({ type }) => type)));
}

let runCount = 0;

/** Short, for tags of 63 bytes, and of no other run on this machine: no two processes have one number at one time. */
function newRunId(): string {
	const parts = [Math.round(performance.timeOrigin), process.pid, runCount++];
	return parts.map((part) => part.toString(36)).join("-");
}
