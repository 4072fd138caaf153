import { type FdLike, socketType } from "@devhost/linux";
import { RpcError } from "./error.ts";
import type { Message, OutgoingMessage } from "./message.ts";
import { StreamWire } from "./stream-wire.ts";

/** What a {@link Wire} asks of its channel. */
export interface WireEvents {
	/** A whole message has come. Whoever gets it owns its descriptors. */
	deliver(message: Message): void;
	/** {@link Wire.flush} is to be called when the socket takes more; or no longer. */
	waitWritable(wanted: boolean): void;
	/** Nothing more can be sent. */
	failed(error: RpcError): void;
}

/**
 * Messages to bytes and back on one socket: a dialect. The socket is lent, and non-blocking.
 *
 * What a dialect lacks (ids, HELLO, credit) it adds by itself, so that those who use a channel need not know which one
 * they speak.
 */
export interface Wire {
	/** Bytes that wait to be sent. */
	readonly unsentBytes: number;
	/** Bytes of the frame that the last `send` took. */
	readonly lastFrameBytes: number;
	/** Sends a message or keeps it: see {@link Channel.send}. */
	send(message: OutgoingMessage): Promise<void> | undefined;
	/** Reads once. Returns false at a clean end; throws {@link RpcError} at any other. */
	read(): boolean;
	/** Sends what waits. */
	flush(): void;
	/** Resolves when at most `bytes` wait to be sent. */
	untilUnsent(bytes: number): Promise<void>;
	/** Delivers nothing until {@link Wire.resume}. */
	pause(): void;
	resume(): void;
	/** Forgets what waits, in both directions, and closes the descriptors in it. */
	close(): void;
}

/** How a dialect is opened on a socket. */
export type WireType = new (fd: number, events: WireEvents) => Wire;

/** The dialects, by the type of socket that stands for them. A service asks its socket and speaks what the host speaks. */
const dialects: Partial<Record<string, WireType>> = {
	stream: StreamWire,
};

/** Adds a dialect: osbuild's, which only those load that ask for it. */
export function setDialect(socketType: "seqpacket", dialect: WireType): void {
	dialects[socketType] = dialect;
}

/**
 * Opens the dialect that the socket's type stands for.
 *
 * @throws {@link RpcError} `ERR_RPC_DIALECT`
 */
export function openWire(socket: FdLike, events: WireEvents): Wire {
	const fd = typeof socket === "number" ? socket : socket.fd;
	const type = socketType(fd);
	if (type === undefined)
		throw new RpcError("ERR_RPC_DIALECT", `descriptor ${fd} is not a socket`);
	const Dialect = dialects[type];
	if (Dialect !== undefined) return new Dialect(fd, events);
	const known = type === "seqpacket" ? " (osbuild's dialect, see @devhost/rpc/osbuild)" : "";
	throw new RpcError(
		"ERR_RPC_DIALECT",
		`descriptor ${fd} is a ${type} socket${known}, which is not spoken here; a stream socket is`,
	);
}
