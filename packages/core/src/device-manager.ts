import type { FdLike } from "@devhost/linux";
import { attachFailures } from "./attach-failures.ts";
import {
	callBegin,
	callClose,
	callDirectory,
	callOpen,
	type DeviceServiceClient,
} from "./device-client.ts";
import type { Fd } from "@devhost/linux";
import { DeviceError, isBusy } from "./error.ts";
import {
	type DeviceSpec,
	type DeviceSpecs,
	type DeviceTypes,
	prerequisitesOf,
	resolveGraph,
} from "./graph.ts";
import { OpenDevices, type OpenedDevice } from "./open-devices.ts";
import { Opening, type OpenDevicesOptions } from "./opening.ts";
import type { CloseParams, OpenResult } from "./wire.ts";
import { toPlain } from "./json-value.ts";
import { parentsOf } from "./parents.ts";
import { isAnswer, isConnectionOver, toDeviceError } from "./remote-device-error.ts";
import { GroupedCalls } from "./grouped-calls.ts";
import { hasSecretOptions } from "./secret-schema.ts";
import type { SecretSource } from "./secret/source.ts";
import type { TakenSecrets } from "./secret/take-secrets.ts";
import { nowMs } from "./clock.ts";

/** What happens to a device. `ms` is the time since its opening or closing began. */
export type DeviceEvent =
	| { readonly type: "opening"; readonly name: string }
	| { readonly type: "closing"; readonly name: string; readonly device: OpenedDevice }
	| {
			readonly type: "open";
			readonly name: string;
			readonly ms: number;
			readonly device: OpenedDevice;
	  }
	| { readonly type: "closed"; readonly name: string; readonly ms: number }
	| {
			readonly type: "failed";
			readonly name: string;
			readonly ms: number;
			readonly during: "open" | "close";
			readonly error: DeviceError;
	  }
	/** A fact that the driver tells during opening. */
	| { readonly type: "log"; readonly name: string; readonly text: string };

/** What a {@link DeviceManager} works with. */
export interface DeviceManagerOptions {
	/**
	 * The service that serves a type of device: the same one for all devices of it, started already or at the first call.
	 *
	 * The manager never stops services; whoever started them does, after the manager is closed.
	 */
	readonly service: (type: string) => DeviceServiceClient | Promise<DeviceServiceClient>;
	/** What is known of types. Without it any type is taken, and only services check parents. */
	readonly types?: DeviceTypes;
	/** The run's id, for tags on what is made. */
	readonly run: string;
	/** Directory beneath which the manifest's files are. Lent until the manager is closed. */
	readonly tree: FdLike;
	/** The run's private device directory. Lent until the manager is closed. */
	readonly devices: FdLike;
	/** Path of the directory that mounts are in, for the processes of their services. Without it nothing can be mounted. */
	readonly mounts?: string | undefined;
	/**
	 * Where the secrets of options come from. Which options are secrets is known by `types`.
	 *
	 * @default a `SecretReader` of this manager's own, with paths relative to the working directory
	 */
	readonly secrets?: SecretSource | undefined;
	/** Told of everything, as it happens. What it throws is thrown as an uncaught exception. */
	readonly onEvent?: (event: DeviceEvent) => void;
	/**
	 * Longest time that one device may take to open, in milliseconds.
	 *
	 * @default 60000
	 */
	readonly openTimeoutMs?: number;
	/**
	 * Longest time that one device may take to close, in milliseconds. Closing writes back what is cached.
	 *
	 * @default 300000
	 */
	readonly closeTimeoutMs?: number;
}

/** An open device and what the manager needs to close it. */
interface Entry {
	readonly device: OpenedDevice;
	readonly client: DeviceServiceClient;
	/** What it needs to be open. */
	readonly prerequisites: readonly string[];
	/** How many devices had been opened when this one's opening began, and when it was complete. */
	readonly began: number;
	readonly completed: number;
	/** Never rejects. */
	closing?: Promise<DeviceError | undefined>;
}

/** A device that is to be opened, its parents being open. */
interface OpenRequest {
	readonly name: string;
	readonly spec: DeviceSpec;
	readonly parents: readonly OpenedDevice[];
	readonly opening: Opening;
}

