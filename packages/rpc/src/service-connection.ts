import type { Fd } from "@devhost/linux";
import { CallTable } from "./call-table.ts";
import { Channel } from "./channel.ts";
import { nowMs } from "./clock.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { RpcError } from "./error.ts";
import { errorBody, shortErrorBody } from "./error-body.ts";
import { highWaterBytes, maxCallsInFlight } from "./limits.ts";
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
	type OutgoingMessage,
	PING,
	protocolRange,
	RESULT,
	WELCOME,
} from "./message.ts";
import { readNamed, readWelcome, refuse } from "./message-body.ts";
import { discardResult, ReplyWithExtras } from "./reply.ts";
import { type CallConnection, type HandlerCall, type Outcome, ServedCall } from "./served-call.ts";

/**
 * A method of a service.
 *
 * What it returns, or a promise of it, is plain data, nothing, or a {@link reply} with descriptors or a blob. What it
 * throws travels as `{code, name, message, data}`, as far as the error has them.
 */
export type Handler = (params: unknown, call: HandlerCall) => unknown;

/** What a service is. */
export interface ServiceDefinition {
	/** Name of its module, such as `"devhost.loopback"`. */
	readonly module: string;
	/** Version of its module. */
	readonly version: string;
	/** JSON Schema of its options, for whoever asks. */
	readonly schema?: unknown;
	/** What it can do beyond its module's first version. */
	readonly capabilities?: readonly string[];
	/** Its methods, by name. */
	readonly methods: Readonly<Record<string, Handler>>;
	/**
	 * Closes everything, last things first, when the host says so or is gone. What it throws is told to the host, and
	 * makes the process fail.
	 */
	close?(): Promise<void> | void;
}

/** How a host ended the connection. */
export interface ConnectionEnd {
	/** The host asked for it, and waits. Otherwise it is gone, or broke the protocol. */
	readonly isOrderly: boolean;
	/** What the host did wrong; undefined when it was gone without a word. */
	readonly error: RpcError | undefined;
}

/** The service's end of a connection: dispatches calls and answers each of them exactly once. */
export class ServiceConnection implements CallConnection {
	readonly #methods: ReadonlyMap<string, Handler>;
	readonly #channel: Channel;
	readonly #timer: DeadlineTimer;
	/** Calls that were not answered at once. */
	readonly #calls: CallTable<ServedCall> = new CallTable();
	readonly #ended: PromiseWithResolvers<ConnectionEnd> = Promise.withResolvers<ConnectionEnd>();
	#isWelcome = false;
	#isPaused = false;
	#begunInTurn = 0;
	#callsInTurn = firstCallsInTurn;
	#isEnding = false;
	#sendsStacks = false;
	#idle: (() => void) | undefined;

