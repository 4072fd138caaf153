import { writeSync } from "node:fs";
import { constants } from "node:os";
import { keepMappingPath } from "./binding.ts";
import { type DmTarget, decodeDevice, encodeTable } from "./dm-struct.ts";
import { Fd, type FdLike } from "./fd.ts";
import { type DeviceNumber, memfd } from "./file.ts";
import { OutputReader } from "./output-reader.ts";
import { type ExitStatus, spawn } from "./process.ts";
import { maxFdsPerMessage, pipe, recvmsg, setNonBlocking, socketpair } from "./socket.ts";

/** What all ways to have a mapping made share. */
export interface KeepOptions {
	/** The control device of device-mapper. Lent. */
	readonly control: FdLike;
	/** Where a node is made for the moment of opening. Lent. */
	readonly directory: FdLike;
	/** The mapping is opened for reading only; one by table cannot be written. @default false */
	readonly readOnly?: boolean;
	/** Has the keeper stop: what it made is removed. */
	readonly signal?: AbortSignal | undefined;
	/**
	 * One end of a socket, on which the keeper writes a letter before each of its steps and takes it when it has read a byte.
	 * For tests that have something happen there.
	 */
	readonly steps?: FdLike | undefined;
}

/** A mapping that is made of a table. */
export interface KeepTableOptions extends KeepOptions {
	readonly name: string;
	readonly uuid: string;
	readonly table: readonly DmTarget[];
	/** The kernel wipes its copies of the table, and so do we. @default false */
	readonly secureData?: boolean | undefined;
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
export interface KeepCommandOptions extends KeepOptions {
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
 * Has a mapping made by `keep-mapping`, a program of its own that this process's end, at any moment, does not keep from
 * cleaning up. The mapping is removed by the kernel when the descriptor that comes back, and all others of it, are closed.
 *
 * @throws {@link SysError} the keeper could not be started; {@link RangeError} a name that is too long.
 */
export async function keepTable(options: KeepTableOptions): Promise<KeeperResult> {
	const { name, uuid, table, secureData = false, readOnly = false } = options;
	using file = memfd("table");
	const bytes = encodeTable(table);
	for (let at = 0; at < bytes.length;) at += writeSync(file.fd, bytes, at);
	if (secureData) bytes.fill(0);
	const flags = flagsOf(options, `${readOnly ? "r" : ""}${secureData ? "s" : ""}`);
	const result = await runKeeper(options, {
		argv: ["table", flags, name, uuid, String(table.length)],
		environment: {},
		fds: { [tableFd]: file },
	});
	if (secureData)
		for (let at = 0; at < bytes.length;) at += writeSync(file.fd, bytes, at, null, at);
	return result;
}

/**
 * As {@link keepTable}, of a mapping that a program makes, such as `cryptsetup`: it is run by the keeper, which ends it when
 * this process ends, and removes what it has made so far. Mappings that were there before are never touched.
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
	const flags = flagsOf(options, readOnly ? "r" : "");
	const [stdoutReader, stdout] = outputPipe();
	using _stdout = stdoutReader;
	const [stderrReader, stderr] = outputPipe();
	using _stderr = stderrReader;
	using _stdoutEnd = stdout;
	using _stderrEnd = stderr;
	const result = await runKeeper(options, {
		argv: ["command", flags, top, renameTo, ...names, "--", command.file, ...command.argv],
		environment: command.environment,
		fds: { ...command.fds, 1: stdout, 2: stderr },
	});
	return { ...result, stdout: stdoutReader.end(), stderr: stderrReader.end() };
}

function outputPipe(): [OutputReader, Fd] {
	const [reader, writer] = pipe();
	setNonBlocking(reader, true);
	return [new OutputReader(reader, keptOutputBytes), writer];
}

function flagsOf({ steps }: KeepOptions, flags: string): string {
	return `-${flags}${steps === undefined ? "" : "t"}`;
}

interface KeeperProgram {
	readonly argv: readonly string[];
	readonly environment: Readonly<Record<string, string>>;
	readonly fds: Readonly<Record<number, FdLike>>;
}

async function runKeeper(options: KeepOptions, program: KeeperProgram): Promise<KeeperResult> {
	const { control, directory, signal, steps } = options;
	const [ours, theirs] = socketpair("seqpacket");
	using _ours = ours;
	using _theirs = theirs;
	// It waits for room in the socket, should there be none.
	setNonBlocking(theirs, false);
	const child = spawn({
		file: keepMappingPath(),
		argv: ["keep-mapping", ...program.argv],
		environment: program.environment,
		fds: {
			...program.fds,
			[socketFd]: theirs,
			[controlFd]: control,
			[directoryFd]: directory,
			...(steps !== undefined && { [stepFd]: steps }),
		},
		// Signals to our process group, such as a SIGKILL of everything, do not reach it.
		newSession: true,
	});
	theirs.close();
	// Only the end of the socket tells it to stop: what it has sent by then is dropped with it, and so is the descriptor.
	const stop = (): void => ours.close();
	signal?.addEventListener("abort", stop, { once: true });
	if (signal?.aborted === true) stop();
	const status = await child.exited;
	signal?.removeEventListener("abort", stop);
	if (!ours.isOpen) return failure({ error: "service", status });
	return receive(ours, status);
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

function receive(socket: Fd, status: ExitStatus): KeeperResult {
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
const directoryFd = 65;
const tableFd = 66;
const stepFd = 67;