const defaultOpenTimeoutMs = 60_000;
const defaultCloseTimeoutMs = 300_000;

/**
 * Opens the devices of a run through their services, and closes them in the reverse order of completion.
 *
 * Several calls of {@link DeviceManager.open} may follow each other or overlap; later ones may name open devices of
 * earlier ones as parents.
 *
 * @example
 * ```ts
 * import { DeviceManager, type DeviceManagerOptions } from "@devhost/core";
 *
 * export async function showDisk(options: DeviceManagerOptions): Promise<void> {
 * 	await using manager = new DeviceManager(options);
 * 	const disk = { type: "devhost.loopback", options: { filename: "disk.img" } };
 * 	await using opened = await manager.open({ disk });
 * 	console.log(opened.get("disk").path);
 * }
 * ```
 */
export class DeviceManager implements AsyncDisposable {
	readonly #options: DeviceManagerOptions;
	/** Whether `begin` has succeeded, for each service that was needed so far. */
	readonly #begun = new Map<DeviceServiceClient, Promise<void>>();
	/** Services whose end has been reported. */
	readonly #ended = new Set<DeviceServiceClient>();
	readonly #calls = new Map<DeviceServiceClient, GroupedCalls>();
	/** What is open, in the order of completion. */
	readonly #entries: Entry[] = [];
	/** How many devices have been opened, closed ones included. */
	#completions = 0;
	readonly #openings = new Set<Opening>();
	/** Where nobody says where secrets come from, once there is one. */
	#secretReader: Promise<SecretSource & Disposable> | undefined;
	#isClosed = false;

	constructor(options: DeviceManagerOptions) {
		this.#options = options;
	}

	/** What is open, in the order of completion. */
	get opened(): readonly OpenedDevice[] {
		return this.#entries.map(({ device }) => device);
	}

