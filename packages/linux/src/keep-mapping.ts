import { writeSync } from "node:fs";
import { constants } from "node:os";
import { keepMappingPath } from "./binding.ts";
import { type DmTarget, decodeDevice, encodeRequest, encodeTable } from "./dm-struct.ts";
import { Fd, type FdLike, fdNumber } from "./fd.ts";
import { type DeviceNumber, memfd } from "./file.ts";
import { OutputReader } from "./output-reader.ts";
import { Poller, READABLE } from "./poller.ts";
import { type Child, type ExitStatus, spawn } from "./process.ts";
import { maxFdsPerMessage, pipe, recvmsg, sendmsg, setNonBlocking, socketpair } from "./socket.ts";

/** What a keeper needs. */
export interface KeeperOptions {
	/** The control device of device-mapper. Lent. */
	readonly control: FdLike;
	/**
	 * One end of a socket, on which the keeper writes a letter before each of its steps and takes it when it has read a byte.
	 * For tests that have something happen there.
	 */
	readonly steps?: FdLike | undefined;
}

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

/** A program that makes mappings. */
export interface KeptCommand {
	/** Path of the executable. */
	readonly file: string;
	/** Arguments, the program's own name first. */
	readonly argv: readonly string[];
	/** The whole environment. */
	readonly environment: Readonly<Record<string, string>>;
	/** Descriptors of the program: its number, which is 0 or from 3 to 62, → ours, lent. */
	readonly fds?: Readonly<Record<number, FdLike>> | undefined;
}

/** A mapping that a program makes. */
export interface KeepCommandOptions extends KeeperOptions {
	/** Where a node is made for the moment of opening. Lent. */
	readonly directory: FdLike;
	/** The mapping is opened for reading only. @default false */
	readonly readOnly?: boolean | undefined;
	/** Has the keeper stop: the program is killed, and what it made is removed. */
	readonly signal?: AbortSignal | undefined;
	readonly command: KeptCommand;
	/** The name of the mapping that it makes, and that is opened. */
	readonly top: string;
	/** The names of others that it may make. */
	readonly further?: readonly string[] | undefined;
	/** How names of others begin that it may make. */
	readonly furtherPrefix?: string | undefined;
	/** What `top` is called when it is done; the others become `TAG.1`, `TAG.2` and so on. @default they keep their names */
	readonly renameTo?: string | undefined;
}

/** What became of it. */
export type KeeperResult = KeptMapping | KeeperFailure;

/** The keeper has made a mapping. Disposing closes the descriptor, and then the kernel removes the mapping. */
export interface KeptMapping extends Disposable {
	readonly ok: true;
	/** Open, and armed: the mapping's life. */
	readonly fd: Fd;
	readonly node: DeviceNumber;
	/** Other mappings that a command has made, which are armed. */
	readonly beneath: readonly DeviceNumber[];
}

/** The keeper has made no mapping, or removed it. */
export interface KeeperFailure {
	readonly ok: false;
	/**
	 * What failed. `exists`: a mapping of the name was there before. `exec`: the command could not be started. `command`: it
	 * ended with a failure. `missing`: it ended well, and has made no mapping. `service`: the signal aborted. `keeper`: the
	 * keeper itself was ended; what it made may be there.
	 */
	readonly step:
		| "table"
		| "create"
		| "load"
		| "open"
		| "arm"
		| "resume"
		| "list"
		| "exists"
		| "clone"
		| "exec"
		| "command"
		| "missing"
		| "rename"
		| "service"
		| "keeper";
	/** Why: a number of errno(3), where a system call failed. */
	readonly errno: number | undefined;
	/** How the command, or the keeper, ended. */
	readonly status: ExitStatus | undefined;
	/** So many mappings are still in use; the kernel removes them after that. */
	readonly leftCount: number;
}

