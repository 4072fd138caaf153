import { closeSync, constants, openSync, readlinkSync } from "node:fs";
import {
	type DeviceEvent,
	DeviceManager,
	nowMs,
	type OpenedDevice,
	parseKey,
	type SecretSource,
} from "@devhost/core";
import { checkManifest } from "./check.ts";
import { declaredDevices } from "./declared-devices.ts";
import { mayHaveSecrets } from "./may-have-secrets.ts";
import { afterTimeout, onAbort } from "./on-abort.ts";
import { planDevices, type StageDevices } from "./device-plan.ts";
import { type EarlyStart, lackingFeature } from "./early-start.ts";
import { flattenErrors, reportError, reportFailure } from "./error-report.ts";
import { RunError } from "./error.ts";
import type { RunEvent } from "./events.ts";
import { exitCodeOf, exitCodes } from "./exit-code.ts";
import { findTools } from "./find-tools.ts";
import type { DeviceDeclaration, Manifest, StageDeclaration } from "./manifest.ts";
import { type DeviceModule, deviceTypes, loadModules, type Modules } from "./modules.ts";
import { missingFileSystem } from "./kernel-feature.ts";
import { mountsPath, type RunNamespace } from "./namespace.ts";
import type { OsbuildPlace } from "./osbuild-place.ts";
import { osbuildPaths } from "./osbuild-stage.ts";
import { refuseProblems } from "./problem.ts";
import { newRunId } from "./run-id.ts";
import type { GivenSecrets, RunSecrets } from "./run-secrets.ts";
import type { EndedService, ModuleService } from "./run-services.ts";
import { prepareStage, runStage, type Sandbox } from "./run-stage.ts";
import { readSource, type RunSource } from "./run-source.ts";
import type { RunOptions, RunResult, StageResult } from "./run.ts";
import { sandboxPaths } from "./bwrap-arguments.ts";
import { stageMount, type StageMount, stageMounts, type StageMounts } from "./stage-mounts.ts";
import { StageNodes } from "./stage-nodes.ts";
import type { StageProcess } from "./stage-process.ts";
import type { OutputStream } from "./stage-output.ts";

/**
 * Runs a manifest with what was begun already. Never rejects: failures are in the result.
 *
 * @param given - Secrets that were read already; closed at the end.
 */
export async function performRun(
	source: RunSource,
	options: RunOptions,
	early: EarlyStart,
	given?: GivenSecrets,
): Promise<RunResult> {
	const startMs = nowMs();
	const current = new Run(options, given);
	await current.perform(source, early);
	if (current.obstacle !== undefined) {
		const { performGuestRun } = await import("./guest-run.ts");
		return await performGuestRun(current.manifest ?? source, options, current);
	}
	const durationMs = nowMs() - startMs;
	const { id, errors, exitCode, stages } = current;
	const success = errors.length === 0;
	const reports = errors.flatMap(reportFailure);
	options.onEvent?.({ event: "run-ended", success, exitCode, durationMs, errors: reports });
	return { run: id, success, exitCode, errors, stages, durationMs };
}

/** What is there while stages run. */
interface Workshop {
	readonly manifest: Manifest;
	readonly modules: Modules;
	/** Undefined where the manifest has none. */
	readonly secrets: SecretSource | undefined;
	/** The tree, a real path. */
	readonly tree: string;
	readonly namespace: RunNamespace;
	readonly manager: DeviceManager;
	readonly sandbox: Sandbox;
	readonly serviceOf: (type: string) => ModuleService;
	readonly stopServices: () => Promise<void>;
}

/** What closing needs of a {@link Workshop}. */
type Closing = Pick<Workshop, "manager" | "stopServices">;

/** How long devices may take to open, or to undo it, when the run is ended meanwhile. Then their services are stopped. */
const openGraceMs = 2_000;
/** How long devices may take to close after a second signal. Then their services are stopped, and killed in the end. */
const closeGraceMs = 5_000;
/** How long closing may take before people are told what they wait for. */
const slowCloseMs = 5_000;

class Run {
	readonly id: string = newRunId();
	/** First cause first. */
	readonly errors: unknown[] = [];
	/** 0 as long as nothing failed; then what the first failure makes it. */
	exitCode: number = exitCodes.done;
	manifest: Manifest | undefined;
	/** Why it has to be in a guest instead: nothing was opened, and nothing was told of it. */
	obstacle: RunError | undefined;
	readonly #results = new Map<string, StageResult>();
	readonly #options: RunOptions;
	readonly #given: GivenSecrets | undefined;
	readonly #stop = new AbortController();
	/** Ends what runs without waiting for it. */
	readonly #kill = new AbortController();
	/** Why devices that were open are not any more. */
	#loss: RunError | undefined;
	/** Whether opening is under way, which tells of lost services itself, and whether everything is to be closed. */
	#phase: "opening" | "working" | "closing" = "working";
	#manager: DeviceManager | undefined;
	/** The stage whose devices are opened or that runs. */
	#stage: StageDeclaration | undefined;
	/** What it sees of them. */
	#seen: { readonly nodes: StageNodes; readonly names: ReadonlySet<string> } | undefined;

