import type { Fd } from "@devhost/linux";
import { AbortWatch } from "./abort-watch.ts";
import { recycleBlob } from "./blob-pool.ts";
import { CallTable } from "./call-table.ts";
import { Channel, type Receiver } from "./channel.ts";
import { nowMs } from "./clock.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { RemoteError, RpcError } from "./error.ts";
import { duplicateFds } from "./fd-list.ts";
import { discardFds } from "./fd-set.ts";
import { maxCallsInFlight, minSignalCost, signalWindowBytes } from "./limits.ts";
import {
	BYE,
	CALL,
	CANCEL,
	CREDIT,
	ERROR,
	flagAnswer,
	HELLO,
	type Hello,
	type Message,
	PING,
	protocolRange,
	RESULT,
	SIGNAL,
	WELCOME,
	type Welcome,
} from "./message.ts";
import { readError, readHello, readNamed, refuse } from "./message-body.ts";
import { type CallOptions, type CallSignal, PendingCall, Reply } from "./pending-call.ts";

/** How a client treats its service. */
export interface ClientOptions {
	/** Name of the service, for errors. @default none */
	readonly name?: string;
	/** How long the service may take to say HELLO. @default 10,000 */
	readonly helloTimeoutMs?: number;
	/** Deadline of calls that have none of their own; Infinity for none. @default 120,000 */
	readonly callTimeoutMs?: number;
	/** Asks the service to send the stacks of its errors. @default false */
	readonly stacks?: boolean;
	/**
	 * Says what the end of the connection was, before it is told to those who wait for replies.
	 *
	 * @param error - What ended it; undefined for the end of the stream.
	 * @param methods - The calls that wait.
	 */
	readonly explainEnd?: (
		error: RpcError | undefined,
		methods: readonly string[],
	) => Promise<RpcError>;
}

/**
 * The host's end of a connection to a service: calls, with their signals, deadlines and cancellation.
 *
 * Calls may be made at once; they are sent when the service has said HELLO, and no more than 256 at a time. The process
 * stays alive while somebody waits for HELLO, a reply or the end, and not otherwise.
 *
 * @example
 * ```ts
 * import { Client } from "@devhost/rpc";
 * import type { Fd } from "@devhost/linux";
 *
 * export async function resolve(socket: Fd, image: number): Promise<unknown> {
 * 	await using client = new Client(socket, { name: "resolver" });
 * 	using reply = await client.call("resolve", { follow: true }, { fds: [image], timeoutMs: 5000 });
 * 	return reply.value;
 * }
 * ```
 */
