import type { Child, ExitStatus, FdLike } from "@devhost/linux";
import { Client } from "./client.ts";
import { type RpcError, ServiceError } from "./error.ts";
import { LogReader } from "./log-reader.ts";
import type { CallOptions, Reply } from "./pending-call.ts";
import { type ServiceOptions, startService } from "./service-process.ts";

/** How a {@link ServiceManager} treats its services. */
export interface ServiceManagerOptions {
	/** Gets what services write to their standard output and error, line by line. */
	readonly log?: (line: { readonly service: string; readonly text: string }) => void;
	/** How long a service may take to close when it is told to. @default 10,000 */
	readonly graceMs?: number;
	/** How long it may take to end after its socket was closed, and again after SIGTERM. Then SIGKILL. @default 2,000 */
	readonly termMs?: number;
}

/**
 * Starts services and stops them, last started first.
 *
 * Each service runs in a session of its own, so that Ctrl-C and the end of a terminal reach the host alone, which then
 * closes in order. When the host is killed its services see the end of their sockets and close by themselves.
 *
 * @example
 * ```ts
 * import { ServiceManager } from "@devhost/rpc";
 *
 * await using services = new ServiceManager({ log: ({ service, text }) => console.error(service, text) });
 * const echo = services.start({ name: "echo", file: "/usr/lib/echo-service", argv: ["echo-service"] });
 * using reply = await echo.call("echo", { hello: "world" });
 * ```
 */
export class ServiceManager implements AsyncDisposable {
	readonly #options: ServiceManagerOptions;
	/** Running services, in the order of their start. */
	readonly #services = new Map<string, Service>();
	#stopping: Promise<void> | undefined;

	constructor(options: ServiceManagerOptions = {}) {
		this.#options = options;
	}