	constructor(options: RunOptions, given?: GivenSecrets) {
		this.#options = options;
		this.#given = given;
	}

	get stages(): StageResult[] {
		return (this.manifest?.stages ?? []).map(
			({ name }) => this.#results.get(name) ?? { name, status: "skipped", durationMs: 0 },
		);
	}

	/** Does everything; failures are in {@link Run.errors}. */
	async perform(source: RunSource, early: EarlyStart): Promise<void> {
		using _ = this.#watchLimits();
		using _given = this.#given;
		await this.#attempt(() => this.#withManifest(source, early));
		if ("failure" in early) return;
		this.#phase = "closing";
		await this.#attempt(() => early.services.stop(), "closing");
		early.namespace[Symbol.dispose]();
	}

	async #withManifest(source: RunSource, early: EarlyStart): Promise<void> {
		const { searchPath = process.env["PATH"] ?? "", root = "/", sandbox } = this.#options;
		const manifest = await readSource(source, this.#options);
		this.manifest = manifest;
		const modules = await loadModules({ manifest, modules: this.#options.modules });
		this.obstacle = obstacleOf(manifest, modules, early);
		if (this.obstacle !== undefined) return;
		const { file, tree, stages } = manifest;
		const names = stages.map(({ name }) => name);
		this.#emit({ event: "run-started", run: this.id, manifest: file, tree, stages: names });
		if ("failure" in early) throw early.failure;
		if (sandbox === "none") {
			const message = "stages run without a sandbox: as root, on the files of the host";
			this.#emit({ event: "warning", code: "WARN_SANDBOX_NONE", message });
		}
		const isolation: Sandbox =
			sandbox === "none" ? "none" : { tools: findTools(searchPath), root };

		const { namespace, services } = early;
		services.listen({
			onStart: (service) => this.#emit({ event: "service-started", service }),
			onLog: ({ service, text }) => this.#emit({ event: "log", service, text }),
			onEnd: (ended) => this.#onServiceEnd(ended),
		});
		// A service takes longer to start than the manifest to be checked.
		const failure = attempt(() => {
			for (const { device } of declaredDevices(manifest)) {
				const module = modules.forType(device.type);
				if (module !== undefined) services.start(module);
			}
		});
		refuseProblems(await checkManifest(manifest, { modules, files: "certain" }));
		if (failure !== undefined) throw failure.error;
		using secrets = await this.#beginSecrets(manifest, modules);
		const serviceOf = (type: string): ModuleService =>
			services.start(modules.forType(type) as DeviceModule);
		const stopServices = (): Promise<void> => services.stop();
		await this.#withServices({
			manifest,
			modules,
			secrets,
			namespace,
			sandbox: isolation,
			serviceOf,
			stopServices,
		});
	}

	/** Warns of secrets, and asks for those that somebody has to type. Undefined where the manifest has none. */
	async #beginSecrets(manifest: Manifest, modules: Modules): Promise<RunSecrets | undefined> {
		if (!mayHaveSecrets(manifest, modules)) return undefined;
		const [{ declaredSecrets }, { RunSecrets }] = await Promise.all([
			import("./declared-secrets.ts"),
			import("./run-secrets.ts"),
		]);
		const declared = declaredSecrets(manifest, modules);
		if (declared.length === 0) return undefined;
		using begun = new DisposableStack();
		const onWarning = (warning: RunEvent): void => this.#emit(warning);
		const given = this.#given;
		const options = { manifest, secrets: declared, given, onWarning };
		const secrets = begun.use(new RunSecrets(options));
		await secrets.begin(this.#stop.signal);
		begun.move();
		return secrets;
	}

