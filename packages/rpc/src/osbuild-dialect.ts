import { fstatSync, readFileSync, readSync, writeSync } from "node:fs";
import {
	EAGAIN,
	ECONNRESET,
	EPIPE,
	ETOOMANYREFS,
	type Fd,
	type FdLike,
	fdNumber,
	getSeals,
	ioctl,
	maxFdsPerMessage,
	memfd,
	MSG_CTRUNC,
	MSG_TRUNC,
	recvmsg,
	sendmsg,
	setSocketBuffers,
	SysError,
} from "@devhost/linux";
import { nowMs } from "./clock.ts";
import type { Wire, WireEvents } from "./dialect.ts";
import { type ErrorBody, RpcError } from "./error.ts";
import { closeFds, duplicateFds, raiseFd } from "./fd-list.ts";
import { discardFds, FdSet, noFds } from "./fd-set.ts";
import {
	highWaterBytes,
	maxCallsInFlight,
	maxDocumentBytes,
	maxDocumentNesting,
	maxUnsentBytes,
	minSignalCost,
} from "./limits.ts";
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
	SIGNAL,
	WELCOME,
	type Welcome,
} from "./message.ts";

/**
 * osbuild's dialect: JSON documents over a `SOCK_SEQPACKET` socket, one a packet. See PROTOCOL.md, "osbuild's dialect".
 *
 * It has no ids, no HELLO, no credit and no BYE. So that clients and services need not know:
 *
 * - Who says HELLO is the service; nothing is sent of it, and WELCOME comes from here. The other side is greeted from here.
 * - Calls go one at a time; the others wait here. What answers belongs to the one that was sent.
 * - Credit for signals comes back when the socket has taken them: the kernel's queue is all that a host leaves unread.
 * - BYE is an empty document, which a service takes for the end. The end of the socket is its answer.
 */
export class OsbuildWire implements Wire {
	readonly #fd: number;
	readonly #events: WireEvents;
	#role: "host" | "service" | undefined;
	#isPaused = false;
	#isClosed = false;

	// Packets that the socket did not take yet.
	#packets: Packet[] = [];
	#unsentBytes = 0;
	#lastFrameBytes = 0;
	#isFull = false;
	/** The other side does not read any more. */
	#isGone = false;
	#refusedSince = 0;
	#retry: NodeJS.Timeout | undefined;
	#waiting: { readonly atMost: number; readonly resolve: () => void }[] = [];

	// The host's side: what the service was asked and has not answered, and what it will be asked.
	#asked: Question | undefined;
	#questions: Question[] = [];

	// The service's side: the call that is served (0: none), and what came meanwhile.
	#served = 0;
	#lastId = 0;
	#received: ReceivedDocument[] = [];
	#receivedBytes = 0;
	#isWelcomed = false;
	/** For signals that the socket has taken in this turn; of the call that they are of. */
	#credit: { readonly id: number; arg: number } | undefined;

