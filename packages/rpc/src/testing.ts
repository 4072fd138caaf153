/**
 * What tests of hosts and services need: both ends in one process, and a peer that does what it is told, also what no
 * correct peer does.
 *
 * @packageDocumentation
 */
import { type Fd, type FdLike, fdNumber, sendmsg, socketpair, SysError } from "@devhost/linux";
import { Channel, type Receiver } from "./channel.ts";
import { Client, type ClientOptions } from "./client.ts";
import { RpcError } from "./error.ts";
import { headerBytes, writeHeader } from "./frame.ts";
import {
	HELLO,
	type Hello,
	type Message,
	messageNames,
	type MessageType,
	type OutgoingMessage,
	protocolRange,
} from "./message.ts";
import { ServiceConnection, type ServiceDefinition } from "./service-connection.ts";

export * from "./message.ts";

/** Two channels that are connected with each other, in this process. */
export function channelPair(left: Receiver, right: Receiver): [left: Channel, right: Channel] {
	const [leftSocket, rightSocket] = socketpair("stream");
	return [new Channel(leftSocket, "right", left), new Channel(rightSocket, "left", right)];
}

/**
 * A service and a client of it in this process: as two processes, but without one to start. Descriptors are passed as
 * between processes: the other side gets duplicates.
 */
export function serveInProcess(
	service: ServiceDefinition,
	options: ClientOptions = {},
): {
	readonly client: Client;
	readonly connection: ServiceConnection;
	/** Resolves when the service has closed, after the client has. */
	readonly closed: Promise<void>;
} {
	const [host, served] = socketpair("stream");
	const connection = new ServiceConnection(served, service);
	const closed = connection.ended.then(async () => {
		try {
			await service.close?.();
			await connection.leave();
		} catch (error) {
			await connection.leave({ error });
		}
	});
	const client = new Client(host, { name: service.module, ...options });
	return { client, connection, closed };
}

/** Keeps what a channel receives until somebody asks for it. */
export class Mailbox implements Receiver {
	/** Messages that nobody asked for yet. Their descriptors are open. */
	readonly messages: Message[] = [];
	/** Resolves with what ended the channel; undefined for a clean end. */
	readonly end: Promise<RpcError | undefined>;
	readonly #end = Promise.withResolvers<RpcError | undefined>();
	#wanted: PromiseWithResolvers<Message>[] = [];

	constructor() {
		this.end = this.#end.promise;
	}

	/** The next message. Rejects when the channel ends before. */
	next(): Promise<Message> {
		const message = this.messages.shift();
		if (message !== undefined) return Promise.resolve(message);
		const wanted = Promise.withResolvers<Message>();
		this.#wanted.push(wanted);
		return wanted.promise;
	}

	receive(message: Message): void {
		const wanted = this.#wanted.shift();
		if (wanted === undefined) this.messages.push(message);
		else wanted.resolve(message);
	}

	ended(error: RpcError | undefined): void {
		this.#end.resolve(error);
		const reason = error ?? new RpcError("ERR_RPC_CLOSED", "the channel ended");
		for (const wanted of this.#wanted) wanted.reject(reason);
		this.#wanted = [];
	}
}

/** The other end of a client or a connection under test. */
export class ScriptedPeer implements Disposable {
	/** Resolves with what ended the connection, as this peer saw it; undefined for a clean end. */
	readonly end: Promise<RpcError | undefined>;
	readonly #channel: Channel;
	readonly #socket: number;
	readonly #mailbox = new Mailbox();

	constructor(socket: Fd) {
		this.#socket = socket.fd;
		this.#channel = new Channel(socket, "peer", this.#mailbox);
		this.end = this.#mailbox.end;
	}

	/** A peer, and the socket for the one that is tested. */
	static pair(): { readonly peer: ScriptedPeer; readonly socket: Fd } {
		const [mine, socket] = socketpair("stream");
		return { peer: new ScriptedPeer(mine), socket };
	}

	/** Sends a correct frame. */
	send(message: OutgoingMessage): void {
		void this.#channel.send(message);
	}

	/** Sends HELLO, as a service does first. */
	hello(changes: Partial<Hello> = {}): void {
		const hello: Hello = {
			protocol: protocolRange,
			module: "test.scripted",
			version: "1.0.0",
			pid: 1,
			...changes,
		};
		this.send({ type: HELLO, value: hello });
	}

	/**
	 * Sends bytes as they are, with descriptors on the first one. The sequence numbers of later frames do not know of it.
	 *
	 * @throws SysError when the socket does not take all of it at once.
	 */
	sendBytes(bytes: Uint8Array, fds: readonly FdLike[] = []): void {
		// The number may be somebody else's by then.
		if (this.#channel.isClosed) throw new RpcError("ERR_RPC_CLOSED", "the peer is closed");
		const numbers = Int32Array.from(fds, fdNumber);
		const { byteLength } = bytes;
		const sent = sendmsg(this.#socket, bytes, 0, byteLength, undefined, 0, numbers, fds.length);
		if (sent < 0) throw new SysError("sendmsg", -sent);
		if (sent < byteLength) throw new Error(`only ${sent} of ${byteLength} bytes were taken`);
	}

	/** The next message. */
	next(): Promise<Message> {
		return this.#mailbox.next();
	}

	/** The next message, which must be of this type. */
	async expect(type: MessageType): Promise<Message> {
		const message = await this.#mailbox.next();
		if (message.type === type) return message;
		message.fds.close();
		throw new Error(`expected ${messageNames[type]}, got ${messageNames[message.type]}`);
	}

	/** Reads no more, until {@link ScriptedPeer.resume}. */
	pause(): void {
		this.#channel.pause();
	}

	resume(): void {
		this.#channel.resume();
	}

	/** Closes its end. Messages that nobody asked for are closed too. */
	close(): void {
		this.#channel.close();
		for (const { fds } of this.#mailbox.messages) fds.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}
}

/** Fields of a frame that need not be right. */
export interface RawFrame {
	readonly type: number;
	readonly flags?: number;
	readonly id?: number;
	readonly arg?: number;
	readonly sequence?: number;
	readonly fdCount?: number;
	readonly body?: Uint8Array;
	readonly blob?: Uint8Array;
	/** @default the length of `body` */
	readonly bodyBytes?: number;
	/** @default the length of `blob` */
	readonly blobBytes?: number;
}

/** The bytes of a frame, right or wrong. */
export function rawFrame(frame: RawFrame): Buffer {
	const { body = new Uint8Array(), blob = new Uint8Array() } = frame;
	const bytes = Buffer.alloc(headerBytes + body.byteLength + blob.byteLength);
	const header = {
		bodyBytes: frame.bodyBytes ?? body.byteLength,
		blobBytes: frame.blobBytes ?? blob.byteLength,
		id: frame.id ?? 0,
		type: frame.type as MessageType,
		flags: frame.flags ?? (frame.blob === undefined ? 0 : 1),
		fdCount: frame.fdCount ?? 0,
		arg: frame.arg ?? 0,
	};
	writeHeader(new DataView(bytes.buffer, bytes.byteOffset), 0, header, frame.sequence ?? 0);
	bytes.set(body, headerBytes);
	bytes.set(blob, headerBytes + body.byteLength);
	return bytes;
}