	async #withServices(begun: Omit<Workshop, "manager" | "tree">): Promise<void> {
		const { manifest, modules, secrets, namespace, serviceOf } = begun;
		const tree = openSync(manifest.tree, constants.O_RDONLY | constants.O_DIRECTORY);
		// Whatever becomes of links on the way to it, stages and services see the same one.
		const place = readlinkSync(`/proc/self/fd/${tree}`);
		try {
			const manager = new DeviceManager({
				service: serviceOf,
				types: deviceTypes(modules),
				run: this.id,
				tree,
				devices: namespace.devices,
				mounts: mountsPath,
				secrets,
				onEvent: (event) => this.#onDeviceEvent(event),
			});
			this.#manager = manager;
			await this.#attempt(() => this.#runStages({ ...begun, tree: place, manager }));
			this.#phase = "closing";
			await this.#close({ ...begun, manager });
		} finally {
			closeSync(tree);
		}
	}

	async #runStages(workshop: Workshop): Promise<void> {
		const { manifest } = workshop;
		for (const plan of planDevices(manifest)) {
			if (this.#stop.signal.aborted || this.#loss !== undefined) break;
			this.#stage = plan.stage;
			await this.#attempt(() => this.#runStage(workshop, plan));
			await this.#close(workshop, [...plan.last]);
			if (this.errors.length > 0 && !this.#options.keepGoing) break;
		}
		// Between stages nothing else would have noticed.
		if (this.#stop.signal.aborted && this.errors.length === 0) throw this.#stop.signal.reason;
	}

	async #runStage(workshop: Workshop, plan: StageDevices): Promise<void> {
		const { manifest, namespace, sandbox, tree } = workshop;
		const { stage, index } = plan;
		const { name } = stage;
		const startMs = nowMs();
		let status: StageResult["status"] = "failed";
		let isStarted = false;
		let metadata: unknown;
		try {
			await using osbuildPlace = await this.#placeFor(stage, namespace, sandbox);
			const place = {
				namespace,
				sandbox,
				tree,
				osbuildPlace,
				onOutput: (stream: OutputStream, text: string) =>
					this.#emit({ event: "stage-output", stage: name, stream, text }),
			};
			// While its devices are being opened. A sandbox with mounts cannot be made before these are there.
			await using early = plan.hasMounts ? undefined : prepareStage(stage, place);
			using nodes = new StageNodes(namespace, {
				isBare: sandbox === "none",
				isLast: index === manifest.stages.length - 1,
				own: osbuildPlace?.devices,
			});
			this.#seen = { nodes, names: plan.visible };
			nodes.expect(plan.visible.size);
			const { devices, mounts } = await this.#openDevices(workshop, plan);
			using input = await this.#readInput(workshop, stage);
			const mounted = this.#mountedFor(workshop, mounts, stage);
			await using late =
				early === undefined ? prepareStage(stage, { ...place, mounted }) : undefined;
			const prepared = (early ?? late) as StageProcess;
			await runStage(stage, prepared, {
				...place,
				devices,
				mounts,
				nodes,
				secretInput: input.secret,
				signal: this.#stop.signal,
				killSignal: this.#kill.signal,
				onStart: (command) => {
					isStarted = true;
					const count = manifest.stages.length;
					this.#emit({
						event: "stage-started",
						stage: name,
						number: index + 1,
						count,
						command,
						...(stage.osbuild !== undefined && { id: stage.osbuild.id }),
					});
				},
			});
			metadata = this.#readMetadata(osbuildPlace, name);
			status = "done";
		} catch (error) {
			if (isStarted) {
				const durationMs = nowMs() - startMs;
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
			this.#seen = undefined;
			const durationMs = nowMs() - startMs;
			this.#results.set(name, { name, status, durationMs });
			if (status === "done") {
				this.#emit({
					event: "stage-ended",
					stage: name,
					success: true,
					durationMs,
					...(metadata !== undefined && { metadata }),
				});
			}
		}
	}

	/** What a stage of osbuild finds; undefined for any other. */
	async #placeFor(
		{ name, osbuild }: StageDeclaration,
		namespace: RunNamespace,
		sandbox: Sandbox,
	): Promise<OsbuildPlace | undefined> {
		if (osbuild === undefined) return undefined;
		if (sandbox === "none") {
			const message = `stage ${name}: a stage of osbuild needs its sandbox, in which everything is where it looks`;
			throw new RunError("ERR_SANDBOX_MISSING", message, { stage: name });
		}
		const { OsbuildPlace } = await import("./osbuild-place.ts");
		return new OsbuildPlace(namespace, this.id);
	}

	#readMetadata(place: OsbuildPlace | undefined, stage: string): unknown {
		try {
			return place?.readMetadata();
		} catch (error) {
			const message = `stage ${stage}: what it said of itself cannot be read, ${(error as Error).message}`;
			this.#emit({ event: "warning", code: "WARN_OSBUILD_METADATA", message });
			return undefined;
		}
	}

	/** Reads the stage's standard input where that is a secret. It is overwritten when the stage is over. */
	async #readInput(
		{ secrets }: Workshop,
		stage: StageDeclaration,
	): Promise<Disposable & { readonly secret: Uint8Array | undefined }> {
		let secret: Uint8Array | undefined;
		if (typeof stage.stdin === "object" && secrets !== undefined) {
			const { readStageInput } = await import("./run-secrets.ts");
			secret = await readStageInput(secrets, stage, this.#stop.signal);
		}
		return { secret, [Symbol.dispose]: () => void secret?.fill(0) };
	}

	/** The namespace that a stage's mounts are in, and which of them it sees. */
	#mountedFor(
		{ serviceOf }: Workshop,
		mounts: readonly StageMount[],
		{ osbuild }: StageDeclaration,
	): StageMounts | undefined {
		const [first] = mounts;
		if (first === undefined) return undefined;
		const root = osbuild === undefined ? sandboxPaths.mounts : osbuildPaths.mounts;
		return stageMounts(serviceOf(first.type).pidfd, mounts, root);
	}

	/** Opens what the stage needs and is not open yet. Returns what it sees. */
	async #openDevices(
		{ manager, stopServices }: Workshop,
		plan: StageDevices,
	): Promise<{ readonly devices: OpenedDevice[]; readonly mounts: StageMount[] }> {
		const open = new Set(manager.opened.map(({ name }) => name));
		const missing = plan.needed.filter(({ key }) => !open.has(key));
		if (missing.length > 0) {
			const specs = new Map(missing.map((device) => [device.key, device]));
			const pointers = new Map(missing.map(({ key, pointer }) => [key, pointer]));
			using _ = this.#giveUpOn(stopServices);
			this.#phase = "opening";
			try {
				await manager.open(specs, {
					signal: this.#stop.signal,
					pointer: (name) => pointers.get(name) ?? "",
				});
			} finally {
				this.#phase = "working";
			}
			if (this.#loss !== undefined) throw this.#loss;
		}
		const seen = manager.opened.filter(({ name }) => plan.visible.has(name));
		const isMount = ({ name }: OpenedDevice): boolean => parseKey(name).isMount;
		return {
			devices: seen.filter((each) => !isMount(each)),
			mounts: seen.filter(isMount).map((mount) => stageMount(mount, plan.needed)),
		};
	}

	/** A driver that does not react to being cancelled is not waited for: its service is stopped, and killed in the end. */
	#giveUpOn(stopServices: () => Promise<void>): Disposable {
		const limits = new DisposableStack();
		const stop = (): void => void this.#attempt(stopServices, "closing");
		onAbort(this.#stop.signal, limits, () => {
			const timer = setTimeout(stop, openGraceMs);
			limits.defer(() => clearTimeout(timer));
		});
		onAbort(this.#kill.signal, limits, stop);
		return limits;
	}

	/** Closes devices. Whoever does not want to wait for what they write back any longer says so by a second signal. */
	async #close({ manager, stopServices }: Closing, names?: readonly string[]): Promise<void> {
		const waiting = setTimeout(() => {
			const left = manager.opened
				.map(({ name }) => name)
				.filter((name) => names?.includes(name) ?? true);
			const message = `still closing ${left.join(", ")}: what was written is brought to its files`;
			this.#emit({ event: "warning", code: "WARN_SLOW_CLOSE", message });
		}, slowCloseMs);
		using limits = new DisposableStack();
		limits.defer(() => clearTimeout(waiting));
		// Not when a service was lost: the devices of the others are closed as ever.
		onAbort(this.#options.killSignal ?? never, limits, () => {
			const stop = (): void => void this.#attempt(stopServices, "closing");
			const timer = setTimeout(stop, closeGraceMs);
			limits.defer(() => clearTimeout(timer));
		});
		const phase = this.#phase;
		this.#phase = "closing";
		await this.#attempt(() => manager.close(names), "closing");
		this.#phase = phase;
	}

	/** A service ended by itself: its devices are gone, and their numbers soon somebody else's. */
	#onServiceEnd({ name, types, devices: own, status }: EndedService): void {
		if (this.#loss !== undefined) return;
		const isLost = (device: OpenedDevice): boolean =>
			own?.includes(device.name) ?? types.includes(device.type);
		const lost = (this.#manager?.opened ?? []).filter(isLost);
		if (lost.length === 0) return; // opening says what became of the others
		const devices = lost.map((device) => device.name).join(", ");
		const how = status.signal ?? `exit status ${status.code}`;
		const message = `the service ${name} ended with ${how}, and with it ${devices}: what uses them is killed`;
		this.#loss = new RunError("ERR_RUN_SERVICE_ENDED", message);
		// What is under way tells of it itself; nothing further begins.
		if (this.#phase !== "working") return;
		this.#stop.abort(this.#loss);
		this.#kill.abort();
	}

	#onDeviceEvent(event: DeviceEvent): void {
		switch (event.type) {
			case "open":
				this.#emit(this.#openedEvent(event.device, event.ms));
				this.#hold(event.device);
				break;
			case "closing":
				// Opening the others has failed, and this one is closed again: with us it would be busy.
				this.#seen?.nodes.release(event.device);
				break;
			case "closed": {
				const { isMount } = parseKey(event.name);
				const name = this.#nameOf(event.name);
				const durationMs = event.ms;
				if (isMount) this.#emit({ event: "unmounted", mount: name, durationMs });
				else this.#emit({ event: "device-closed", device: name, durationMs });
				break;
			}
			case "log":
				this.#emit({ event: "log", service: event.name, text: event.text });
				break;
			case "opening":
			case "failed": // It is thrown too.
				break;
		}
	}

	#openedEvent(device: OpenedDevice, durationMs: number): RunEvent {
		const { type, path, node, details } = device;
		const { name, isMount } = parseKey(device.name);
		const stage = this.#stage;
		const kind = isMount ? "mounts" : "devices";
		const isOwn = stage !== undefined && Object.hasOwn(stage[kind], name);
		const declared = (isOwn ? stage : this.manifest)?.[kind][name];
		const shown = this.#nameOf(device.name);
		const common = {
			type,
			...(isOwn && { stage: stage.name }),
			...(details !== undefined && { details }),
			durationMs,
		};
		if (!isMount && node !== undefined) {
			const place = `/dev/${path}`;
			return withId(declared, {
				event: "device-opened",
				device: shown,
				path: place,
				node,
				...common,
			});
		}
		const target = path === "." ? "" : `/${path}`;
		const root = stage?.osbuild === undefined ? sandboxPaths.mounts : osbuildPaths.mounts;
		return withId(declared, { event: "mounted", mount: shown, path: root + target, ...common });
	}

	/** The name that the manifest has for a device or mount: osbuild's may be such as are no keys of ours. */
	#nameOf(key: string): string {
		const { devices, mounts } = this.#stage?.osbuild ?? {};
		return devices?.get(key) ?? mounts?.get(key) ?? parseKey(key).name;
	}

	/** While the others are being opened. */
	#hold(device: OpenedDevice): void {
		if (this.#seen?.names.has(device.name) !== true) return;
		try {
			this.#seen.nodes.add(device);
		} catch {
			// Tried again, and complained of, when the stage begins.
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
		onAbort(this.#options.killSignal ?? never, limits, () => this.#kill.abort());
		afterTimeout(timeoutMs, limits, (reason) => this.#stop.abort(reason));
		return limits;
	}

	#emit(event: RunEvent): void {
		this.#options.onEvent?.(event);
	}
}

/** The event of a declared device with its id, which is computed when somebody reads it: people are not shown it. */
function withId<Event extends RunEvent>(
	declared: DeviceDeclaration | undefined,
	event: Event,
): Event {
	if (declared === undefined) return event;
	return Object.defineProperty(event, "id", { enumerable: true, get: () => declared.id });
}

/** What devices of modules that do not come with devhost need and this kernel lacks: of the others it is known. */
function obstacleOf(manifest: Manifest, modules: Modules, early: EarlyStart): RunError | undefined {
	if ("failure" in early || !early.hasChoice) return undefined;
	const used = declaredDevices(manifest).flatMap(({ device: { type } }) => {
		const module = modules.forType(type);
		return module === undefined ? [] : [{ type, module }];
	});
	for (const { type, module } of used) {
		const fileSystem = module.mounts?.[type]?.fileSystem;
		const missing = fileSystem === undefined ? undefined : missingFileSystem(fileSystem);
		if (missing !== undefined) return new RunError("ERR_RUN_BACKEND", missing);
	}
	const unknown = used.map(({ module }) => module).filter(({ isBuiltIn }) => !isBuiltIn);
	return lackingFeature(unknown, early.namespace);
}

function isSameNews(a: unknown, b: unknown): boolean {
	if (a === b) return true;
	const [first, second] = [reportError(a), reportError(b)];
	return first.code === second.code && first.message === second.message;
}

function isClosedByUs(error: unknown): boolean {
	return reportError(error).causes?.some(({ code }) => code === "ERR_RPC_CLOSED") === true;
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