	/**
	 * Opens devices: parents first, everything else at once.
	 *
	 * When one fails, the others that are still being opened are cancelled and waited for, and what was opened by this
	 * call is closed. Then it rejects with the first cause; `alsoFailed` has what else failed by itself, and
	 * `closeFailures` what could not be closed.
	 *
	 * @throws {@link DeviceError} before anything is opened, when something is wrong with the graph: with the code of the
	 * first problem, and all of them in `problems`.
	 * @throws {@link DeviceError} what a service said, with its code and the device's name; `ERR_DEVICE_TIMEOUT`,
	 * `ERR_DEVICE_CANCELLED`, `ERR_DEVICE_SERVICE`; `ERR_DEVICE_CLOSED` after {@link DeviceManager.close}.
	 */
	async open(devices: DeviceSpecs, options: OpenDevicesOptions = {}): Promise<OpenDevices> {
		if (this.#isClosed) throw closed();
		const specs = devices instanceof Map ? devices : new Map(Object.entries(devices));
		const order = this.#checkedOrder(specs, options);

		const opening = new Opening(specs, order, options);
		this.#openings.add(opening);
		try {
			using _ = opening.stopEarly(options);
			await this.#openAll(specs, order, opening);
			if (opening.cause === undefined) {
				const byName = new Map(this.opened.map((device) => [device.name, device]));
				const opened = order.flatMap((name) => byName.get(name) ?? []);
				return new OpenDevices(opened, (names) => this.#closeNames(names));
			}
			const rolledBack = await this.#closeEntries(new Set(order));
			const { cause, alsoFailed } = opening;
			const closeFailures = [...opening.closeFailures, ...rolledBack];
			throw attachFailures(cause, { alsoFailed, closeFailures });
		} finally {
			this.#openings.delete(opening);
			opening.settle();
		}
	}

	/**
	 * Closes devices, those that stand on them first, or everything, in the reverse order of completion. Opening that is
	 * still under way is ended first when everything is closed, and nothing can be opened afterwards.
	 *
	 * A device is closed when all are that began to be opened after it was open: any of them may rest on it, in ways that
	 * only their owner knows. Devices that were being opened at the same time are closed at the same time.
	 *
	 * One that fails does not keep the others open. A failure is reported once, to whoever closed first: closing again
	 * does nothing.
	 *
	 * @throws {@link DeviceError} the failure of what was opened last, with the others in `closeFailures`.
	 */
	async close(names?: string | readonly string[]): Promise<void> {
		if (names !== undefined) return await this.#closeNames([names].flat());
		this.#isClosed = true;
		for (const opening of this.#openings) opening.stop(closed());
		await Promise.all([...this.#openings].map(({ settled }) => settled));
		try {
			await this.#closeNames(this.opened.map((device) => device.name));
		} finally {
			(await this.#secretReader)?.[Symbol.dispose]();
		}
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}

	/** Parents first. Throws with everything that is wrong. */
	#checkedOrder(
		specs: ReadonlyMap<string, DeviceSpec>,
		{ pointer }: OpenDevicesOptions,
	): readonly string[] {
		const { order, problems } = resolveGraph(specs, this.#options.types, {
			existing: new Set(this.opened.map(({ name }) => name)),
			...(pointer === undefined ? {} : { pointer }),
		});
		const [first] = problems;
		if (first !== undefined) {
			const message = problems.map((problem) => problem.message).join("\n");
			throw new DeviceError(first.code, message, { device: first.device, problems });
		}
		const taken = order.find((name) =>
			[...this.#openings].some(({ names }) => names.has(name)),
		);
		if (taken === undefined) return order;
		const message = `${taken}: a device of this name is being opened`;
		throw new DeviceError("ERR_DEVICE_NAME", message, { device: taken });
	}

	/** Opens what it can until something stops it; resolves when nothing is under way any more. */
	async #openAll(
		specs: ReadonlyMap<string, DeviceSpec>,
		order: readonly string[],
		opening: Opening,
	): Promise<void> {
		const tasks = new Map<string, Promise<Entry | undefined>>();
		const openAfterParents = async (
			name: string,
			spec: DeviceSpec,
		): Promise<Entry | undefined> => {
			const open = new Map<string, OpenedDevice>();
			for (const each of prerequisitesOf(spec)) {
				const entry = await (tasks.get(each) ?? this.#find(each));
				// What kept a parent from opening is known already.
				if (entry === undefined) return undefined;
				if (entry.closing !== undefined) opening.stop(parentClosed(entry.device.name));
				open.set(each, entry.device);
			}
			const parents = parentsOf(spec).flatMap((parent) => open.get(parent) ?? []);
			if (opening.signal.aborted) return undefined;
			return await this.#openOne({ name, spec, parents, opening });
		};
		for (const name of order) {
			const spec = specs.get(name);
			if (spec !== undefined) tasks.set(name, openAfterParents(name, spec));
		}
		await Promise.all(tasks.values());
	}

	/** Opens one device. Never rejects: what goes wrong is told to the opening. */
	async #openOne(request: OpenRequest): Promise<Entry | undefined> {
		const { name, spec, parents, opening } = request;
		const startMs = nowMs();
		const began = this.#completions;
		let client: DeviceServiceClient | undefined;
		this.#emit({ type: "opening", name });
		try {
			using secrets = this.#hasSecrets(spec) ? await this.#takeSecrets(request) : undefined;
			const service = this.#options.service(spec.type);
			client = this.#callsOf(service instanceof Promise ? await service : service);
			const result = await this.#callOpen(client, request, secrets);
			const openMs = nowMs() - startMs;
			const { type } = spec;
			const beneath = parents.map((parent) => parent.name);
			const device: OpenedDevice = { name, type, parents: beneath, ...result, openMs };
			const prerequisites = prerequisitesOf(spec);
			const completed = ++this.#completions;
			const entry = { device, client, prerequisites, began, completed };
			this.#entries.push(entry);
			this.#emit({ type: "open", name, ms: openMs, device });
			return entry;
		} catch (cause) {
			// A client may reject with the reason itself, which belongs to another device.
			const isStopped = opening.signal.aborted && cause === opening.cause;
			const error = isStopped ? opening.cancelled(name) : toDeviceError(cause, name);
			// The others are told to stop before this one is undone, which may take its time.
			if (this.#isNews(client, cause)) opening.fail(error);
			const isKnown = isAnswer(cause) || isConnectionOver(cause);
			if (client !== undefined && !isKnown) await this.#undo(client, request);
			const ms = nowMs() - startMs;
			this.#emit({ type: "failed", name, ms, during: "open", error });
			return undefined;
		}
	}

	/** Whether a device's type has options that are secrets. */
	#hasSecrets({ type }: DeviceSpec): boolean {
		const schema = this.#options.types?.get(type)?.options;
		return schema !== undefined && hasSecretOptions(schema);
	}

	/** Gets the secrets of a device's options. */
	async #takeSecrets({ name, spec, opening }: OpenRequest): Promise<TakenSecrets> {
		const { takeSecrets } = await import("./secret/take-secrets.ts");
		return await takeSecrets({
			device: name,
			schema: this.#options.types?.get(spec.type)?.options ?? {},
			options: toPlain(spec.options ?? undefined),
			place: opening.pointer(name),
			source: this.#options.secrets ?? (await (this.#secretReader ??= newSecretReader())),
			signal: opening.signal,
		});
	}

	async #callOpen(
		client: DeviceServiceClient,
		request: OpenRequest,
		secrets: TakenSecrets | undefined,
	): Promise<OpenResult> {
		const { name, spec, parents, opening } = request;
		const { type, mount } = spec;
		const options = secrets === undefined ? spec.options : secrets.options;
		using tree = spec.tree === undefined ? undefined : await this.#directoryOf(request);

		// One after the other on the wire, without waiting for the first answer.
		const begun = this.#begin(client);
		try {
			return await callOpen(
				client,
				{
					name,
					type,
					options,
					parents,
					...(secrets !== undefined && { secrets }),
					...(tree !== undefined && { tree }),
					...(mount !== undefined && { mount }),
				},
				{
					signal: opening.signal,
					timeoutMs: this.#options.openTimeoutMs ?? defaultOpenTimeoutMs,
					onSignal: (signal) => {
						const { value } = signal;
						if (signal.name !== "log" || typeof value !== "string") return;
						this.#emit({ type: "log", name, text: value });
					},
				},
			);
		} catch (error) {
			// Why it did not begin is why it could not open anything.
			await begun;
			throw error;
		}
	}

	/** The directory of the mount that a device's files are in; undefined where they are in the run's tree. */
	async #directoryOf({ spec, opening }: OpenRequest): Promise<Fd | undefined> {
		const { tree: name } = spec;
		const entry = name === undefined ? undefined : this.#find(name);
		if (name === undefined || entry === undefined) return undefined;
		const timeoutMs = this.#options.openTimeoutMs ?? defaultOpenTimeoutMs;
		return await callDirectory(entry.client, { name }, { signal: opening.signal, timeoutMs });
	}

	/** Makes sure that nothing of a device is left in a service that has not said what became of it. */
	async #undo(client: DeviceServiceClient, { name, opening }: OpenRequest): Promise<void> {
		try {
			// Waits for an opening that the service is still undoing.
			await callClose(client, { name }, { timeoutMs: this.#closeTimeoutMs });
		} catch (error) {
			if (!isConnectionOver(error)) opening.undoFailed(toDeviceError(error, name));
		}
	}

	/** Whether an error says something that is not known yet: a service ends once, for all its devices. */
	#isNews(client: DeviceServiceClient | undefined, error: unknown): boolean {
		if (client === undefined || !isConnectionOver(error)) return true;
		if (this.#ended.has(client)) return false;
		this.#ended.add(client);
		return true;
	}

	#begin(client: DeviceServiceClient): Promise<void> {
		let begun = this.#begun.get(client);
		if (begun === undefined) {
			const { run, tree, devices, mounts } = this.#options;
			const timeoutMs = this.#options.openTimeoutMs ?? defaultOpenTimeoutMs;
			const params = { run, ...(mounts !== undefined && { mounts }) };
			begun = callBegin(client, params, { fds: [tree, devices], timeoutMs });
			begun.catch(() => {}); // Looked at when the service cannot open anything.
			this.#begun.set(client, begun);
		}
		return begun;
	}

	/** The calls to a service. */
	#callsOf(client: DeviceServiceClient): GroupedCalls {
		let calls = this.#calls.get(client);
		if (calls === undefined) {
			calls = new GroupedCalls(client);
			this.#calls.set(client, calls);
		}
		return calls;
	}

