import { type Fd, Poller, READABLE, WRITABLE } from "@devhost/linux";
import { openWire, type Wire } from "./dialect.ts";
import { RpcError } from "./error.ts";
import { highWaterBytes } from "./limits.ts";
import type { Message, OutgoingMessage } from "./message.ts";

/** Who gets the messages of a {@link Channel}. */
export interface Receiver {
	/**
	 * A whole message. Its descriptors belong to the receiver, who closes `message.fds`.
	 *
	 * An {@link RpcError} thrown here ends the channel: the peer broke the protocol. Other errors are the receiver's own
	 * mistakes and become uncaught exceptions.
	 */
	receive(message: Message): void;
	/**
	 * Nothing more comes, once. Undefined: the peer closed its end between two messages. An error says what else ended
	 * the channel. Not called when this side called {@link Channel.close}.
	 */
	ended(error: RpcError | undefined): void;
}

/**
 * Whole messages over one end of a socketpair: `send`, {@link Receiver.receive}, `close`. It knows neither calls nor
 * services.
 *
 * A clean end is the end of the stream between two messages. Everything else that ends it comes with an error, and every
 * peer that breaks the protocol ends it: there is no way to find the next message after a wrong one.
 *
 * Descriptors passed to {@link Channel.send} stay the caller's, who may close them as soon as it has returned (the
 * channel duplicates those that have to wait), unless the message says that they move. Received ones belong to the
 * message's `FdSet`; those of messages that were never handed on are closed by the channel.
 */
export class Channel {
	readonly #socket: Fd;
	readonly #name: string;
	readonly #receiver: Receiver;
	readonly #wire: Wire;
	readonly #poller: Poller;
	#events = READABLE;
	#isClosed = false;
	#isResting = false;

	/**
	 * @param socket - Belongs to the channel from here on, also when this throws.
	 * @param name - Of the peer, for error messages.
	 * @throws {@link RpcError} `ERR_RPC_DIALECT` when no dialect goes with such a socket.
	 */
	constructor(socket: Fd, name: string, receiver: Receiver) {
		this.#socket = socket;
		this.#name = name;
		this.#receiver = receiver;
		try {
			this.#wire = openWire(socket, {
				deliver: (message) => receiver.receive(message),
				waitWritable: (wanted) => this.#wait(WRITABLE, wanted),
				failed: (error) => this.#end(error),
			});
			this.#poller = new Poller(socket.fd, (events, status) =>
				this.#onEvents(events, status),
			);
			this.#poller.set(READABLE);
		} catch (error) {
			socket.close();
			throw error;
		}
	}

	/** Whether the channel is over. */
	get isClosed(): boolean {
		return this.#isClosed;
	}

	/** Bytes that wait to be sent. */
	get unsentBytes(): number {
		return this.#wire.unsentBytes;
	}

	/** Bytes of the frame that the last {@link Channel.send} took. */
	get lastFrameBytes(): number {
		return this.#wire.lastFrameBytes;
	}

	/**
	 * Sends a message, or keeps it until the socket takes it. Messages arrive in the order of the calls.
	 *
	 * @returns Undefined, or a promise if more than 1 MiB waits to be sent: it resolves when that is no longer so, or
	 * when the channel is over. Who sends much awaits it.
	 * @throws {@link RpcError} `ERR_RPC_LIMIT` for what the peer has to refuse, or when 64 MiB wait already;
	 * `ERR_RPC_CLOSED` after the end.
	 * @throws TypeError for a value that cannot travel.
	 * @throws SysError `EBADF` for a closed descriptor. After any of these the channel goes on.
	 */
	send(message: OutgoingMessage): Promise<void> | undefined {
		const wasClosed = this.#isClosed;
		// After the end this only closes what moves.
		const waits = this.#wire.send(message);
		if (wasClosed) throw new RpcError("ERR_RPC_CLOSED", `${this.#name}: the channel is closed`);
		return waits;
	}

	/** Resolves when no more than 1 MiB waits to be sent, or when the channel is over. */
	drained(): Promise<void> {
		return this.#wire.untilUnsent(highWaterBytes);
	}

	/** Resolves when everything is sent, or when the channel is over. */
	flushed(): Promise<void> {
		return this.#wire.untilUnsent(0);
	}

	/** Hands on no more messages, and reads none, until {@link Channel.resume}. */
	pause(): void {
		this.#wire.pause();
		this.#wait(READABLE, false);
	}

	/** Goes on after {@link Channel.pause}. */
	resume(): void {
		this.#wait(READABLE, true);
		if (!this.#isResting) this.#guard(() => this.#wire.resume());
	}

	/** Hands on no more messages, and reads none, in this turn of the event loop. */
	rest(): void {
		if (this.#isResting || this.#isClosed) return;
		this.#isResting = true;
		this.#wire.pause();
		setImmediate(() => {
			this.#isResting = false;
			const isPaused = (this.#events & READABLE) === 0;
			if (!isPaused) this.#guard(() => this.#wire.resume());
		});
	}

	/** Keeps the process alive as long as the channel is open (the default). */
	ref(): void {
		this.#poller.ref();
	}

	/** Lets the process end although the channel is open. */
	unref(): void {
		this.#poller.unref();
	}

	/** Ends the channel at once: what was not sent never will be. Closing twice does nothing. */
	close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		// The poller first: it would report on whatever gets the descriptor's number next.
		this.#poller.close();
		this.#wire.close();
		this.#socket.close();
	}

	#onEvents(events: number, status: number): void {
		let ready = events;
		if (status < 0) {
			// An error condition on the socket, such as a peer that left something unread. The event loop has stopped
			// polling. What the peer sent before is still there, and after it reading and writing tell what happened.
			ready = this.#events;
			this.#poller.set(0);
		}
		if ((ready & WRITABLE) !== 0) this.#guard(() => this.#wire.flush());
		// What comes meanwhile is reported again. Its end must not be seen before what was read is handed on.
		if ((ready & READABLE) !== 0 && !this.#isResting) this.#read();
		if (status < 0 && !this.#isClosed) this.#poller.set(this.#events);
	}

	#read(): void {
		if (this.#isClosed) return;
		let goesOn = true;
		try {
			goesOn = this.#wire.read();
		} catch (error) {
			this.#failed(error);
			return;
		}
		if (!goesOn) this.#end(undefined);
	}

	#guard(action: () => void): void {
		if (this.#isClosed) return;
		try {
			action();
		} catch (error) {
			this.#failed(error);
		}
	}

	#failed(error: unknown): void {
		if (error instanceof RpcError) this.#end(error);
		else throw error;
	}

	#end(error: RpcError | undefined): void {
		if (this.#isClosed) return;
		this.close();
		if (error === undefined) this.#receiver.ended(undefined);
		else this.#receiver.ended(this.#named(error));
	}

	#named(error: RpcError): RpcError {
		const cause = error.cause === undefined ? {} : { cause: error.cause };
		return new RpcError(error.code, `${this.#name}: ${error.message}`, cause);
	}

	#wait(event: number, wanted: boolean): void {
		if (this.#isClosed) return;
		this.#events = wanted ? this.#events | event : this.#events & ~event;
		this.#poller.set(this.#events);
	}
}