	/**
	 * Starts a service at once; calls can be made at once too.
	 *
	 * @throws {@link RpcError} `ERR_RPC_SERVICE_START` when the executable cannot be run; the name is free again.
	 * @throws TypeError when a service of this name is running, when the manager has been stopped, or for a NUL in `argv`.
	 */
	start(options: ServiceOptions): Service {
		const { name } = options;
		if (this.#stopping !== undefined)
			throw new TypeError(`service ${name}: the manager has been stopped`);
		if (this.#services.has(name)) throw new TypeError(`service ${name}: is running already`);
		const service = new Service(options, this.#options, () => this.#services.delete(name));
		this.#services.set(name, service);
		return service;
	}

	/**
	 * Stops all services, one after the other, the last one first.
	 *
	 * @throws {@link ServiceError} when a service did not close properly: see {@link Service.stop}. All are stopped all the
	 * same; if it happened to several, an `AggregateError` has them in order.
	 */
	stop(): Promise<void> {
		return (this.#stopping ??= this.#stop());
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.stop();
	}

	async #stop(): Promise<void> {
		const errors: unknown[] = [];
		for (const service of [...this.#services.values()].toReversed()) {
			try {
				await service.stop();
			} catch (error) {
				errors.push(error);
			}
		}
		if (errors.length === 1) throw errors[0];
		if (errors.length > 1) {
			throw new AggregateError(errors, `${errors.length} services did not close properly`);
		}
	}
}

/** A running service, made by {@link ServiceManager.start}. */
export class Service {
	readonly name: string;
	readonly client: Client;
	/** Resolves when the process has ended. */
	readonly exited: Promise<ExitStatus>;
	readonly #child: Child;
	readonly #log: LogReader;
	readonly #times: { readonly graceMs: number; readonly termMs: number };
	readonly #gone: () => void;
	/** What ended it before it was stopped. */
	#failure: ServiceError | undefined;
	#holders = 0;
	#explaining: Promise<RpcError> | undefined;
	#stopping: Promise<void> | undefined;
	#ending: Promise<string | undefined> | undefined;

	constructor(options: ServiceOptions, manager: ServiceManagerOptions, gone: () => void) {
		const { name } = options;
		this.name = name;
		this.#times = { graceMs: manager.graceMs ?? 10_000, termMs: manager.termMs ?? 2000 };
		this.#gone = gone;
		const { child, socket, log } = startService(options);
		this.#child = child;
		this.exited = child.exited;
		child.unref();
		this.#log = new LogReader(log, (text) => manager.log?.({ service: name, text }));
		const { helloTimeoutMs, callTimeoutMs, stacks } = options;
		this.client = new Client(socket, {
			name,
			...(helloTimeoutMs === undefined ? {} : { helloTimeoutMs }),
			...(callTimeoutMs === undefined ? {} : { callTimeoutMs }),
			...(stacks === undefined ? {} : { stacks }),
			explainEnd: (error, methods) => (this.#explaining = this.#explainEnd(error, methods)),
		});
		// Its socket ends with it, unless a descendant has inherited that.
		void child.exited.then(() => setTimeout(() => this.client.giveUp(), inheritedMs).unref());
	}

	/** Number of its process. */
	get pid(): number {
		return this.#child.pid;
	}

	/** Stands for its process, lent: for its namespaces. Closed when that has ended. */
	get pidfd(): FdLike {
		return this.#child.pidfd;
	}

	/** Calls a method: see {@link Client.call}. */
	call(method: string, params?: unknown, options?: CallOptions): Promise<Reply> {
		return this.client.call(method, params, options);
	}

	/**
	 * Stops the service: asks it to close and gives it time, then closes its socket, then SIGTERM, then SIGKILL. Its name is
	 * free afterwards.
	 *
	 * @throws {@link ServiceError} when it could not close, failed, had to be killed, or had ended before and no call was
	 * told.
	 */
	stop(): Promise<void> {
		return (this.#stopping ??= this.#stop().finally(this.#gone));
	}

	async #stop(): Promise<void> {
		this.#hold(1);
		try {
			await this.#stopHeld();
		} finally {
			this.#hold(-1);
		}
	}

	async #stopHeld(): Promise<void> {
		let closeError: unknown;
		if (!this.client.isOver) {
			try {
				await this.client.close(this.#times.graceMs);
			} catch (error) {
				// What the service said is for whoever stops it. That it is late shows below.
				if (error instanceof Error && error.name === "RemoteError") closeError = error;
			}
		}
		const killedBy = await this.#end();
		await this.#explaining;
		await this.#log.drained(logMs);
		this.#log.close();

		if (this.#failure !== undefined) {
			if (!this.client.isFailureTold) throw this.#failure;
			return;
		}
		const status = this.#child.status;
		if (closeError !== undefined) {
			const { message } = closeError as Error;
			throw this.#error("ERR_RPC_SERVICE_ENDED", `could not close: ${message}`, closeError);
		}
		if (killedBy !== undefined) {
			const { graceMs, termMs } = this.#times;
			const what = `did not stop within ${graceMs + termMs} ms and was sent ${killedBy}`;
			throw this.#error("ERR_RPC_SERVICE_ENDED", what);
		}
		if (status?.code !== 0) {
			const what = `${howItEnded(status)} when it was to stop`;
			throw this.#error("ERR_RPC_SERVICE_ENDED", what);
		}
	}

	/**
	 * Waits for the end of the process, whose socket is closed, with growing force.
	 *
	 * @returns The signal that it was sent at last.
	 */
	#end(): Promise<string | undefined> {
		return (this.#ending ??= this.#endForcibly());
	}

	async #endForcibly(): Promise<string | undefined> {
		if (await this.#exitsWithin(this.#times.termMs)) return undefined;
		this.#child.kill("SIGTERM");
		if (await this.#exitsWithin(this.#times.termMs)) return "SIGTERM";
		this.#child.kill("SIGKILL");
		await this.#exitsWithin(killMs);
		return "SIGKILL";
	}

	/** Counts those who wait for the process: as long as there are any, ours stays alive. */
	#hold(change: number): void {
		this.#holders += change;
		if (this.#holders > 0) this.#child.ref();
		else this.#child.unref();
	}

	async #exitsWithin(ms: number): Promise<boolean> {
		if (this.#child.status !== undefined) return true;
		const late = Promise.withResolvers<void>();
		const timer = setTimeout(late.resolve, ms);
		timer.unref();
		await Promise.race([this.#child.exited, late.promise]);
		clearTimeout(timer);
		return this.#child.status !== undefined;
	}

	/** The connection ended although nobody asked for it: one error that says how, for all calls. */
	async #explainEnd(error: RpcError | undefined, methods: readonly string[]): Promise<RpcError> {
		this.#hold(1);
		const isGone = error === undefined || error.code === "ERR_RPC_CLOSED";
		// Where the service did wrong its exit status is that of somebody who was shown the door.
		const status = await this.#statusWithin(isGone ? exitMs : wrongdoerMs);
		await this.#log.drained(status === undefined ? 0 : logMs);
		this.#hold(-1);
		const during = methods.length === 0 ? "" : ` while ${quoted(methods)} was running`;
		this.#failure = isGone
			? this.#error("ERR_RPC_SERVICE_ENDED", `${howItEnded(status)}${during}`, error)
			: this.#error(error.code, `${this.#wrongdoing(error)}${during}`, error.cause);
		// That it may not be killed (`EPERM`: it has become another user) is for whoever stops it.
		this.#end().catch(() => {});
		return this.#failure;
	}

	async #statusWithin(ms: number): Promise<ExitStatus | undefined> {
		await this.#exitsWithin(ms);
		return this.#child.status;
	}

	#wrongdoing({ code, message }: RpcError): string {
		// The channel's errors begin with the name already.
		const what = message.replace(`service ${this.name}: `, "");
		const isBreach = code === "ERR_RPC_PROTOCOL" || code === "ERR_RPC_LIMIT";
		return isBreach ? `broke the protocol: ${what}` : what;
	}

	#error(code: RpcError["code"], what: string, cause?: unknown): ServiceError {
		const { code: exitCode, signal } = this.#child.status ?? {};
		const { lastLines } = this.#log;
		return new ServiceError(
			code,
			`service ${this.name} ${what}`,
			{ service: this.name, exitCode, signal, lastLines },
			cause === undefined ? {} : { cause },
		);
	}
}

function howItEnded(status: ExitStatus | undefined): string {
	if (status === undefined) return "closed its connection but is still running";
	if (status.signal !== undefined) return `ended by ${status.signal}`;
	return `exited with code ${status.code}`;
}

function quoted(names: readonly string[]): string {
	return [...new Set(names)].map((name) => `"${name}"`).join(", ");
}

// How long a process whose connection ended may take to be gone, before the error is told without its exit status.
const exitMs = 500;
const wrongdoerMs = 50;
// How long its log may stay open after it: by then a descendant holds it.
const logMs = 200;
const inheritedMs = 200;
// SIGKILL takes no time, unless the process hangs in the kernel.
const killMs = 5000;