	constructor(fd: number, events: WireEvents) {
		this.#fd = fd;
		this.#events = events;
		// Whoever did not say HELLO until then is the host.
		this.#later(() => {
			if (this.#role !== undefined) return;
			this.#role = "host";
			this.#deliver(HELLO, { value: greeting });
		});
	}

	get unsentBytes(): number {
		return this.#unsentBytes;
	}

	get lastFrameBytes(): number {
		return this.#lastFrameBytes;
	}

	send(message: OutgoingMessage): Promise<void> | undefined {
		try {
			if (!this.#isClosed) this.#sendAs(message);
		} finally {
			if (message.movesFds === true) closeFds(message.fds);
		}
		if (this.#unsentBytes <= highWaterBytes) return undefined;
		return this.untilUnsent(highWaterBytes);
	}

	read(): boolean {
		// As many as fit into a turn: others want theirs.
		for (let i = 0; i < packetsPerTurn; i++) {
			if (this.#isClosed || this.#isPaused) return true;
			const packet = receiveDocument(this.#fd);
			if (packet === "nothing") break;
			if (packet === "end" || !this.#take(packet)) return false;
		}
		if (this.#role === "host") this.#ask();
		return true;
	}

	flush(): void {
		while (this.#packets.length > 0) {
			const packet = this.#packets[0] as Packet;
			const sent = this.#transmit(packet.bytes, packet.fds);
			if (sent === -EAGAIN) return;
			if (sent === -ETOOMANYREFS && this.#retryLater()) return;
			if (sent < 0) {
				this.#fail(sent);
				return;
			}
			this.#refusedSince = 0;
			this.#packets.shift();
			this.#unsentBytes -= packet.sizeBytes;
			closeFds(packet.fds);
			this.#taken(packet.signalOf, packet.sizeBytes);
		}
		if (this.#isFull) this.#setFull(false);
		this.#wake();
	}

	untilUnsent(bytes: number): Promise<void> {
		if (this.#unsentBytes <= bytes) return Promise.resolve();
		return new Promise((resolve) => this.#waiting.push({ atMost: bytes, resolve }));
	}

	pause(): void {
		this.#isPaused = true;
	}

	resume(): void {
		this.#isPaused = false;
		this.#serve();
	}

	close(): void {
		this.#isClosed = true;
		clearTimeout(this.#retry);
		this.#drop();
		for (const { fds } of this.#received) discardFds(fds);
		this.#received = [];
	}

	#sendAs(message: OutgoingMessage): void {
		const { type, id = 0, blob } = message;
		this.#lastFrameBytes = 0;
		if (blob !== undefined) throw new TypeError("osbuild's dialect carries no blobs");
		switch (type) {
			case CALL: {
				const [name, args = []] = message.value as [string, unknown];
				this.#question(CALL, id, { type: "method", data: { name, args } }, message.fds);
				return;
			}
			case PING:
				// A service says that it does not know this: that is its answer, and it lives.
				this.#question(PING, id, { type: "ping", data: { ping: true } }, undefined);
				return;
			case CANCEL:
				this.#cancel(id);
				return;
			case BYE:
				if (this.#role === "service") return;
				for (const { fds } of this.#questions) closeFds(fds);
				this.#questions = [];
				this.#sendPacket(encodeDocument(null), undefined);
				return;
			case HELLO:
				this.#role = "service";
				return;
			case RESULT:
				this.#answer(
					{ type: "reply", data: { reply: message.value ?? null } },
					message.fds,
				);
				return;
			case ERROR:
				// With id 0, of closing: who ends the socket does not read any more.
				if (id !== 0) this.#answer(exception(toException(message.value as ErrorBody)));
				return;
			case SIGNAL: {
				const [, reply = null] = message.value as [string, unknown];
				const document = encodeDocument({ type: "signal", data: { reply } });
				this.#sendPacket(document, message.fds, id);
				return;
			}
			default: // WELCOME and CREDIT have no counterpart.
		}
	}

	// The host's side.

	#question(
		type: typeof CALL | typeof PING,
		id: number,
		document: unknown,
		fds: readonly FdLike[] | undefined,
	): void {
		const bytes = encodeDocument(document);
		checkFds(fds, bytes);
		this.#reserve(bytes.byteLength);
		// What waits is ours: the caller may close his own.
		const question = { type, id, bytes, fds: fds === undefined ? [] : duplicateFds(fds) };
		this.#lastFrameBytes = bytes.byteLength;
		this.#unsentBytes += bytes.byteLength;
		this.#questions.push(question);
		this.#ask();
	}

	/** Asks the next question, unless there is something to be read: nothing that is there already can answer it. */
	#ask(): void {
		if (this.#asked !== undefined || this.#isClosed || unreadBytes(this.#fd) > 0) return;
		const next = this.#questions.shift();
		if (next === undefined) return;
		this.#asked = next;
		this.#unsentBytes -= next.bytes.byteLength;
		try {
			this.#sendPacket(next.bytes, next.fds);
		} catch (error) {
			// The kernel refuses this one; the next one may be better.
			this.#asked = undefined;
			this.#later(() => {
				const { code = "ERR_RPC_LIMIT", message } = error as Error & { code?: string };
				this.#deliver(ERROR, { id: next.id, value: { code, name: "Error", message } });
				this.#ask();
			});
		} finally {
			closeFds(next.fds);
		}
		this.#wake();
	}

	/** A call that was not sent yet need not be. For another one there is no such message. */
	#cancel(id: number): void {
		const at = this.#questions.findIndex((each) => each.type === CALL && each.id === id);
		if (at < 0) return;
		const [{ fds, bytes }] = this.#questions.splice(at, 1) as [Question];
		closeFds(fds);
		this.#unsentBytes -= bytes.byteLength;
		const value = { code: "ERR_RPC_CANCELLED", name: "RpcError", message: "was not sent" };
		this.#later(() => this.#deliver(ERROR, { id, value }));
	}

	#takeAnswer({ document, fds, sizeBytes }: ReceivedDocument): void {
		const { kind, data } = decoded(() => decodeMessage(document), fds);
		if (!answerKinds.has(kind)) {
			// As osbuild's client does.
			discardFds(fds);
			return;
		}
		const asked = this.#asked;
		const extras = { id: asked?.id ?? 0, fds, sizeBytes };
		const members = isObject(data) ? data : {};
		if (kind === "signal") {
			const value = ["signal", decoded(() => decodeReply(members), fds)];
			if (asked?.type === CALL) this.#deliver(SIGNAL, { ...extras, value });
			else discardFds(fds);
			return;
		}
		const value =
			kind === "reply"
				? decoded(() => decodeReply(members), fds)
				: decoded(() => fromException(members), fds);
		if (asked === undefined) {
			discardFds(fds);
			throw new RpcError("ERR_RPC_PROTOCOL", `a ${kind as string} answers nothing`);
		}
		this.#asked = undefined;
		if (asked.type === PING) {
			discardFds(fds);
			this.#deliver(PING, { id: asked.id, flags: flagAnswer });
		} else if (kind === "reply") this.#deliver(RESULT, { ...extras, value });
		else {
			discardFds(fds);
			this.#deliver(ERROR, { id: asked.id, sizeBytes, value });
		}
	}

	// The service's side.

	/** Serves what came, one call after the other. */
	#serve(): void {
		while (this.#served === 0 && !this.#isPaused && !this.#isClosed) {
			const next = this.#received.shift();
			if (next === undefined) return;
			this.#receivedBytes -= next.sizeBytes;
			const { document, fds, sizeBytes } = next;
			let method: readonly [name: string, args: unknown];
			try {
				method = decodeMethod(document);
			} catch (error) {
				discardFds(fds);
				this.#answer(exception(error as PythonError));
				continue;
			}
			this.#welcome();
			this.#lastId = (this.#lastId + 1) >>> 0 || 1;
			this.#served = this.#lastId;
			this.#deliver(CALL, { id: this.#served, value: method, fds, sizeBytes });
		}
	}

	#welcome(): void {
		if (this.#isWelcomed) return;
		this.#isWelcomed = true;
		const welcome: Welcome = { protocol: protocolRange[1], stacks: true };
		this.#deliver(WELCOME, { value: welcome });
	}

	#answer(document: unknown, fds?: readonly FdLike[]): void {
		this.#sendPacket(encodeDocument(document), fds);
		this.#served = 0;
		// Not now: whoever answers is not through with this call.
		if (this.#received.length > 0) this.#later(() => this.#serve());
	}

	/** The socket has taken a packet. */
	#taken(signalOf: number, sizeBytes: number): void {
		if (signalOf === 0) return;
		if (this.#credit?.id !== signalOf) {
			const credit = { id: signalOf, arg: 0 };
			this.#credit = credit;
			this.#later(() => {
				if (this.#credit === credit) this.#credit = undefined;
				this.#deliver(CREDIT, credit);
			});
		}
		this.#credit.arg += Math.max(sizeBytes, minSignalCost);
	}

	// Packets.

	/** @throws SysError for what the kernel refuses; {@link RpcError} `ERR_RPC_LIMIT`. */
	#sendPacket(document: Buffer, fds: readonly FdLike[] | undefined, signalOf = 0): void {
		checkFds(fds, document);
		const { byteLength } = document;
		this.#lastFrameBytes = byteLength;
		if (this.#isGone) return;
		using payload = byteLength > inlineBytes() ? payloadFile(document) : undefined;
		const bytes = payload === undefined ? document : marker;
		const all = payload === undefined ? (fds ?? []) : [payload, ...(fds ?? [])];
		if (this.#packets.length === 0 && !this.#isFull) {
			let sent = this.#transmit(bytes, all);
			if (payload === undefined && tooLarge.has(-sent)) {
				// This socket, or this machine's memory, has no room for a packet of this size.
				using file = payloadFile(document);
				sent = this.#transmit(marker, [file, ...all]);
				if (sent === -EAGAIN || sent === -ETOOMANYREFS)
					return this.#keep(marker, [file, ...all], signalOf);
			}
			if (sent > 0) {
				this.#taken(signalOf, byteLength);
				return;
			}
			if (isEnd(sent)) {
				this.#isGone = true;
				return;
			}
			if (sent !== -EAGAIN && sent !== -ETOOMANYREFS) throw new SysError("sendmsg", -sent);
			if (sent === -ETOOMANYREFS) this.#retryLater();
		}
		this.#keep(bytes, all, signalOf);
	}

	#keep(bytes: Buffer, fds: readonly FdLike[], signalOf: number): void {
		const sizeBytes = bytes.byteLength;
		this.#reserve(sizeBytes);
		this.#packets.push({ bytes, fds: duplicateFds(fds), signalOf, sizeBytes });
		this.#unsentBytes += sizeBytes;
	}

	#reserve(bytes: number): void {
		if (this.#unsentBytes + bytes <= maxUnsentBytes) return;
		const message = `${this.#unsentBytes} bytes wait to be sent already; wait for send`;
		throw new RpcError("ERR_RPC_LIMIT", message);
	}

	/** @returns Above 0: it is sent. Or -errno. */
	#transmit(bytes: Buffer, fds: readonly FdLike[]): number {
		const { byteLength } = bytes;
		for (let i = 0; i < fds.length; i++) fdNumbers[i] = fdNumber(fds[i] as FdLike);
		const send = () =>
			sendmsg(this.#fd, bytes, 0, byteLength, undefined, 0, fdNumbers, fds.length);
		let sent = send();
		if (sent === -EMSGSIZE) {
			setSocketBuffers(this.#fd, { sendBytes: byteLength });
			sent = send();
		}
		if (sent === -EAGAIN) this.#setFull(true);
		return sent;
	}

	#setFull(isFull: boolean): void {
		if (this.#isFull === isFull) return;
		this.#isFull = isFull;
		this.#events.waitWritable(isFull);
	}

	/** An unprivileged process may have so many descriptors in flight; no event tells when they are fewer. */
	#retryLater(): boolean {
		const now = nowMs();
		if (this.#refusedSince === 0) this.#refusedSince = now;
		if (now - this.#refusedSince > maxRefusedMs) return false;
		this.#retry ??= setTimeout(() => {
			this.#retry = undefined;
			this.flush();
		}, retryMs);
		return true;
	}

	#fail(result: number): void {
		this.#isGone = true;
		this.#drop();
		this.#setFull(false);
		// Whoever reads will learn of it.
		if (isEnd(result)) return;
		const cause = new SysError("sendmsg", -result);
		const error = new RpcError("ERR_RPC_CLOSED", `sending failed: ${cause.code}`, { cause });
		this.#events.failed(error);
	}

	#drop(): void {
		for (const { fds } of [...this.#packets, ...this.#questions]) closeFds(fds);
		this.#packets = [];
		this.#questions = [];
		this.#unsentBytes = 0;
		this.#wake();
	}

	#wake(): void {
		if (this.#waiting.length === 0) return;
		const ready = this.#waiting.filter(({ atMost }) => this.#unsentBytes <= atMost);
		this.#waiting = this.#waiting.filter(({ atMost }) => this.#unsentBytes > atMost);
		for (const { resolve } of ready) resolve();
	}

	/** @returns False for an empty document, which is the end. */
	#take(received: ReceivedDocument): boolean {
		if (isFalsy(received.document)) {
			discardFds(received.fds);
			return false;
		}
		if (this.#role === "host") {
			this.#takeAnswer(received);
			return true;
		}
		this.#received.push(received);
		this.#receivedBytes += received.sizeBytes;
		const isTooMuch =
			this.#received.length > maxCallsInFlight || this.#receivedBytes > maxUnsentBytes;
		if (isTooMuch) {
			const what = `${this.#received.length} calls of ${this.#receivedBytes} bytes`;
			throw new RpcError("ERR_RPC_LIMIT", `${what} wait, and one goes at a time`);
		}
		this.#serve();
		return true;
	}

	#deliver(type: Message["type"], fields: Delivered): void {
		const { id = 0, arg = 0, flags = 0, value, fds = noFds, sizeBytes = 0 } = fields;
		const blob = undefined;
		const message: Message = { type, id, arg, flags, value, blob, fds, frameBytes: sizeBytes };
		this.#events.deliver(message);
	}

	/** Does something on behalf of nobody's call. */
	#later(action: () => void): void {
		queueMicrotask(() => {
			if (this.#isClosed) return;
			try {
				action();
			} catch (error) {
				if (!(error instanceof RpcError)) throw error;
				this.#events.failed(error);
			}
		});
	}
}