	#find(name: string): Entry | undefined {
		return this.#entries.find(({ device }) => device.name === name);
	}

	async #closeNames(names: Iterable<string>): Promise<void> {
		const [first, ...others] = await this.#closeEntries(new Set(names));
		if (first !== undefined) throw attachFailures(first, { closeFailures: others });
	}

	/** Closes devices and their descendants, the last opened first, and returns what failed. */
	async #closeEntries(names: Set<string>): Promise<DeviceError[]> {
		// What is just being opened on one of them has to give up first.
		const affected = [...this.#openings].filter(
			({ parents }) => !parents.isDisjointFrom(names),
		);
		for (const opening of affected) {
			const parent = [...opening.parents].find((name) => names.has(name)) ?? "";
			opening.stop(parentClosed(parent));
		}
		await Promise.all(affected.map(({ settled }) => settled));

		// Children are completed after their parents, so one pass finds all descendants.
		for (const { device, prerequisites } of this.#entries) {
			if (prerequisites.some((each) => names.has(each))) names.add(device.name);
		}
		const closings: Promise<DeviceError | undefined>[] = [];
		const later: Entry[] = [];
		let latestBegan = -1;
		for (const entry of this.#entries.toReversed()) {
			if (!names.has(entry.device.name)) continue;
			if (entry.closing === undefined) {
				const hasAbove = latestBegan >= entry.completed;
				const above = hasAbove ? later.filter(({ began }) => began >= entry.completed) : [];
				entry.closing = hasAbove
					? this.#closeAfter(above, entry)
					: this.#closeOne(entry, false);
				closings.push(entry.closing);
			} else {
				// Who closed it first is told how that went.
				closings.push(entry.closing.then(() => undefined));
			}
			later.push(entry);
			latestBegan = Math.max(latestBegan, entry.began);
		}
		return (await Promise.all(closings)).filter((failure) => failure !== undefined);
	}

	/** Closes one device when others are closed. Never rejects. */
	async #closeAfter(above: readonly Entry[], entry: Entry): Promise<DeviceError | undefined> {
		const failures = await Promise.all(above.map(async ({ closing }) => await closing));
		// What stands on it and stays keeps it: whoever that waited for in vain need not be waited for again.
		const isKept = failures.some(
			(failure, index) =>
				above[index]?.prerequisites.includes(entry.device.name) === true && isBusy(failure),
		);
		return await this.#closeOne(entry, isKept);
	}

	/** Closes one device. Never rejects. */
	async #closeOne(entry: Entry, hurry: boolean): Promise<DeviceError | undefined> {
		const { client, device } = entry;
		const { name } = device;
		const startMs = nowMs();
		this.#emit({ type: "closing", name, device });
		try {
			const params: CloseParams = { name, ...(hurry && { hurry }) };
			await callClose(client, params, { timeoutMs: this.#closeTimeoutMs });
			this.#emit({ type: "closed", name, ms: nowMs() - startMs });
			return undefined;
		} catch (cause) {
			const error = toDeviceError(cause, name);
			this.#emit({
				type: "failed",
				name,
				ms: nowMs() - startMs,
				during: "close",
				error,
			});
			return this.#isNews(client, cause) ? error : undefined;
		} finally {
			this.#entries.splice(this.#entries.indexOf(entry), 1);
		}
	}

	get #closeTimeoutMs(): number {
		return this.#options.closeTimeoutMs ?? defaultCloseTimeoutMs;
	}

	#emit(event: DeviceEvent): void {
		try {
			this.#options.onEvent?.(event);
		} catch (error) {
			// As for any event target: a listener's mistake neither stops the closing nor goes unseen.
			queueMicrotask(() => {
				throw error;
			});
		}
	}
}

async function newSecretReader(): Promise<SecretSource & Disposable> {
	const { SecretReader } = await import("./secret/reader.ts");
	return new SecretReader();
}

function closed(): DeviceError {
	return new DeviceError("ERR_DEVICE_CLOSED", "the device manager is closed");
}

function parentClosed(parent: string): DeviceError {
	return new DeviceError("ERR_DEVICE_CLOSED", `${parent}: it is closed, and cannot be a parent`, {
		device: parent,
	});
}
