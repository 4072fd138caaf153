import { writeSync } from "node:fs";
import { type DmTarget, encodeRequest, encodeTable } from "./dm-struct.ts";
import { type Fd, type FdLike, fdNumber } from "./fd.ts";
import { memfd } from "./file.ts";
import {
	controlFd,
	keeperFailure,
	type KeeperOptions,
	type KeeperResult,
	receiveAnswer,
	startKeeper,
	stepFd,
} from "./keeper.ts";
import { Poller, READABLE } from "./poller.ts";
import type { Child } from "./process.ts";
import { sendmsg } from "./socket.ts";

/** A mapping that is made of a table. */
export interface KeepTableOptions {
	readonly name: string;
	readonly uuid: string;
	readonly table: readonly DmTarget[];
	/** Where a node is made for the moment of opening. Lent. */
	readonly directory: FdLike;
	/** The mapping cannot be written. @default false */
	readonly readOnly?: boolean | undefined;
	/** The kernel wipes its copies of the table, and so do we. @default false */
	readonly secureData?: boolean | undefined;
	/** What was made is removed when it aborts. */
	readonly signal?: AbortSignal | undefined;
}

/**
 * A process that makes mappings of tables. Our own end, at any moment, does not keep it from cleaning up: the kernel removes a
 * mapping when the descriptor that comes back, and all others of it, are closed, also while it is on its way.
 *
 * It does not keep our process alive, and ends with it. One that has ended cannot be used any more: see
 * {@link MappingKeeper.isRunning}.
 *
 * @example
 * ```ts
 * import { detachedMount, DeviceMapper, MappingKeeper } from "@devhost/linux";
 *
 * using mapper = DeviceMapper.open();
 * using keeper = MappingKeeper.start(mapper);
 * using directory = detachedMount("tmpfs");
 * const table = [{ startSectors: 0, lengthSectors: 2048, type: "zero", parameters: "" }];
 * const result = await keeper.keepTable({ name: "zeros", uuid: "example-zeros", table, directory });
 * if (!result.ok) throw new Error(`no mapping: ${result.step}`);
 * using mapping = result;
 * console.log(`${mapping.node.major}:${mapping.node.minor} is removed when it is closed`);
 * ```
 */
export class MappingKeeper implements Disposable {
	readonly #child: Child;
	readonly #socket: Fd;
	readonly #poller: Poller;
	/** The request that is under way, or was last: they are made one after the other. */
	#last: Promise<unknown> = Promise.resolve();
	#answer: ((result: KeeperResult) => void) | undefined;

	private constructor(child: Child, socket: Fd) {
		this.#child = child;
		this.#socket = socket;
		this.#poller = new Poller(socket.fd, () => this.#receive());
		this.#poller.set(READABLE);
		this.#rest();
	}

	/** @throws {@link SysError} it could not be started. */
	static start({ control, steps }: KeeperOptions): MappingKeeper {
		using acquired = new DisposableStack();
		const flags = steps === undefined ? "-" : "-t";
		const { child, socket } = startKeeper({
			argv: ["tables", flags],
			environment: {},
			fds: { [controlFd]: control, ...(steps !== undefined && { [stepFd]: steps }) },
		});
		acquired.use(socket);
		const keeper = new MappingKeeper(child, socket);
		acquired.move(); // nothing below can throw
		return keeper;
	}

	/** False when it has ended: somebody has killed it. */
	get isRunning(): boolean {
		return this.#socket.isOpen && this.#child.status === undefined;
	}

	/**
	 * Makes a mapping.
	 *
	 * @throws {@link RangeError}, {@link TypeError} a name or table that is none.
	 */
	async keepTable(options: KeepTableOptions): Promise<KeeperResult> {
		const { name, uuid, table, directory, readOnly, secureData, signal } = options;
		using file = memfd("table");
		const bytes = encodeTable(table);
		const head = encodeKeepRequest({
			flags: `-${readOnly === true ? "r" : ""}${secureData === true ? "s" : ""}`,
			name,
			uuid,
			targetCount: table.length,
		});
		const isAborted = (): boolean => signal?.aborted === true;
		const previous = this.#last;
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#last = promise;
		try {
			await previous;
			if (isAborted()) return keeperFailure({ error: "service", status: undefined });
			writeAll(file, bytes);
			const result = await this.#ask(head, Int32Array.of(file.fd, fdNumber(directory)));
			if (!result.ok || !isAborted()) return result;
			result[Symbol.dispose]();
			return keeperFailure({ error: "service", status: undefined });
		} finally {
			if (secureData === true) {
				bytes.fill(0);
				writeAll(file, bytes);
			}
			resolve();
		}
	}

	/** Ends the process, which has made what it was asked for. */
	close(): void {
		this.#poller.close();
		this.#socket.close();
		this.#finish(keeperFailure({ error: "keeper", status: this.#child.status }));
	}

	[Symbol.dispose](): void {
		this.close();
	}

	async #ask(head: Uint8Array, fds: Int32Array): Promise<KeeperResult> {
		if (!this.isRunning) return keeperFailure({ error: "keeper", status: this.#child.status });
		const { promise, resolve } = Promise.withResolvers<KeeperResult>();
		this.#answer = resolve;
		this.#poller.ref();
		const sent = sendmsg(this.#socket.fd, head, 0, head.length, undefined, 0, fds, fds.length);
		// Nothing else is under way, so there is room. It has ended, if anything.
		if (sent < 0) this.close();
		return await promise;
	}

	#receive(): void {
		const result = receiveAnswer(this.#socket, this.#child.status);
		if (!result.ok && result.step === "keeper") this.close();
		else this.#finish(result);
	}

	#finish(result: KeeperResult): void {
		this.#rest();
		const answer = this.#answer;
		this.#answer = undefined;
		if (answer !== undefined) answer(result);
		else if (result.ok) result[Symbol.dispose]();
	}

	/** Nothing is under way that our process would have to live for. */
	#rest(): void {
		this.#poller.unref();
		this.#child.unref();
	}
}

/** What is asked of the keeper. */
interface KeepRequest {
	readonly flags: string;
	readonly name: string;
	readonly uuid: string;
	readonly targetCount: number;
}

/**
 * Shape: strings that each end with a NUL. Source: native/keep-mapping.c.
 *
 * @throws {@link RangeError}, {@link TypeError} a name that is none.
 */
export function encodeKeepRequest({ flags, name, uuid, targetCount }: KeepRequest): Uint8Array {
	// Refuses what the kernel would.
	encodeRequest({ name, uuid });
	return new TextEncoder().encode(`${flags}\0${name}\0${uuid}\0${targetCount}\0`);
}

function writeAll(file: Fd, bytes: Uint8Array): void {
	for (let at = 0; at < bytes.length;) at += writeSync(file.fd, bytes, at, bytes.length - at, at);
}