/** A document of a packet, and what came with it. */
export interface ReceivedDocument {
	readonly document: unknown;
	/** The reader's, to be closed. */
	readonly fds: FdSet;
	/** Of the document, wherever it was. */
	readonly sizeBytes: number;
}

/** Bytes of all packets that are there: at least those of the next. */
function unreadBytes(fd: number): number {
	ioctl(fd, { request: FIONREAD, name: "FIONREAD", argument: unread });
	return unread.readInt32LE(0);
}

/**
 * Receives the next document from a non-blocking socket, as osbuild's own code does: one that is too large for a packet is in the
 * first of its descriptors.
 *
 * @throws {@link RpcError} `ERR_RPC_PROTOCOL` what came is none; `ERR_RPC_LIMIT` it is too large; `ERR_RPC_CLOSED`. Its
 * descriptors are closed, and others may follow it.
 *
 * Source: `Socket.recv`, osbuild/util/jsoncomm.py.
 */
export function receiveDocument(fd: number): ReceivedDocument | "nothing" | "end" {
	const size = Math.min(Math.max(unreadBytes(fd), 1), maxDocumentBytes + 1);
	const bytes = size <= receiveBuffer.byteLength ? receiveBuffer : Buffer.allocUnsafe(size);
	const got = recvmsg(fd, bytes, 0, bytes.byteLength, control);
	if (got === -EAGAIN) return "nothing";
	if (got === -ECONNRESET) return "end";
	if (got < 0) {
		const cause = new SysError("recvmsg", -got);
		throw new RpcError("ERR_RPC_CLOSED", `receiving failed: ${cause.code}`, { cause });
	}
	const flags = control[0] as number;
	const fds = Array.from(control.subarray(2, 2 + (control[1] as number)));
	try {
		if ((flags & MSG_TRUNC) !== 0) throw tooLargeDocument();
		if ((flags & MSG_CTRUNC) !== 0) {
			throw new RpcError(
				"ERR_RPC_PROTOCOL",
				"descriptors were cut off (MSG_CTRUNC): this process has none left, or a security module refused them",
			);
		}
		// Without data, whatever came with it, is what the end looks like.
		if (got === 0) {
			closeFds(fds);
			return "end";
		}
		for (const [i, each] of fds.entries()) if (each < 3) fds[i] = raiseFd(each);
		const isMarker = got === marker.byteLength && marker.compare(bytes, 0, got) === 0;
		const text = isMarker ? readPayload(fds) : bytes.subarray(0, got);
		const document = parseDocument(text);
		return {
			document,
			sizeBytes: text.byteLength,
			fds: fds.length === 0 ? noFds : new FdSet(fds),
		};
	} catch (error) {
		closeFds(fds);
		throw error;
	}
}