/** What a command has written. */
export interface KeptOutput {
	readonly stdout: Uint8Array;
	readonly stderr: Uint8Array;
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
			if (isAborted()) return failure({ error: "service", status: undefined });
			writeAll(file, bytes);
			const result = await this.#ask(head, Int32Array.of(file.fd, fdNumber(directory)));
			if (!result.ok || !isAborted()) return result;
			result[Symbol.dispose]();
			return failure({ error: "service", status: undefined });
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
		this.#finish(failure({ error: "keeper", status: this.#child.status }));
	}

	[Symbol.dispose](): void {
		this.close();
	}

	async #ask(head: Uint8Array, fds: Int32Array): Promise<KeeperResult> {
		if (!this.isRunning) return failure({ error: "keeper", status: this.#child.status });
		const { promise, resolve } = Promise.withResolvers<KeeperResult>();
		this.#answer = resolve;
		this.#poller.ref();
		const sent = sendmsg(this.#socket.fd, head, 0, head.length, undefined, 0, fds, fds.length);
		// Nothing else is under way, so there is room. It has ended, if anything.
		if (sent < 0) this.close();
		return await promise;
	}

	#receive(): void {
		const result = receive(this.#socket, this.#child.status);
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

/**
 * As {@link MappingKeeper.keepTable}, of a mapping that a program makes, such as `cryptsetup`: it is run by a keeper of its own,
 * which ends it when this process ends, and removes what it has made so far. Mappings that were there before are never
 * touched.
 *
 * @throws {@link SysError} the keeper could not be started; {@link RangeError} a descriptor's number that it does not take.
 */
export async function keepCommand(options: KeepCommandOptions): Promise<KeeperResult & KeptOutput> {
	const { command, top, further = [], furtherPrefix, renameTo = "", readOnly = false } = options;
	const names = further.map((name) => `=${name}`);
	if (furtherPrefix !== undefined) names.push(`^${furtherPrefix}`);
	for (const number of Object.keys(command.fds ?? {}).map(Number)) {
		if (number !== 0 && !(number >= 3 && number < socketFd))
			throw new RangeError(
				`a command's descriptor ${number}, expected 0 or 3 to ${socketFd - 1}`,
			);
	}
	const { control, directory, signal, steps } = options;
	const [stdoutReader, stdout] = outputPipe();
	using _stdout = stdoutReader;
	const [stderrReader, stderr] = outputPipe();
	using _stderr = stderrReader;
	using ends = new DisposableStack();
	ends.use(stdout);
	ends.use(stderr);
	const flags = `-${readOnly ? "r" : ""}${steps === undefined ? "" : "t"}`;
	const { child, socket } = startKeeper({
		argv: ["command", flags, top, renameTo, ...names, "--", command.file, ...command.argv],
		environment: command.environment,
		fds: {
			...command.fds,
			1: stdout,
			2: stderr,
			[controlFd]: control,
			[directoryFd]: directory,
			...(steps !== undefined && { [stepFd]: steps }),
		},
	});
	using _socket = socket;
	ends.dispose();
	// Only the end of the socket tells it to stop: what it has sent by then is dropped with it, and so is the descriptor.
	const stop = (): void => socket.close();
	signal?.addEventListener("abort", stop, { once: true });
	if (signal?.aborted === true) stop();
	const status = await child.exited;
	signal?.removeEventListener("abort", stop);
	const result = socket.isOpen ? receive(socket, status) : failure({ error: "service", status });
	return { ...result, stdout: stdoutReader.end(), stderr: stderrReader.end() };
}

function outputPipe(): [OutputReader, Fd] {
	const [reader, writer] = pipe();
	setNonBlocking(reader, true);
	return [new OutputReader(reader, keptOutputBytes), writer];
}

interface KeeperProgram {
	readonly argv: readonly string[];
	readonly environment: Readonly<Record<string, string>>;
	readonly fds: Readonly<Record<number, FdLike>>;
}

function startKeeper({ argv, environment, fds }: KeeperProgram): {
	readonly child: Child;
	readonly socket: Fd;
} {
	const [ours, theirs] = socketpair("seqpacket");
	using acquired = new DisposableStack();
	acquired.use(ours);
	using _theirs = theirs;
	// It waits for requests, and for room to answer.
	setNonBlocking(theirs, false);
	const child = spawn({
		file: keepMappingPath(),
		argv: ["keep-mapping", ...argv],
		environment,
		fds: { ...fds, [socketFd]: theirs },
		// Signals to our process group, such as a SIGKILL of everything, do not reach it.
		newSession: true,
	});
	acquired.move(); // nothing below can throw
	return { child, socket: ours };
}

/** What the keeper says, in JSON. */
interface KeeperAnswer {
	readonly ok?: boolean;
	readonly node?: number;
	readonly beneath?: readonly number[];
	readonly error?: KeeperFailure["step"];
	readonly errno?: number;
	readonly code?: number;
	readonly signal?: number;
	readonly left?: number;
}

function receive(socket: Fd, status: ExitStatus | undefined): KeeperResult {
	const bytes = new Uint8Array(answerBytes);
	const control = new Int32Array(2 + maxFdsPerMessage);
	const count = recvmsg(socket.fd, bytes, 0, bytes.length, control);
	using acquired = new DisposableStack();
	const [fd] = Array.from(
		control.subarray(2, 2 + (count < 0 ? 0 : (control[1] as number))),
		(number) => acquired.use(Fd.adopt(number)),
	);
	if (count <= 0) return failure({ error: "keeper", status });
	const text = new TextDecoder().decode(bytes.subarray(0, count));
	const answer = JSON.parse(text) as KeeperAnswer;
	if (answer.ok !== true || fd === undefined) return failure({ ...answer, status: undefined });
	acquired.move(); // nothing below can throw
	return {
		ok: true,
		fd,
		node: decodeDevice(BigInt(answer.node ?? 0)),
		beneath: (answer.beneath ?? []).map((number) => decodeDevice(BigInt(number))),
		[Symbol.dispose]: () => fd.close(),
	};
}

function failure(
	answer: Pick<KeeperAnswer, "error" | "errno" | "code" | "signal" | "left"> & {
		readonly status: ExitStatus | undefined;
	},
): KeeperFailure {
	const { error = "keeper", errno, code, signal, left = 0, status } = answer;
	return {
		ok: false,
		step: error,
		errno: errno === 0 ? undefined : errno,
		status:
			code !== undefined
				? { code }
				: signal !== undefined
					? { signal: signalName(signal) }
					: status,
		leftCount: left,
	};
}

function signalName(number: number): NodeJS.Signals {
	const found = Object.entries(constants.signals).find(([, value]) => value === number);
	return (found?.[0] ?? `SIG${number}`) as NodeJS.Signals;
}

/** Of each of a command's outputs, the last bytes: enough for every error message. */
const keptOutputBytes = 64 * 1024;
/** 200 mappings beneath, of which each takes at most 21 bytes. */
const answerBytes = 8 * 1024;

// Source: native/keep-mapping.c.
const socketFd = 63;
const controlFd = 64;
const stepFd = 65;
const directoryFd = 66;
