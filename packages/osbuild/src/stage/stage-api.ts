import type { DeviceNode } from "@devhost/core";
import {
	accept,
	type DeviceNumber,
	type Fd,
	type FdLike,
	isSysError,
	listenUnix,
	mknodat,
	Poller,
	READABLE,
	sendmsg,
	statFd,
} from "@devhost/linux";
import type { AttachedLoop } from "@devhost/loopback";
import type { FdSet } from "@devhost/rpc";
import { encodeDocument, receiveDocument } from "@devhost/rpc/osbuild";

/** An exception of Python that a stage told of (`osbuild.api.exception_handler`). */
export interface OsbuildException {
	/** Name of its class: `ValueError`. */
	readonly type: string;
	readonly value: string;
	/** As Python prints it. */
	readonly traceback: string;
}

/** What an {@link StageApi} works with. */
export interface StageApiOptions {
	/** Path of the directory in which its sockets are made. */
	readonly folder: string;
	/** The run's device directory. Lent. */
	readonly devices: FdLike;
	/** What the stage has as `/dev`. Lent. */
	readonly stageDevices: FdLike;
	readonly run: string;
}

/**
 * The sockets by which a stage of osbuild talks to its host: `osbuild`, where it says how it failed, and `remoteloop`, which makes loop
 * devices of files that it has open.
 *
 * What comes is a document a packet, as in osbuild's dialect, without its calls. Whoever connects is the stage, which is not
 * trusted: a connection that does not keep to that is closed, and no more is kept than the last exception.
 *
 * Source: osbuild/api.py, osbuild/remoteloop.py.
 */
export class StageApi implements AsyncDisposable {
	readonly #options: StageApiOptions;
	readonly #endpoints: readonly Endpoint[];
	#exception: OsbuildException | undefined;
	readonly #loops: Promise<AttachedLoop>[] = [];

	constructor(options: StageApiOptions) {
		this.#options = options;
		using begun = new DisposableStack();
		const answers = {
			osbuild: (message: Message) => this.#takeException(message),
			remoteloop: (message: Message, fds: FdSet) => this.#makeLoop(message, fds),
		};
		this.#endpoints = Object.entries(answers).map(([name, answer]) =>
			begun.use(new Endpoint(`${options.folder}/${name}`, answer)),
		);
		begun.move();
	}

	/** What the stage said last of how it failed. */
	takeException(): OsbuildException | undefined {
		// It may have ended before we came to read what it said.
		for (const endpoint of this.#endpoints) endpoint.drain();
		return this.#exception;
	}

	/** Closes the devices, the last first. */
	async [Symbol.asyncDispose](): Promise<void> {
		for (const endpoint of this.#endpoints) endpoint[Symbol.dispose]();
		await using closing = new AsyncDisposableStack();
		for (const loop of await Promise.allSettled(this.#loops)) {
			// One that could not be made was complained of to the stage.
			if (loop.status === "fulfilled") closing.use(loop.value);
		}
	}

	#takeException({ method, exception }: Message): undefined {
		if (method !== "exception" || !isObject(exception)) return;
		const { type, value, traceback } = exception;
		this.#exception = {
			type: shortened(type),
			value: shortened(value),
			traceback: shortened(traceback),
		};
	}

	async #makeLoop(message: Message, fds: FdSet): Promise<unknown> {
		const { stageDevices, devices, run } = this.#options;
		if (this.#loops.length >= maxLoops) throw new RangeError(`more than ${maxLoops} devices`);
		const { partscan, lock, read_only: readOnly } = message;
		using file = fds.take(integer(message, "fd"));
		requireSameDirectory(fds.fd(integer(message, "dir_fd")), stageDevices);
		const { attachLoop } = await import("@devhost/loopback"); // few stages ask
		const attaching = attachLoop({
			file,
			devices,
			run,
			name: `remoteloop-${this.#loops.length}`,
			startBytes: message["offset"] ? integer(message, "offset") : undefined,
			sizeBytes: message["sizelimit"] ? integer(message, "sizelimit") : undefined,
			sectorBytes: message["sector_size"] ? integer(message, "sector_size") : undefined,
			lock: lock === true,
			partscan: partscan === true,
			readOnly: readOnly === true,
		});
		// From now on it is closed with the stage, even if that does not wait for the answer.
		this.#loops.push(attaching);
		const { name, path, node, partitions } = await attaching;
		const nodes: DeviceNode[] = [{ path: name, node }, ...partitions];
		for (const each of nodes) makeNode(stageDevices, each);
		return { devname: path };
	}
}