interface Packet {
	readonly bytes: Buffer;
	/** Ours. */
	readonly fds: readonly Fd[];
	/** The call that it is a signal of; 0: it is none. */
	readonly signalOf: number;
	readonly sizeBytes: number;
}

interface Question {
	readonly type: typeof CALL | typeof PING;
	readonly id: number;
	readonly bytes: Buffer;
	/** Ours. */
	readonly fds: readonly Fd[];
}

interface Delivered {
	readonly id?: number;
	readonly arg?: number;
	readonly flags?: number;
	readonly value?: unknown;
	readonly fds?: FdSet;
	readonly sizeBytes?: number;
}

// What a service of osbuild's could say of itself.
const greeting: Hello = { protocol: protocolRange, module: "org.osbuild", version: "", pid: 0 };

const answerKinds: ReadonlySet<unknown> = new Set(["signal", "reply", "exception"]);

// Message kinds: the texts are osbuild's.

/** What osbuild's own code would throw, and tell its host in an `exception`. */
class PythonError extends Error {
	readonly className: string;
	readonly backtrace: string;

	constructor(className: string, message: string, backtrace = "") {
		super(message);
		this.className = className;
		this.backtrace = backtrace;
	}
}

function exception({ className: name, message: value, backtrace }: PythonError): object {
	return { type: "exception", data: { name, value, backtrace } };
}