	/**
	 * Says HELLO.
	 *
	 * @param socket - Belongs to the connection from here on, also when this throws.
	 * @throws {@link RpcError} `ERR_RPC_DIALECT` for a descriptor that is no stream socket.
	 * @throws TypeError when the service's schema cannot travel.
	 */
	constructor(socket: Fd, service: ServiceDefinition) {
		this.#methods = new Map(Object.entries(service.methods));
		this.#channel = new Channel(socket, "host", {
			receive: (message) => this.#receive(message),
			ended: (error) => this.#end({ isOrderly: false, error }),
		});
		this.#timer = new DeadlineTimer((now) => this.#sweep(now));
		const { module, version, schema, capabilities } = service;
		const hello: Hello = { protocol: protocolRange, module, version, pid: process.pid };
		try {
			void this.#channel.send({ type: HELLO, value: { ...hello, schema, capabilities } });
		} catch (error) {
			this.#channel.close();
			throw error;
		}
	}

	/** Resolves when no more calls come: the host said BYE or is gone. Handlers may still be running. */
	get ended(): Promise<ConnectionEnd> {
		return this.#ended.promise;
	}

	/** Resolves when no handler is running any more, or after a while. */
	async untilIdle(atMostMs: number): Promise<void> {
		if (this.#calls.size === 0) return;
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#idle = resolve;
		const timer = setTimeout(resolve, atMostMs);
		await promise;
		clearTimeout(timer);
	}

	/**
	 * Tells a host that waits how closing went, and closes the socket.
	 *
	 * @param failure - What closing failed with, in an object of its own; undefined when it went well.
	 */
	async leave(failure?: { readonly error: unknown }): Promise<void> {
		this.#timer.close();
		if (!this.#channel.isClosed) {
			if (failure !== undefined) this.#sendError(0, failure.error);
			void this.#channel.send({ type: BYE });
			const late = Promise.withResolvers<void>();
			const timer = setTimeout(late.resolve, lastWordsMs);
			await Promise.race([this.#channel.flushed(), late.promise]);
			clearTimeout(timer);
		}
		this.#channel.close();
	}

	/** For {@link ServedCall}. */
	send(message: OutgoingMessage): number {
		void this.#channel.send(message);
		return this.#channel.lastFrameBytes;
	}

	/** For {@link ServedCall}. */
	answer(call: ServedCall, outcome: Outcome): void {
		let final = outcome;
		try {
			call.fds.close();
		} catch (error) {
			// What the handler wrote into a received file could not be stored.
			if (!final.failed) {
				discardResult(final.result);
				final = { failed: true, error };
			}
		}
		if (this.#channel.unsentBytes <= highWaterBytes) this.#answerNow(call, final);
		else void this.#answerLater(call, final);
	}

	/** The host does not read: results wait here, not in the queue. */
	async #answerLater(call: ServedCall, outcome: Outcome): Promise<void> {
		while (this.#channel.unsentBytes > highWaterBytes) await this.#channel.drained();
		this.#answerNow(call, outcome);
	}

	#answerNow(call: ServedCall, outcome: Outcome): void {
		const { id } = call;
		if (outcome.failed) this.#sendError(id, outcome.error);
		else {
			const { result } = outcome;
			try {
				if (result instanceof ReplyWithExtras) {
					void this.#channel.send({
						type: RESULT,
						id,
						value: result.value,
						fds: result.fds,
						blob: result.blob,
						movesFds: true,
						movesBlob: true,
					});
				} else void this.#channel.send({ type: RESULT, id, value: result });
			} catch (error) {
				this.#sendError(id, error);
			}
		}
		call.isAnswered = true;
		if (this.#calls.get(id) !== call) return;
		this.#calls.delete(call);
		if (this.#isPaused && this.#calls.size <= maxCallsInFlight) {
			this.#isPaused = false;
			this.#channel.resume();
		}
		if (this.#calls.size === 0) this.#idle?.();
	}

	#sendError(id: number, error: unknown): void {
		if (this.#channel.isClosed) return;
		try {
			void this.#channel.send({
				type: ERROR,
				id,
				value: errorBody(error, this.#sendsStacks),
			});
		} catch {
			// Its data are too large.
			void this.#channel.send({ type: ERROR, id, value: shortErrorBody(error) });
		}
	}

	#receive(message: Message): void {
		const { type, id } = message;
		switch (type) {
			case CALL:
				this.#called(message);
				return;
			case CREDIT:
				// Here and with CANCEL: the call may have ended while this was on its way.
				this.#calls.get(id)?.grant(message.arg);
				return;
			case CANCEL: {
				const reason = new RpcError(
					"ERR_RPC_CANCELLED",
					"the caller does not wait any more",
				);
				this.#calls.get(id)?.abort(reason);
				return;
			}
			case WELCOME: {
				if (this.#isWelcome) refuse(message, "came twice");
				const { protocol, stacks } = readWelcome(message.value);
				if (protocol < protocolRange[0] || protocol > protocolRange[1]) {
					throw new RpcError(
						"ERR_RPC_VERSION",
						`wants to speak protocol ${protocol}, this service speaks ${protocolRange.join(" to ")}`,
					);
				}
				this.#isWelcome = true;
				this.#sendsStacks = stacks === true;
				return;
			}
			case PING:
				if ((message.flags & flagAnswer) !== 0) refuse(message, "answers nothing");
				void this.#channel.send({ type: PING, id, arg: message.arg, flags: flagAnswer });
				return;
			case BYE:
				this.#end({ isOrderly: true, error: undefined });
				return;
			default:
				refuse(message, "is not for a service");
		}
	}

	#called(message: Message): void {
		const { id, arg } = message;
		if (!this.#isWelcome) refuse(message, "came before WELCOME");
		if (this.#isEnding) refuse(message, "came after BYE");
		if (id === 0 || this.#calls.get(id) !== undefined)
			refuse(message, `has an id that is not free (${id})`);
		const body = readNamed(message);
		const call = new ServedCall(message, this);
		let outcome: Outcome | undefined;
		try {
			const result = this.#handler(body[0])(body[1], call);
			if (!isThenable(result)) outcome = { failed: false, result };
			else {
				result.then(
					(value) => call.end({ failed: false, result: value }),
					(error: unknown) => call.end({ failed: true, error }),
				);
			}
		} catch (error) {
			outcome = { failed: true, error };
		}
		// A synchronous handler is answered at once. Nothing else that concerns its call can have come meanwhile.
		if (outcome !== undefined) call.end(outcome);
		if (!call.isAnswered) this.#keep(call, arg);
	}

	#keep(call: ServedCall, leftMs: number): void {
		this.#calls.add(call);
		if (this.#calls.size > maxCallsInFlight) {
			this.#isPaused = true;
			this.#channel.pause();
		} else this.#takeTurns();
		if (leftMs === 0) return;
		call.deadline = nowMs() + leftMs;
		this.#timer.watch(call.deadline);
	}

	/**
	 * Lets others have a turn when some calls have begun: all of many that come at once would be begun before the first could be
	 * answered, and the host would have nothing to do. More at each turn, since turns take time, too.
	 */
	#takeTurns(): void {
		if (this.#calls.size === 1) {
			this.#begunInTurn = 0;
			this.#callsInTurn = firstCallsInTurn;
		}
		if (++this.#begunInTurn < this.#callsInTurn) return;
		this.#begunInTurn = 0;
		this.#callsInTurn *= 2;
		this.#channel.rest();
	}

	#handler(method: string): Handler {
		const handler = this.#methods.get(method);
		if (handler !== undefined) return handler;
		const known = [...this.#methods.keys()].join(", ");
		throw new RpcError(
			"ERR_RPC_METHOD",
			`no method ${JSON.stringify(method)}; there are: ${known}`,
		);
	}

	#sweep(now: number): number {
		let next = Infinity;
		for (const call of this.#calls.values()) {
			if (call.deadline > now) next = Math.min(next, call.deadline);
			else {
				call.deadline = Infinity;
				call.abort(new RpcError("ERR_RPC_TIMEOUT", "the call's deadline has passed"));
			}
		}
		return next;
	}

	#end(end: ConnectionEnd): void {
		if (this.#isEnding) return;
		this.#isEnding = true;
		const reason = end.isOrderly ? "the host closes the connection" : "the host is gone";
		for (const call of this.#calls.values()) call.abort(new RpcError("ERR_RPC_CLOSED", reason));
		this.#ended.resolve(end);
	}
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
	if (typeof value !== "object" || value === null) return false;
	return typeof (value as { then?: unknown }).then === "function";
}

const lastWordsMs = 2000;
const firstCallsInTurn = 4;