type Message = Readonly<Record<string, unknown>>;

/** What a message is answered with; undefined: nothing. */
type Answer = (message: Message, fds: FdSet) => unknown;

/** A socket, and who is connected to it. */
class Endpoint implements Disposable {
	readonly #answer: Answer;
	readonly #listener: Fd;
	readonly #poller: Poller;
	readonly #connections = new Map<Fd, Poller>();

	constructor(path: string, answer: Answer) {
		this.#answer = answer;
		using begun = new DisposableStack();
		this.#listener = begun.use(listenUnix("seqpacket", path));
		this.#poller = begun.use(new Poller(this.#listener.fd, () => this.#accept()));
		this.#poller.set(READABLE);
		this.#poller.unref();
		begun.move();
	}

	/** Reads what is there already. */
	drain(): void {
		this.#accept();
		for (const connection of this.#connections.keys()) this.#read(connection);
	}

	#accept(): void {
		while (this.#listener.isOpen && this.#connections.size < maxConnections) {
			let connection: Fd | undefined;
			try {
				connection = accept(this.#listener);
			} catch (error) {
				if (isSysError(error)) return; // no descriptor is left: it waits
				throw error;
			}
			if (connection === undefined) return;
			const accepted = connection;
			const poller = new Poller(accepted.fd, () => this.#read(accepted));
			poller.set(READABLE);
			poller.unref();
			this.#connections.set(accepted, poller);
		}
	}

	#read(connection: Fd): void {
		while (connection.isOpen) {
			let received: ReturnType<typeof receiveDocument>;
			try {
				received = receiveDocument(connection.fd);
			} catch {
				return this.#close(connection); // it is no document: as far as we know, nobody's
			}
			if (received === "nothing") return;
			if (received === "end") return this.#close(connection);
			void this.#reply(connection, received);
		}
	}

	/** Never rejects: what fails is told to the stage. */
	async #reply(
		connection: Fd,
		{ document, fds }: { readonly document: unknown; readonly fds: FdSet },
	): Promise<void> {
		let reply: unknown;
		try {
			reply = await this.#answer(isObject(document) ? document : {}, fds);
		} catch (error) {
			const { name, message: value } = error as Error;
			reply = { method: "exception", exception: { type: name, value, traceback: "" } };
		} finally {
			fds.close();
		}
		if (reply === undefined || !connection.isOpen) return;
		const bytes = encodeDocument(reply);
		const sent = sendmsg(connection.fd, bytes, 0, bytes.length, undefined, 0, undefined, 0);
		// Who asks so much without reading the answers has it so.
		if (sent < 0) this.#close(connection);
	}

	#close(connection: Fd): void {
		this.#connections.get(connection)?.close();
		this.#connections.delete(connection);
		connection.close();
		this.#accept();
	}

	[Symbol.dispose](): void {
		this.#poller.close();
		this.#listener.close();
		for (const connection of this.#connections.keys()) this.#close(connection);
	}
}

function makeNode(directory: FdLike, { path, node }: DeviceNode): void {
	try {
		mknodat(directory, path, "block", node, 0o600);
	} catch (error) {
		// A device of this number may have been there before, and its node was not removed.
		if (!isSysError(error, "EEXIST")) throw error;
	}
}

/** A node is made in the stage's `/dev`, and nowhere else that it has open. */
function requireSameDirectory(given: FdLike, wanted: FdLike): void {
	const [a, b] = [statFd(given), statFd(wanted)];
	if (a.type === "directory" && sameNumber(a.device, b.device) && a.inode === b.inode) return;
	throw new TypeError("dir_fd: not the stage's /dev, in which alone devices are made");
}

function sameNumber(a: DeviceNumber, b: DeviceNumber): boolean {
	return a.major === b.major && a.minor === b.minor;
}

function integer(message: Message, key: string): number {
	const value = message[key];
	if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
	throw new TypeError(`${key}: ${JSON.stringify(value) ?? "missing"}, expected a whole number`);
}

function isObject(value: unknown): value is Message {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As a text, of which the end is of interest. */
function shortened(value: unknown): string {
	const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
	return text.length <= maxTextLength ? text : `…${text.slice(-maxTextLength)}`;
}

const maxConnections = 64;
const maxLoops = 256;
const maxTextLength = 16 * 1024;