function protocolError(message: string): PythonError {
	return new PythonError("ProtocolError", message);
}

function decodeMessage(document: unknown): { readonly kind: unknown; readonly data: unknown } {
	const { type, data } = attributes(document);
	if (isFalsy(type)) throw protocolError("'type' field missing");
	if (isFalsy(data)) throw protocolError("'data' field missing");
	return { kind: type, data };
}

function decodeMethod(document: unknown): readonly [name: string, args: unknown] {
	const { kind, data } = decodeMessage(document);
	if (kind !== "method") throw protocolError(`unknown message type: ${shown(kind)}`);
	const { name, args = [] } = attributes(data);
	if (isFalsy(name)) throw protocolError("'name' field missing");
	return [shown(name), args];
}

function decodeReply(data: Record<string, unknown>): unknown {
	if (!Object.hasOwn(data, "reply")) throw protocolError("'reply' field missing");
	return data["reply"];
}

/** Runs a host's step of decoding: what is wrong ends the connection, with osbuild's text. */
function decoded<T>(decode: () => T, fds: FdSet): T {
	try {
		return decode();
	} catch (error) {
		discardFds(fds);
		throw new RpcError("ERR_RPC_PROTOCOL", (error as Error).message);
	}
}

/** Our error's code stands before its message, as a code of errno stands before Python's. */
function toException({ code, name, message, stack = "" }: ErrorBody): PythonError {
	if (code === "ERR_RPC_METHOD") return protocolError("Unknown method");
	const frames = stack.search(/^ {4}at /m);
	const text = code === uncoded ? message : `${code}: ${message}`;
	return new PythonError(name, text, frames < 0 ? "" : `${stack.slice(frames)}\n`);
}