export class Client implements AsyncDisposable {
	/** What error messages begin with. */
	readonly #name: string;
	readonly #options: ClientOptions;
	readonly #channel: Channel;
	readonly #timer: DeadlineTimer;
	readonly #hello: PromiseWithResolvers<Hello> = Promise.withResolvers<Hello>();
	readonly #helloDeadline: number;
	#hasHello = false;
	/** Calls that were sent and not answered, also those that nobody waits for any more. */
	readonly #open: CallTable<PendingCall> = new CallTable();
	/** Calls that end with a signal. */
	readonly #signals: AbortWatch<PendingCall> = new AbortWatch((call, reason) =>
		this.#abandon(call, this.#cancelled(call, reason)),
	);
	/** Calls that were not sent yet. */
	readonly #waiting = new Set<PendingCall>();
	#lastId = 0;
	#waiters = 1; // for HELLO
	#pings: PromiseWithResolvers<void>[] = [];
	/** The channel is over. */
	readonly #over: PromiseWithResolvers<void> = Promise.withResolvers<void>();
	#isOver = false;
	#isClosing = false;
	#closing: Promise<void> | undefined;
	#closeError: RemoteError | undefined;
	#isFailureTold = false;
	/** What calls fail with from now on. */
	#failure: RpcError | undefined;

	/**
	 * @param socket - One end of a socketpair; belongs to the client from here on, also when this throws.
	 * @throws {@link RpcError} `ERR_RPC_DIALECT` for a descriptor that is no stream socket.
	 */
	constructor(socket: Fd, options: ClientOptions = {}) {
		this.#name = options.name === undefined ? "service" : `service ${options.name}`;
		this.#options = options;
		const receiver: Receiver = {
			receive: (message) => this.#receive(message),
			ended: (error) => this.#ended(error),
		};
		this.#channel = new Channel(socket, this.#name, receiver);
		this.#timer = new DeadlineTimer((now) => this.#sweep(now));
		this.#helloDeadline = nowMs() + (options.helloTimeoutMs ?? 10_000);
		this.#timer.watch(this.#helloDeadline);
		// Nobody has to look at it: calls fail with the same.
		this.#hello.promise.catch(() => {});
	}

	/** What the service says of itself. Rejects with what calls reject with. */
	get hello(): Promise<Hello> {
		return this.#hello.promise;
	}

	/** Whether the connection is over. */
	get isOver(): boolean {
		return this.#isOver;
	}

	/** Resolves when the connection is over, for whatever reason. */
	get over(): Promise<void> {
		return this.#over.promise;
	}

	/** Whether a call or a ping has failed with what ended the connection, so that nobody else need tell of it. */
	get isFailureTold(): boolean {
		return this.#isFailureTold;
	}

	/**
	 * Calls a method of the service.
	 *
	 * @param params - Plain data: null, booleans, numbers, bigints of 64 bits, strings, arrays, plain objects,
	 * `Uint8Array`s. They must not change before the call has ended.
	 * @throws {@link RemoteError} what the service answered with.
	 * @throws {@link RpcError} `ERR_RPC_TIMEOUT`, `ERR_RPC_CANCELLED` (its `cause` is the signal's reason),
	 * `ERR_RPC_CLOSED`, `ERR_RPC_LIMIT`, and what ends the connection: `ERR_RPC_PROTOCOL`, `ERR_RPC_VERSION`,
	 * `ERR_RPC_SERVICE_ENDED`.
	 * @throws TypeError for params that cannot travel, SysError `EBADF` for a closed descriptor.
	 */
	call(method: string, params?: unknown, options: CallOptions = noOptions): Promise<Reply> {
		const timeoutMs = options.timeoutMs ?? this.#options.callTimeoutMs ?? 120_000;
		const call = new PendingCall(method, params, timeoutMs, options);
		call.deadline = nowMs() + call.timeoutMs;
		const { signal } = options;
		if (signal?.aborted) call.reject(this.#cancelled(call, signal.reason));
		else if (this.#failure !== undefined) call.reject(this.#told(this.#failure));
		else if (this.#isClosing) call.reject(this.#closed(`call "${method}"`));
		else this.#start(call, signal);
		return call.promise;
	}

	/** Resolves when the service has answered. Rejects when the connection ends before. */
	async ping(): Promise<void> {
		if (!this.#hasHello) await this.#hello.promise.catch(() => {});
		if (this.#failure !== undefined) throw this.#told(this.#failure);
		if (this.#isOver || this.#isClosing) throw this.#closed("ping");
		void this.#channel.send({ type: PING });
		const ping = Promise.withResolvers<void>();
		this.#pings.push(ping);
		this.#await(1);
		return ping.promise;
	}

	/**
	 * Asks the service to close everything and waits until it has; then closes the socket. Calls that are running fail.
	 *
	 * @param graceMs - How long the service may take. @default 10,000
	 * @throws {@link RemoteError} what the service says that closing failed with.
	 * @throws {@link RpcError} `ERR_RPC_TIMEOUT` when it took longer. The socket is closed all the same.
	 */
	close(graceMs = 10_000): Promise<void> {
		return (this.#closing ??= this.#close(graceMs));
	}

	/** Ends the connection as if the service had: calls fail with what {@link ClientOptions.explainEnd} says. */
	giveUp(): void {
		if (this.#isOver) return;
		this.#channel.close();
		this.#ended(undefined);
	}

	/** Closes the socket now: the service sees its end. Calls that are running fail. */
	disconnect(): void {
		this.#isClosing = true;
		this.#channel.close();
		this.#finish();
		this.#failAll(this.#failure ?? this.#closed("disconnected"));
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}

	#start(call: PendingCall, signal: AbortSignal | undefined): void {
		this.#await(1);
		if (signal !== undefined) call.stopListening = this.#signals.add(call, signal);
		if (call.deadline !== Infinity) this.#timer.watch(call.deadline);
		if (this.#hasHello && !this.#isOver && this.#open.size < maxCallsInFlight) {
			this.#send(call, call.timeoutMs);
		} else this.#wait(call);
	}

	#wait(call: PendingCall): void {
		try {
			if (call.fds !== undefined) call.fds = duplicateFds(call.fds);
		} catch (error) {
			this.#settle(call);
			call.reject(error);
			return;
		}
		call.ownsFds = true;
		this.#waiting.add(call);
	}

	#send(call: PendingCall, leftMs: number): void {
		do this.#lastId = (this.#lastId + 1) >>> 0 || 1;
		while (this.#open.get(this.#lastId) !== undefined);
		call.id = this.#lastId;
		try {
			void this.#channel.send({
				type: CALL,
				id: call.id,
				arg:
					leftMs === Infinity ? 0 : Math.min(Math.max(Math.ceil(leftMs), 1), 2 ** 32 - 1),
				value: call.params === undefined ? [call.method] : [call.method, call.params],
				blob: call.blob,
				fds: call.fds,
				movesFds: call.ownsFds,
			});
			this.#open.add(call);
		} catch (error) {
			this.#settle(call);
			call.reject(error);
		}
		call.release();
	}

	/** Sends calls that waited. */
	#pump(): void {
		for (const call of this.#waiting) {
			if (this.#open.size >= maxCallsInFlight) return;
			this.#waiting.delete(call);
			this.#send(call, call.deadline - nowMs());
		}
	}

	#receive(message: Message): void {
		const { type, id } = message;
		if (type !== HELLO && !this.#hasHello) refuse(message, "came before HELLO");
		switch (type) {
			case RESULT: {
				const call = this.#answered(message);
				if (call.isSettled) discard(message);
				else {
					this.#settle(call);
					call.resolve(new Reply(message.value, message.blob, message.fds));
				}
				return;
			}
			case ERROR: {
				const error = new RemoteError(this.#options.name ?? "", readError(message.value));
				if (id === 0 && this.#isClosing) {
					this.#closeError = error;
					return;
				}
				const call = this.#answered(message);
				if (call.isSettled) return;
				this.#settle(call);
				call.reject(error);
				return;
			}
			case SIGNAL:
				this.#signalled(message);
				return;
			case HELLO:
				if (this.#hasHello) refuse(message, "came twice");
				this.#greet(readHello(message.value));
				return;
			case PING:
				if ((message.flags & flagAnswer) === 0) {
					void this.#channel.send({
						type: PING,
						id,
						arg: message.arg,
						flags: flagAnswer,
					});
				} else {
					const ping = this.#pings.shift();
					if (ping === undefined) refuse(message, "answers nothing");
					this.#await(-1);
					ping.resolve();
				}
				return;
			case BYE:
				this.#channel.close();
				this.#ended(undefined);
				return;
			default:
				refuse(message, "is not for a host");
		}
	}

	#greet(hello: Hello): void {
		const [oldest, newest] = hello.protocol;
		const protocol = Math.min(newest, protocolRange[1]);
		if (protocol < Math.max(oldest, protocolRange[0])) {
			throw new RpcError(
				"ERR_RPC_VERSION",
				`speaks protocol ${oldest} to ${newest}, this host ${protocolRange.join(" to ")}: ` +
					`${hello.module} ${hello.version} and this host are too far apart`,
			);
		}
		this.#hasHello = true;
		this.#await(-1);
		const welcome: Welcome = this.#options.stacks ? { protocol, stacks: true } : { protocol };
		// Whoever is leaving already sent BYE instead.
		if (!this.#isClosing) void this.#channel.send({ type: WELCOME, value: welcome });
		this.#hello.resolve(hello);
		this.#pump();
	}

	/** The call that a message answers. Its id is free again. */
	#answered(message: Message): PendingCall {
		const call = this.#open.get(message.id);
		if (call === undefined) refuse(message, `belongs to no call (id ${message.id})`);
		this.#open.delete(call);
		if (this.#waiting.size > 0 && !this.#isClosing) this.#pump();
		return call;
	}

	#signalled(message: Message): void {
		const call = this.#open.get(message.id);
		if (call === undefined) refuse(message, `belongs to no call (id ${message.id})`);
		if (call.isSettled || call.onSignal === undefined) discard(message);
		else this.#tell(call, call.onSignal, message);
		// Given back before half of it is used up, so that a service that is read never has to wait.
		call.consumedBytes += Math.max(message.frameBytes, minSignalCost);
		if (call.consumedBytes < signalWindowBytes / 2 || this.#channel.isClosed) return;
		void this.#channel.send({ type: CREDIT, id: message.id, arg: call.consumedBytes });
		call.consumedBytes = 0;
	}

	#tell(call: PendingCall, onSignal: (signal: CallSignal) => void, message: Message): void {
		const { fds, blob } = message;
		const body = readNamed(message);
		// Not `using`: a signal takes a microsecond, and that a third of it.
		try {
			onSignal({ name: body[0], value: body[1], blob, fds });
			// It may have written to them: that this could not be stored is for the caller to know.
			fds.close();
		} catch (error) {
			discardFds(fds);
			this.#abandon(call, error);
		}
	}

	/** The caller does not wait any more; the call goes on until the service has answered. */
	#abandon(call: PendingCall, error: unknown): void {
		if (call.isSettled) return;
		this.#settle(call);
		call.reject(error);
		if (this.#waiting.delete(call)) call.release();
		else if (!this.#channel.isClosed) void this.#channel.send({ type: CANCEL, id: call.id });
	}

	#settle(call: PendingCall): void {
		call.isSettled = true;
		call.stopListening?.();
		this.#await(-1);
	}

	#sweep(now: number): number {
		if (!this.#hasHello && !this.#isOver && now >= this.#helloDeadline) {
			const waitedMs = this.#options.helloTimeoutMs ?? 10_000;
			this.#channel.close();
			this.#ended(
				new RpcError(
					"ERR_RPC_TIMEOUT",
					`${this.#name}: did not say HELLO within ${waitedMs} ms`,
				),
			);
		}
		let next = this.#hasHello || this.#isOver ? Infinity : this.#helloDeadline;
		for (const calls of [this.#open.values(), this.#waiting]) {
			for (const call of calls) {
				if (call.isSettled) continue;
				if (call.deadline > now) next = Math.min(next, call.deadline);
				else {
					const what = `call "${call.method}" did not end within its deadline`;
					this.#abandon(call, new RpcError("ERR_RPC_TIMEOUT", `${this.#name}: ${what}`));
				}
			}
		}
		return next;
	}

	#ended(error: RpcError | undefined): void {
		this.#finish();
		if (this.#isClosing) {
			this.#failAll(error ?? this.#closed("closed"));
			return;
		}
		const methods = [...this.#open.values(), ...this.#waiting]
			.filter((call) => !call.isSettled)
			.map((call) => call.method);
		if (this.#options.explainEnd === undefined) {
			this.#failAll(error ?? this.#goneError(methods));
			return;
		}
		void this.#options.explainEnd(error, methods).then((explained) => this.#failAll(explained));
	}

	#finish(): void {
		this.#isOver = true;
		this.#over.resolve();
	}

	#failAll(error: RpcError): void {
		if (this.#failure !== undefined) return;
		this.#failure = error;
		this.#timer.close();
		for (const call of [...this.#open.values(), ...this.#waiting]) {
			call.release();
			if (call.isSettled) continue;
			this.#settle(call);
			call.reject(this.#told(error));
		}
		this.#open.clear();
		this.#waiting.clear();
		for (const ping of this.#pings) ping.reject(this.#told(error));
		this.#hello.reject(error);
	}

	#told(failure: RpcError): RpcError {
		this.#isFailureTold = true;
		return failure;
	}

	async #close(graceMs: number): Promise<void> {
		this.#isClosing = true;
		// What ended the connection before is for those who called to hear.
		if (this.#isOver) return;
		for (const call of [...this.#open.values(), ...this.#waiting]) {
			this.#abandon(call, this.#closed(`call "${call.method}" was running`));
		}
		this.#channel.ref();
		void this.#channel.send({ type: BYE });
		const timeout = Promise.withResolvers<void>();
		const timer = setTimeout(timeout.resolve, graceMs);
		await Promise.race([this.#over.promise, timeout.promise]);
		clearTimeout(timer);
		const isLate = !this.#isOver;
		this.disconnect();
		if (this.#closeError !== undefined) throw this.#closeError;
		if (isLate) {
			throw new RpcError(
				"ERR_RPC_TIMEOUT",
				`${this.#name}: did not close within ${graceMs} ms`,
			);
		}
	}

	/** Counts those who wait for something: as long as there are any, the process stays. */
	#await(change: number): void {
		const before = this.#waiters;
		this.#waiters += change;
		if (before === 0) this.#channel.ref();
		else if (this.#waiters === 0) this.#channel.unref();
	}

	#cancelled(call: PendingCall, reason: unknown): RpcError {
		const message = `${this.#name}: call "${call.method}" was cancelled`;
		return new RpcError("ERR_RPC_CANCELLED", message, { cause: reason });
	}

	#closed(what: string): RpcError {
		return new RpcError("ERR_RPC_CLOSED", `${this.#name}: ${what}: the connection was closed`);
	}

	#goneError(methods: readonly string[]): RpcError {
		const during = methods.length === 0 ? "" : ` while "${methods.join('", "')}" was running`;
		return new RpcError("ERR_RPC_CLOSED", `${this.#name}: the service went away${during}`);
	}
}

const noOptions: CallOptions = {};

function discard(message: Message): void {
	discardFds(message.fds);
	recycleBlob(message.blob);
}
