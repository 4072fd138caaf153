import { constants, existsSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import {
	DeviceError,
	type DeviceCallOptions,
	type DeviceCallReply,
	type DeviceNode,
	type DeviceServiceClient,
	isDeviceError,
	parseKey,
	toPlain,
} from "@devhost/core";
import { AT_FDCWD, type ExitStatus, type FdLike, fdNumber, openat2, statFd } from "@devhost/linux";
import { RpcError, type Service, type ServiceOptions } from "@devhost/rpc";
import { speakOsbuild } from "@devhost/rpc/osbuild";
import { answeredDevice, answeredMount, type OpenedByModule } from "./answer.ts";
import { presentDevices } from "./block-devices.ts";
import { moduleError } from "./module-error.ts";
import { ModuleProcess } from "./module-process.ts";
import { OpenedDevice } from "./opened-device.ts";
import type { DescribedModule } from "./osbuild-module.ts";

/** The host of modules' processes. */
export interface ModuleHost {
	/** Starts a process, with the host's environment and what `environment` adds to it. */
	start(options: ServiceOptions & { readonly type: string }): Service;
	/** The mount namespace in which processes that mount are: {@link ServiceOptions.namespace}. */
	readonly mountNamespace: () => NonNullable<ServiceOptions["namespace"]>;
	/** One in which `/dev` is the run's device directory. */
	readonly deviceNamespace: () => NonNullable<ServiceOptions["namespace"]>;
	/** A process has ended without having been asked to, and with it what it had opened. */
	readonly onLost: (lost: {
		readonly service: string;
		/** What it had opened, as the graph calls it. */
		readonly device: string;
		readonly status: ExitStatus;
	}) => void;
}

/** What `begin` brought. */
interface Run {
	/** Path of the run's device directory, for processes in any mount namespace. */
	readonly dev: string;
	readonly devices: number;
	/** Path of the tree. */
	readonly tree: string;
	/** Path of the directory of mounts, in the namespace of those who mount. */
	readonly mounts: string | undefined;
}

/** Something that a module has opened, or is opening. */
interface Entry {
	readonly running: ModuleProcess;
	readonly device: OpenedDevice | undefined;
	/** Of a mount: its directory. */
	readonly path: string;
}

/**
 * The processes of one of osbuild's modules, one for each device or mount, behind the calls of a device service of ours: for
 * `DeviceManager`.
 *
 * They are started as osbuild starts them, and told to close by the end of their socket, as osbuild tells them; a device is asked by
 * its `close` before, whose exception says what went wrong.
 */
export class ModuleServices implements DeviceServiceClient {
	readonly #module: DescribedModule;
	readonly #host: ModuleHost;
	readonly #entries = new Map<string, Entry>();
	#run: Run | undefined;

	constructor(module: DescribedModule, host: ModuleHost) {
		this.#module = module;
		this.#host = host;
		speakOsbuild();
	}

	/** Stands for a process in the namespace that its mounts are in, lent. @throws TypeError when it has mounted nothing. */
	get pidfd(): FdLike {
		return this.#mounting().pidfd;
	}

	/** The number of the same process. */
	get pid(): number {
		return this.#mounting().pid;
	}

	/** See `@devhost/core`: `begin`, `open`, `directory` and `close`. */
	async call(
		method: string,
		params: unknown,
		options: DeviceCallOptions,
	): Promise<DeviceCallReply> {
		switch (method) {
			case "begin":
				this.#begin(params as { readonly mounts?: string }, options);
				return reply(null);
			case "open":
				return reply(await this.#open(params as OpenParams, options));
			case "directory":
				return this.#directory(params as { readonly name: string });
			case "close":
				await this.#close(params as { readonly name: string }, options);
				return reply(null);
			default:
				throw new RpcError(
					"ERR_RPC_METHOD",
					`one of osbuild's modules has no method ${method}`,
				);
		}
	}

	#begin({ mounts }: { readonly mounts?: string }, { fds = [] }: DeviceCallOptions): void {
		const [tree, devices] = fds.map(fdNumber);
		if (tree === undefined || devices === undefined)
			throw new TypeError("begin needs 2 descriptors");
		this.#run = {
			dev: pathOfFd(devices),
			devices,
			tree: readlinkSync(`/proc/self/fd/${tree}`),
			mounts,
		};
	}

	async #open(params: OpenParams, options: DeviceCallOptions): Promise<OpenedByModule> {
		const { name } = params;
		const { kind, type, complaint } = this.#module;
		const run = this.#run;
		if (run === undefined) throw new TypeError("open before begin");
		if (complaint !== undefined) {
			const message = `${name}: ${complaint}`;
			throw new DeviceError("ERR_DEVICE_SERVICE", message, { device: name });
		}
		if (this.#entries.has(name)) {
			const message = `${name}: a device of this name is open already`;
			throw new DeviceError("ERR_DEVICE_NAME", message, { device: name });
		}
		if ((params.mount !== undefined) !== (kind === "mount")) {
			const message = `${name}: ${type} is a ${kind}`;
			throw new DeviceError("ERR_DEVICE_TYPE", message, { device: name });
		}
		const before = kind === "device" ? presentDevices() : undefined;
		const running = this.#start(params);
		let device: OpenedDevice | undefined;
		try {
			if (before === undefined) {
				const mounted = await this.#mount(running, params, run, options);
				this.#entries.set(name, { running, device, path: mounted.path });
				await running.check("mount");
				return mounted;
			}
			using answer = await running.call("open", deviceArguments(params, run, options), {
				...options,
				onSignal: (value) => passOn(value, options),
			});
			device = await OpenedDevice.take(answeredDevice(answer.value, { name, type }), {
				name,
				devices: run.devices,
				before,
				log: (text) => options.onSignal?.({ name: "log", value: text }),
			});
			this.#entries.set(name, { running, device, path: "" });
			await running.check("open");
			return device.result;
		} catch (error) {
			this.#entries.delete(name);
			const left = await undo(running, device, options);
			if (left === undefined || !isDeviceError(error)) throw error;
			throw Object.assign(error, { closeFailures: [closeFailure(left, name)] });
		}
	}

	#start({ name, parents = [] }: OpenParams): ModuleProcess {
		const { kind, type, program, libdir } = this.#module;
		// A container's /dev is nobody's who follows the kernel. The run's has what is beneath, and udev knows nothing of it.
		const isElsewhere = kind === "device" && !parents.every(isOnMachine);
		const service = `${kind}/${parseKey(name).name}`;
		const request = { device: name, module: this.#module };
		const started = startModule(this.#host, request, {
			name: service,
			type,
			file: program,
			argv: [program],
			dialect: "osbuild",
			environment: {
				PYTHONUNBUFFERED: "1",
				// Elsewhere the package is Python's own.
				...(existsSync(join(libdir, "osbuild", "__init__.py")) && { PYTHONPATH: libdir }),
				...(isElsewhere && { DM_DISABLE_UDEV: "1" }),
			},
			stacks: true,
			namespace: isElsewhere ? this.#host.deviceNamespace() : this.#namespace(),
		});
		return new ModuleProcess(started, request, () => {
			void started.exited.then((status) => {
				if (this.#entries.has(name)) this.#host.onLost({ service, device: name, status });
			});
		});
	}

	/** A device's has this machine's /dev, as osbuild's modules expect; what it mounts there is for itself alone. */
	#namespace(): NonNullable<ServiceOptions["namespace"]> {
		return this.#module.kind === "device" ? "new" : this.#host.mountNamespace();
	}

	async #mount(
		running: ModuleProcess,
		params: OpenParams,
		run: Run,
		options: DeviceCallOptions,
	): Promise<OpenedByModule> {
		const { name } = params;
		const root = run.mounts;
		if (root === undefined)
			throw new TypeError("a mount, and begin had no directory of mounts");
		using answer = await running.call(
			"mount",
			mountArguments(params, run, { root, ...this.#module }),
			{
				...options,
				onSignal: (value) => passOn(value, options),
			},
		);
		return answeredMount(answer.value, { name, type: this.#module.type, root });
	}

	/** The directory of a mount, for a device whose file is in it. */
	#directory({ name }: { readonly name: string }): DeviceCallReply {
		const entry = this.#entries.get(name);
		if (entry === undefined || entry.device !== undefined) {
			throw new DeviceError("ERR_DEVICE_SERVICE", `${name} is not open, or no mount`);
		}
		const root = `/proc/${entry.running.service.pid}/root${this.#run?.mounts ?? ""}`;
		const fd = openat2(AT_FDCWD, join(root, entry.path), {
			flags: O_PATH | constants.O_DIRECTORY,
		});
		return {
			value: null,
			fds: { length: 1, take: () => fd },
			[Symbol.dispose]() {}, // whoever asked took it
		};
	}

	async #close(
		{ name }: { readonly name: string },
		{ timeoutMs, signal }: DeviceCallOptions,
	): Promise<void> {
		const entry = this.#entries.get(name);
		if (entry === undefined) return;
		this.#entries.delete(name);
		const { running, device } = entry;
		if (device === undefined) {
			await running.end(timeoutMs);
			return;
		}
		const failures: unknown[] = [];
		const attempt = async (step: () => Promise<void>): Promise<void> => {
			try {
				await step();
			} catch (error) {
				failures.push(error);
			}
		};
		await attempt(() => device.letGo());
		await attempt(() => askToClose(running, { timeoutMs, signal }));
		const asked = failures.length;
		await attempt(() => running.end());
		// How it ended says no more than its exception did.
		if (asked > 0) failures.splice(asked);
		await attempt(() => device.gone());
		const [first, ...others] = failures.map((failure) => closeFailure(failure, name));
		if (first === undefined) return;
		throw Object.assign(first, { closeFailures: [...first.closeFailures, ...others] });
	}

	#mounting(): Service {
		for (const { running } of this.#entries.values()) return running.service;
		throw new TypeError(`${this.#module.type}: nothing is mounted`);
	}
}

/** What `open` is called with: see wire.ts of @devhost/core. */
interface OpenParams {
	readonly name: string;
	readonly options?: unknown;
	readonly parents?: readonly DeviceNode[];
	readonly tree?: number;
	readonly mount?: { readonly target?: string; readonly partition?: number };
}

/** Whether this machine's `/dev` has the node of a device. */
function isOnMachine({ path, node }: DeviceNode): boolean {
	try {
		using found = openat2(AT_FDCWD, join("/dev", path), { flags: O_PATH });
		const { type, node: number } = statFd(found);
		return type === "block" && number?.major === node.major && number.minor === node.minor;
	} catch {
		return false;
	}
}

/** Source: `DeviceManager.open`, osbuild/devices.py. */
function deviceArguments(
	{ parents: [parent] = [], tree, options }: OpenParams,
	{ dev, ...run }: Run,
	{ fds = [] }: DeviceCallOptions,
): object {
	const directory = tree === undefined ? undefined : fds[tree];
	return {
		dev,
		tree: directory === undefined ? run.tree : pathOfFd(fdNumber(directory)),
		parent: parent?.path ?? null,
		options: toPlain(options) ?? {},
	};
}

/** Source: `MountManager.mount`, osbuild/mounts.py. */
function mountArguments(
	{ parents: [parent] = [], mount = {}, options }: OpenParams,
	{ tree }: Run,
	{ root, hasTarget }: Pick<DescribedModule, "hasTarget"> & { readonly root: string },
): object {
	const partition = mount.partition ? `p${mount.partition}` : "";
	return {
		source: parent === undefined ? null : `/dev/${parent.path}${partition}`,
		target: hasTarget ? (mount.target ?? null) : null,
		root,
		tree,
		options: toPlain(options) ?? {},
	};
}

function startModule(
	host: ModuleHost,
	request: { readonly device: string; readonly module: DescribedModule },
	options: Parameters<ModuleHost["start"]>[0],
): Service {
	try {
		return host.start(options);
	} catch (error) {
		throw moduleError(error, { ...request, method: "open" });
	}
}

/**
 * Ends what began to open something. What else it has to say of that is in the log: services of osbuild often cannot close what they did
 * not open.
 *
 * @returns Why the device is still there, if it is.
 */
async function undo(
	running: ModuleProcess,
	device: OpenedDevice | undefined,
	{ signal, onSignal }: DeviceCallOptions,
): Promise<unknown> {
	await device?.letGo().catch(() => {});
	try {
		await running.end(signal?.aborted === true ? cancelMs : undoMs);
	} catch (error) {
		onSignal?.({ name: "log", value: (error as Error).message });
	}
	try {
		await device?.gone();
		return undefined;
	} catch (error) {
		return error;
	}
}

/** osbuild's own services have this method, though osbuild itself never calls it; others may not. */
async function askToClose(
	running: ModuleProcess,
	options: { readonly timeoutMs?: number | undefined; readonly signal?: AbortSignal | undefined },
): Promise<void> {
	if (running.service.client.isOver) return; // `end` says how it ended
	try {
		using _ = await running.call("close", undefined, options);
	} catch (error) {
		if (!isUnknownMethod(error)) throw error;
	}
}

function closeFailure(cause: unknown, device: string): DeviceError {
	if (isDeviceError(cause)) return cause;
	const message = `${device}: ${cause instanceof Error ? cause.message : String(cause)}`;
	return new DeviceError("ERR_DEVICE_CLOSE", message, { cause, device });
}

function isUnknownMethod(error: unknown): boolean {
	return isDeviceError(error) && (error.cause as { code?: unknown })?.code === "ERR_RPC_METHOD";
}

/** A text that a module tells while it works. (osbuild drops all that modules tell of devices and mounts.) */
function passOn(value: unknown, { onSignal }: DeviceCallOptions): void {
	if (typeof value === "string") onSignal?.({ name: "log", value });
}

function reply(value: unknown): DeviceCallReply {
	return { value, [Symbol.dispose]() {} };
}

/** A path that means the same in every mount namespace, for as long as this process has the descriptor. */
function pathOfFd(fd: number): string {
	return `/proc/${process.pid}/fd/${fd}`;
}

/** How long a module may take to undo what it began. */
const undoMs = 5_000;
/** The same where somebody has given up and waits: less than a run waits before it stops all services. */
const cancelMs = 1_800;

// Source: asm-generic/fcntl.h.
const O_PATH = 0o10000000;