function fromException(data: Record<string, unknown>): ErrorBody {
	for (const member of ["name", "value", "backtrace"]) {
		if (!Object.hasOwn(data, member))
			throw protocolError(`'${member}' field missing in exception`);
	}
	const { name, value, backtrace } = data;
	const text = shown(value);
	const ours = /^(ERR_[A-Z0-9_]+): ([^]*)$/.exec(text);
	const isUnknown = name === "ProtocolError" && text === "Unknown method";
	return {
		code: ours?.[1] ?? (isUnknown ? "ERR_RPC_METHOD" : uncoded),
		name: shown(name),
		message: ours?.[2] ?? text,
		stack: shown(backtrace),
	};
}

const uncoded = "ERR_UNCODED";

/** The members of what Python would call `.get` on. */
function attributes(value: unknown): Record<string, unknown> {
	if (isObject(value)) return value;
	const type = Array.isArray(value) ? "list" : (pythonTypes[typeof value] ?? "int");
	const name = typeof value === "number" && !Number.isInteger(value) ? "float" : type;
	throw new PythonError("AttributeError", `'${name}' object has no attribute 'get'`);
}

const pythonTypes: Partial<Record<string, string>> = { string: "str", boolean: "bool" };

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What Python takes for false: absent, null, false, 0, and whatever is empty. */
function isFalsy(value: unknown): boolean {
	if (Number.isNaN(value)) return false;
	if (typeof value !== "object" || value === null) return !value;
	return (Array.isArray(value) ? value : Object.keys(value)).length === 0;
}

function shown(value: unknown): string {
	if (typeof value === "string") return value;
	if (typeof value === "boolean") return value ? "True" : "False";
	return value === null ? "None" : encodeDocument(value).toString("latin1");
}

// Documents.

/**
 * Encodes a value as Python's `json.dumps` does: ASCII only, lone surrogates too; NaN and Infinity by name.
 *
 * @throws TypeError for what JSON has no form for.
 * @throws {@link RpcError} `ERR_RPC_LIMIT` for what is nested too deeply or too large.
 */
export function encodeDocument(value: unknown): Buffer {
	const text = jsonOf(value, 0);
	if (text.length > maxDocumentBytes) throw tooLargeDocument();
	return Buffer.from(text, "latin1");
}

function jsonOf(value: unknown, depth: number): string {
	if (depth > maxDocumentNesting) throw tooDeep();
	switch (typeof value) {
		case "string":
			return JSON.stringify(value).replaceAll(/[\u007f-\uffff]/g, escaped);
		case "number":
		case "bigint":
		case "boolean":
			return String(value);
		case "undefined":
			return "null";
		case "object":
			break;
		default:
			throw new TypeError(`a ${typeof value} cannot travel as JSON`);
	}
	if (value === null) return "null";
	if (Array.isArray(value)) return `[${value.map((each) => jsonOf(each, depth + 1)).join(", ")}]`;
	const prototype: unknown = Object.getPrototypeOf(value);
	if (prototype !== Object.prototype && prototype !== null) {
		const name = (value as { constructor?: { name?: string } }).constructor?.name;
		throw new TypeError(`an object of class ${name ?? "?"} cannot travel as JSON`);
	}
	const members = Object.entries(value)
		.filter(([, member]) => member !== undefined)
		.map(([key, member]) => `${jsonOf(key, depth)}: ${jsonOf(member, depth + 1)}`);
	return `{${members.join(", ")}}`;
}

function escaped(unit: string): string {
	return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * Decodes a document. NaN and Infinity are numbers, as for Python; integers that a number cannot hold become bigints.
 *
 * @throws {@link RpcError} `ERR_RPC_PROTOCOL` for what is no JSON, `ERR_RPC_LIMIT` for what is nested too deeply.
 */
export function parseDocument(bytes: Uint8Array): unknown {
	let document: unknown;
	try {
		document = parseText(utf8.decode(bytes));
	} catch (cause) {
		const message = `a packet that is no JSON: ${(cause as Error).message}`;
		throw new RpcError("ERR_RPC_PROTOCOL", message, { cause });
	}
	checkNesting(document, 0);
	return document;
}

function parseText(text: string): unknown {
	if (!/NaN|Infinity|\d{16}/.test(text)) return JSON.parse(text);
	const numeric = text.replaceAll(
		/"[^"\\]*(?:\\.[^"\\]*)*"|NaN|-?Infinity/g,
		(token) => numbers[token] ?? token,
	);
	return JSON.parse(numeric, function revive(_key, value: unknown, context?: { source: string }) {
		if (typeof value !== "number" || context === undefined) return value;
		const { source } = context;
		if (source === numbers["NaN"]) return NaN;
		const isExact = Number.isSafeInteger(value) || !/^-?\d+$/.test(source);
		return isExact ? value : BigInt(source);
	});
}

const numbers: Partial<Record<string, string>> = {
	NaN: "-1e-7777777",
	Infinity: "1e7777777",
	"-Infinity": "-1e7777777",
};

function checkNesting(value: unknown, depth: number): void {
	if (typeof value !== "object" || value === null) return;
	if (depth > maxDocumentNesting) throw tooDeep();
	for (const member of Object.values(value)) checkNesting(member, depth + 1);
}

function tooDeep(): RpcError {
	const message = `values nested more than ${maxDocumentNesting} deep`;
	return new RpcError("ERR_RPC_LIMIT", message);
}

function tooLargeDocument(): RpcError {
	return new RpcError("ERR_RPC_LIMIT", `a document of more than ${maxDocumentBytes} bytes`);
}

// Documents that are too large for a packet.

/** Bytes that travel in the packet itself. More are a file of their own, even one more. */
function inlineBytes(): number {
	inline ??= readInlineBytes();
	return inline;
}

let inline: number | undefined;

function readInlineBytes(): number {
	try {
		return Number(readFileSync("/proc/sys/net/core/wmem_max", "latin1"));
	} catch {
		// Not there in another network namespace, or without /proc. osbuild's number.
		return 64_000;
	}
}

function payloadFile(document: Buffer): Fd {
	const file = memfd("jsoncomm/payload");
	try {
		// At places: the reader begins where this descriptor stands, at the beginning.
		for (let at = 0; at < document.byteLength;)
			at += writeSync(file.fd, document, at, undefined, at);
		return file;
	} catch (error) {
		file.close();
		throw error;
	}
}

/** Reads the document that the first descriptor is, and takes that from the list. */
function readPayload(fds: number[]): Buffer {
	const [payload] = fds;
	if (payload === undefined)
		throw new RpcError("ERR_RPC_PROTOCOL", `${String(marker)} without a descriptor`);
	const status = fstatSync(payload);
	// A pipe's end might never come.
	if (!status.isFile())
		throw new RpcError("ERR_RPC_PROTOCOL", `${String(marker)} with something that is no file`);
	try {
		getSeals(payload);
	} catch (cause) {
		// Of a file of somebody's own file system (FUSE) the bytes might never come.
		const message = `${String(marker)} with something that is not in memory`;
		throw new RpcError("ERR_RPC_PROTOCOL", message, { cause });
	}
	if (status.size > maxDocumentBytes) throw tooLargeDocument();
	const bytes = Buffer.allocUnsafe(status.size);
	let end = 0;
	while (end < bytes.byteLength) {
		const got = readSync(payload, bytes, end, bytes.byteLength - end, null);
		if (got === 0) break;
		end += got;
	}
	closeFds(fds.splice(0, 1));
	return bytes.subarray(0, end);
}

function checkFds(fds: readonly FdLike[] | undefined, document: Buffer): void {
	const count = fds?.length ?? 0;
	const most = maxFdsPerMessage - (document.byteLength > inlineBytes() ? 1 : 0);
	if (count <= most) return;
	throw new RpcError("ERR_RPC_LIMIT", `${count} descriptors, ${most} are allowed`);
}

function isEnd(result: number): boolean {
	return result === -EPIPE || result === -ECONNRESET;
}

const marker = Buffer.from("<args-via-fd>", "latin1");
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// Source: asm-generic/errno.h and errno-base.h; asm-generic/ioctls.h.
const ENOMEM = 12;
const EMSGSIZE = 90;
const ENOBUFS = 105;
const FIONREAD = 0x541b;
/** The kernel wants a packet's bytes in one piece. */
const tooLarge: ReadonlySet<number> = new Set([EMSGSIZE, ENOBUFS, ENOMEM]);

const packetsPerTurn = 64;
const retryMs = 10;
const maxRefusedMs = 5000;

const fdNumbers = new Int32Array(maxFdsPerMessage + 1);
const unread = Buffer.alloc(4);
const receiveBuffer = Buffer.allocUnsafeSlow(64 * 1024);
/** `[msg_flags, descriptor count, descriptor...]` of the last `recvmsg`. */
const control = new Int32Array(255);
